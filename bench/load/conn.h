#ifndef PARLEY_BENCH_CONN_H
#define PARLEY_BENCH_CONN_H

/*
 * One client of the load generator, over WebSocket or bare TCP. What it reads is parsed just well
 * enough to be sure of the frame (server frames whole, unfragmented, unmasked): the generator
 * shares the machine with what it measures and must be cheap. It never blocks.
 */

#include "plan.h"
#include "unpacker.h"

#include "base/buf.h"

#include <sys/socket.h>

enum {
    CONN_KEY_SIZE = 24,             /* base64 of 16 bytes */
    CONN_RECEIVE_SIZE = 256 * 1024, /* of the buffer that all connections share */
    CONN_MAX_QUEUE = 64 * 1024 * 1024,
    CONN_ERROR_SIZE = 200,
};

enum conn_state {
    CONN_CLOSED,
    CONN_CONNECTING, /* connect() is under way */
    CONN_SECURING,   /* the handshake of TLS is */
    CONN_UPGRADING,  /* the request is sent or queued */
    CONN_GREETING,   /* upgraded; the server is to speak first */
    CONN_READY,
};

/* How one kind of client comes in. */
struct conn_manner {
    const struct template *path;
    const struct template *hello; /* what it sends first; an empty one for nothing */
};

/* What all connections of one load have in common. */
struct conn_shared {
    struct sockaddr_storage address; /* of the hub */
    socklen_t address_len;
    struct str authority; /* HOST:PORT, borrowed */
    struct str token;     /* borrowed; empty for none */
    const struct plan *plan;
    struct conn_manner manners[2]; /* of clients below `split`, and of the others */
    uint32_t split;
    enum dialect_framing framing;
    bool bare;                         /* no WebSocket: bytes of the framing, both ways */
    bool greets;                       /* the hub speaks first */
    const struct stream_type *streams; /* TCP, or TLS */
    struct tls *tls;                   /* NULL without; owned by who owns this */
    const char *host;                  /* whose certificate is wanted; borrowed */
    struct unpacker *unpacker;         /* NULL without compression; owned by who owns this */
    char key[CONN_KEY_SIZE];
    char accept[28]; /* the only right answer to `key` */
    char *receive;   /* CONN_RECEIVE_SIZE bytes, owned by who owns this */
    uint32_t random; /* state of the masks; never 0 */
    /* A whole message came to a connection that is ready. Borrows. */
    void (*on_message)(void *context, uint32_t client, struct str payload);
    void *context;
    char error[CONN_ERROR_SIZE]; /* why the last call returned false */
};

struct conn {
    struct buf in;         /* what came of a frame that is not whole */
    struct buf out;        /* what the socket would not take yet */
    struct stream *stream; /* owned; NULL without TLS */
    int fd;                /* owned; -1 when closed */
    uint32_t client;       /* its number */
    uint64_t started_ns;   /* for its owner */
    enum conn_state state;
    bool queued;    /* for its owner: out has grown since the last flush */
    bool polls_out; /* for its owner: it waits for room in the socket */
    bool deaf;      /* for its owner: it reads nothing */
};

/*
 * Opens a socket and begins to connect. Every 20,000 clients of a loopback hub get a source
 * address of their own (127.0.0.1, 127.0.0.2, …), since the ports of one do not suffice.
 */
bool conn_start(struct conn *c, uint32_t client, struct conn_shared *shared);
/* Closes with a reset, so that no port is left waiting. A closed connection is taken. */
void conn_close(struct conn *c);

/* The socket can be written: the end of connect(), or room for what is queued. */
bool conn_writable(struct conn *c, struct conn_shared *shared);
/* The socket can be read: reads once and hands on every whole message. */
bool conn_readable(struct conn *c, struct conn_shared *shared);

/* Queues a message; conn_flush sends it. False when there is no memory. */
bool conn_queue(struct conn *c, struct conn_shared *shared, struct str payload);
/* Whether something waits for room in the socket. */
bool conn_has_more(const struct conn *c);
/* Sends what is queued, as much as the socket takes. */
bool conn_flush(struct conn *c, struct conn_shared *shared);

#endif
