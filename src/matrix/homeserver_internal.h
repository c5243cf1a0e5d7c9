#ifndef PARLEY_MATRIX_HOMESERVER_INTERNAL_H
#define PARLEY_MATRIX_HOMESERVER_INTERNAL_H

/*
 * What the files of the homeserver's client share.
 *
 * Time is what the last tick said, and the loop may have waited long since: so whoever is called
 * with a response never computes when something is due, but leaves a delay, which the next tick
 * counts from its own time. homeserver_deadline asks for that tick at once.
 */

#include "base/list.h"
#include "matrix/homeserver.h"

/* As of hub_ports.log. */
enum { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR };

enum call_kind {
    CALL_WELL_KNOWN,
    CALL_VERSIONS,
    CALL_WHOAMI,
    CALL_PASSWORD,
    CALL_REFRESH,
    CALL_SYNC,
    CALL_MESSAGES,
    CALL_SEND,
    CALL_JOIN,
    CALL_LEAVE,
    CALL_TYPING,
    CALL_RECEIPT,
    CALL_RESOLVE,
    CALL_JOINED_ROOMS,
    CALL_PROBE, /* whether the server is well, while a room is not */
    CALL_KINDS
};

/* A request, from when it is wanted to when it is answered, however often that takes. */
struct home_call {
    struct list link; /* in homeserver.calls, in the order of their making */
    struct homeserver *home;
    enum call_kind kind;
    struct http_call *http;  /* under way; NULL: it waits */
    struct home_call *after; /* the one of the same kind and room that has to end before */
    struct buf path;         /* behind the server's URL; of CALL_WELL_KNOWN the whole URL */
    struct buf body;
    struct buf room; /* or empty */
    uint64_t send;   /* of CALL_SEND: its number */
    uint64_t due_ms;
    uint64_t delay_ms; /* not counted yet, see above */
    bool is_delayed;
    uint64_t slowed_ms; /* by 429, in all */
    unsigned failures;  /* one after the other */
    unsigned deaths;    /* so often the token was no good */
    unsigned token_age; /* homeserver.token_age when it was started */
    bool is_unwanted;   /* nobody is to hear of it */
    /* of CALL_SEND: answers that are not the homeserver's, one after the other */
    unsigned puzzles;
    uint64_t puzzled_ms; /* since when */
    bool is_logged;      /* that it is so */
};

/* What is known of a kind. */
struct call_rule {
    const char *name; /* for logs */
    const char *method;
    bool by_token;   /* waits for the token, and has it */
    bool is_patient; /* tries until it is answered or refused for good */
    bool in_order;   /* one at a time in its room, in the order of their making */
    bool takes_all;  /* `refused` is given whatever is no 2xx, 429 or 5xx */
    uint32_t timeout_ms;
    size_t max_body; /* of the response */
    /* 2xx. False: the body is not what it should be, and it is tried again; else the call ends. */
    bool (*answered)(struct home_call *c, struct str body);
    /* Another status, that does not pass by itself; `code` is a code of Matrix, or empty. False:
     * it is to be tried again all the same. */
    bool (*refused)(struct home_call *c, unsigned status, struct str code);
};
extern const struct call_rule call_rules[CALL_KINDS];

/* A gap in the timeline of a room, to be filled before the rest of a sync is told. */
struct gap {
    struct list link;
    struct str room; /* in `texts` */
    struct str to;
    struct buf from; /* where its next page starts */
    bool is_joined;
    bool is_told;           /* what holds in the room */
    unsigned empty_pages;   /* one after the other */
    unsigned failures;      /* to get the next page */
    uint64_t failing_ms;    /* since when */
    unsigned well_failures; /* how many there were when the server was well behind one; 0: never */
    uint64_t logged_ms;     /* 0: never */
    char texts[];
};

enum login_state {
    LOGIN_IDLE,
    LOGIN_FIND,
    LOGIN_VERSIONS,
    LOGIN_WHOAMI,
    LOGIN_PASSWORD,
    LOGIN_REFRESH,
    LOGIN_SAVE,
    LOGIN_READY,
    LOGIN_STOPPED
};

struct homeserver {
    struct homeserver_ports ports;
    struct http_client *http;
    struct bridge_time now;
    struct list calls;
    struct home_call *answering; /* is being dealt with, so it is not to be started; or NULL */
    bool is_stopping;

