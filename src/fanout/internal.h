#ifndef PARLEY_FANOUT_INTERNAL_H
#define PARLEY_FANOUT_INTERNAL_H

/* What reader.c, view.c and outbox.c share and nobody else sees. */

#include "fanout/reader.h"

/* One thing in a private queue. */
struct item {
    struct item *next;
    uint64_t seq;            /* its place among the entries of logs; 0: as soon as possible */
    struct segment *segment; /* holds the bytes; NULL without any */
    struct filter *filter;   /* of DOWN_FILTER; owned until it is applied */
    uint32_t off;
    uint32_t len;
    uint32_t index; /* in reader.items */
    uint8_t kind;   /* DOWN_FRAME, DOWN_FILTER, DOWN_CLOSE */
    uint8_t flags;  /* DOWN_BROADCAST … */
};

/* The rest of a frame that a socket took in part. */
struct rest {
    struct segment *segment; /* held; NULL when there is none */
    uint32_t off;
    uint32_t len;
    bool close; /* what its last byte means; see struct plan */
    uint8_t flags;
};

/*
 * What an outbox has beside its logs. It is there while something is in it, and for as long as the
 * outbox is stalled or lags; see outbox_tidy.
 */
struct own {
    struct outbox *outbox;
    struct item *head; /* the private queue */
    struct item *tail;
    struct item *pong;     /* the pong that waits in the queue, if any */
    struct filter *filter; /* owned */
    struct list ready;     /* in reader.ready */
    struct rest rest;
    uint64_t missed;       /* by a reader that lags */
    uint32_t queued_bytes; /* in the private queue, with what keeping it there costs */
    uint32_t index;        /* in reader.owns; the last four bytes, which are the slab's later */
};

enum { MEMBERSHIP_BITS = 30 };

/* An outbox in a log. */
struct membership {
    struct list link;        /* in view->members, or view->stalled */
    struct membership *next; /* of the same outbox */
    struct outbox *owner;
    struct view *view;
    uint64_t pos;   /* the next entry to read */
    uint32_t limit; /* once it has left: low bits of the first entry that is not for it */
    unsigned index : MEMBERSHIP_BITS; /* in reader.memberships */
    bool has_left : 1;
    bool in_round : 1; /* in view->members */
};

_Static_assert(sizeof(struct membership) <= 56, "a membership has grown; each client has one");

struct view_segment {
    struct segment *segment;
    uint64_t first; /* number of its first entry */
};

/* One log as this reactor sees it. */
struct view {
    uint32_t log;
    uint32_t segment_count;
    uint32_t segment_cap;
    struct view_segment *segments;
    uint64_t end;      /* entries below may be read */
    uint64_t settled;  /* every member in the round has all entries below */
    uint64_t settling; /* and all below this one, once `to_settle` more have been visited */
    struct list dirty;
    struct list members; /* those in the round */
    struct list stalled; /* those out of it: stalled, or lagging */
    struct list *visit;  /* the next one of the round; may be the head */
    uint32_t member_count;
    uint32_t to_visit;  /* until all who are in the round have all there is */
    uint32_t to_settle; /* until the visitor has come round once */
    uint64_t complete;  /* the last segment ends before this entry; UINT64_MAX: it may grow */
    bool closed;        /* the hub has no members here any more; freed with the last membership */
};

/* --- view.c ----------------------------------------------------------------------------------- */

struct view *view_find(const struct reader *r, uint32_t log);
/* The view of a log that is opened; false: no memory. */
bool view_open(struct reader *r, uint32_t log, uint64_t end);
/* A further segment; takes a use of it (segment_hold_again). False: no memory. */
bool view_add_segment(struct reader *r, struct view *v, struct segment *segment);
void view_advance(struct reader *r, struct view *v, uint64_t end);
/* Lets go of segments that nobody needs. */
void view_trim(struct reader *r, struct view *v);
void view_free(struct reader *r, struct view *v);
/* The segment that entry `pos` is in (which must be below the end of what came), *ret_to: the
   number of the first entry behind that segment, at most `bound`. */
struct segment *view_segment_at(const struct view *v, uint64_t pos, uint64_t bound,
                                uint64_t *ret_to);
