#ifndef PARLEY_NET_CONNECTION_H
#define PARLEY_NET_CONNECTION_H

/*
 * A connection: a socket, what it still has to get (its outbox), and how far it has come. Idle, it
 * holds no buffer; what is partly read is kept beside it until the rest arrives.
 *
 *   state     is reading         goes on when                              to
 *   HEAD      the handshake of    (as below; too long, it fails:            (gone)
 *             TLS, if it has one  it is gone)
 *             a request head     a good WebSocket handshake is whole       WAIT
 *                                ... to the path that echoes               OPEN
 *                                another good request is whole             REQUEST
 *                                ... but its body is not                   BODY
 *                                it is refused, or takes too long          CLOSING
 *   BODY      a request body     it is whole                               REQUEST
 *                                it is refused, or takes too long          CLOSING
 *   WAIT      nothing            the hub accepts the handshake             OPEN
 *                                the hub refuses it                        CLOSING
 *                                the hub does not answer                   (gone)
 *   REQUEST   nothing            the response is written                   HEAD, or LINGER
 *                                the hub does not answer                   (gone)
 *   OPEN      messages, unless   the peer breaks the protocol, closes or   CLOSING
 *             it is paused       says nothing more (its end of the socket)
 *                                the hub's close frame is written          LINGER
 *   CLOSING   to throw it away   the last bytes are written                LINGER
 *   LINGER    to throw it away   the peer ends, or long enough             (gone)
 *   GONE      nothing            the hub can be told                       (gone)
 *
 * From HEAD and BODY: the peer says nothing more; from everywhere: it resets, memory runs out:
 * (gone), by connection_destroy. The hub is told of each end once, behind all else about the
 * connection. GONE is where one waits that could not be reported for want of memory.
 *
 * Functions that may end the connection at once return whether it lives; when not, it must not be
 * touched. All others only change its state.
 */

#include "base/error.h"
#include "http/body.h"
#include "http/head.h"
#include "net/reactor.h"

enum connection_state {
    CONN_HEAD,
    CONN_BODY,
    CONN_WAIT,
    CONN_REQUEST,
    CONN_OPEN,
    CONN_CLOSING,
    CONN_LINGER,
    CONN_GONE,
};

/* An HTTP request that is partly here, or the bytes behind one that is being answered. */
struct request {
    uint64_t conn;         /* whose it is */
    struct list waiting;   /* in reactor.early, until there is room for what is behind an answer */
    struct http_head head; /* while HEAD: how far it is parsed; while BODY: it */
    struct buf text;       /* what was read: from the start of the head while HEAD or BODY */
    struct buf whole;      /* while BODY, chunked: the head and the body without its chunks */
    struct buf evidence;   /* while BODY: who asks, packed */
    struct http_chunked chunked;
};

/* A message that is partly here, the first bytes of a frame header, the context of messages, or
   what has yet to be looked at. */
struct message {
    uint64_t conn;             /* whose it is */
    struct list waiting;       /* in reactor.held, while there is a turn to come */
    struct buf held;           /* bytes that were read and have to wait; see held.c */
    struct buf text;           /* the pieces so far; empty once it is too big */
    uint64_t size;             /* of all pieces so far */
    struct inflater *inflater; /* see inflate.c; NULL before the first compressed message */
    uint32_t utf8;             /* of a compressed one that is text: state of utf8_feed */
    bool under_way;            /* a piece has come that was not the last */
    bool is_skipped;           /* it was too big once, and stays that whatever a reload says */
    uint8_t rest_len;
    char rest[WS_MAX_REST]; /* bytes that ws_parse left */
};

enum { ALIVE_MASK = 0xfff };

