#ifndef PARLEY_BENCH_TEMPLATE_H
#define PARLEY_BENCH_TEMPLATE_H

/*
 * Text with places that are filled in: {id}, {peer}, {session}, {number}, {size}, {captured},
 * {body}, {json}. Any other brace is a brace, as JSON is full of them; but {word} in small letters
 * that is none of these is an error.
 *
 * All but {captured} and {size} are of a fixed length, so that a message is made once and then only
 * its digits change.
 */

#include "base/buf.h"

enum {
    TEMPLATE_PREFIX = 5,         /* "bench" */
    TEMPLATE_DIGITS = 5,         /* of clients, sessions and slots */
    TEMPLATE_COUNT_DIGITS = 10,  /* of what a sender has sent */
    TEMPLATE_NUMBER_DIGITS = 10, /* {number} */
    TEMPLATE_MAX_PLACES = 8,
    TEMPLATE_ERROR_SIZE = 256,
    TEMPLATE_MAX_EXPANDED = 64 * 1024 * 1024,
};

enum place_kind {
    PLACE_ID,       /* "bench-00042": the client itself */
    PLACE_PEER,     /* the one whom it speaks to */
    PLACE_SESSION,  /* "bench-s00042" */
    PLACE_NUMBER,   /* ten digits, no two of one run alike */
    PLACE_SIZE,     /* what --size says */
    PLACE_CAPTURED, /* what was found in what is answered */
    PLACE_BODY,     /* the text by which a delivery is recognised and checked */
    PLACE_JSON,     /* {"text":"..."} around that text, of --size bytes in all */
};

struct place {
    enum place_kind kind;
    uint32_t at;  /* where it stands in the text, with its braces */
    uint32_t len; /* of that */
};

/* A text taken apart; it borrows the text. */
struct template
{
    struct str text; /* empty: the dialect has no such thing */
    struct place places[TEMPLATE_MAX_PLACES];
    unsigned count;
};

struct template_values {
    const char *prefix; /* TEMPLATE_PREFIX characters */
    uint32_t id;
    uint32_t peer;
    uint32_t session;
    uint32_t size;
    uint64_t number;
    struct str captured;
    struct str body;
};

/* Where places begin in what was expanded. */
struct template_marks {
    struct {
        enum place_kind kind;
        uint32_t at;
    } marks[TEMPLATE_MAX_PLACES];
    unsigned count;
};

/* False, with a sentence, for an unknown {word} or more than TEMPLATE_MAX_PLACES places. */
bool template_parse(struct template *t, struct str text, char error[TEMPLATE_ERROR_SIZE]);
/* Whether it has such a place. */
bool template_has(const struct template *t, enum place_kind kind);
/* Appends the text filled in; `ret_marks` may be NULL. Out of memory shows in out->failed. */
void template_expand(const struct template *t, const struct template_values *v, struct buf *out,
                     struct template_marks *ret_marks);

/* `digits` decimal digits of `value`, the last ones. */
void template_write_digits(char *out, uint64_t value, unsigned digits);

#endif
