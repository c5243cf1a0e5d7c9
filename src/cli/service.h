#ifndef PARLEY_CLI_SERVICE_H
#define PARLEY_CLI_SERVICE_H

/*
 * What a service manager and the program say to each other: the protocols of sd_notify(3),
 * sd_watchdog_enabled(3) and sd_listen_fds(3), which are a datagram and a few variables of the
 * environment. Without a manager nothing is said and nothing is given.
 */

#include <sys/socket.h>
#include <sys/un.h>

#include "base/buf.h"

enum { SERVICE_SOCKETS = 6 };

struct service {
    int fd; /* -1: there is nobody to tell */
    struct sockaddr_un manager;
    socklen_t manager_len;
    uint64_t watchdog_ms; /* how often it wants to hear of us; 0: not at all */
    struct service_socket {
        int fd;           /* listens */
        bool status_only; /* named "status" */
        bool exposed;     /* can be reached from other machines */
    } sockets[SERVICE_SOCKETS];
    unsigned socket_count; /* closed by service_fini, */
    bool sockets_taken;    /* but for this */
};

/*
 * Reads what the manager has left in the environment, and removes it from there, so that it is not
 * taken for somebody else's. Returns false, and `error` gets a sentence, when it gave a socket that
 * cannot be used, or too many; service_fini is due anyway.
 */
bool service_init(struct service *s, struct buf *error);
/* NULL is taken. */
void service_fini(struct service *s);

/* Somebody else closes the sockets. */
static inline void service_forget_sockets(struct service *s)
{
    s->sockets_taken = true;
}

/* Tells the manager: "READY=1\nSTATUS=…". A message that it does not take at once is lost. */
void service_tell(const struct service *s, const char *message);
/* The same for RELOADING=1, which goes with the time. */
void service_tell_reloading(const struct service *s);

#endif