struct connection {
    struct outbox outbox; /* its `conn` is the handle; NO_CONN while the slot is free */
    union {
        struct ws_parser ws;                /* OPEN */
        struct {                            /* WAIT: what the handshake is answered with: */
            uint8_t digest[WS_DIGEST_SIZE]; /* for its key, */
            struct deflate_terms terms;     /* and to what it offered */
        } wait;
        uint64_t discarded; /* LINGER: bytes thrown away */
    };
    union {
        struct request *request; /* HEAD, BODY, WAIT, REQUEST; OPEN while `has_early` */
        struct message *message; /* OPEN, CLOSING, LINGER; NULL while nothing is kept */
    };
    int fd;
    unsigned alive_tick : 12; /* OPEN: low bits of the tick at which the hub last heard it lives */
    unsigned state : 3;       /* enum connection_state */
    unsigned door : 3;        /* where it came in */
    bool in_epoll : 1;
    bool wants_read : 1; /* what epoll is asked for */
    bool wants_write : 1;
    bool known : 1;          /* the hub has it as a client and must be told of its end */
    bool wants_protocol : 1; /* WAIT: it offered the subprotocol "parley" */
    bool is_websocket : 1;   /* the handshake was answered */
    bool has_early : 1;      /* OPEN: bytes that came behind the handshake wait in `request` */
    bool ends : 1;           /* CLOSING: with the last byte written, not with the hub's close */
    bool answered : 1;       /* HEAD: a request has been answered before */
    bool peer_ended : 1;     /* CLOSING: nothing more can be read */
    bool is_stranger : 1;    /* OPEN: it has yet to authenticate; what it says may be a secret */
    bool is_paused : 1;      /* OPEN: nothing is read, by the hub's wish */
    bool is_echo : 1;        /* OPEN and later: it came to the path that echoes; see echo.c */
    unsigned dialect : 1;    /* WAIT, OPEN: enum dialect, of the path that it came to */
};

/* What an idle client costs; each eight bytes more are a megabyte for 100,000 of them. */
_Static_assert(sizeof(struct connection) <= 72, "a connection has grown");

_Static_assert(LISTENERS_MAX <= 1 << 3, "a door's number has to fit");

static inline struct connection *connection_of(struct outbox *o)
{
    return (struct connection *)(void *)o;
}
static inline uint32_t connection_slot(const struct connection *c)
{
    return conn_slot(c->outbox.conn);
}
static inline const struct listener *connection_door(const struct reactor *r,
                                                     const struct connection *c)
{
    return r->doors[c->door];
}

/* Whether `message` is what it has of the two. */
static inline bool connection_keeps_message(const struct connection *c)
{
    return c->is_websocket && !c->has_early;
}

/* What its stream keeps; NULL for a plain one. */
static inline struct stream *connection_stream(const struct reactor *r, const struct connection *c)
{
    return streams_get(&r->streams, connection_slot(c));
}

/* --- connection.c ----------------------------------------------------------------------------- */

/* A live connection, or NULL. */
struct connection *connection_find(const struct reactor *r, uint64_t conn);
/* Takes the socket over, whatever happens, and reads from it at once. */
void connection_open(struct reactor *r, int fd, unsigned door);
/* The only place where a state changes; sets the deadline that goes with it. */
void connection_enter(struct reactor *r, struct connection *c, enum connection_state state);
/* HEAD, BODY: for how many ticks it has been in its state; with TLS, since its handshake. */
uint32_t connection_age(const struct reactor *r, const struct connection *c);
/* What epoll is to tell about it. Returns whether it lives. */
bool connection_watch(struct reactor *r, struct connection *c, bool read, bool write);
/* All has been written: tells the peer, and reads on until it ends as well. */
void connection_finish(struct reactor *r, struct connection *c);
/* It has no request under way, or has not even begun. */
static inline bool connection_is_idle(const struct connection *c)
{
    return c->state == CONN_HEAD && c->request == NULL;
}
/* The handshake of its stream, if that has one, is over. */
bool connection_is_secured(const struct reactor *r, const struct connection *c);
/* What its stream has encrypted waits for the socket, and not the outbox. */
bool connection_owes(const struct reactor *r, const struct connection *c);
/* The end, at once. */
void connection_destroy(struct reactor *r, struct connection *c);
/* The end, at the next tick: for where the connection is still in use. */
void connection_doom(struct reactor *r, struct connection *c);
/*
 * The socket of an OPEN or CLOSING connection is full. The hub's close may come while it is; it is
 * looked for from time to time, so that a peer which reads no more does not stay for ever.
 */
