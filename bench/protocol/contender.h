#ifndef PARLEY_BENCH_CONTENDER_H
#define PARLEY_BENCH_CONTENDER_H

/*
 * Ways to read a bark: to check that it is one (kinds, range, what is required), to get at its
 * members, and to let go of it. Each is in a file of its own, since the names of the libraries
 * clash. The first only finds what the gateway routes by, in a message that it has checked to be
 * JSON.
 */

#include <stdbool.h>
#include <stddef.h>

/* What they read; a contender that does not read all of it does less work than the others. */
struct bark_summary {
    size_t text_len;    /* bytes of data.text */
    size_t emotion_len; /* of data.emotion; 0 when it is not there */
    double ttl_seconds; /* 0 when it is not there */
    double ts;
};

/* Each returns whether the text is a bark; *ret_summary is written then. */
bool route_with_parley(const char *text, size_t len, struct bark_summary *ret_summary);
bool check_with_parley(const char *text, size_t len, struct bark_summary *ret_summary);
bool read_with_parley(const char *text, size_t len, struct bark_summary *ret_summary);
bool read_with_jansson(const char *text, size_t len, struct bark_summary *ret_summary);
bool read_with_cjson(const char *text, size_t len, struct bark_summary *ret_summary);

#endif
