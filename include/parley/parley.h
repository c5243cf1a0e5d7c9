#ifndef PARLEY_PARLEY_H
#define PARLEY_PARLEY_H

/*
 * The gateway inside a program of your own: everything that `parley serve` does, with handlers for
 * message types, an authentication of your own, events, and functions for what a gateway knows and
 * does.
 *
 *     struct parley_options *options = parley_options_new();
 *     parley_options_set(options, "listen.port", "0");
 *     struct parley *p = parley_new(options, &error);
 *     parley_handle(p, PARLEY_GATEWAY, "sum", on_sum, NULL);
 *     parley_run(p);
 *     parley_free(p);
 *
 * Threads. A gateway belongs to the thread that calls parley_run, or parley_dispatch. All handlers
 * and events are called there, from inside that call, and all functions that take a gateway are to
 * be called there (in handlers, in events, between two calls of parley_dispatch, or before the
 * first): but for parley_post and parley_stop, which may be called from everywhere. A
 * handler may call every function but parley_run, parley_dispatch and parley_free. What is called
 * for one after the other (`visit`, `wants`) must not change anything: it keeps what it has found
 * (an id is to be copied), and what comes of it is done behind the call. Several gateways can live
 * in a process. Signals are left alone; SIGPIPE is never raised by a gateway's sockets.
 *
 * Ownership. Texts that go in are borrowed for the call, and copied where they are kept. Texts that
 * come out are borrowed until the handler or the call that had them returns, unless it says
 * otherwise. Texts are UTF-8, of a length, and need not end in NUL; "raw" is JSON as it is written,
 * a string with its quotes. What is a `const char *` ends in NUL.
 *
 * Errors. Functions that can fail return an enum parley_result, and do nothing when they do.
 */

#include "parley/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

struct parley;
struct parley_options;

enum parley_result {
    PARLEY_OK,
    PARLEY_OUT_OF_MEMORY,
    PARLEY_NOT_FOUND, /* no such client, session, agent, handler or login */
    PARLEY_INVALID,   /* a name or JSON that is none */
    PARLEY_EXISTS,
    PARLEY_DENIED,    /* what the client's credential grants does not allow it */
    PARLEY_LIMITED,   /* as many as may be */
    PARLEY_TOO_LARGE, /* more than limits.message_bytes, or of metadata than 16 KiB */
    PARLEY_FAILED,    /* the system did not do it: a thread, a descriptor */
};
/* "no memory"; lives for ever. */
PARLEY_PUBLIC const char *parley_result_text(enum parley_result result);
/* The version of the library, "0.1.0". */
PARLEY_PUBLIC const char *parley_version(void);

/* A text that ends in NUL, as one with a length; NULL gives the empty one. */
static inline struct parley_text parley_text(const char *z)
{
    struct parley_text text = {z, z != NULL ? strlen(z) : 0};
    return text;
}

/* --- life ------------------------------------------------------------------------------------- */

/* Owned; NULL: no memory. */
PARLEY_PUBLIC struct parley_options *parley_options_new(void) PARLEY_MUST_CHECK;
/* NULL is taken. */
PARLEY_PUBLIC void parley_options_free(struct parley_options *options);
/*
 * One option, by its key, as in parley.yaml(5): "listen.port", "limits.clients". A later one of the
 * same key replaces it. Whether it is allowed is found out by parley_new.
 */
PARLEY_PUBLIC enum parley_result parley_options_set(struct parley_options *options, const char *key,
                                                    const char *value) PARLEY_MUST_CHECK;
/* A file of options; those that are set one by one go before it. No file is looked for by itself.
 */
PARLEY_PUBLIC enum parley_result parley_options_file(struct parley_options *options,
                                                     const char *path) PARLEY_MUST_CHECK;

/*
 * Makes a gateway and listens: clients can connect, and are served as soon as it runs. Options are
 * copied, and may be freed. NULL: it cannot be; *ret_error, if it is not NULL, is a sentence that
 * says why, to be freed by free(3), or NULL when there was no memory even for that.
 */
PARLEY_PUBLIC struct parley *parley_new(const struct parley_options *options,
                                        char **ret_error) PARLEY_MUST_CHECK;
/* Closes everything. Not from inside a handler. NULL is taken. */
PARLEY_PUBLIC void parley_free(struct parley *p);