    /* settings */
    struct buf texts; /* owns what the others borrow */
    struct str server;
    struct str user_id;
    struct str device_id; /* empty: that of the file, or a new one */
    struct str *rooms;
    size_t room_count;
    const char *credentials_file;
    uint64_t sync_timeout_ms;

    /* how it stands */
    enum homeserver_fault fault;
    bool was_cut; /* away, by a request that did not get through: any that does ends it */
    uint64_t fault_logged_ms; /* 0: never */
    bool fault_was_logged;    /* the present one */
    char sentence[400];

    /* login */
    enum login_state state;
    struct home_call *login; /* the request of the state, if it has one */
    struct buf base;         /* "https://matrix.example.org" */
    struct credentials credentials;
    unsigned token_age;   /* grows with each access token */
    bool is_known;        /* that the token is ours: by whoami, or by a login */
    bool old_refresh;     /* at /v1/refresh */
    bool tried_both;      /* places of the refresh */
    uint64_t lifetime_ms; /* of the new token, not counted yet; 0: none */
    uint64_t refresh_at_ms;
    unsigned losses;      /* tokens lost, one after the other, without a success */
    uint64_t retry_at_ms; /* of what failed here: a file, memory */
    unsigned save_failures;
    bool has_retry; /* retry_at_ms is to be counted from the next tick */

    /* sync */
    struct home_call *sync; /* of CALL_SYNC or CALL_MESSAGES */
    struct buf next_batch;
    struct list gaps;
    struct buf kept; /* the response whose gaps are being filled */
    unsigned timeline_limit;
    unsigned page_limit;
    bool wants_quick; /* the next sync is not to wait: it shows that the server is back */
    bool has_told;    /* an event, since the last response */
    unsigned empties; /* responses without one, one after the other, since empty_ms */
    uint64_t empty_ms;
    uint64_t synced_ms;
    bool has_synced; /* synced_ms is to be counted from the next tick */
    uint64_t strange_logged_ms;

    /* --check */
    struct homeserver_checker checker;
    bool is_checking;
    enum { CHECK_SERVER, CHECK_LOGIN, CHECK_ALIASES, CHECK_JOINED, CHECK_END } checked;
    size_t checked_rooms; /* whose id is in `aliases` */
    bool check_is_asking;
    int64_t date_ms; /* of the server; -1: not known */
    bool has_skew;
    int64_t skew_ms;    /* how far our clock is ahead of it */
    struct buf joined;  /* the body of /joined_rooms */
    struct buf aliases; /* room ids of rooms, each with a NUL; empty: not found */
};

enum { HOME_PAGE_LIMIT = 100 }; /* of each gap at first */

/* --- homeserver.c ------------------------------------------------------------------------------
 */

void home_log(struct homeserver *h, unsigned level, const char *event, struct str about,
              const char *format, ...) __attribute__((format(printf, 5, 6)));
