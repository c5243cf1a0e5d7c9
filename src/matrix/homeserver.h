#ifndef PARLEY_MATRIX_HOMESERVER_H
#define PARLEY_MATRIX_HOMESERVER_H

/*
 * The client of a homeserver: the client-server API of Matrix from v1.1 on. It finds the server
 * (.well-known), asks what it speaks (/versions), keeps the access token alive, syncs, and sends;
 * it waits and tries again whatever can pass, for ever, and says so once. It decides nothing about
 * messages: events go to `ports` as they come, and actions come from the core.
 *
 *   homeserver.c          life, what is due when, how it stands
 *   homeserver_find.c     finding the server: .well-known, /versions
 *   homeserver_login.c    tokens: login, refresh, soft logout; the table of its states
 *   homeserver_sync.c     sync, gaps (/messages), the first sync
 *   homeserver_gap.c      gaps that cannot be filled
 *   homeserver_send.c     sends, joins, typing, receipts; 429 and backoff
 *   homeserver_call.c     requests that wait and are under way, backoff
 *   homeserver_answer.c   what becomes of one: the token, 429, what passes, what is refused for
 * good homeserver_check.c    the steps of `--check` homeserver_url.c      paths, percent-encoding
 *   sync_parse.c (sync.h) a response of /sync or /messages into events: pure
 *   credentials.c         the credentials file
 */

#include "matrix/bridge.h"
#include "matrix/credentials.h"
#include "matrix/http.h"

struct homeserver;

/* How it stands. What can pass is tried again and again; the others end the bridge. */
enum homeserver_fault {
    HOMESERVER_FINE,
    HOMESERVER_AWAY,           /* passes: unreachable, or 5xx */
    HOMESERVER_NO_SERVER,      /* passes: what answers there is no homeserver, or of another age */
    HOMESERVER_FAILED,         /* passes: the credentials file cannot be written, and the like */
    HOMESERVER_WRONG_PASSWORD, /* ends, with 77: refused, or there is none and the token is dead */
    HOMESERVER_LOCKED,         /* ends, with 77 */
    HOMESERVER_DEACTIVATED,    /* ends, with 77 */
    HOMESERVER_WRONG_DEVICE,   /* ends, with 77: the token is another device's, or user's */
    HOMESERVER_CONFIG,         /* ends, with 78: the server's name or the credentials file */
    HOMESERVER_NO_MEMORY,      /* ends, with 1: some events of a response could not be told */
};

struct homeserver_ports {
    void *owner;
    /*
     * Events of one response of /sync in their order, gaps filled in; then `synced`, once. Each
     * call of `synced` is the end of a step of the core: when it returns the rows are on the disk,
     * or the process is ending. A gap that is longer than one page comes in several such steps,
     * of which only the last has a next_batch (the others have none, an empty one).
     */
    void (*event)(void *owner, const struct bridge_event *event);
    void (*synced)(void *owner, struct str next_batch);
    void (*sent)(void *owner, const struct bridge_sent *sent);
    void (*joined)(void *owner, struct str room, struct str error);
    /* It has changed: for readiness, and to end. `sentence` says what to do; it is logged. */
    void (*fault)(void *owner, enum homeserver_fault fault, const char *sentence);
    void (*random)(void *owner, void *bytes, size_t len);
    void (*log)(void *owner, unsigned level, const char *event, struct str about,
                struct str details);
};

struct homeserver_settings {
    struct str server; /* https://matrix.example.org, or example.org, which is looked up */
    struct str user_id;
    struct str device_id;
    const char *credentials_file;
    uint64_t sync_timeout_ms; /* of the long poll */
    const struct str *rooms;  /* ids or aliases, for homeserver_check: the core joins them */
    size_t room_count;
};

/* Borrows the HTTP client and the path; copies the rest. NULL: no memory. */
struct homeserver *homeserver_new(const struct homeserver_settings *settings,
                                  const struct homeserver_ports *ports, struct http_client *http,
                                  struct bridge_time now);
/* NULL is taken. */
void homeserver_free(struct homeserver *h);
/*
 * Reads the credentials and begins; syncs go on from next_batch, empty for the first one ever. A
 * tick has to follow before the first wait.
 */
void homeserver_start(struct homeserver *h, struct str next_batch);
/* Takes an action of the core (ACT_JOIN … ACT_RECEIPT). False: no memory. Copies. The answers come
 * later, never from inside. */
bool homeserver_act(struct homeserver *h, const struct bridge_action *action);
/* Once after each http_wait, and whenever homeserver_deadline has come. */
void homeserver_tick(struct homeserver *h, struct bridge_time now);
/* Monotonic; 0: at once. */
uint64_t homeserver_deadline(const struct homeserver *h);
/* No more syncs; what is being sent may end. homeserver_idle: whether nothing is under way. */
void homeserver_stop(struct homeserver *h);
bool homeserver_idle(const struct homeserver *h);
/* When the last sync ended, monotonic; 0: none has. */
uint64_t homeserver_synced_ms(const struct homeserver *h);

/*
 * For `--check`, instead of homeserver_start: walks through server, versions, login, device, rooms
 * and clock, once, and calls `report` for each step with a sentence, `ok` or what to do; behind a
 * step that failed there may be no other. Then `ended`, with how it stands (HOMESERVER_FINE for
 * rooms that are not joined, too). Both come from homeserver_tick alone. Of `ports`, `random` and
 * `log` are used.
 */
struct homeserver_checker {
    void *owner;
    void (*report)(void *owner, const char *step, bool is_ok, const char *sentence);
    void (*ended)(void *owner, enum homeserver_fault fault);
};
void homeserver_check(struct homeserver *h, const struct homeserver_checker *checker);

#endif
