#include "core/internal.h"
#include "core/relay.h"
#include "core/request.h"
#include "json/reader.h"

/*
 * The world dialect: what a message of a world client does. The order of the checks is the order
 * in which a client should learn of its mistakes: JSON, object, members, type, permission.
 */

void world_greet(struct hub *hub, uint32_t client)
{
    message_ack(hub, client, true);
    client_send_scratch(hub, client);
}

/* The agent is announced as gone by whoever its client is, to everyone else. */
void world_leave(struct hub *hub, uint32_t client, bool forget)
{
    uint32_t agent = client_at(hub, client)->agent;

    if (agent == SLAB_NONE) {
        return;
    }
    const struct agent *a = agent_at(hub, agent);
    if (!hub->draining && a->session != SLAB_NONE) {
        message_left(hub, a);
        world_announce(hub, a->session, client, hub->left);
    }
    hub_log(hub, LOG_INFO, "agent_left", client, "agent=%.*s", STR_ARG(agent_id(a)));
    if (forget) {
        agent_remove(hub, agent);
    } else {
        agent_retire(hub, agent);
    }
}

void world_announce(struct hub *hub, uint32_t session, uint32_t except,
                    const struct type_name *type)
{
    if (hub->scratch.failed) {
        hub->counts.out_of_memory++;
        return;
    }
    char raw_type[TYPE_TEXT_MAX + 2];
    struct speech speech = {
        .dialect = DIALECT_WORLD,
        .text = buf_str(&hub->scratch),
        .type = str_format(raw_type, sizeof(raw_type), "\"%.*s\"", (int)type->len, type->text),
        .session = session_name(session_at(hub, session)),
        .source = STR("gateway"),
    };

    session_broadcast(hub, session, except, &speech, type);
}

/* --- what a message does ---------------------------------------------------------------------- */

bool world_check_patterns(struct hub *hub, struct sender *sender,
                          const struct parley_strings *patterns, const char *path)
{
    if (patterns->count > hub->settings.max_filter_patterns) {
        sender_refuse(hub, sender, ERROR_LIMIT_REACHED,
                      "These are too many patterns; use prefixes like `scene_*`.",
                      "{\"limit\":\"filters\",\"max\":%u}", hub->settings.max_filter_patterns);
        return false;
    }
    for (size_t i = 0; i < patterns->count; i++) {
        struct str one = str_make(patterns->items[i].ptr, patterns->items[i].len);
        if (one.len == 0 || one.len > TYPE_TEXT_MAX || str_find(one, '*') < one.len - 1) {
            sender_refuse(
                hub, sender, ERROR_INVALID_MESSAGE,
                "This is an array of strings of 1 to 128 bytes, each a name or a prefix that "
                "ends in `*`.",
                "{\"path\":\"%s[%zu]\"}", path, i);
            return false;
        }
    }
    return true;
}

/* Gives the client and, if it is there, its reader the filter. */
static void set_filter(struct hub *hub, uint32_t client, struct filter *own, struct filter *copy)
{
    struct client *c = client_at(hub, client);

    filter_free(c->filter);
    c->filter = own;
    hub_tell(hub, conn_reactor(c->conn),
             &(struct down){
                 .kind = DOWN_FILTER, .conn = c->conn, .seq = hub_next_seq(hub), .filter = copy});
}

static void filter_by(struct hub *hub, uint32_t client, const struct parley_strings *types)
{
    struct str patterns[FILTER_MAX_PATTERNS];

    if (types->is != PARLEY_SET) {
        set_filter(hub, client, NULL, NULL);
        return;
    }
    for (size_t i = 0; i < types->count; i++) {
        patterns[i] = str_make(types->items[i].ptr, types->items[i].len);
    }
    struct filter *own = filter_new(patterns, (uint32_t)types->count);
    struct filter *copy = filter_new(patterns, (uint32_t)types->count);
    if (own != NULL && copy != NULL) {
        set_filter(hub, client, own, copy);
    } else {
        client_error_memory(hub, client); /* what it had before holds */
        filter_free(own);
        filter_free(copy);
    }
}

static void subscribe(struct hub *hub, struct sender *sender, struct str text)
{
    struct parley_subscribe message;

    parley_subscribe_init(&message);
    if (relay_parse(hub, sender, text, &parley_subscribe_info, &message)) {
        bool at_top = message.types.is != PARLEY_ABSENT;
        const struct parley_strings *types = at_top ? &message.types : &message.data.types;
        if ((types->is != PARLEY_SET ||
             world_check_patterns(hub, sender, types, at_top ? "types" : "data.types")) &&
            !sender_only_asks(sender)) {
            filter_by(hub, sender->client, types);
        }
    }
    parley_subscribe_fini(&message);
}

bool world_answers(const struct type_name *type)
{
    switch (type->kind[DIALECT_WORLD]) {
    case PARLEY_TYPE_AGENT_REGISTER:
    case PARLEY_TYPE_SUBSCRIBE:
    case PARLEY_TYPE_PING:
    case PARLEY_TYPE_WORLD_ROUTE_REQUEST:
    case PARLEY_TYPE_WORLD_ROUTE_RESPONSE:
    case PARLEY_TYPE_WORLD_ROUTE_CANCEL:
        return true;
    default:
        return false;
    }
}

static void answer(struct hub *hub, struct sender *sender, const struct type_name *type,
                   const struct wire *w, struct str text)
{
    switch (type->kind[DIALECT_WORLD]) {
    case PARLEY_TYPE_AGENT_REGISTER:
        world_register(hub, sender, w, text);
        break;
    case PARLEY_TYPE_SUBSCRIBE:
        subscribe(hub, sender, text);
        break;
    case PARLEY_TYPE_WORLD_ROUTE_REQUEST:
        request_route(hub, sender, text);
        break;
    case PARLEY_TYPE_WORLD_ROUTE_RESPONSE:
        request_response(hub, sender, text);
        break;
    case PARLEY_TYPE_WORLD_ROUTE_CANCEL:
        request_cancel(hub, sender, text);
        break;
    default:
        if (!sender_only_asks(sender)) {
            message_pong(hub);
            client_send_scratch(hub, sender->client);
        }
    }
}

void world_take(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                uint32_t session)
{
    const struct type_name *type = relay_read(hub, sender, w, text);

    if (type == NULL) {
        return;
    }
    enum parley_type kind = (enum parley_type)type->kind[DIALECT_WORLD];
    if (host_hears(hub, sender, w, text, type)) {
        type_discard(type);
        return;
    }
    if (!world_answers(type)) {
        if (!request_answer(hub, sender, w, text, kind) &&
            relay_allows(hub, sender, w, text, type)) {
            (void)relay_send(hub, sender, w, text, type, session);
            return;
        }
    } else if (kind != PARLEY_TYPE_WORLD_ROUTE_REQUEST ||
               relay_allows(hub, sender, w, text, type)) {
        answer(hub, sender, type, w, text);
    }
    type_discard(type);
}

void world_message(struct hub *hub, uint32_t client, const struct up *item, struct str text)
{
    struct sender sender = {.client = client, .principal = client_at(hub, client)->principal};

    world_take(hub, &sender, &item->wire, text, session_of(hub, client));
}
