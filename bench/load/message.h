#ifndef PARLEY_BENCH_MESSAGE_H
#define PARLEY_BENCH_MESSAGE_H

/*
 * The messages of a load: a template filled in once, in which only numbers of a fixed width at
 * fixed places differ. Its {body} is "bench:SSSSS:CCCCCCCCCC:LLLLL:" (who sent it, how many he had
 * sent before, in which slot the generator keeps what it sent) and dots up to the length asked for.
 * By it a delivery is recognised, and checked with one number read and one comparison.
 */

#include "template.h"

enum {
    MESSAGE_BODY_MIN = 29,   /* of the body without dots */
    MESSAGE_JSON_EXTRA = 11, /* {"text":""} */
};

struct message_layout {
    struct buf bytes; /* a message with all numbers zero */
    uint32_t size;    /* of it */
    uint32_t body_at;
    uint32_t body_len;
    struct template_marks marks;
    char marker[TEMPLATE_PREFIX + 1]; /* "bench:", with which each body begins */
    bool whole;                       /* deliveries are equal to what was sent */
    uint32_t hint; /* where the body was in the last delivery, which most have in one place */
};

/* What the numbers of one message are. */
struct message_stamp {
    uint32_t sender;
    uint32_t target;
    uint32_t session;
    uint32_t slot;
    uint64_t count;  /* of those that this sender has sent before */
    uint64_t number; /* of the run */
};

/*
 * `size` is that of the whole message, or with {json} that of the object. Returns false, with a
 * sentence, when it has no room for the body, or there is no memory.
 */
bool message_layout_init(struct message_layout *l, const struct template *t, const char *prefix,
                         uint32_t size, bool whole, char error[TEMPLATE_ERROR_SIZE]);
/* A zeroed layout is taken. */
void message_layout_fini(struct message_layout *l);

/* Writes l->size bytes. */
void message_write(const struct message_layout *l, const struct message_stamp *stamp, char *out);

/* The body in what was heard; false when it is not of this load (a greeting, say). Borrows. */
bool message_find(struct message_layout *l, struct str heard, struct str *ret_body);
/* The slot that a body names; UINT32_MAX when that is not a number. */
uint32_t message_slot(struct str body);
/* Whether a delivery is what was sent: l->size bytes at `sent`. */
bool message_matches(const struct message_layout *l, struct str heard, struct str body,
                     const char *sent);

#endif
