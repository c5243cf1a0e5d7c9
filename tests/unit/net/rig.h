#ifndef PARLEY_TESTS_RIG_H
#define PARLEY_TESTS_RIG_H

/*
 * A reactor on a bench: clients are ends of socket pairs, the clock is a number, and the hub is a
 * script. What the reactor tells the hub is written down as text, one word an item:
 *
 *   O:world  R:head/body  M:text  T:size  A  F:code  L  V (room)  C
 *
 * By default the hub accepts everybody with the greeting "hi", sends messages back, answers
 * requests with "ok", and closes whom it is told to.
 */

#include "unit.h"

#include "net/reactor.h"

struct rig {
    struct reactor *r;
    struct listener door[2];
    struct reactor_settings settings;
    struct net_policy_source policy;
    struct down_batch *down;
    struct up_batch *spare;
    struct buf log;
    uint64_t now_ms;
    uint64_t seq;
    uint64_t last_conn; /* of the last item */
    uint64_t missed;    /* of the last V */
    bool secret;        /* of the last M */
    uint8_t accept;     /* flags of DOWN_ACCEPT */
    /* Of the last handshake or request: who asked (its strings in `asked_text`), and what. */
    struct evidence asked;
    struct str request;
    char asked_text[512 * 1024];
    size_t taken; /* bytes of up batches taken */
    bool mute;    /* the hub listens and says nothing */
    bool keeps_credit;
};

/* Small limits: messages of 100 bytes, frames of 1000; the routes /ws, /status, /health,
   /large and /message. */
void rig_settings(struct rig *g);
void rig_start(struct rig *g);
void rig_stop(struct rig *g);

/* For cmocka: a rig with these settings in *state; its end; and its end when nobody may be left. */
int rig_setup(void **state);
int rig_teardown(void **state);
int rig_teardown_empty(void **state);

/* A policy of these settings; freed with the reactor that holds it. */
struct net_policy *rig_policy(const struct rig *g);

/* The hub sends down what `policy` says now. */
void rig_say_policy(struct rig *g);

/* One turn of the loop, and as many as it takes until nothing happens any more. */
void rig_turn(struct rig *g);
void rig_settle(struct rig *g);
/* Moves the clock, then settles. */
void rig_advance(struct rig *g, uint64_t ms);

/* The hub says something to a connection. */
void rig_say(struct rig *g, uint64_t conn, enum down_kind kind, uint16_t code, unsigned flags,
             struct str bytes);
/* The same with a text message. */
void rig_say_text(struct rig *g, uint64_t conn, struct str text, unsigned flags);

/* What was told to the hub since the last time, and nothing else. */
void rig_expect(struct rig *g, const char *log);

/* A new client's socket; its other end is the reactor's. */
int rig_connect(struct rig *g);
/* A client that has been accepted, and greeted. */
int rig_open(struct rig *g);
void rig_send(int fd, struct str bytes);
/* A masked frame, at most 65,535 bytes long. */
size_t rig_frame(char *out, unsigned first_byte, struct str payload);
void rig_send_frame(int fd, unsigned first_byte, struct str payload);
/* All that can be read now, NUL-terminated; *ret_ended says whether the end came. */
size_t rig_read(int fd, char *out, size_t cap, bool *ret_ended);
/* What can be read now is exactly this, and the end did or did not come. */
void rig_expect_bytes(int fd, struct str bytes, bool ended);
/* It begins so; then the end comes. */
void rig_expect_answer(int fd, const char *start);

/* A handshake to a path, with further header lines. */
#define HANDSHAKE_TO(path, more)                                                                   \
    "GET " path " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"    \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" more "\r\n"
#define HANDSHAKE HANDSHAKE_TO("/ws", "")
#define SWITCHING                                                                                  \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#endif
