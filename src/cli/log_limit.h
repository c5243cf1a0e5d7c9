#ifndef PARLEY_CLI_LOG_LIMIT_H
#define PARLEY_CLI_LOG_LIMIT_H

/*
 * Keeps one event from filling the log: so many lines of each in a second, and then none; the next
 * that is written says how many were left out. Peers can cause most events as often as they like.
 */

#include <stdbool.h>
#include <stdint.h>

enum {
    LOG_LIMIT_LINES = 20,  /* of one event in a second */
    LOG_LIMIT_EVENTS = 64, /* that are told apart; further ones have no limit */
};

struct log_limit {
    struct log_limit_event {
        const char *event; /* borrowed; NULL: free, as all behind it */
        uint64_t since_ms; /* its second began */
        uint64_t left_out; /* lines since the last one that was written */
        unsigned lines;    /* written in this second */
    } events[LOG_LIMIT_EVENTS];
};

/*
 * Whether a line may be written now; *ret_left_out is how many lines of this event before it were
 * not. `event` is a literal.
 */
bool log_limit_pass(struct log_limit *l, const char *event, uint64_t now_ms,
                    uint64_t *ret_left_out);

#endif