/*
 * Runs until it has been stopped and its clients have gone, or `drain` is over. PARLEY_FAILED: a
 * thread cannot be started.
 */
PARLEY_PUBLIC enum parley_result parley_run(struct parley *p) PARLEY_MUST_CHECK;
/*
 * For a program with a loop of its own: parley_fd is to be waited for (poll, epoll; for reading),
 * and parley_dispatch to be called when it is readable. One call does what is due and does not
 * wait. parley_dispatch returns false when the gateway has been stopped and is over. parley_fd is
 * borrowed; -1: there is no descriptor to be had.
 */
PARLEY_PUBLIC int parley_fd(struct parley *p);
PARLEY_PUBLIC bool parley_dispatch(struct parley *p);
/*
 * Stops it: no new connections, clients are told, spread over `drain`. Called again, it ends at
 * once. From any thread, and from signal handlers.
 */
PARLEY_PUBLIC void parley_stop(struct parley *p);
/*
 * Has `call` called with `ctx` where the gateway runs, once, soon, in the order of posting. From
 * any thread. What is posted after the gateway is over is called by parley_free, and so is what
 * that posts: what posts itself again has to end with `stopped`. PARLEY_OUT_OF_MEMORY: it is not
 * called.
 */
PARLEY_PUBLIC enum parley_result parley_post(struct parley *p,
                                             void (*call)(struct parley *p, void *ctx), void *ctx);

/* The port of its first TCP listener; 0: it has none. */
PARLEY_PUBLIC uint16_t parley_port(const struct parley *p);
/* A pointer of the program's own. */
PARLEY_PUBLIC void parley_set_context(struct parley *p, void *context);
PARLEY_PUBLIC void *parley_context(const struct parley *p);

/* --- handlers --------------------------------------------------------------------------------- */

/* A message of a client that has authenticated, before the gateway decides anything about it. */
struct parley_heard {
    struct parley_text client; /* the sender's id: "c-..." */
    enum parley_dialect dialect;
    struct parley_text type;
    struct parley_text text;    /* the whole message: for parley_TYPE_from_json */
    struct parley_text id;      /* raw; in the gateway dialect, as the next two. Empty: none */
    struct parley_text payload; /* raw */
    struct parley_text session; /* raw: `sessionId` */
};

enum parley_handling {
    PARLEY_PASS, /* the gateway deals with it as if there were no handler */
    PARLEY_DONE, /* the handler has dealt with it */
    PARLEY_FAIL, /* it could not: the sender is told HANDLER_ERROR */
};

typedef enum parley_handling parley_handler(struct parley *p, const struct parley_heard *message,
                                            void *ctx);
/*
 * Has messages of a type handled: one that the gateway knows (it is asked first), or any other.
 * There is one handler for a type in a dialect. `connect` and `auth` of a client that has not
 * authenticated yet are the gateway's.
 */
PARLEY_PUBLIC enum parley_result parley_handle(struct parley *p, enum parley_dialect dialect,
                                               const char *type, parley_handler *handler,
                                               void *ctx);
/* PARLEY_NOT_FOUND: there was none. A handler may take itself away. */
PARLEY_PUBLIC enum parley_result parley_unhandle(struct parley *p, enum parley_dialect dialect,
                                                 const char *type);

/* --- authentication --------------------------------------------------------------------------- */

/* A credential that somebody has shown. */
struct parley_login {
    uint64_t id;
    struct parley_text secret; /* wiped when the call returns */
    bool is_password;          /* it was given as one, and not as a token */
    const char *address;       /* whose: "203.0.113.9" */
};

/* Who it is, and what he may: see docs/access.md for the patterns. */
struct parley_identity {
    struct parley_text name; /* for `userId`: 1 to 256 bytes */
    struct parley_text
        agent_id; /* the only id that it registers, besides those of act_as; empty: any */
    struct parley_text publish;  /* patterns of message types, with | between: "bark|scene_*" */
    struct parley_text sessions; /* patterns of session ids, worlds included: "*" */
    struct parley_text act_as;   /* patterns of agent ids */
    bool broadcast;
    bool admin;
    uint64_t expires_ms; /* since 1970; 0: never. Then its connection is closed with 4401 */
};

/*
 * Replaces every check of tokens and passwords (tickets are still the gateway's own): `check` is
 * called with each credential and sees to it that parley_accept or parley_refuse is called for it,
 * in the call or later; after 30 seconds it counts as refused. At most 1,024 wait at a time; others
 * are told to come again. Failures are charged to the address as ever. Two connections with the
 * same name are the same subject. Before parley_new, since it says whether a gateway may listen to
 * other machines.
 */
