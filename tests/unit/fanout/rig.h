#ifndef PARLEY_TESTS_FANOUT_RIG_H
#define PARLEY_TESTS_FANOUT_RIG_H

/*
 * Fan-out without a hub and without sockets: a few logs and connections of one reactor, commands
 * that wait in batches until the test lets the reader have them, and sockets that take as many
 * bytes as the test allows. Beside them stands the plainest model there is: for each connection
 * the list of what it must get, written at the moment of the hub's decision. Every byte that is
 * written is compared with it; the first difference ends the program.
 */

#include "base/buf.h"
#include "fanout/log.h"
#include "fanout/reader.h"

enum {
    RIG_CONNS = 12,
    RIG_LOGS = 4,
    RIG_TYPES = 8,    /* types t0…; see RIG_INTERNED */
    RIG_INTERNED = 6, /* from here on types are loose ones */
    RIG_ALL = (1 << RIG_TYPES) - 1,
    RIG_REACTOR = 3,
    RIG_SMALLEST = 8, /* bytes of a payload: its number */
    RIG_NOBODY = -1,
};

enum rig_kind { RIG_MESSAGE, RIG_RESUME, RIG_CLOSE };

struct rig_expected {
    enum rig_kind kind;
    uint32_t number; /* of a message; the code of a close */
    uint32_t len;    /* of the payload */
    bool skippable;
};

struct rig_conn {
    struct outbox outbox;
    struct rig *rig;
    uint64_t handle;
    uint32_t generation;
    size_t room;  /* bytes that the socket still takes */
    bool open;    /* the reactor has it */
    bool known;   /* the hub has it */
    bool closing; /* the hub has closed it */
    bool asked;   /* UP_ROOM is on its way to the hub */
    bool doomed;  /* lagged, fatally; its end comes when the reader has returned */
    bool member[RIG_LOGS];
    unsigned mask;
    struct rig_expected *list; /* what it must get, from list_from on */
    size_t list_from, list_count, list_cap;
    uint64_t skipped; /* broadcasts left out since it was last told how many */
    uint64_t lags;    /* times that skipping began */
    uint64_t told;    /* skipped broadcasts that it was told of */
    uint64_t heard;   /* messages */
    uint32_t pong_sent, pong_heard;
    struct buf in; /* bytes that came and are no whole frame yet */
};

struct rig_log {
    struct log log;
    bool exists;
    bool known;    /* the reactor has a view of it */
    bool advanced; /* to be announced when the turn ends */
    bool ending;   /* the session is over: freed when the turn ends */
    uint32_t members;
};

struct rig {
    struct reader reader;
    struct rig_conn conns[RIG_CONNS];
    struct rig_log logs[RIG_LOGS];
    struct turn turn;
    struct down_batch *batch; /* of the turn under way */
    struct down_batch *waiting_head, *waiting_tail;
    uint64_t seq;
    uint32_t number;
    struct type_name *types[RIG_INTERNED];
    struct segment **segments; /* every one there ever was, with a reference each */
    size_t segment_count, segment_cap;
    uint64_t fatal; /* connections lost because they fell behind fatally */
    uint64_t compared;
};

struct rig *rig_new(uint64_t max_backlog);
/* Everything is closed; then nobody but the rig may refer to any segment. */
void rig_free(struct rig *r);

/* --- the hub ---------------------------------------------------------------------------------- */

/* The slot of a new connection; RIG_NOBODY when all are taken. */
int rig_open(struct rig *r);
void rig_join(struct rig *r, int conn, int log);
void rig_leave(struct rig *r, int conn, int log);
/* A message to all members of a log but the sender; `len` of the payload, >= RIG_SMALLEST. */
void rig_say(struct rig *r, int log, int sender, unsigned type, uint32_t len);
/* A frame for one connection; flags of DOWN_FRAME. */
void rig_send(struct rig *r, int conn, uint8_t flags, uint32_t len);
/* From now on only these types; RIG_ALL: no filter. */
void rig_filter(struct rig *r, int conn, unsigned mask);
/* It leaves its logs and is closed. */
void rig_close(struct rig *r, int conn, uint16_t code);
/* All members leave; the log's number is free again. */
void rig_end_log(struct rig *r, int log);
void rig_idle(struct rig *r, int log);
/* Answers an UP_ROOM that waits; false when there is none. */
bool rig_answer_room(struct rig *r, int conn);
/* The hub learns that the connection is gone. */
void rig_gone(struct rig *r, int conn);
/* What was said in this turn becomes visible to the reader. */
void rig_turn(struct rig *r);

/* --- the reactor ------------------------------------------------------------------------------ */

/* The reader takes the next batch; false when none waits. */
bool rig_apply(struct rig *r);
/* The next outbox is served; false when all have been. */
bool rig_serve(struct rig *r);
/* From now on the socket takes `room` bytes; a stalled one is served. */
void rig_room(struct rig *r, int conn, size_t room);
void rig_pong(struct rig *r, int conn);
/* The connection is lost. */
void rig_abort(struct rig *r, int conn);

/* Turn, batches and outboxes, until nothing moves. */
void rig_run(struct rig *r);
/* The same with sockets that take everything; then everyone must have all there was for it. */
void rig_settle(struct rig *r);
/* Segments that somebody beside the rig refers to. */
size_t rig_live_segments(const struct rig *r);

void rig_fail(const struct rig_conn *c, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

#endif
