#ifndef PARLEY_FANOUT_SEGMENT_H
#define PARLEY_FANOUT_SEGMENT_H

/*
 * Segments: the memory that messages live in from the moment the hub has decided on them until the
 * last receiver has them. A segment is append-only. Finished frames grow from its front, the
 * entries that describe them from its end, so neither ever moves under a reader.
 *
 * Only the hub appends. Reactors read, at the same time but never past what the hub has told them
 * is there, so no byte is read and written at once. `used` and `count` are the hub's alone.
 *
 * References: one atomic count for the whole process, in which the hub and each reactor that
 * knows the segment hold one; and per reactor a plain count of what in that reactor refers to it.
 */

#include <stdatomic.h>

#include "base/str.h"

enum {
    MAX_REACTORS = 16,
    SEGMENT_SMALLEST = 1024,
    SEGMENT_LARGEST = 65536, /* a frame that does not fit gets a segment of its own */
};

/* No connection: the sender of what the gateway itself says. */
#define NO_CONN UINT64_MAX

/* The id of a type that is not interned. */
#define TYPE_LOOSE UINT32_MAX

/*
 * A message type's name. Interned ones live as long as the hub and are found by their id; a loose
 * one belongs to the segment whose entry points to it.
 */
struct type_name {
    uint32_t id;
    uint16_t kind[2]; /* what the hub knows of it, by dialect; nothing in here looks at it */
    uint32_t len;     /* of the whole name; for a loose one `text` may hold only its first bytes */
    char text[];
};

enum { TYPE_TEXT_MAX = 128 }; /* a name is kept (and can be filtered by) up to this length */

/* One message in a log. */
struct entry {
    uint32_t off; /* of its frame in the segment's bytes */
    uint32_t len; /* of its frame */
    uint64_t sender;
    uint64_t seq; /* hub sequence: the order in which the hub decided */
    const struct type_name *type;
};

struct segment {
    atomic_uint refs;
    uint32_t cap;                /* bytes in `data` */
    uint32_t used;               /* bytes of frames; hub only */
    uint32_t count;              /* entries; hub only */
    uint64_t first;              /* number of its first entry in the log */
    bool secret;                 /* there is a credential in it, so it is wiped; hub only */
    uint32_t held[MAX_REACTORS]; /* references inside each reactor; each touches its own only */
    _Alignas(struct entry) char data[];
};

/* A segment with one reference and room for `size` bytes of frames and entries. NULL: no memory. */
struct segment *segment_new(size_t size, uint64_t first);
struct segment *segment_ref(struct segment *s);
/* Drops a reference; frees with the last one, and wipes before when `secret` is set. NULL is taken.
 */
void segment_unref(struct segment *s);

/* Bytes still free when `entries` more entries are wanted as well. Hub only. */
size_t segment_room(const struct segment *s, size_t entries);
/* The i-th entry of the segment. */
const struct entry *segment_entry(const struct segment *s, uint32_t i);
/* Where `len` more bytes of frames begin; they must fit. Hub only. */
char *segment_extend(struct segment *s, size_t len);
/*
 * Adds an entry for the last `len` bytes that were extended. `type` becomes the segment's when
 * it is loose. Hub only.
 */
void segment_add_entry(struct segment *s, uint32_t len, uint64_t sender, uint64_t seq,
                       const struct type_name *type);

/*
 * Inside reactor `reactor`: takes over one reference that came with a command batch, and counts
 * one use. The first use keeps the reference, a further one gives it back.
 */
void segment_hold(struct segment *s, unsigned reactor);
/* One more use, of a segment already held. */
static inline void segment_hold_again(struct segment *s, unsigned reactor)
{
    s->held[reactor]++;
}
/* One use less; with the last one the reactor's reference goes. */
void segment_release(struct segment *s, unsigned reactor);

#endif
