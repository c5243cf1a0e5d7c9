#include "core/control.h"
#include "core/request.h"
#include "proto/member.h"
#include "json/reader.h"

/* What agents answer, and what askers take back. */

/* --- answering -------------------------------------------------------------------------------- */

/*
 * The request `r`, if the client has it as its agent; NULL, and counted: it has not. The generation
 * tells the agent that was asked from a later one of the same id.
 */
static struct request *check_given(struct hub *hub, uint32_t client, struct request *r,
                                   enum request_kind kind)
{
    uint32_t agent = client_at(hub, client)->agent;

    if (r != NULL && agent != SLAB_NONE && r->agent == agent && r->asker != SLAB_NONE &&
        r->generation == agent_at(hub, agent)->generation && r->answers == kind) {
        return r;
    }
    if (r == NULL && agent != SLAB_NONE) {
        hub->counts.answers_late++;
    } else {
        hub->counts.answers_stray++;
    }
    return NULL;
}

static void take_answer(struct hub *hub, uint32_t client, struct str request_id,
                        const struct answer *answer)
{
    struct request *r = check_given(hub, client, request_find(hub, request_id), KIND_ROUTE);

    if (r != NULL) {
        say_answer(hub, r, answer);
        request_change(hub, r, answer->done ? EVENT_DONE : EVENT_PART, SLAB_NONE);
    }
}

void request_response(struct hub *hub, struct sender *sender, struct str text)
{
    if (sender->dialect == DIALECT_GATEWAY) {
        struct parley_route_response m;
        parley_route_response_init(&m);
        if (relay_parse(hub, sender, text, &parley_route_response_info, &m) &&
            !sender_only_asks(sender)) {
            take_answer(hub, sender->client, text_of(&m.payload.request_id),
                        &(struct answer){.ok = m.payload.ok.value,
                                         .result = json_of(&m.payload.result),
                                         .error = json_of(&m.payload.error),
                                         .done = m.payload.done.value});
        }
        parley_route_response_fini(&m);
    } else {
        struct parley_world_route_response m;
        parley_world_route_response_init(&m);
        if (relay_parse(hub, sender, text, &parley_world_route_response_info, &m) &&
            !sender_only_asks(sender)) {
            take_answer(hub, sender->client, text_of(&m.data.request_id),
                        &(struct answer){.ok = m.data.ok.value,
                                         .result = json_of(&m.data.result),
                                         .error = json_of(&m.data.error),
                                         .done = m.data.done.value});
        }
        parley_world_route_response_fini(&m);
    }
}

static void cancel(struct hub *hub, uint32_t client, struct str raw_id)
{
    struct request *r = request_find_own(hub, client, raw_id);

    if (r != NULL) {
        request_change(hub, r, EVENT_CANCELLED, SLAB_NONE);
    } else {
        hub->counts.answers_stray++;
    }
}

void request_cancel(struct hub *hub, struct sender *sender, struct str text)
{
    if (sender->dialect == DIALECT_GATEWAY) {
        struct parley_route_cancel m;
        parley_route_cancel_init(&m);
        if (relay_parse(hub, sender, text, &parley_route_cancel_info, &m) &&
            !sender_only_asks(sender)) {
            cancel(hub, sender->client,
                   member_raw(&parley_route_cancel_info, text, STR("requestId")));
        }
        parley_route_cancel_fini(&m);
    } else {
        struct parley_world_route_cancel m;
        parley_world_route_cancel_init(&m);
        if (relay_parse(hub, sender, text, &parley_world_route_cancel_info, &m) &&
            !sender_only_asks(sender)) {
            cancel(hub, sender->client,
                   member_raw(&parley_world_route_cancel_info, text, STR("requestId")));
        }
        parley_world_route_cancel_fini(&m);
    }
}

/* --- replies ---------------------------------------------------------------------------------- */

/* What a message that replies to a request does to it; REQUEST_EVENTS: it cannot reply to one. */
static enum request_event event_of(enum parley_type kind)
{
    switch (kind) {
    case PARLEY_TYPE_CHAT_STREAM:
    case PARLEY_TYPE_TOOL_START:
    case PARLEY_TYPE_TOOL_UPDATE:
    case PARLEY_TYPE_TOOL_RESULT:
    case PARLEY_TYPE_WORLD_CHAT_STREAM:
    case PARLEY_TYPE_WORLD_TOOL_START:
    case PARLEY_TYPE_WORLD_TOOL_UPDATE:
    case PARLEY_TYPE_WORLD_TOOL_RESULT:
        return EVENT_PART;
    case PARLEY_TYPE_CHAT_COMPLETE:
    case PARLEY_TYPE_WORLD_CHAT_COMPLETE:
        return EVENT_DONE;
    case PARLEY_TYPE_ERROR:
    case PARLEY_TYPE_GATEWAY_ERROR:
        return EVENT_FAILED;
    default:
        return REQUEST_EVENTS;
    }
}

static void pass_on(struct hub *hub, struct request *r, const struct wire *w, struct str text,
                    enum dialect dialect)
{
    struct envelope e = {.type = wire_raw(w, text.ptr, WIRE_TYPE)};

    if (dialect == DIALECT_GATEWAY) {
        e.id = wire_raw(w, text.ptr, WIRE_ID);
        e.payload = wire_raw(w, text.ptr, WIRE_PAYLOAD);
        e.timestamp = wire_raw(w, text.ptr, WIRE_TIMESTAMP);
    } else {
        e.payload = wire_raw(w, text.ptr, WIRE_DATA);
    }
    if (json_kind_of(e.timestamp) != JSON_NUMBER) {
        e.timestamp = STR("");
    }
    say_message(hub, r, &e);
}

/* Whether it names somebody who is to get it. */
static bool goes_elsewhere(const struct sender *sender, const struct wire *w, struct str text)
{
    return sender->dialect == DIALECT_GATEWAY
               ? carry_names_somebody(w, text)
               : json_kind_of(wire_raw(w, text.ptr, WIRE_TARGET_ID)) == JSON_STRING;
}

/* The request that this raw string names. */
static struct request *find_replied(struct hub *hub, struct str raw_id)
{
    char id[MESSAGE_ID_SIZE];
    size_t len = json_unescape_to(raw_id, id, sizeof(id));

    return len <= sizeof(id) ? request_find(hub, str_make(id, len)) : NULL;
}

bool request_answer(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                    enum parley_type kind)
{
    struct str reply_to = wire_raw(w, text.ptr, WIRE_REPLY_TO);
    enum request_event event = event_of(kind);

    if (event == REQUEST_EVENTS || json_kind_of(reply_to) != JSON_STRING) {
        return false;
    }
    struct request *r = find_replied(hub, reply_to);
    if (r == NULL && event != EVENT_FAILED &&
        (goes_elsewhere(sender, w, text) || !str_starts_with(reply_to, STR("\"msg-")))) {
        return false;
    }
    if (sender->dry != NULL) {
        sender->dry->answered = true;
        return true;
    }
    /* An error may be about any request, the rest only about chat. */
    r = check_given(hub, sender->client, r,
                    r != NULL && event == EVENT_FAILED ? (enum request_kind)r->answers : KIND_CHAT);
    if (r != NULL) {
        pass_on(hub, r, w, text, (enum dialect)sender->dialect);
        request_change(hub, r, event, SLAB_NONE);
    }
    return true;
}
