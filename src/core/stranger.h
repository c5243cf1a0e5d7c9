#ifndef PARLEY_CORE_STRANGER_H
#define PARLEY_CORE_STRANGER_H

/*
 * A client that has yet to authenticate. It is in no session, hears nothing but answers, may say
 * little, and not for long: it has STRANGER_MS, and STRANGER_FAILURES attempts. While its password
 * is checked, what else it sends waits here, in order.
 */

#include "base/list.h"
#include "core/hub.h"

enum {
    STRANGER_MS = 10000,
    STRANGER_FAILURES = 5,
    STRANGER_HELD = 256 * 1024, /* bytes that may wait */
};

struct client;

struct stranger {
    struct list link; /* hub->strangers, first to run out first */
    uint32_t client;
    uint8_t failures;
    bool checking; /* its password is being checked */
    uint64_t until_ms;
    struct device *device; /* what `connect` said of it; owned */
    struct up_batch *held; /* what came meanwhile; owned; NULL while nothing has */
    uint32_t world_len;
    char world[]; /* that it wants to enter, "world:main" */
};

/* False: no memory. */
bool stranger_begin(struct hub *hub, uint32_t client, struct str world);
/* It is none any more: authenticated, or gone. */
void stranger_end(struct hub *hub, struct stranger *s);
/* A message of one. */
void stranger_message(struct hub *hub, uint32_t client, const struct up *item, struct str text);
/* Whether its password is being checked. */
bool stranger_waits(const struct client *c);
/* Whether the item has to wait, and has been kept. */
bool stranger_holds(struct hub *hub, uint32_t client, const struct up *item, struct str text);
/* Its password was checked: `principal` with its use, or HUB_NOBODY. `text`: its agent_register. */
void stranger_checked(struct hub *hub, uint32_t client, uint32_t principal, struct str text);
/* Lets one in without a credential, since none is asked for any more. */
void stranger_admit_freely(struct hub *hub, uint32_t client);
void strangers_tick(struct hub *hub);

struct attempt;
/* Tries a credential that a message, `text`, has in it; the stranger is told what comes of it. */
void stranger_authenticate(struct hub *hub, uint32_t client, const struct attempt *attempt,
                           struct str text);
/* Tells it to authenticate first: a failure. */
void stranger_require(struct hub *hub, uint32_t client);
/* A failure of which it has been told. Too many of them: it is closed. */
void stranger_failed(struct hub *hub, uint32_t client);

#endif