void connection_stall(struct reactor *r, struct connection *c);
/* A deadline has passed. */
void connection_expire(struct reactor *r, struct connection *c);

/* Adds an item about the connection to the up batch; NULL: no memory, and it is doomed. */
struct up *connection_report(struct reactor *r, struct connection *c, enum up_kind kind,
                             struct str text);
/* The same for UP_OPENED and UP_REQUEST; `text` stands behind the evidence. */
struct up *connection_report_asking(struct reactor *r, struct connection *c, enum up_kind kind,
                                    const struct evidence *evidence, struct str text);
/*
 * UP_FAILED, and no byte of it is read any more. Code 0: there is nobody to be told why. The hub
 * does not know of one that echoes, so that one's close frame is made here.
 */
void connection_fail(struct reactor *r, struct connection *c, uint16_t code, struct str reason);

/* --- receive.c -------------------------------------------------------------------------------- */

/* The socket can be read, or is broken (of `events`: EPOLLERR, EPOLLHUP). One read. Returns
   whether the connection lives. */
bool connection_receive(struct reactor *r, struct connection *c, uint32_t events);
/* Deals with bytes that were read while OPEN. They are changed, and so are WS_MAX_REST bytes
   before them when a rest waits for them. */
void message_receive(struct reactor *r, struct connection *c, char *data, size_t len);
/* The place for what is partial; NULL: no memory, and the connection is doomed. */
struct message *message_partial(struct reactor *r, struct connection *c);
void message_free(struct message *m);

/* --- inflate.c -------------------------------------------------------------------------------- */

enum { INFLATE_SLICE = 4 * 1024 /* a thousand times as much is CREDIT_LIMIT */ };

struct trial;

/*
 * Whether the handshake offers a compression that is taken; c->wait.terms says which. `has_more`:
 * frames came with it, from somebody who cannot know yet what is agreed; then it is not.
 */
bool inflate_offered(struct reactor *r, struct connection *c, const struct trial *t, bool has_more);
/* How many bytes are dealt with at once: what is compressed becomes much more. */
static inline size_t inflate_slice(const struct connection *c)
{
    return c->state == CONN_OPEN && c->ws.terms.client_bits != 0 ? INFLATE_SLICE : RECEIVE_SIZE;
}
/* What a byte of it counts as, of READ_BUDGET. */
static inline uint64_t inflate_cost(const struct connection *c)
{
    return c->state == CONN_OPEN && c->ws.terms.client_bits != 0 ? PACKED_COST : 1;
}
/*
 * A piece of a compressed message. Returns whether it is whole: then it is in m->text. If it is
 * broken, or longer than `longest`, the connection is about to end.
 */
bool inflate_take(struct reactor *r, struct connection *c, struct message *m,
                  const struct ws_event *event, uint32_t longest);

/* --- held.c ----------------------------------------------------------------------------------- */

/* Whether bytes that it sent have been read, and wait for a turn. */
bool held_any(const struct connection *c);
/*
 * What of `len` bytes that were read is to be dealt with now; the rest is held, and wiped where it
 * stood. No memory: nothing, and the connection is doomed.
 */
size_t held_put(struct reactor *r, struct connection *c, char *data, size_t len);
/* The same for the end of what is being dealt with: it comes before all that is held. */
void held_put_back(struct reactor *r, struct connection *c, char *data, size_t len);
/* It may be read again: what it holds gets its turn. */
void held_resume(struct reactor *r, struct connection *c);
/* Goes on with a slice of what is held longest. False: nothing waits for a turn. */
bool held_go_on(struct reactor *r);

/* --- shake.c ---------------------------------------------------------------------------------- */

/* Whether another handshake may be gone on with in this turn, and this one. */
bool shake_begin(struct reactor *r, const struct connection *c);
/* It may not: it is not read until its turn comes. Returns whether it lives. */
bool shake_wait(struct reactor *r, struct connection *c, uint32_t events);
/* Whether its handshake waits for a turn. */
bool shake_waits(const struct reactor *r, const struct connection *c);
/* Goes on with some of those that wait. */
void shake_go_on(struct reactor *r);

