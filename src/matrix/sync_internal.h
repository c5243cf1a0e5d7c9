#ifndef PARLEY_MATRIX_SYNC_INTERNAL_H
#define PARLEY_MATRIX_SYNC_INTERNAL_H

/* What sync_parse.c (responses, rooms) and sync_event.c (events) share. */

#include "matrix/sync.h"

/* Of an id: more is no id of Matrix. */
enum { MAX_ID = 255 };

/* An id, unescaped. */
struct id {
    char bytes[MAX_ID];
    size_t len;
};

/* The part of a response that is about one room. */
struct room_walk {
    struct sync_reader *reader;
    struct id room;
    bool is_old;     /* what is said now was said before we were there */
    bool knows_all;  /* the whole state is in this response */
    bool has_name;   /* m.room.name was told, and is not empty */
    struct id alias; /* m.room.canonical_alias; or empty */
};

/* What every event has. */
struct event {
    struct str raw;
    struct str type; /* raw */
    struct str content;
    struct id id; /* empty in stripped state */
    struct id sender;
    bool is_state;
    bool is_own; /* the sender is us */
};

/* What one of our own m.room.member events says of the time before it, and of that behind it. */
enum membership {
    MEMBERSHIP_NONE,    /* nothing */
    MEMBERSHIP_ENTERED, /* we were out, and are in */
    MEMBERSHIP_STAYED,  /* we are in all the time: a new name of ours, say */
    MEMBERSHIP_GONE,    /* we were in, and are out */
    MEMBERSHIP_OUTSIDE  /* we are out all the time: invited, say */
};

static inline struct str id_text(const struct id *id)
{
    return str_make(id->bytes, id->len);
}

/* A raw string that begins with `sigil` and is an id. False, and an empty id, when it is none. */
bool sync_event_read_id(struct str raw, char sigil, struct id *ret_id);
/* `is_stripped`: that of an invite has no id. False: it is none. */
bool sync_event_read(struct sync_reader *r, struct str raw, bool is_stripped,
                     struct event *ret_event);
/* Of any raw event. */
enum membership sync_event_own_membership(struct sync_reader *r, struct str raw);
/* Tells it, with what it has of the room and, if it comes of one, of an event. */
void sync_event_tell(struct room_walk *w, struct bridge_event *event, const struct event *of);
/* Tells state that counts; false when it is no state at all. */
bool sync_event_tell_state(struct room_walk *w, const struct event *e);
/* Takes an event of a timeline, whatever it is. */
void sync_event_take(struct room_walk *w, struct str raw);

#endif