/* How it stands is this from now on; tells it when it is news. */
void home_fault(struct homeserver *h, enum homeserver_fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Whether a fault ends the bridge. */
bool home_is_over(enum homeserver_fault fault);
/* Something of our own failed: it is tried again by a tick, in a while. */
void home_retry(struct homeserver *h);

/* --- homeserver_call.c -------------------------------------------------------------------------
 */

/* A request that is not in the list yet, for the caller to complete; NULL: no memory. */
struct home_call *home_call_new(struct homeserver *h, enum call_kind kind, struct str room);
/* Into the list, if path and body have not failed: else it is freed. */
bool home_call_add(struct home_call *c);
/* Takes it out, and ends it if it is under way. NULL is taken. */
void home_call_free(struct home_call *c);
/* Starts whatever can be started. */
void home_pump(struct homeserver *h);
/* Counts delays from now on. */
void home_calls_tick(struct homeserver *h);
/* When the next one is due; 0: at once. */
uint64_t home_calls_deadline(const struct homeserver *h);
/* All that wait because something failed are due: the server is there. */
void home_calls_wake(struct homeserver *h);
/* Tries it again after a while that grows with its failures. */
void home_call_again(struct home_call *c);
/* Tries it again so long after the next tick. */
void home_call_delay(struct home_call *c, uint64_t ms);
/* Whether a failure of this request says how the server is, and not only what it thinks of it. */
static inline bool home_is_vital(const struct home_call *c)
{
    return c->kind <= CALL_SYNC || c->home->is_checking;
}
/* 1 s, 2 s ... 60 s, and up to half as much by chance, but never above 60 s. */
uint64_t home_backoff(struct homeserver *h, unsigned failures);

/* --- homeserver_answer.c -----------------------------------------------------------------------
 */

/* The `done` of every request. */
void home_call_done(void *owner, const struct http_response *response);

/* --- homeserver_login.c ------------------------------------------------------------------------
 */

/* Nothing more is asked. */
void home_login_stop(struct homeserver *h);
/* The state's request, when there is none; a token that ends soon. */
void home_login_tick(struct homeserver *h);
uint64_t home_login_deadline(const struct homeserver *h);
/* The server is known, and speaks Matrix: now with which token. */
void home_login_begin(struct homeserver *h);
/* To another state. */
void home_login_enter(struct homeserver *h, enum login_state state);
/* A request was answered that the token is no good. */
void home_login_lost(struct homeserver *h, unsigned token_age);
bool home_answer_whoami(struct home_call *c, struct str body);
bool home_answer_token(struct home_call *c, struct str body);
bool home_refuse_password(struct home_call *c, unsigned status, struct str code);
bool home_refuse_refresh(struct home_call *c, unsigned status, struct str code);

/* --- homeserver_find.c -------------------------------------------------------------------------
 */

/* Finds the server that is configured. */
void home_find_start(struct homeserver *h);
bool home_answer_well_known(struct home_call *c, struct str body);
bool home_refuse_well_known(struct home_call *c, unsigned status, struct str code);
bool home_answer_versions(struct home_call *c, struct str body);
bool home_refuse_versions(struct home_call *c, unsigned status, struct str code);

/* --- homeserver_sync.c -------------------------------------------------------------------------
 */

/* The path of a sync or page, by what holds now. */
void home_sync_prepare(struct home_call *c);
/* The next sync or page, when there is none under way. */
void home_sync_tick(struct homeserver *h);
/* What was begun is forgotten. */
void home_sync_end(struct homeserver *h);
bool home_answer_sync(struct home_call *c, struct str body);
bool home_answer_messages(struct home_call *c, struct str body);
bool home_refuse_messages(struct home_call *c, unsigned status, struct str code);
/* The response of a sync or a page was too much: less is asked for. False: less cannot be. */
bool home_sync_less(struct home_call *c);

/* The first gap is over; behind the last one the response is told that they are of. */
void home_gap_end(struct homeserver *h);

/* --- homeserver_gap.c --------------------------------------------------------------------------
 */

/* The request of its next page has failed, with this status; 0: it was not answered. */
void home_gap_failed(struct homeserver *h, unsigned status);
bool home_answer_probe(struct home_call *c, struct str body);
void home_probe_failed(struct homeserver *h);

/* --- homeserver_send.c -------------------------------------------------------------------------
 */

/* It was answered with this status by something before the homeserver. True: for so long that it is
 * to be refused. */
bool home_send_lost(struct home_call *c, unsigned status);
bool home_answer_send(struct home_call *c, struct str body);
bool home_refuse_send(struct home_call *c, unsigned status, struct str code);
bool home_answer_join(struct home_call *c, struct str body);
bool home_refuse_join(struct home_call *c, unsigned status, struct str code);
bool home_answer_any(struct home_call *c, struct str body);
bool home_refuse_any(struct home_call *c, unsigned status, struct str code);

/* --- homeserver_check.c ------------------------------------------------------------------------
 */

void home_check_tick(struct homeserver *h);
bool home_answer_resolve(struct home_call *c, struct str body);
bool home_refuse_resolve(struct home_call *c, unsigned status, struct str code);
bool home_answer_joined_rooms(struct home_call *c, struct str body);

/* --- homeserver_url.c: pure --------------------------------------------------------------------
 */

/* Appends a part of a path, or a value of a query, with all but unreserved characters encoded. */
void url_append_part(struct buf *out, struct str part);
/* Appends "?name=value", or "&name=value" when there is one already behind `start` of `out`. */
void url_append_query(struct buf *out, const char *name, struct str value);
/*
 * What `matrix.server` means: *ret_is_name is true for a server name, which is to be looked up.
 * *ret_base is the URL without a slash at its end, or the name. Returns NULL, or what is wrong.
 */
const char *url_read_server(struct str server, bool *ret_is_name, struct str *ret_base);
/* Whether it is an https URL without a query, of nothing but visible characters. */
bool url_is_https(struct str url);

#endif
