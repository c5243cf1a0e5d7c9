#include "core/control.h"
#include "core/request.h"
#include "proto/member.h"

/*
 * limits.rate: what a client sends above so many messages in a second is dropped. It is told so,
 * and of each that it waits for an answer to by the id of that one, so that it can send it again.
 */

/* The id, raw, by which the sender of a message waits for an answer to it; empty: it does not. */
static struct str id_of_question(enum dialect dialect, const struct wire *w, struct str text)
{
    if (w->status != WIRE_OK) {
        return STR("");
    }
    if (dialect == DIALECT_GATEWAY) {
        return control_id(wire_raw(w, text.ptr, WIRE_ID));
    }
    return str_equal(wire_raw(w, text.ptr, WIRE_TYPE), STR("\"route_request\""))
               ? control_id(member_raw(&parley_world_route_request_info, text, STR("id")))
               : STR("");
}

static void refuse_by_rate(struct hub *hub, uint32_t client, struct str id)
{
    bool is_world = client_at(hub, client)->dialect == DIALECT_WORLD;

    hub->at_hand = id;
    client_error(hub, client, ERROR_RATE_LIMITED,
                 "More messages in this second than limits.rate allows; what comes before the "
                 "next one is dropped. Send more slowly.",
                 "{\"limit\":\"rate\",\"max\":%u,\"retry_after_ms\":%u%s%.*s}",
                 hub->settings.max_rate, 1000 - (unsigned)(hub->awake_ms % 1000),
                 is_world && id.len > 0 ? ",\"requestId\":" : "", is_world ? (int)id.len : 0,
                 id.ptr);
    hub->at_hand = STR("");
}

bool rate_allows(struct hub *hub, uint32_t client, const struct wire *w, struct str text)
{
    struct client *c = client_at(hub, client);
    uint32_t max = hub->settings.max_rate;

    if (max == 0 || c->said++ < max) {
        return true;
    }
    hub->counts.messages_rate_limited++;
    uint32_t above = c->said - max;
    struct str id = above <= REQUESTS_MAX && c->principal != HUB_NOBODY
                        ? id_of_question((enum dialect)c->dialect, w, text)
                        : STR("");
    if (above == 1 || id.len > 0) {
        refuse_by_rate(hub, client, id);
    }
    return false;
}
