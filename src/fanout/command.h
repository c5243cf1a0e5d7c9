#ifndef PARLEY_FANOUT_COMMAND_H
#define PARLEY_FANOUT_COMMAND_H

/*
 * What reactors and the hub say to each other: plain values in batches. A reactor fills an up
 * batch while it reads, the hub fills one down batch per reactor while it works; a batch is handed
 * over whole at the end of the turn. Nothing in here knows of threads: who carries a batch across
 * (a plain pointer, or a locked queue) is the composition's business.
 */

#include "base/buf.h"
#include "base/shared.h"
#include "fanout/evidence.h"
#include "fanout/filter.h"
#include "fanout/segment.h"
#include "json/wire.h"

/*
 * A connection's handle: reactor (8 bits), generation (24 bits), slot in the reactor (32 bits).
 * The generation changes each time a slot is used again, so a late command finds nobody.
 */
static inline uint64_t conn_make(unsigned reactor, uint32_t generation, uint32_t slot)
{
    return (uint64_t)reactor << 56 | (uint64_t)(generation & 0xffffff) << 32 | slot;
}
static inline unsigned conn_reactor(uint64_t conn)
{
    return (unsigned)(conn >> 56);
}
static inline uint32_t conn_generation(uint64_t conn)
{
    return (uint32_t)(conn >> 32) & 0xffffff;
}
static inline uint32_t conn_slot(uint64_t conn)
{
    return (uint32_t)conn;
}

/* --- up: from a reactor to the hub ------------------------------------------------------------ */

enum up_kind {
    UP_OPENED,  /* a WebSocket handshake was read and found good; text: the evidence. Answered by
                   DOWN_ACCEPT or DOWN_REFUSE. `dialect` says which path it came to. */
    UP_REQUEST, /* an HTTP request; text: the evidence, the head, the body; `code`: length of the
                   head. Answered by DOWN_FRAMEs of raw bytes, the last one with DOWN_LAST. */
    UP_MESSAGE, /* a whole message, scanned; text: the payload */
    UP_TOO_BIG, /* a message over max_message_bytes was skipped; `size` is its length */
    UP_ALIVE,   /* something came that is no message: a pong, whose sender may have been asked, or
                   a ping or a piece, of which not oftener than once a tick is told */
    UP_FAILED,  /* the peer broke the protocol or wants to close: close it with `code`; text: the
                   reason for the close frame. Code 0: it has ended without a word and only reads
                   on; close it without one. No UP_MESSAGE of this connection follows. */
    UP_LAGGED,  /* its backlog passed the limit: broadcasts are being skipped */
    UP_ROOM,    /* all it had to get has been written after UP_LAGGED; wants DOWN_RESUME. `size`:
                   how many broadcasts it missed */
    UP_CLOSED,  /* the connection is gone; its handle is dead. The last word about it. */
};

struct up {
    uint8_t kind;    /* enum up_kind */
    uint8_t dialect; /* of UP_OPENED: enum dialect */
    uint8_t binary;  /* of UP_MESSAGE: came as a binary message */
    bool secret;     /* the text may hold a credential: it is wiped when the batch is cleared */
    uint16_t code;   /* of UP_FAILED: WebSocket close code; of UP_REQUEST: length of the head */
    uint32_t off;    /* text: off, len in the batch's `text` */
    uint32_t len;
    uint64_t conn;
    uint64_t size;    /* of UP_TOO_BIG, UP_ROOM */
    struct wire wire; /* of UP_MESSAGE */
};

enum dialect { DIALECT_WORLD, DIALECT_GATEWAY, DIALECT_COUNT };

struct up_batch {
    struct up_batch *next; /* for whoever queues it */
    struct up *items;      /* owned */
    uint32_t count;
    uint32_t cap;
    uint32_t taken;   /* items that the hub has dealt with */
    uint32_t runs;    /* of items of one connection; as many as there are when none has two */
    struct buf text;  /* what the items refer to */
    uint64_t read_us; /* when its first item was read, for whoever measures */
};

struct up_batch *up_batch_new(void);
void up_batch_free(struct up_batch *b);
/* Empties it for another use; memory beyond a modest amount is given back. */
void up_batch_clear(struct up_batch *b);
/*
 * Adds an item and copies `text` behind it; off and len are filled in. Returns NULL, and the batch
 * is as before, when there is no memory (the caller closes the connection it is about).
 */
struct up *up_batch_add(struct up_batch *b, enum up_kind kind, uint64_t conn, struct str text);
/* The same for UP_OPENED and UP_REQUEST: `text` stands behind the evidence. A secret. */
struct up *up_batch_add_asking(struct up_batch *b, enum up_kind kind, uint64_t conn,
                               const struct evidence *evidence, struct str text);
/* Makes the text of the item last added a secret: no memory that held it is left unwiped. */
void up_batch_hide(struct up_batch *b, struct up *item);
/* What a batch costs: the measure of down_batch.credit. */
static inline size_t up_batch_size(const struct up_batch *b)
{
    return b->text.len + b->count * sizeof(*b->items);
}
static inline struct str up_text(const struct up_batch *b, const struct up *item)
{
    /* Of a batch without any text the buffer is NULL, from which not even 0 may be counted. */
    return item->len > 0 ? str_make(b->text.data + item->off, item->len) : STR("");
}

