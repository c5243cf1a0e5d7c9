#ifndef PARLEY_TESTS_CORE_ATTACH_H
#define PARLEY_TESTS_CORE_ATTACH_H

#include "core/host.h"

/*
 * What tests do to a hub that was made: its file alone sees the hub's inside, beside which jansson
 * cannot stand.
 */

/* Gives it a host. */
void attach(struct hub *hub, void (*event)(void *owner, const struct hub_event *event),
            void (*check)(void *owner, uint64_t job, struct str secret, bool is_password,
                          const uint8_t address[16]));
/* Has it begun now. */
void attach_started(struct hub *hub);

#endif
