#include "reload.h"

#include "core/internal.h"
#include "errands.h"
#include "speak.h"

/* False: the hub has no memory, and nothing has changed. */
static bool set_access(const struct model *m, struct hub *hub)
{
    char publish[128], sessions[128];
    struct hub_credential credentials[] = {
        {.name = STR("all"),
         .grants = {.publish = STR("*"), .sessions = STR("*"), .broadcast = true, .admin = true}},
        {.name = STR("some"),
         .grants = {.publish = str_format(publish, sizeof(publish), "%s%s", GRANTED_PUBLISH,
                                          m->limited_more ? GRANTED_MORE : ""),
                    .sessions = str_format(sessions, sizeof(sessions), "%s%s", GRANTED_SESSIONS,
                                           m->limited_wide ? GRANTED_WIDE : "")}},
    };
    struct hub_access access = {
        .mode = HUB_AUTH_TOKEN, .credentials = credentials, .count = m->limited_listed ? 2 : 1};

    for (size_t i = 0; i < access.count; i++) {
        credentials[i].agent_id = STR("");
        credentials[i].grants.act_as = STR("");
        virtual_digest(credentials[i].name, credentials[i].digest);
    }
    return hub_set_access(hub, &access);
}

void reload_begin(const struct model *m, struct virtual *v)
{
    if (!set_access(m, v->hub)) {
        model_fail(NULL, "the simulator itself has no memory");
    }
}

static void change_settings(struct model *m, struct hub *hub, uint64_t *random)
{
    struct hub_settings s = *hub_settings(hub);

    s.max_queue = 1 + (uint32_t)speak_draw(random, 20);
    s.remember_ms = 1000 + speak_draw(random, 60000);
    s.request_timeout_ms = 500 + speak_draw(random, 20000);
    hub_reload(hub, &s);
    m->max_queue = s.max_queue;
    m->remember_ms = s.remember_ms;
    m->request_ms = s.request_timeout_ms;
}

/* What a client is closed with, or 0. */
static uint16_t verdict(const struct model *m, const struct mclient *c)
{
    if (!model_is_let_in(m, c)) {
        return 4401;
    }
    for (int i = 0; i < MODEL_SESSIONS; i++) {
        if (model_is_in(c, i) && !model_may_enter(m, c, i)) {
            return 4403;
        }
    }
    return 0;
}

/* Those who are there, in the hub's order: it looks at one after the other. */
static int list_open(struct model *m, const struct hub *hub, struct mclient *ret_list[])
{
    int count = 0;

    for (uint32_t i = 0; i < slab_limit(&hub->clients); i++) {
        const struct client *c = client_at(hub, i);
        struct mclient *mc = c->state == CLIENT_OPEN ? model_find(m, c->conn) : NULL;
        if (mc != NULL) {
            ret_list[count++] = mc;
        }
    }
    return count;
}

static void change_access(struct model *m, struct virtual *v, uint64_t *random)
{
    struct mclient *open[MODEL_CLIENTS];
    bool *const parts[] = {&m->limited_listed, &m->limited_more, &m->limited_wide};
    bool *part = parts[speak_draw(random, sizeof(parts) / sizeof(parts[0]))];
    int count = list_open(m, v->hub, open);

    *part = !*part;
    if (!set_access(m, v->hub)) {
        *part = !*part;
        return;
    }
    for (int i = 0; i < count; i++) {
        uint16_t code = verdict(m, open[i]);
        if (code != 0) {
            m->put_out++;
            model_close(m, open[i], code);
        }
    }
}

void reload_happen(struct model *m, struct virtual *v, uint64_t *random)
{
    if (!m->has_access || speak_draw(random, 4) == 0) {
        change_settings(m, v->hub, random);
    } else {
        change_access(m, v, random);
    }
    (void)virtual_end_turn(v); /* where the hub decides what comes of their requests */
    errands_settle(m);
}
