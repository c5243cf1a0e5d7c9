#ifndef PARLEY_GATEWAY_GATEWAY_H
#define PARLEY_GATEWAY_GATEWAY_H

/*
 * The composition: a hub, its reactors and their listeners, as one thing that runs until it is
 * stopped. With one thread everything happens in one loop, without a lock or a wake-up; with more,
 * each reactor has a thread of its own and the hub stays in the one that calls gateway_run.
 *
 * Nothing here is global and nothing is printed, so several can live in a process.
 */

#include "core/access.h"
#include "core/host.h"
#include "core/hub.h"
#include "net/reactor.h"

struct gateway;

enum gateway_phase {
    GATEWAY_SERVING,   /* it runs; and again behind each GATEWAY_RELOADING */
    GATEWAY_RELOADING, /* it has begun to */
    GATEWAY_STOPPING,  /* and does not reload any more */
};

struct gateway_socket {
    int fd;
    bool status_only; /* for health and status alone */
};

/* A program that embeds the gateway: see core/host.h and hub_ports. Each may be NULL. */
struct gateway_host {
    void *owner;
    void (*event)(void *owner, const struct hub_event *event);
    int (*hear)(void *owner, const struct hub_heard *message);
    void (*check_credential)(void *owner, uint64_t job, struct str secret, bool is_password,
                             const uint8_t address[16]);
    /* Every turn, before it ends: for what other threads have brought. */
    void (*turn)(void *owner);
};

struct gateway_settings {
    struct hub_settings hub;         /* its `reactors` is set from `threads` */
    struct reactor_settings reactor; /* for each; `index` and `policy` are set here; what it borrows
                                        must outlive the gateway */
    struct net_policy *policy; /* borrowed until gateway_new returns; NULL: the product's, with the
                                  limits of the hub */
    unsigned threads;          /* reactors, 1 to MAX_REACTORS */
    bool spin;                 /* threads may look for work before they sleep: see spin.h */
    /* Where it listens; borrowed until gateway_new returns. */
    const char *bind;      /* "loopback" (127.0.0.1 and ::1), "all", or an address; NULL: no TCP */
    uint16_t port;         /* 0: a free one */
    uint16_t status_port;  /* also there, for health and status alone; 0: no */
    const char *unix_path; /* also there; NULL: no */
    /* Listening sockets to be used instead of `bind` and the ports: gateway_new takes them. */
    const struct gateway_socket *sockets;
    unsigned socket_count;
    uint64_t drain_ms; /* for clients to leave, once stopped */
    void *owner;
    /*
     * Answers an HTTP request by hub_respond, now or later; runs where the hub runs. `request` is
     * the head, of head_len bytes, and the body; borrowed, like the evidence of who asks. NULL
     * only without HTTP routes.
     */
    void (*request)(void *owner, struct hub *hub, uint64_t conn, const struct evidence *evidence,
                    struct str request, size_t head_len);
    /* As in hub_ports, and NULL where they may be NULL there. Called where the hub runs. */
    void (*log)(void *owner, enum log_level level, const char *event, struct str client,
                struct str details);
    void (*digest)(void *owner, struct str secret, uint8_t ret_digest[32]);
    bool (*verify)(void *owner, struct str token, void *ctx,
                   void (*take)(void *ctx, const struct hub_claims *claims));
    void (*judged)(void *owner, uint64_t conn, const struct hub_asker *asker, struct str request,
                   size_t head_len);
    uint64_t (*memory)(void *owner);
    /*
     * Whether `password` is the one that `hash` was stored for (see gateway_set_password). Called
     * in a thread of its own, one at a time. NULL: no password is asked for.
     */
    bool (*verify_password)(const char *hash, struct str password);
    /*
     * A reload, in two steps: `reload_load` reads and checks, in a thread of its own, and returns
     * what is to be done (owned); `reload_apply` takes that and does it, where the hub runs. NULL
     * instead of a plan: there was no memory, or no thread.
     * `reload_drop` takes it when there is no gateway any more to do it to. NULL: gateway_reload
     * does nothing.
     */
    void *(*reload_load)(void *owner);
    void (*reload_apply)(void *owner, struct hub *hub, void *plan);
    void (*reload_drop)(void *owner, void *plan);
    /* What it is about to do, or has done; may be NULL. Called where the hub runs. */
    void (*phase)(void *owner, enum gateway_phase phase);
    /*
     * Called every `alive_ms` where the hub runs, as long as every reactor has had a turn since the
     * last call. For a watchdog; NULL: there is none.
     */
    void (*alive)(void *owner);
    uint64_t alive_ms;
    struct gateway_host host;
};