PARLEY_PUBLIC void parley_options_authenticate(
    struct parley_options *options,
    void (*check)(struct parley *p, const struct parley_login *login, void *ctx), void *ctx);
/* PARLEY_INVALID: no name, or no patterns. PARLEY_NOT_FOUND: nobody waits for it any more. */
PARLEY_PUBLIC enum parley_result parley_accept(struct parley *p, uint64_t login,
                                               const struct parley_identity *identity);
PARLEY_PUBLIC enum parley_result parley_refuse(struct parley *p, uint64_t login);

/* --- events ----------------------------------------------------------------------------------- */

enum parley_agent_status { PARLEY_ONLINE, PARLEY_BUSY, PARLEY_OFFLINE };

/*
 * Each is called after what it tells has been dealt with, in the order in which it happened; those
 * that are NULL are not. All texts are borrowed until the function returns.
 */
struct parley_events {
    void (*started)(struct parley *p, void *ctx); /* it runs, and listens */
    void (*stopped)(struct parley *p, void *ctx); /* it is over; the last one */
    void (*client_connected)(struct parley *p, struct parley_text client, void *ctx);
    /* With authentication off, too: as whoever everybody is. */
    void (*client_authenticated)(struct parley *p, struct parley_text client,
                                 struct parley_text user_id, void *ctx);
    /*
     * With a close code of RFC 6455, or 1006 when the connection was lost. The reason is the
     * gateway's; a peer's own is not told.
     */
    void (*client_disconnected)(struct parley *p, struct parley_text client, uint16_t code,
                                struct parley_text reason, void *ctx);
    /* "token", "password", "locked_out": a reason of the metric parley_auth_failures_total */
    void (*credential_refused)(struct parley *p, struct parley_text reason, void *ctx);
    void (*session_created)(struct parley *p, struct parley_text session, void *ctx);
    void (*session_joined)(struct parley *p, struct parley_text session, struct parley_text client,
                           void *ctx);
    void (*session_left)(struct parley *p, struct parley_text session, struct parley_text client,
                         void *ctx);
    void (*session_ended)(struct parley *p, struct parley_text session, void *ctx);
    /* An agent that is new in the registry; it is online. */
    void (*agent_registered)(struct parley *p, struct parley_text agent, struct parley_text client,
                             void *ctx);
    /* Registered again, no longer busy, or connected again; busy by its own word; disconnected. */
    void (*agent_online)(struct parley *p, struct parley_text agent, struct parley_text client,
                         void *ctx);
    void (*agent_busy)(struct parley *p, struct parley_text agent, struct parley_text client,
                       void *ctx);
    void (*agent_offline)(struct parley *p, struct parley_text agent, void *ctx);
    void (*agent_unregistered)(struct parley *p, struct parley_text agent, void *ctx);
    /* Every message of a client that has authenticated, before its handler is asked. */
    void (*message)(struct parley *p, const struct parley_heard *message, void *ctx);
    /* An error that a client was told. */
    void (*error)(struct parley *p, struct parley_text client, const char *code, void *ctx);
    /* So many events could not be told here, for want of memory. */
    void (*lost)(struct parley *p, uint64_t count, void *ctx);
    /* A line of the log: level 0 debug to 3 error, "key=value" details. */
    void (*log)(struct parley *p, unsigned level, const char *event, struct parley_text client,
                struct parley_text details, void *ctx);
};
/* Before parley_new. Copied. */
PARLEY_PUBLIC void parley_options_events(struct parley_options *options,
                                         const struct parley_events *events, void *ctx);

/* --- messages --------------------------------------------------------------------------------- */

/*
 * What the gateway says, in its own name. Either `type` and `payload`: each client gets them in its
 * own dialect, world clients with the payload as `data`. Or `text`, a whole message of `dialect`
 * (as parley_TYPE_to_json makes them), which clients of the other dialect get converted.
 */
struct parley_message {
    struct parley_text type;
    struct parley_text payload;  /* raw JSON; empty: {} */
    struct parley_text reply_to; /* raw: the `id` of the message that it answers; or empty */
    struct parley_text text;
    enum parley_dialect dialect; /* of `text` */
};
/* To one: a client id, or an agent id. */
PARLEY_PUBLIC enum parley_result parley_send(struct parley *p, struct parley_text to,
                                             const struct parley_message *message);
