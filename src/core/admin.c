#include "core/admin.h"

#include <assert.h>

#include "core/internal.h"
#include "core/relay.h"

/* --- clients ---------------------------------------------------------------------------------- */

void client_view(const struct hub *hub, uint32_t client, struct hub_client_view *ret_view)
{
    const struct client *c = client_at(hub, client);
    uint64_t connected_ms = client_connected_ms(hub, c);
    uint64_t heard_ms = heartbeat_heard_ms(hub, c);

    *ret_view = (struct hub_client_view){
        .dialect = dialect_name(c->dialect),
        .authenticated = c->principal != HUB_NOBODY,
        .user_id = hub_principal_name(hub, c->principal),
        .user_agent = label_text(&hub->user_agents, c->user_agent),
        .is_unix = c->is_unix,
        .connected_ms = connected_ms,
        /* Both are tenths of a second, counted from different moments. */
        .heard_ms = heard_ms > connected_ms ? heard_ms : connected_ms,
        .dropped = c->dropped,
        .index = client,
    };
    client_id_text(c, ret_view->client_id);
    ret_view->client_id[CLIENT_ID_SIZE] = '\0';
    if (c->agent != SLAB_NONE) {
        ret_view->agent_id = agent_id(agent_at(hub, c->agent));
    }
    memcpy(ret_view->address, c->address, sizeof(ret_view->address));
}

void hub_each_client(const struct hub *hub, struct str from, uint32_t limit,
                     void (*visit)(void *ctx, const struct hub_client_view *client), void *ctx)
{
    struct hub_client_view view;

    for (uint32_t i = from.len > 0 ? client_find_id(hub, from) : 0;
         i < slab_limit(&hub->clients) && limit > 0; i++) {
        if (client_at(hub, i)->state == CLIENT_OPEN) {
            client_view(hub, i, &view);
            visit(ctx, &view);
            limit--;
        }
    }
}

/* The open client of an agent or client id, or SLAB_NONE. */
static uint32_t find_open(const struct hub *hub, struct str id)
{
    uint32_t client = client_find(hub, id);

    return client != SLAB_NONE && client_at(hub, client)->state == CLIENT_OPEN ? client : SLAB_NONE;
}

bool hub_find_client(const struct hub *hub, struct str id, struct hub_client_view *ret_client)
{
    uint32_t client = find_open(hub, id);

    if (client == SLAB_NONE) {
        return false;
    }
    client_view(hub, client, ret_client);
    return true;
}

void hub_each_session_of(const struct hub *hub, uint32_t client,
                         void (*visit)(void *ctx, struct str name), void *ctx)
{
    for (uint32_t i = client_at(hub, client)->members; i != SLAB_NONE;
         i = member_at(hub, i)->next) {
        const struct session *s = session_at(hub, member_at(hub, i)->session);
        if (!s->hidden) {
            visit(ctx, session_name(s));
        }
    }
}

bool hub_kick(struct hub *hub, struct str id, struct str reason)
{
    uint32_t client = find_open(hub, id);

    if (client == SLAB_NONE) {
        return false;
    }
    if (!hub_reserve(hub)) {
        client_lose(hub, client_at(hub, client)->conn);
        return true;
    }
    hub_log(hub, LOG_INFO, "client_kicked", client, "%s", "");
    client_close(hub, client, CLOSE_KICKED,
                 reason.len > 0 ? reason : STR("kicked by an administrator"));
    return true;
}

/* --- sessions --------------------------------------------------------------------------------- */

/* For whom sessions are shown, and how many still may be. */
struct tour {
    const struct hub *hub;
    uint32_t round; /* which session was met in it already */
    struct str from;
    bool begun; /* that one has been met */
    uint32_t left;
    uint32_t count; /* of those that there are */
    void (*visit)(void *ctx, const struct hub_session_view *session);
    void *ctx;
};

static void show_session(struct tour *t, struct session *s)
{
    if (s->mark == t->round) {
        return;
    }
    s->mark = t->round;
    t->count++;
    t->begun = t->begun || str_equal(t->from, session_name(s));
    if (t->begun && t->left > 0) {
        t->left--;
        t->visit(t->ctx, &(struct hub_session_view){.name = session_name(s),
                                                    .members = s->member_count,
                                                    .agents = s->agent_count});
    }
}

