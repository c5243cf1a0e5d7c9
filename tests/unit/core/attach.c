#include "attach.h"

#include "core/internal.h"

void attach(struct hub *hub, void (*event)(void *owner, const struct hub_event *event),
            void (*check)(void *owner, uint64_t job, struct str secret, bool is_password,
                          const uint8_t address[16]))
{
    hub->ports.event = event;
    hub->ports.check_credential = check;
}

void attach_started(struct hub *hub)
{
    hub->started = hub->now;
}
