#ifndef PARLEY_CLI_REMOTE_H
#define PARLEY_CLI_REMOTE_H

/*
 * A connection to a gateway. It fetches pages (HTTP/1.1) or speaks WebSocket in the client's role.
 * For commands that do one thing after the other each call waits until it is done or its time is
 * over; a command with a poll loop sets `queues` once the WebSocket is open, and then takes what
 * has come (remote_take) and writes what there is room for (remote_flush). Functions return an exit
 * code: CLI_OK, or what the command may end with; then remote->error holds a sentence.
 */

#include "base/buf.h"
#include "cli/address.h"
#include "cli/command.h"
#include "cli/socket.h"
#include "ws/ws.h"

enum {
    REMOTE_TIMEOUT_MS = 10000,                /* to connect, to be answered */
    REMOTE_MAX_MESSAGE = 256 * 1024 * 1024,   /* no option lets a gateway send more */
    REMOTE_MAX_OUT = REMOTE_MAX_MESSAGE + 16, /* one such with its header */
    REMOTE_MAX_AHEAD = 64 * 1024 * 1024,
};

struct remote {
    struct channel channel;
    struct buf in;      /* received */
    size_t in_taken;    /* of it, what has been dealt with */
    struct buf message; /* the message under way */
    bool taken;         /* `message` was handed out: the next piece begins another */
    struct buf out;     /* frames that are not yet written */
    bool queues;        /* sending waits for nothing: frames stay in `out` until remote_flush */
    struct ws_parser parser;
    int timeout_ms; /* REMOTE_TIMEOUT_MS, unless it is set otherwise after remote_init */
    int status;     /* of the last HTTP answer; 0 for none */
    bool is_closed; /* by a close frame, which says why */
    bool is_asked;  /* for a credential, by the greeting of a world: nothing is heard until then */
    struct buf error;
};

void remote_init(struct remote *r);
/* Closes at once, without a close frame. NULL is taken. */
void remote_fini(struct remote *r);

/*
 * Connects and asks for `path`: GET, or with a JSON text to send along, POST. What comes back goes
 * to `answer`, and *ret_status is its HTTP status.
 */
enum cli_exit remote_request(struct remote *r, const struct address *to, struct str path,
                             struct str json, struct buf *answer, int *ret_status);

/* Connects and opens a WebSocket at `target` (path and query). */
enum cli_exit remote_open(struct remote *r, const struct address *to, struct str target);
/*
 * The same for a world (of this name; empty: the usual one), or for the gateway dialect, at the
 * path that the address says or the usual one; and takes the greeting. CLI_PROTOCOL: it is not that
 * of the dialect.
 */
enum cli_exit remote_enter_world(struct remote *r, const struct address *to, struct str world);
enum cli_exit remote_enter_gateway(struct remote *r, const struct address *to);
/* Sends a text message. */
enum cli_exit remote_send(struct remote *r, struct str text);
/*
 * The next message, borrowed until the next call. CLI_TRY_AGAIN when `timeout_ms` (-1: never) is
 * over; CLI_UNAVAILABLE when the connection has ended. Pings are answered meanwhile.
 */
enum cli_exit remote_receive(struct remote *r, int timeout_ms, struct str *ret_message);
/*
 * The same without waiting. *ret_taken: whether there was a message; CLI_OK without one when all
 * that has come is taken.
 */
enum cli_exit remote_take(struct remote *r, bool *ret_taken, struct str *ret_message);
/*
 * Takes what has come off the socket, unread, so that it does not fill up while messages are dealt
 * with; remote_take has it later. No more than REMOTE_MAX_AHEAD wait here.
 */
void remote_read_ahead(struct remote *r);
/* Writes as much of `out` as the connection takes now. CLI_UNAVAILABLE when it has ended. */
enum cli_exit remote_flush(struct remote *r);
/* Asks for a sign of life. */
enum cli_exit remote_ping(struct remote *r);
/* Says goodbye (1000) and closes, without waiting for the answer. */
void remote_close(struct remote *r);

#endif
