#ifndef PARLEY_TESTS_GATEWAY_VISITOR_H
#define PARLEY_TESTS_GATEWAY_VISITOR_H

/*
 * A client of a gateway that runs in the same thread: nothing it does waits. It looks at every
 * frame it is sent, and fails the test for one that is not whole and right. It allocates nothing,
 * so that who counts allocations counts the gateway's alone.
 */

#include "unit.h"

#include <stdbool.h>

#include "base/str.h"
#include "net/listener.h"
#include "ws/ws.h"

#define VISITOR_PACKED "\xc1"

enum { VISITOR_ROOM = 128 * 1024, VISITOR_FOUND = 512 };

struct visitor {
    const struct listener *door;
    int fd;            /* -1: it has ended, or never began */
    bool is_websocket; /* the answer to the handshake has been read */
    bool packs;        /* it has offered to take compressed frames, and to send them */
    char have[VISITOR_ROOM];
    size_t len;
    char found[VISITOR_FOUND]; /* as much of what visitor_heard has found, ended by 0 */
};

/* Connects; what is to be said first is said at once, since a TCP door waits for it. */
void visitor_begin(struct visitor *v, const struct listener *door, const char *first);
void visitor_end(struct visitor *v);
/* Sends as much as the socket takes; returns how much. 0 also when it has ended. */
size_t visitor_say(struct visitor *v, const char *bytes, size_t len);
/* Writes a masked frame; returns its length. */
size_t visitor_frame(char *out, unsigned first_byte, struct str payload);
/*
 * Reads what there is. True when `wanted` is in a frame (or in the head, or the bytes of an answer
 * that is none of WebSocket's), which is then forgotten with all before it. Of a compressed frame
 * nothing but its first byte (VISITOR_PACKED) is known.
 */
bool visitor_heard(struct visitor *v, const char *wanted);
/* In what was found last, what stands between `before` and the next quote; empty: it is not there.
 */
struct str visitor_found(const struct visitor *v, const char *before);

#endif
