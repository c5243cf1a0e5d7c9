#include "core/control.h"
#include "core/request.h"
#include "proto/member.h"
#include "json/reader.h"

/* Asking: what clients of either dialect want, and why they do not get it. */

enum {
    NAMES_MAX = 700,  /* bytes of the capabilities that an error lists */
    NAME_ROOM = 512,  /* for the last of them, and for the names of the details' members */
    LOOKS_MAX = 4000, /* at agents, for whoever may reach few of them */
};

/*
 * The capabilities that there are, some of them, for whoever asks for one that nobody has: less of
 * them when the id of his request is long, and none that he reaches only behind many agents whom he
 * does not.
 */
static void list_capabilities(const struct hub *hub, uint32_t principal, size_t id_len,
                              struct buf *out)
{
    size_t left = DETAILS_MAX - NAME_ROOM - id_len;
    size_t most = left < NAMES_MAX ? left : NAMES_MAX;
    uint32_t all = slab_limit(&hub->capabilities.slab);
    uint32_t count = all < REQUESTS_MAX ? all : REQUESTS_MAX;
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_array(&w);
    for (uint32_t i = 0; i < count && out->len < most; i++) {
        const struct capability *c = capability_at(hub, i);
        if (c->name != NULL && !c->is_prefixed && c->name_len < NAMES_MAX / 10 &&
            queue_is_offered_soon(hub, i, principal, LOOKS_MAX / count)) {
            json_string(&w, str_make(c->name, c->name_len));
        }
    }
    json_end_array(&w);
}

static void refuse_no_agent(struct hub *hub, struct sender *sender, const struct question *q)
{
    struct buf names;

    buf_init(&names, 2 * NAMES_MAX);
    list_capabilities(hub, sender->principal, q->own_id.len, &names);
    sender_refuse(hub, sender, ERROR_NO_AGENT,
                  "No agent that is connected can do this; details list what agents can.",
                  "{\"requestId\":%.*s,\"capabilities\":%.*s}", STR_ARG(q->own_id),
                  names.failed ? 2 : (int)names.len, names.failed ? "[]" : names.data);
    buf_fini(&names);
}

static void refuse(struct hub *hub, struct sender *sender, const struct question *q,
                   enum error_code code, const char *message)
{
    sender_refuse(hub, sender, code, message, "{\"requestId\":%.*s}", STR_ARG(q->own_id));
}

/* A limit: its name and how much it allows. */
static void refuse_limit(struct hub *hub, struct sender *sender, const struct question *q,
                         enum error_code code, const char *message, const char *limit, uint64_t max)
{
    sender_refuse(hub, sender, code, message, "{\"requestId\":%.*s,\"limit\":\"%s\",\"max\":%llu}",
                  STR_ARG(q->own_id), limit, (unsigned long long)max);
}

/* Whether somebody could answer: *ret_target is the agent that was named. If not, it was told. */
static bool find_agents(struct hub *hub, struct sender *sender, struct question *q,
                        uint32_t *ret_target)
{
    *ret_target = SLAB_NONE;
    q->capability = SLAB_NONE;
    if (q->target.len == 0) {
        q->capability = capability_find(hub, q->wanted);
        if (q->capability != SLAB_NONE && queue_is_offered(hub, q->capability, sender->principal)) {
            return true;
        }
        refuse_no_agent(hub, sender, q);
        return false;
    }
    uint32_t agent = id_valid(q->target) ? agent_find(hub, q->target) : SLAB_NONE;
    if (agent == SLAB_NONE || !agent_reached_by(hub, agent_at(hub, agent), sender->principal)) {
        refuse(hub, sender, q, ERROR_TARGET_NOT_FOUND,
               "No agent has this id; ask for a capability, or see who is there.");
        return false;
    }
    if (!agent_is_online(agent_at(hub, agent))) {
        refuse(hub, sender, q, ERROR_TARGET_OFFLINE,
               "The agent of this id is not connected; ask again when it is.");
        return false;
    }
    *ret_target = agent;
    return true;
}

/* Whether there is room for it, if it has to wait; if not, its client was told. */
static bool has_room(struct hub *hub, struct sender *sender, const struct question *q,
                     uint32_t target)
{
    size_t bytes = q->own_id.len + q->target.len + q->wanted.len + q->body.len;

    if (!queue_would_wait(hub, sender->principal, q->capability, target)) {
        return true;
    }
    if (hub->short_of_memory) {
        refuse_limit(hub, sender, q, ERROR_LIMIT_REACHED,
                     "The gateway is close to limits.memory and lets no request wait; ask again "
                     "later.",
                     "memory", hub->settings.max_memory);
        return false;
    }
    if (hub->counts.requests_queued >= hub->settings.max_queue ||
        hub->queued_bytes + bytes > QUEUE_BYTES_MAX) {
        refuse_limit(hub, sender, q, ERROR_QUEUE_FULL,
                     "All agents that could answer have enough to do, and no more requests can "
                     "wait; ask again in a moment.",
                     "queue", hub->settings.max_queue);
        return false;
    }
    return true;
}

