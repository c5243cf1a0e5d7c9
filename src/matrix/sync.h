#ifndef PARLEY_MATRIX_SYNC_H
#define PARLEY_MATRIX_SYNC_H

/*
 * Responses of /sync and /messages, as events for the core. Pure: text in, calls out. The text is
 * somebody else's: whatever is not as the specification has it is left out and counted, and never
 * ends the rest.
 */

#include "matrix/bridge.h"

struct sync_reader {
    void *owner;
    struct str user_id; /* our own events are left out */
    /* An event, in the order of the response; borrowed until it returns. */
    void (*event)(void *owner, const struct bridge_event *event);
    /* A timeline with a gap before it: it is to be filled from /messages, back from prev_batch,
     * before the events of this room are told. */
    void (*gap)(void *owner, struct str room, struct str prev_batch);
    size_t left_out; /* events that were none */
};

/*
 * Reads a response of /sync, which may be anything. Returns false when it is no such response;
 * *ret_next_batch borrows from the text. `first`: it is the first sync ever, so all its messages
 * are old. Gaps are told before any event.
 */
bool sync_read(struct sync_reader *r, struct str text, bool first, struct str *ret_next_batch);
/*
 * Reads one page of /messages?dir=b, whose events stand newest first; told oldest first. *ret_end
 * is where the next page starts; empty: there is none.
 */
bool sync_read_page(struct sync_reader *r, struct str room, struct str text, struct str *ret_end);

#endif