/* --- down: from the hub to a reactor ---------------------------------------------------------- */

enum down_kind {
    /* Up to DOWN_REFUSE: for the reactor itself. */
    DOWN_ACCEPT,    /* conn: answer the handshake with 101; frames follow. With DOWN_STRANGER only
                       messages of up to STRANGER_MAX_MESSAGE bytes are read, until DOWN_TRUST */
    DOWN_TRUST,     /* conn: its client has authenticated: the usual limits hold */
    DOWN_PAUSE,     /* conn: read nothing from it until DOWN_GO_ON */
    DOWN_GO_ON,     /* conn: read again */
    DOWN_POLICY,    /* to the reactor: `policy` (taken) holds from now on */
    DOWN_SHED,      /* to the reactor: memory is short. The connection for which most is kept is to
                       end; a WebSocket is reported as UP_FAILED with 1013 */
    DOWN_SHORT,     /* to the reactor: whether memory is short from now on (`code`: 1 or 0). While
                       it is no long body is kept, and those that have begun end */
    DOWN_REFUSE,    /* conn: answer it with an HTTP error and close; `code`: enum error_code;
                       bytes: the message, the last `mark` of them its details, a JSON object;
                       `position`: when to come again, in milliseconds, or 0 */
    DOWN_FRAME,     /* conn: these bytes, in the order of `seq`; flags below */
    DOWN_FILTER,    /* conn: this filter (taken; NULL for none) from `seq` on */
    DOWN_RESUME,    /* conn: bytes are a frame with a count slot at `mark` (see COUNT_SLOT); the
                       connection hears broadcasts again: in each log from where a DOWN_JOIN just
                       before this put it */
    DOWN_CLOSE,     /* conn: behind all it has to get, a close frame with `code` and the bytes as
                       the reason, then the end; with code 0 just the end */
    DOWN_OPEN_LOG,  /* log: this reactor is about to have members in it */
    DOWN_SEGMENT,   /* log: goes on in this segment */
    DOWN_RETIRE,    /* log: its segment ends before entry `position` (it is idle) */
    DOWN_ADVANCE,   /* log: entries below `position` may be read */
    DOWN_CLOSE_LOG, /* log: the last member here has gone */
    DOWN_JOIN,      /* conn, log: a member from entry `position` on; of one that is a member and
                       lags: what it missed up to there is counted */
    DOWN_LEAVE,     /* conn, log: a member no longer from entry `position` on */
    DOWN_SPOKE,     /* conn, log: entries of its own are in what comes next */
};

enum {
    DOWN_BROADCAST = 1,  /* of DOWN_FRAME: may be skipped, and counted, for a slow reader */
    DOWN_LAST = 2,       /* of DOWN_FRAME: the HTTP response is complete */
    DOWN_DISCONNECT = 4, /* of DOWN_FRAME with DOWN_LAST: and the connection ends with it */
    DOWN_MESSAGE = 8,    /* of DOWN_FRAME: somebody's message, counted when delivered */
    DOWN_STRANGER = 16,  /* of DOWN_ACCEPT: its client has yet to authenticate */
};

enum { STRANGER_MAX_MESSAGE = 16 * 1024 };

/*
 * A place in a frame for a number that is known only when the frame is written: 20 bytes of space,
 * into which the digits go, left aligned; JSON does not mind the rest.
 */
enum { COUNT_SLOT = 20 };

struct down {
    uint8_t kind; /* enum down_kind */
    uint8_t flags;
    uint16_t code;
    uint32_t log;
    uint64_t conn;
    uint64_t seq;
    uint64_t position;       /* of a log: an entry number; of REFUSE: see there */
    struct segment *segment; /* FRAME, RESUME, CLOSE, REFUSE: holds the bytes; SEGMENT: itself */
    struct filter *filter;   /* FILTER: taken */
    struct shared *policy;   /* POLICY: taken; a struct net_policy */
    uint32_t off;            /* the bytes: off, len in `segment` */
    uint32_t len;
    uint32_t
        mark; /* of RESUME: the count slot, from the start of the bytes; of REFUSE: see there */
};

struct down_batch {
    struct down_batch *next; /* for whoever queues it */
    struct down *items;      /* owned */
    uint32_t count;
    uint32_t cap;
    struct segment **segments; /* one reference each to every segment that items mention */
    uint32_t segment_count;
    uint32_t segment_cap;
    uint64_t credit; /* bytes of up batches that the hub has dealt with since the last one */
};

struct down_batch *down_batch_new(void);
/* Drops segments and filters that nobody took. */
void down_batch_free(struct down_batch *b);
void down_batch_clear(struct down_batch *b);
/* Makes sure that `count` more commands can be added without fail. False: no memory. */
bool down_batch_reserve(struct down_batch *b, uint32_t count);
/*
 * Adds a command and, for its segment, a reference. Returns false, and the batch is as before,
 * when there is no memory; what it would have taken is then freed.
 */
bool down_batch_add(struct down_batch *b, const struct down *item);

#endif