/*
 * To the members of a session but one (a client or agent id; empty: to all). *ret_receivers, if it
 * is not NULL: how many.
 */
PARLEY_PUBLIC enum parley_result parley_send_session(struct parley *p, struct parley_text session,
                                                     struct parley_text except,
                                                     const struct parley_message *message,
                                                     size_t *ret_receivers);
struct parley_client;
/* To all clients that `wants` wants (NULL: to all); `wants` must not change anything. */
PARLEY_PUBLIC enum parley_result
parley_broadcast(struct parley *p, bool (*wants)(const struct parley_client *client, void *ctx),
                 void *ctx, const struct parley_message *message, size_t *ret_receivers);
/* An error, as the gateway says them; `code` is one of docs/errors.md. `details`: raw, or empty. */
PARLEY_PUBLIC enum parley_result parley_send_error(struct parley *p, struct parley_text to,
                                                   struct parley_text reply_to, const char *code,
                                                   struct parley_text message,
                                                   struct parley_text details);
/*
 * A message as a text of the gateway dialect, with a fresh id, for whatever a program does with it;
 * to be freed by free(3). NULL: it is none, or there is no memory. *ret_len may be NULL; the text
 * ends in NUL besides.
 */
PARLEY_PUBLIC char *parley_make_message(struct parley *p, const struct parley_message *message,
                                        size_t *ret_len) PARLEY_MUST_CHECK;
PARLEY_PUBLIC char *parley_make_error(struct parley *p, struct parley_text reply_to,
                                      const char *code, struct parley_text message,
                                      struct parley_text details,
                                      size_t *ret_len) PARLEY_MUST_CHECK;

/* --- clients ---------------------------------------------------------------------------------- */

struct parley_client {
    struct parley_text id;
    enum parley_dialect dialect;
    bool authenticated;
    struct parley_text user_id;  /* empty until it has authenticated */
    struct parley_text agent_id; /* empty without one */
    struct parley_text user_agent;
    const char *address;   /* "203.0.113.9"; "unix" */
    uint64_t connected_ms; /* since 1970, as the next one */
    uint64_t heard_ms;     /* the last sign of life, to a tenth of a second */
    uint64_t dropped;      /* broadcasts that it missed because it was slow */
};
/* By its id, or its agent's; the texts are borrowed until the gateway is called again. */
PARLEY_PUBLIC enum parley_result parley_find_client(struct parley *p, struct parley_text id,
                                                    struct parley_client *ret_client);
/* At most `limit`; `visit` must not change anything. */
PARLEY_PUBLIC void parley_each_client(struct parley *p, size_t limit,
                                      void (*visit)(const struct parley_client *client, void *ctx),
                                      void *ctx);
/* The sessions that a client is in, worlds included. */
PARLEY_PUBLIC enum parley_result
parley_each_session_of(struct parley *p, struct parley_text client,
                       void (*visit)(struct parley_text session, void *ctx), void *ctx);
/* Closes a client, or an agent's, with 4408 and a reason of at most 123 bytes that can be printed.
 */
PARLEY_PUBLIC enum parley_result parley_kick(struct parley *p, struct parley_text id,
                                             struct parley_text reason);

/* --- sessions --------------------------------------------------------------------------------- */

struct parley_session {
    struct parley_text id;
    struct parley_text name;     /* for people; or empty */
    struct parley_text metadata; /* raw; or empty */
    size_t members;
    size_t agents;
    bool is_kept; /* made by parley_session_create: it stays without members */
};
/* `name` and `metadata` (raw JSON object) may be empty. The id must not begin with `world:`. */
PARLEY_PUBLIC enum parley_result parley_session_create(struct parley *p, struct parley_text id,
                                                       struct parley_text name,
                                                       struct parley_text metadata);
PARLEY_PUBLIC enum parley_result parley_session_get(struct parley *p, struct parley_text id,
                                                    struct parley_session *ret_session);
PARLEY_PUBLIC void
parley_session_list(struct parley *p, size_t limit,
                    void (*visit)(const struct parley_session *session, void *ctx), void *ctx);
PARLEY_PUBLIC enum parley_result
parley_session_members(struct parley *p, struct parley_text id, size_t limit,
                       void (*visit)(struct parley_text client, void *ctx), void *ctx);