static void show_all(struct tour *t)
{
    const struct list *head = &t->hub->sessions_in_order, *link = head->next;

    if (!t->begun) {
        uint32_t index = session_find(t->hub, t->from);
        bool is_shown = index != SLAB_NONE && session_is_shown(session_at(t->hub, index));
        link = is_shown ? &session_at(t->hub, index)->link : head;
    }
    for (; link != head && t->left > 0; link = link->next) {
        show_session(t, list_entry(link, struct session, link));
    }
    t->count = (uint32_t)t->hub->counts.sessions;
}

/* Those of the patterns that may match several sessions, into `space`, which has room for all. */
static struct str wide_patterns(struct str patterns, char space[GRANTS_MAX_TEXT + 1])
{
    size_t len = 0;

    assert(patterns.len <= GRANTS_MAX_TEXT); /* grants_valid */
    for (struct str one; grants_next(&patterns, &one);) {
        if (str_find(one, '*') < one.len) {
            memcpy(space + len, one.ptr, one.len);
            space[len + one.len] = '|';
            len += one.len + 1;
        }
    }
    return str_make(space, len > 0 ? len - 1 : 0);
}

/* Each is matched against those only; what is named is looked up, however many there are. */
static void show_granted(struct tour *t, struct str patterns)
{
    char space[GRANTS_MAX_TEXT + 1];
    struct str wide = wide_patterns(patterns, space);

    if (wide.len > 0) {
        list_each(link, &t->hub->sessions_in_order) {
            struct session *s = list_entry(link, struct session, link);
            if (grants_match(wide, session_name(s))) {
                show_session(t, s);
            }
        }
    }
    for (struct str name; grants_next(&patterns, &name);) {
        uint32_t index = session_find(t->hub, name);
        if (index != SLAB_NONE && session_is_shown(session_at(t->hub, index))) {
            show_session(t, session_at(t->hub, index));
        }
    }
}

uint32_t hub_each_session(struct hub *hub, uint32_t principal, struct str from, uint32_t limit,
                          void (*visit)(void *ctx, const struct hub_session_view *session),
                          void *ctx)
{
    struct tour tour = {.hub = hub,
                        .round = ++hub->mark_round,
                        .from = from,
                        .begun = from.len == 0,
                        .left = limit,
                        .visit = visit,
                        .ctx = ctx};

    if (principal == HUB_NOBODY) {
        return 0;
    }
    const struct principal *one = principal_at(&hub->principals, principal);
    if (one->enters_all) {
        show_all(&tour);
    } else {
        show_granted(&tour, one->grants.sessions);
    }
    return tour.count;
}

/* --- messages from outside -------------------------------------------------------------------- */

static uint64_t send_on(struct hub *hub, struct sender *sender, const struct hub_publication *p,
                        const struct wire *w, const struct type_name *type)
{
    if (p->target.len > 0) {
        type_discard(type);
        return relay_direct(hub, sender, w, p->target, p->message);
    }
    uint32_t session = relay_session(hub, sender, p->session);
    if (session == SLAB_NONE) {
        type_discard(type);
        return 0;
    }
    return relay_send(hub, sender, w, p->message, type, session);
}

enum error_code hub_publish(struct hub *hub, uint32_t principal, const struct hub_publication *p,
                            uint64_t *ret_delivered, struct buf *details)
{
    struct sender sender = {.client = SLAB_NONE, .principal = principal, .details = details};
    struct wire w;

    if (p->message.len > hub->settings.max_message_bytes) {
        sender_refuse(hub, &sender, ERROR_MESSAGE_TOO_LARGE, "",
                      "{\"limit\":\"message_bytes\",\"max\":%llu}",
                      (unsigned long long)hub->settings.max_message_bytes);
        return sender.code;
    }
    wire_scan(p->message.ptr, p->message.len, WIRE_WORLD, &w);
    const struct type_name *type =
        hub_reserve(hub) ? relay_read(hub, &sender, &w, p->message) : NULL;
    if (type == NULL) {
        return sender.code != ERROR_NONE ? sender.code : ERROR_LIMIT_REACHED;
    }
    if (world_answers(type)) {
        sender_refuse(hub, &sender, ERROR_FORBIDDEN, "",
                      "{\"rule\":\"client_types\",\"type\":\"%.*s\"}", (int)type->len, type->text);
    }
    if (sender.code != ERROR_NONE || !relay_allows(hub, &sender, &w, p->message, type)) {
        type_discard(type);
        return sender.code;
    }
    uint64_t delivered = send_on(hub, &sender, p, &w, type);
    if (sender.code == ERROR_NONE) {
        *ret_delivered = delivered;
    }
    return sender.code;
}
