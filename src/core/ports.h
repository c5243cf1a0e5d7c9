#ifndef PARLEY_CORE_PORTS_H
#define PARLEY_CORE_PORTS_H

/*
 * What the core needs of the world outside and cannot do itself. Each port is a few functions with
 * an owner; a test gives its own. (A store and a cluster will be ports here too.)
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* The time as the core is told it. */
struct hub_time {
    uint64_t mono_ms; /* never goes back */
    uint64_t wall_ms; /* since 1970, for people and `ts` */
};

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

struct hub_asker;
struct hub_claims;
struct hub_event;
struct hub_heard;

struct hub_ports {
    void *owner;
    /* Unpredictable bytes: ids and hash secrets. Never fails. */
    void (*random)(void *owner, void *bytes, size_t len);
    /*
     * A log line: a stable event id ("client_opened"), the client it is about ("" for none), and
     * details as "key=value key=value". All borrowed. May be NULL.
     */
    void (*log)(void *owner, enum log_level level, const char *event, struct str client,
                struct str details);
    /* SHA-256 of a credential. May be NULL where nobody has to authenticate. */
    void (*digest)(void *owner, struct str secret, uint8_t ret_digest[32]);
    /*
     * Whether a signed token is to be believed; then `take` is called once with what it says. NULL
     * where none is asked for.
     */
    bool (*verify)(void *owner, struct str token, void *ctx,
                   void (*take)(void *ctx, const struct hub_claims *claims));
    /*
     * Has a password checked, off the hub's thread; hub_password_checked(hub, job, …) follows,
     * once. Copies it. False: too many are being checked. NULL where no password is asked for.
     */
    bool (*check_password)(void *owner, uint64_t job, struct str password);
    /*
     * An HTTP request for which hub_judge had to wait; as hub_judge got it. NULL where no password
     * is asked for.
     */
    void (*judged)(void *owner, uint64_t conn, const struct hub_asker *asker, struct str request,
                   size_t head_len);
    /* Bytes that the process has allocated. NULL: nobody counts. */
    uint64_t (*memory)(void *owner);
    /* For a program that embeds the gateway (core/host.h). NULL where it does not want to know. */
    void (*event)(void *owner, const struct hub_event *event);
    /* What becomes of a message: an enum hub_hearing. */
    int (*hear)(void *owner, const struct hub_heard *message);
    /*
     * HUB_AUTH_HOST: has the host look at a credential; hub_credential_checked(hub, job, …)
     * follows, once, and not from inside this call, where the host may call any other function of
     * the hub. `is_password`: it was given as one. The address as in struct evidence. Borrowed.
     */
    void (*check_credential)(void *owner, uint64_t job, struct str secret, bool is_password,
                             const uint8_t address[16]);
};

#endif
