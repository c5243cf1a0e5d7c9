#ifndef PARLEY_MATRIX_UPLINK_H
#define PARLEY_MATRIX_UPLINK_H

/*
 * A WebSocket to a gateway that is there whenever it can be: it is made again when it was lost, a
 * little later each time. Nothing in it waits, but for the name of a gateway that is not given by
 * address: that is looked up while the connection is made.
 *
 *   state    what happens                        next
 *   DOWN     its time has come                   DIALING, or DOWN
 *   DIALING  connected                           SHAKING
 *   SHAKING  101                                 OPEN
 *            any other answer                    DOWN
 *   OPEN     silence of IDLE_MS: a ping          OPEN
 *   any      an end, an error, too much silence  DOWN
 */

#include "http/head.h"
#include "matrix/bridge.h"
#include "matrix/http.h"
#include "ws/ws.h"

enum uplink_state { UPLINK_DOWN, UPLINK_DIALING, UPLINK_SHAKING, UPLINK_OPEN };

struct uplink_ports {
    void *owner;
    /* It is open: the first frames may be sent. */
    void (*opened)(void *owner);
    /* A text message, borrowed. */
    void (*message)(void *owner, struct str text);
    /* It is not, or not any more; the sentence names no address. Said at each try that fails. */
    void (*lost)(void *owner, const char *sentence);
};

struct uplink {
    struct uplink_ports ports;
    struct str url;   /* borrowed: ws://HOST[:PORT][/PATH] */
    struct str token; /* borrowed; secret */
    enum uplink_state state;
    int fd;
    uint64_t now_ms;
    uint64_t since_ms; /* when the state began; OPEN: when something was last heard */
    uint64_t retry_ms; /* DOWN: when the next try is */
    uint64_t wait_ms;  /* before the try after that */
    bool pinged;
    bool found_too_big; /* it has ended the connection because of the size of a message (1009) */
    char key[24];
    struct http_head head;
    struct ws_parser parser;
    uint32_t max_message;
    struct buf in;
    struct buf message;
    struct buf out;
};

/* Borrows url and token for as long as it lives. */
void uplink_init(struct uplink *u, struct str url, struct str token, uint32_t max_message,
                 const struct uplink_ports *ports, uint64_t now_ms);
void uplink_fini(struct uplink *u);
/* Sends a text message when it is OPEN, else does nothing. */
void uplink_send(struct uplink *u, struct str text);
void uplink_tick(struct uplink *u, uint64_t now_ms);
uint64_t uplink_deadline(const struct uplink *u);
struct http_watch uplink_watch(const struct uplink *u);
void uplink_ready(struct uplink *u, short revents);

#endif
