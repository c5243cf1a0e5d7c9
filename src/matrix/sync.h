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
    /* An event, in the order of the response; borrowed until it returns. NULL: none is told. */
    void (*event)(void *owner, const struct bridge_event *event);
    /*
     * A timeline with a gap before it, to be filled by sync_read_page from the events of the room
     * between the last sync and prev_batch, before the others of this response are told.
     * `was_joined`: we were in the room at the last sync. NULL: none is told.
     */
    void (*gap)(void *owner, struct str room, struct str prev_batch, bool was_joined);
    size_t left_out;  /* counted: events that ask for nothing, m.notice, answers of other bridges,
                         and what is not known */
    size_t malformed; /* counted: events that are not as the specification has them */
    size_t paged;     /* counted: events of pages, whatever they are */
    char token[1024]; /* a position that was written with escapes */
    bool failed;      /* there was no memory for an event: what has been told is not all */
};

/*
 * Reads a response of /sync, which may be anything. Returns false when it is no such response, and
 * when it failed; *ret_next_batch borrows from the text or the reader. `first`: it is the first
 * sync ever, so all its messages are old, and no gap is told. Gaps are told before any event.
 *
 * Of each room that has something new MATRIX_JOINED is told first, whether it is news or not; then
 * its state, then its timeline. What stands before our own joining in a timeline is old.
 */
bool sync_read(struct sync_reader *r, struct str text, bool first, struct str *ret_next_batch);
/*
 * Reads of a response that sync_read has taken what it says of one room before its timeline:
 * MATRIX_JOINED and state. To be told before a gap of it is filled, for the room may be encrypted.
 */
void sync_read_state(struct sync_reader *r, struct str text, struct str room);
/*
 * Reads one page of /messages?dir=f, oldest first, of one room. *is_joined goes from page to page,
 * at first `was_joined` of the gap: what was said while we were not in the room is old. *ret_end
 * is where the next page starts, and borrows as above; empty: there is none. A page without any
 * event (`paged`) is not the last one, as long as it has an end.
 */
bool sync_read_page(struct sync_reader *r, struct str room, struct str text, bool *is_joined,
                    struct str *ret_end);

#endif