/* What it asks at once is bounded, and each has an id of its own. */
static bool may_ask(struct hub *hub, struct sender *sender, const struct question *q)
{
    uint32_t asker =
        sender->client != SLAB_NONE ? client_at(hub, sender->client)->asker : SLAB_NONE;

    if (hub->draining) {
        refuse(hub, sender, q, ERROR_SHUTTING_DOWN,
               "The gateway is stopping and takes no new requests; connect again shortly.");
        return false;
    }
    if (asker != SLAB_NONE && asker_at(hub, asker)->count >= REQUESTS_MAX) {
        refuse_limit(hub, sender, q, ERROR_LIMIT_REACHED,
                     "You have asked as much at once as a client may; wait for answers.",
                     "requests", REQUESTS_MAX);
        return false;
    }
    if (asker != SLAB_NONE && request_find_own(hub, sender->client, q->own_id) != NULL) {
        sender_refuse(hub, sender, ERROR_INVALID_MESSAGE,
                      "A request of yours with this `id` is not answered yet; give each its own.",
                      "{\"path\":\"id\"}");
        return false;
    }
    return true;
}

static void ask(struct hub *hub, struct sender *sender, struct question *q)
{
    uint32_t target;

    if (!may_ask(hub, sender, q)) {
        return;
    }
    bool found = find_agents(hub, sender, q, &target);
    if (sender->dry != NULL) {
        request_explain(hub, sender, q);
    }
    if (!found || !has_room(hub, sender, q, target)) {
        return;
    }
    if (sender->dry != NULL) {
        request_explain_way(hub, sender, q, target);
    } else if (!request_new(hub, sender->client, q)) {
        hub->counts.out_of_memory++;
        refuse_limit(hub, sender, q, ERROR_LIMIT_REACHED,
                     "The gateway has no memory for this request; ask again later.", "memory",
                     hub->settings.max_memory);
    }
}

static uint64_t timeout_of(const struct hub *hub, const struct parley_integer *timeout_ms)
{
    if (timeout_ms->is != PARLEY_SET) {
        return hub->settings.request_timeout_ms;
    }
    return timeout_ms->value < TIMEOUT_MAX_MS ? (uint64_t)timeout_ms->value : TIMEOUT_MAX_MS;
}

static int8_t stream_of(const struct parley_boolean *stream)
{
    return (int8_t)(stream->is == PARLEY_SET ? stream->value : -1);
}

/* Asks, when it says of whom. */
static void ask_somebody(struct hub *hub, struct sender *sender, struct question *q,
                         const char *path)
{
    if (q->wanted.len == 0 && q->target.len == 0) {
        sender_refuse(hub, sender, ERROR_INVALID_MESSAGE,
                      "A request is for a `capability`, or for the agent of an `agentId`.",
                      "{\"path\":\"%s\"}", path);
        return;
    }
    ask(hub, sender, q);
}

static void route_from_gateway(struct hub *hub, struct sender *sender, struct str text)
{
    struct parley_route_request m;

    parley_route_request_init(&m);
    if (relay_parse(hub, sender, text, &parley_route_request_info, &m)) {
        struct question q = {
            /* An id that is too long for a reply is not at hand. */
            .own_id = hub->at_hand.len > 0
                          ? hub->at_hand
                          : member_raw(&parley_route_request_info, text, STR("id")),
            .target = text_of(&m.payload.agent_id),
            .wanted = text_of(&m.payload.capability),
            .body = json_of(&m.payload.request),
            .timeout_ms = timeout_of(hub, &m.payload.timeout_ms),
            .stream = stream_of(&m.payload.stream),
        };
        ask_somebody(hub, sender, &q, "payload.capability");
    }
    parley_route_request_fini(&m);
}

static void route_from_world(struct hub *hub, struct sender *sender, struct str text)
{
    struct parley_world_route_request m;

    parley_world_route_request_init(&m);
    if (relay_parse(hub, sender, text, &parley_world_route_request_info, &m)) {
        struct question q = {
            .own_id = member_raw(&parley_world_route_request_info, text, STR("id")),
            .target = text_of(&m.data.agent_id),
            .wanted = text_of(&m.data.capability),
            .body = json_of(&m.data.request),
            .timeout_ms = timeout_of(hub, &m.data.timeout_ms),
            .stream = stream_of(&m.data.stream),
        };
        ask_somebody(hub, sender, &q, "data.capability");
    }
    parley_world_route_request_fini(&m);
}

void request_route(struct hub *hub, struct sender *sender, struct str text)
{
    if (sender->dialect == DIALECT_GATEWAY) {
        route_from_gateway(hub, sender, text);
    } else {
        route_from_world(hub, sender, text);
    }
}

void request_chat(struct hub *hub, struct sender *sender, const struct wire *w, struct str text)
{
    struct str payload = wire_raw(w, text.ptr, WIRE_PAYLOAD);
    struct question q = {
        .kind = KIND_CHAT,
        .own_id = wire_raw(w, text.ptr, WIRE_ID),
        .target = STR(""),
        .wanted = STR("chat"),
        .body = payload.len > 0 ? payload : STR("{}"),
        .timeout_ms = hub->settings.request_timeout_ms,
        .stream = -1,
    };

    ask(hub, sender, &q);
}