/* The product's defaults: its limits, one thread, loopback on port 8765; no routes. */
void gateway_settings_init(struct gateway_settings *s);

/* What could not be had. */
enum gateway_part {
    GATEWAY_RESOURCES,
    GATEWAY_TCP,
    GATEWAY_STATUS, /* the status port */
    GATEWAY_UNIX,
    GATEWAY_SOCKETS, /* one that was given */
};

/*
 * Listens and is ready to run; connections wait until it does. Returns 0, or a negative errno with
 * *ret_part: -EADDRINUSE when the port or path is taken. Raises the process's limit of descriptors
 * to the one it is allowed. Settings are copied.
 */
int gateway_new(const struct gateway_settings *settings, struct gateway **ret_gateway,
                enum gateway_part *ret_part);
/* Closes everything. Not while it runs. NULL is taken. */
void gateway_free(struct gateway *g);

/*
 * Runs until it has been stopped and its clients have gone, or the time for that is over. Returns
 * 0, or a negative errno when a thread cannot be started.
 */
int gateway_run(struct gateway *g);
/*
 * The same in pieces, for a program that has a loop of its own; all in one thread, the hub's.
 *
 *   gateway_start   returns as gateway_run; gateway_end is due in either case
 *   gateway_step    one turn; `wait`: sleeps until there is something to do, or time has passed.
 *                   False: it has been stopped and all is over
 *   gateway_end     ends its threads
 *
 * gateway_fd is to be waited for by poll(2) or epoll(7) between steps that do not wait: it is
 * readable when a step has something to do. Borrowed; or a negative errno.
 */
int gateway_start(struct gateway *g);
bool gateway_step(struct gateway *g, bool wait);
void gateway_end(struct gateway *g);
int gateway_fd(struct gateway *g);
/*
 * Stops it: no new connections, clients are told, spread over drain_ms. Called a second time, it
 * ends at once. From any thread, and from signal handlers.
 */
void gateway_stop(struct gateway *g);
/*
 * The same for who is not in a hurry: it does not count as the first of two stops, so a service
 * manager that stops what is draining already does not cut it short.
 */
void gateway_drain(struct gateway *g);

/*
 * Has the configuration loaded and applied, while all goes on. Called again before that has ended,
 * it is done once more behind it; while the gateway is stopping, it is not done. From any thread,
 * and from signal handlers.
 */
void gateway_reload(struct gateway *g);
/*
 * The stored hash that passwords are checked against from now on, those that are being checked
 * included; copied. NULL: no password is right. Where the hub runs, or before it does. False: there
 * is no memory, and all is as before.
 */
bool gateway_set_password(struct gateway *g, const char *hash);
/* Another drain_ms, for a stop that has not begun. Where the hub runs. */
void gateway_set_drain(struct gateway *g, uint64_t drain_ms);

/* Ends its sleep, if it sleeps: `host.turn` is called soon. From any thread, and from signal
 * handlers. */
void gateway_wake(struct gateway *g);

/* Where it listens; *ret_count of them, borrowed. Status ports stand behind others. */
const struct listener *gateway_listeners(const struct gateway *g, size_t *ret_count);
/* The hub, borrowed; to be used where it runs, which is in the callbacks above. */
struct hub *gateway_hub(struct gateway *g);
/* Figures of reactor i < threads, to be read by metric_read, from any thread. */
const struct reactor_metrics *gateway_metrics(const struct gateway *g, unsigned i);

#endif
