#include "core/watch.h"

#include "core/control.h"

enum { FRAME_MAX = 64 * 1024 * 1024 }; /* a copy of the largest message */

void watch_init(struct hub *hub)
{
    buf_init(&hub->watch.frame, FRAME_MAX);
}

void watch_fini(struct hub *hub)
{
    monitors_fini(hub);
    buf_fini(&hub->watch.frame);
}

static struct hub_verdict judge(const struct hub *hub, uint32_t principal)
{
    return hub_may(hub, principal, MAY_ADMIN, STR(""));
}

bool watch_may(struct hub *hub, struct sender *sender)
{
    struct hub_verdict verdict = judge(hub, sender->principal);

    if (verdict.code == ERROR_NONE) {
        return true;
    }
    sender_refuse(
        hub, sender, verdict.code,
        "The credential does not grant `admin`, without which nobody watches the gateway.",
        "{\"rule\":\"%s\"}", verdict.rule);
    return false;
}

void watch_forget(struct hub *hub, uint32_t client)
{
    state_unsubscribe(hub, client);
    monitor_stop(hub, client);
}

bool watch_may_stay(const struct hub *hub, uint32_t client)
{
    return (!state_is_watched_by(hub, client) && !monitor_is(hub, client)) ||
           judge(hub, client_at(hub, client)->principal).code == ERROR_NONE;
}