/* A client of the gateway dialect; it and the others are told, as if it had joined or left. */
PARLEY_PUBLIC enum parley_result parley_session_add(struct parley *p, struct parley_text id,
                                                    struct parley_text client);
PARLEY_PUBLIC enum parley_result parley_session_remove(struct parley *p, struct parley_text id,
                                                       struct parley_text client);
/* One that is kept ends with its last member from now on: at once, when it has none. */
PARLEY_PUBLIC enum parley_result parley_session_end(struct parley *p, struct parley_text id);
/* Ends those that are kept and empty. Returns how many. */
PARLEY_PUBLIC size_t parley_session_clean_up(struct parley *p);

/* --- agents ----------------------------------------------------------------------------------- */

struct parley_agent {
    struct parley_text id;
    struct parley_text name;
    struct parley_text role;
    const char *type; /* "custom" */
    enum parley_dialect dialect;
    enum parley_agent_status status;
    struct parley_text capabilities; /* raw, as it said them; or empty */
    uint32_t max_concurrent;
    struct parley_text client; /* empty while it is offline */
    uint64_t connected_ms;     /* since 1970, as the next one */
    uint64_t seen_ms;
};
/* What an agent has to be; all that is there has to hold. */
struct parley_agent_filter {
    struct parley_text capability; /* "chat", "tools:search"; empty: any */
    struct parley_text type;       /* "cli"; empty: any */
    bool offline;                  /* those that are offline, too */
    bool only_free;                /* not those that say that they are busy */
};
/*
 * A client becomes an agent, as if it had sent `agent_register` with this payload (raw JSON
 * object): it is answered, or refused, as if it had.
 */
PARLEY_PUBLIC enum parley_result parley_agent_register(struct parley *p, struct parley_text client,
                                                       struct parley_text registration);
PARLEY_PUBLIC enum parley_result parley_agent_unregister(struct parley *p,
                                                         struct parley_text agent);
/* As its own heartbeat would say: PARLEY_ONLINE or PARLEY_BUSY. */
PARLEY_PUBLIC enum parley_result parley_agent_set_status(struct parley *p, struct parley_text agent,
                                                         enum parley_agent_status status);
PARLEY_PUBLIC enum parley_result parley_agent_get(struct parley *p, struct parley_text id,
                                                  struct parley_agent *ret_agent);
/* NULL instead of a filter: all that are connected. */
PARLEY_PUBLIC void parley_agent_list(struct parley *p, const struct parley_agent_filter *filter,
                                     size_t limit,
                                     void (*visit)(const struct parley_agent *agent, void *ctx),
                                     void *ctx);
/* To every agent of a filter that is connected. */
PARLEY_PUBLIC enum parley_result parley_agent_broadcast(struct parley *p,
                                                        const struct parley_agent_filter *filter,
                                                        const struct parley_message *message,
                                                        size_t *ret_receivers);
struct parley_agent_statistics {
    size_t total; /* those that are remembered, too */
    size_t online;
    size_t busy;
    size_t offline;
    size_t pi, cli, webchat, companion, channel, custom; /* by type, of all */
};
PARLEY_PUBLIC void parley_agent_statistics(struct parley *p,
                                           struct parley_agent_statistics *ret_statistics);

/* --- figures ---------------------------------------------------------------------------------- */

/* Those that end in `_total` only grow. */
struct parley_statistics {
    uint64_t clients;
    uint64_t world_clients;
    uint64_t gateway_clients;
    uint64_t sessions;
    uint64_t agents;
    uint64_t requests; /* to agents, in flight */
    uint64_t connections_total;
    uint64_t received_total;  /* messages */
    uint64_t delivered_total; /* messages, to each receiver */
    uint64_t errors_total;
    uint64_t dropped_slow_total; /* broadcasts that slow clients missed */
    uint64_t dropped_rate_total; /* messages above limits.rate */
    uint64_t
        dropped_answer_total; /* answers to requests that had ended, or were not their sender's */
    uint64_t out_of_memory_total; /* messages or connections */
    uint64_t bytes_in_total;
    uint64_t bytes_out_total;
    uint64_t uptime_ms;
};
PARLEY_PUBLIC void parley_statistics(struct parley *p, struct parley_statistics *ret_statistics);

#ifdef __cplusplus
}
#endif

#endif
