#ifndef PARLEY_CORE_JOB_H
#define PARLEY_CORE_JOB_H

/*
 * What waits for a credential to be checked: a handshake, an HTTP request, or the message of a
 * client with a credential in it. Checking a password takes long on purpose, so there are few
 * places, and one who finds none is told to come again. A host may ask others over a network, so it
 * has more.
 */

#include "base/buf.h"
#include "core/hub.h"

enum { HUB_JOBS = 32, HUB_JOBS_OF_HOST = 1024 };

enum job_kind {
    JOB_FREE,
    JOB_OPEN,    /* kept: the evidence of the handshake */
    JOB_REQUEST, /* kept: the HTTP request */
    JOB_MESSAGE, /* kept: the client's message, an agent_register */
};

struct job {
    uint8_t kind;    /* enum job_kind */
    uint8_t dialect; /* of JOB_OPEN */
    bool near;
    bool is_password; /* it was given as one */
    uint8_t address[16];
    uint32_t round; /* times that the place was used: a late verdict finds nobody */
    uint64_t conn;
    size_t head_len; /* of JOB_REQUEST */
    uint64_t since_ms;
    struct buf kept; /* wiped when it is done */
};

/* False: no memory. */
bool jobs_init(struct hub *hub);
/*
 * Has `secret` checked for what is kept. Returns false when all places are taken, or there is no
 * memory; the attempt has then been given back to the limiter.
 */
bool job_start(struct hub *hub, const struct job *what, struct str secret, struct str kept);
/* The connection has gone: nobody waits for this verdict any more. */
void job_cancel(struct hub *hub, uint64_t conn);
/* A host that takes too long has refused. */
void jobs_tick(struct hub *hub);
void jobs_fini(struct hub *hub);

#endif
