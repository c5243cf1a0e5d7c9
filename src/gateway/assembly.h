#ifndef PARLEY_GATEWAY_ASSEMBLY_H
#define PARLEY_GATEWAY_ASSEMBLY_H

/*
 * The product put together: what the configuration says, made into a gateway with its HTTP
 * interface, and kept so by reloads. Whoever has sources of a configuration needs nothing else to
 * run one.
 */

#include "gateway/gateway.h"
#include "gateway/memory.h"
#include "gateway/setup.h"
#include "rest/rest.h"

enum { ASSEMBLY_MAX_WORLD_PATHS = 16, ASSEMBLY_MAX_ROUTES = 48 };

/* How a reload went; all borrowed. */
struct reload_report {
    struct str error;          /* a sentence; empty when all was taken */
    const struct setup *setup; /* what was loaded; NULL: nothing could be */
    size_t changes;            /* options that have another value now */
};

/* What whoever puts it together gives and is told; called where the hub runs. */
struct assembly_ports {
    void *owner;
    void (*log)(void *owner, unsigned level, const char *event, struct str client,
                struct str details);
    void (*phase)(void *owner, enum gateway_phase phase);
    void (*reloaded)(void *owner, const struct reload_report *report);
    void (*alive)(void *owner); /* every alive_ms while all is well; NULL: nobody asks */
    uint64_t alive_ms;
    /* Listening sockets to be used instead of listen.bind and the ports; assembly_open takes them.
     */
    const struct gateway_socket *sockets;
    unsigned socket_count;
    bool exposed;             /* some of them are reached from other machines */
    struct gateway_host host; /* with check_credential, who comes in is its decision alone */
};

struct assembly {
    struct assembly_ports ports;
    struct gateway_settings settings;
    struct gateway *gateway; /* owned; NULL until it is opened */
    struct rest rest;
    struct route routes[ASSEMBLY_MAX_ROUTES];
    struct str world_paths[ASSEMBLY_MAX_WORLD_PATHS]; /* into the first setup */
    const struct config_sources *sources;
    struct setup *first; /* owned; of options that need a restart its values hold */
    struct setup *setup; /* owned; what holds now, perhaps the same */
    struct memory_meter memory;
};

/*
 * Loads the configuration and makes the settings. Sources, `version` and what the ports name are
 * borrowed for as long as `a` lives; the ports are copied. Returns false, and `error` gets a
 * sentence, when it is wrong; assembly_fini is due anyway. `a` must not move any more.
 */
bool assembly_init(struct assembly *a, const struct config_sources *sources,
                   const struct assembly_ports *ports, const char *version, struct buf *error);
/*
 * Listens. Returns false, and `error` gets a sentence; *ret_taken says whether another setting
 * would help (a port or path that is taken, or not allowed).
 */
bool assembly_open(struct assembly *a, struct buf *error, bool *ret_taken);
/* Closes what is open; NULL is taken. */
void assembly_fini(struct assembly *a);

#endif