/* Bytes kept alive by a cursor at `pos`, in whole segments. */
uint64_t view_retained(const struct view *v, uint64_t pos);
/*
 * How many of the entries [pos, to) would have been delivered to this member, with the changes of
 * its filter that still wait in its private queue.
 */
uint64_t view_count_missed(const struct membership *m, uint64_t to);

struct membership *membership_new(struct reader *r, struct outbox *o, struct view *v, uint64_t pos);
/* Takes it out of its view and its outbox. May free the view with it. */
void membership_free(struct reader *r, struct membership *m);
struct membership *membership_find(const struct outbox *o, const struct view *v);
/* Puts it in the round, or out of it, as its outbox is. */
void membership_place(struct membership *m);
/* The hub sequence of entry `pos`, which must be before its end. */
uint64_t membership_seq(const struct membership *m, uint64_t pos);
/* Entries from here on are not for it, since it has left; UINT64_MAX: it has not. */
static inline uint64_t membership_limit(const struct membership *m)
{
    /* Far fewer than 2^31 entries lie between: they are in memory. */
    return m->has_left ? m->pos + (uint64_t)(int64_t)(int32_t)(m->limit - (uint32_t)m->pos)
                       : UINT64_MAX;
}
static inline void membership_set_limit(struct membership *m, uint64_t limit)
{
    m->limit = (uint32_t)limit;
    m->has_left = true;
}
/* The end of what it may read. */
static inline uint64_t membership_end(const struct membership *m)
{
    uint64_t limit = membership_limit(m);

    return m->view->end < limit ? m->view->end : limit;
}

/* --- outbox.c --------------------------------------------------------------------------------- */

/* `len` bytes of the reactor's own; *ret_segment has a use for the caller. NULL: no memory. */
char *reader_extend(struct reader *r, size_t len, struct segment **ret_segment, uint32_t *ret_off);
/*
 * A segment of its own, with a use for the caller, for bytes that may wait long, so that they keep
 * nothing else alive. NULL: no memory.
 */
struct segment *reader_copy(struct reader *r, const char *bytes, size_t len);
void item_free(struct reader *r, struct item *item);
/* Appends a copy of `what`; takes its use of a segment and its filter, also when it fails. */
struct item *outbox_append(struct reader *r, struct outbox *o, const struct item *what);
/* What an item costs while it waits: its bytes, its place in the queue, and its filter. */
static inline uint32_t item_cost(const struct item *item)
{
    return item->len + (uint32_t)sizeof(*item) + (item->filter != NULL ? item->filter->size : 0);
}
/* Takes the head out of the queue; the caller frees it. */
struct item *outbox_pop(struct reader *r, struct own *own);
/* Counts what an item of the queue costs. */
static inline void outbox_charge(struct reader *r, struct own *own, const struct item *item)
{
    own->queued_bytes += item_cost(item);
    r->queued_bytes += item_cost(item);
}
/* Lets go of the rest of a frame. */
void outbox_drop_rest(struct reader *r, struct own *own);
/* What it has of its own, made if there is none; NULL: no memory. */
struct own *outbox_own(struct reader *r, struct outbox *o);
/* Frees that, if nothing is in it and nobody is about to look at it. */
void outbox_tidy(struct reader *r, struct outbox *o);
/* The filter that it has now, or NULL. */
static inline struct filter *outbox_filter(const struct outbox *o)
{
    return o->own != NULL ? o->own->filter : NULL;
}

/* Queues what `item` says with `segment` (NULL: no bytes), of which it takes a use. */
bool outbox_queue(struct reader *r, struct outbox *o, const struct down *item);
/* Puts it in reader.ready, unless it is stalled. It has something of its own. */
void outbox_make_ready(struct reader *r, struct outbox *o);

/* --- lag.c ------------------------------------------------------------------------------------ */

/* Looks whether a stalled outbox has passed the limit, and begins to skip or reports it. */
void outbox_check_backlog(struct reader *r, struct outbox *o);
/* DOWN_RESUME: the frame, with the count put in, and broadcasts again. */
bool outbox_end_lag(struct reader *r, struct outbox *o, const struct down *item);
/* What a lagging outbox missed before hub sequence `seq` is counted, by the filter it had. */
void outbox_count_missed(struct outbox *o, uint64_t seq);

#endif
