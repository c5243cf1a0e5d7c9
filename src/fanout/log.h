#ifndef PARLEY_FANOUT_LOG_H
#define PARLEY_FANOUT_LOG_H

/*
 * The hub's end of fan-out: a session's log, to which each message is appended once, and the
 * shared turn segment for frames that are for single receivers. Positions in a log are entry
 * numbers: 64 bits, counted from 0, never used twice. An idle log holds no segment.
 */

#include "base/buf.h"
#include "fanout/segment.h"

struct log {
    struct segment *segment; /* the one appended to; NULL while idle */
    uint64_t end;            /* number of the next entry */
    uint32_t next_size;      /* of the next segment; grows with traffic */
    bool busy;               /* appended to since log_idle was last asked */
};

void log_init(struct log *l);
void log_fini(struct log *l);

/* What is appended: a text message. */
struct log_message {
    struct str payload;
    bool packed;                  /* it is compressed: what packer_pack made */
    uint64_t sender;              /* or NO_CONN */
    uint64_t seq;                 /* above that of every entry before it */
    const struct type_name *type; /* the log's, when loose; also on failure */
};

/*
 * Appends one finished frame and its entry. *ret_started is set when a new segment was begun (it
 * is l->segment then), which readers have to be told of. Returns false, and nothing is appended,
 * when there is no memory.
 */
bool log_append(struct log *l, const struct log_message *message, bool *ret_started);

/*
 * To be asked at every tick: lets go of the segment of a log that nothing was appended to since
 * the last time. Returns whether it did; readers have to be told.
 */
bool log_idle(struct log *l);

/* A place for frames to single receivers, shared by all of them until it is full. */
struct turn {
    struct segment *segment; /* NULL until it is needed */
    uint64_t made;           /* bytes extended, since whoever wants to know reset it */
};

void turn_fini(struct turn *t);
/* `len` bytes in the turn's segment, *ret_off from its start. NULL: no memory. */
char *turn_extend(struct turn *t, size_t len, uint32_t *ret_off);
/* A finished text frame; *ret_off, *ret_len say where it is in t->segment. False: no memory. */
bool turn_frame(struct turn *t, struct str payload, uint32_t *ret_off, uint32_t *ret_len);
/* The same of a payload that is compressed. */
bool turn_packed_frame(struct turn *t, struct str payload, uint32_t *ret_off, uint32_t *ret_len);
/* A finished ping frame without payload. */
bool turn_ping(struct turn *t, uint32_t *ret_off, uint32_t *ret_len);

/* What compresses a message once for all who hear it (RFC 7692, without context, 15 bits). */
struct packer {
    struct deflater *deflater; /* NULL until it is needed */
    struct buf bytes;          /* of the last message */
};

void packer_init(struct packer *p);
void packer_fini(struct packer *p);
/*
 * The message compressed, borrowed until the next one. False: it is better sent as it is: it is
 * short, does not get shorter, or there is no memory.
 */
bool packer_pack(struct packer *p, struct str message, struct str *ret_packed);

#endif