/* --- request.c -------------------------------------------------------------------------------- */

/* Deals with bytes that were read while HEAD or BODY. Credentials in a head are overwritten. */
void request_receive(struct reactor *r, struct connection *c, char *data, size_t len);
/* BODY: whether the body is, or may become, one that is kept for who shows a credential alone. */
bool request_is_long(const struct connection *c);
/* DOWN_SHORT: while memory is short long bodies are refused, also those that have begun. */
void requests_take_shortage(struct reactor *r, bool is_short);
/* HEAD or OPEN: gives the bytes that came behind the request to whoever reads them now. */
void request_go_on(struct reactor *r, struct connection *c);
/* The same once the answer is written, if there are any and they may be read: now, or when the hub
   has dealt with enough of what it was given before. */
void request_resume(struct reactor *r, struct connection *c);
/* Whether it waits for that. */
bool request_waits(const struct connection *c);
/* Goes on with the one that waits longest. False: nobody waits. */
bool requests_go_on(struct reactor *r);
void request_free(struct request *q);

/* --- echo.c ----------------------------------------------------------------------------------- */

enum { ECHO_MAX_MESSAGE = 16 * 1024 * 1024 };

/* The head of a handshake to the path that echoes has been taken, and its answer's key is there. */
void echo_open(struct reactor *r, struct connection *c);
/* Sends a whole message back. */
void echo_message(struct reactor *r, struct connection *c, struct str payload, bool binary);
/* OPEN: whether it has to read what it was sent before any more is read from it. */
bool echo_waits(const struct connection *c);
/* Closes all that echo: the gateway stops. */
void echo_end(struct reactor *r);

/* --- refuse.c --------------------------------------------------------------------------------- */

struct refusal {
    int status;
    enum error_code code;
    struct str message;
    struct str details; /* a raw JSON object; empty: {} */
    const char *fields; /* further header lines, each with its CR LF; "" for none */
    bool is_head;       /* the method was HEAD: no body */
    bool stays;         /* the connection goes on with the next request */
};

/* Answers with an error, and lets the connection end with it unless it stays. */
void connection_refuse(struct reactor *r, struct connection *c, const struct refusal *why);
/* The same for a status of http_parse_head and its kind. */
void connection_refuse_status(struct reactor *r, struct connection *c, int status,
                              const char *message);

/* --- flush.c ---------------------------------------------------------------------------------- */

/* Writes what it has to get until all is written or the socket is full. Returns whether it lives.
 */
bool connection_flush(struct reactor *r, struct connection *c);
/* Whether epoll is to tell when there is something to be read. */
bool connection_is_reading(const struct connection *c);
/* The socket of a stalled connection takes bytes again. */
bool connection_resume(struct reactor *r, struct connection *c);
/* Answers its handshake: it is OPEN. */
void connection_accept(struct reactor *r, struct connection *c);
/* OPEN: the limit of its messages from the next one on, as it and the policy are now. */
void connection_set_limit(const struct reactor *r, struct connection *c);
/* What the hub says to the reactor about a connection. */
void connection_command(struct reactor *r, const struct down *command);

/* --- pressure.c ------------------------------------------------------------------------------- */

enum {
    ROOM_MS = 1000,  /* HEAD, BODY: for so long nobody has to give way to a newcomer */
    ROOM_SLICE = 64, /* how many are ended at once, at most */
};

/* There is no room for who has just been accepted: closes the socket, if it can with a word. */
void connection_turn_away(struct reactor *r, int fd, bool is_plain);
/*
 * No descriptor or no slot is left. Ends some of those that have been here for ROOM_MS without a
 * whole request, so that a flood of the silent keeps nobody out who speaks. Returns whether there
 * were any; when not, it does not look again before the next tick.
 */
bool connection_make_room(struct reactor *r);
/* DOWN_SHED: ends the connection for which most is kept: what it does not read, or not end. */
void connection_shed(struct reactor *r);

#endif
