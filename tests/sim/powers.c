#include "powers.h"

#include "core/internal.h"
#include "errands.h"
#include "speak.h"

#define MORE_OF(m) ((m)->limited_more ? GRANTED_MORE : "")

/* What one of the two may do; the texts are borrowed. */
static struct grants grants_of(const struct model *m, bool limited)
{
    static char publish[128];

    if (!limited) {
        return (struct grants){.publish = STR("*"),
                               .sessions = STR("*"),
                               .act_as = STR(""),
                               .broadcast = true,
                               .admin = true};
    }
    return (struct grants){
        .publish = str_format(publish, sizeof(publish), "%s%s", GRANTED_PUBLISH, MORE_OF(m)),
        .sessions = m->limited_wide   ? STR("*")
                    : m->limited_more ? STR(SAME_BY_PATTERN)
                                      : STR(GRANTED_SESSIONS),
        .act_as = STR("")};
}

static void digest_key(uint8_t ret_digest[DIGEST_SIZE])
{
    virtual_digest(STR("the key"), ret_digest);
}

/* False: the hub has no memory, and nothing has changed. */
static bool set_access(const struct model *m, struct hub *hub)
{
    uint8_t keys[1][DIGEST_SIZE];
    struct hub_credential credentials[] = {
        {.name = STR("all"), .agent_id = STR(""), .grants = grants_of(m, false)},
        {.name = STR("some"), .agent_id = STR(""), .grants = grants_of(m, true)},
    };
    struct hub_access access = {
        .mode = HUB_AUTH_TOKEN, .credentials = credentials, .count = m->holds ? 2 : 1};

    if (m->access == ACCESS_SIGNED) {
        digest_key(keys[0]);
        access =
            (struct hub_access){.mode = HUB_AUTH_JWT, .keys = keys, .key_count = m->holds ? 1 : 0};
    }
    for (size_t i = 0; i < access.count; i++) {
        virtual_digest(credentials[i].name, credentials[i].digest);
    }
    return hub_set_access(hub, &access);
}

void powers_begin(const struct model *m, struct virtual *v)
{
    if (m->access != ACCESS_FREE && !set_access(m, v->hub)) {
        model_fail(NULL, "the simulator itself has no memory");
    }
}

/* --- tokens that run out ---------------------------------------------------------------------- */

static uint64_t end_ms(unsigned end_s)
{
    return VIRTUAL_MONO_MS + (uint64_t)end_s * 1000;
}

unsigned powers_choose_end(const struct model *m, uint64_t *random)
{
    uint64_t now_s = (m->now_ms > VIRTUAL_MONO_MS ? m->now_ms - VIRTUAL_MONO_MS : 0) / 1000;

    return (unsigned)(1 + now_s + speak_draw(random, speak_draw(random, 3) == 0 ? 20 : 400));
}

struct str powers_credential(const struct model *m, bool limited, unsigned end_s, char *text)
{
    const char *name = limited ? "some" : "all";

    return m->access == ACCESS_SIGNED ? str_format(text, CREDENTIAL_ROOM, "%s/%u", name, end_s)
                                      : str_from_z(name);
}

bool powers_claim(const struct model *m, struct hub_claims *claims)
{
    claims->grants = grants_of(m, str_equal(claims->name, STR("some")));
    return m->holds;
}

bool powers_let_in(const struct model *m, const struct mclient *c)
{
    return m->access == ACCESS_SIGNED ? m->holds && c->ends_ms > m->now_ms
                                      : !c->limited || m->holds;
}

bool powers_renew(struct model *m, struct mclient *c, const struct action *a)
{
    if (!m->holds || end_ms(a->end_s) <= m->now_ms || a->as_other) {
        return false;
    }
    c->ends_ms = end_ms(a->end_s);
    c->warned = false;
    errands_review(m, c);
    return true;
}

void powers_expire(struct model *m, struct mclient *c)
{
    if (m->access != ACCESS_SIGNED || m->now_ms + EXPIRY_WARNING_MS < c->ends_ms) {
        return;
    }
    if (m->now_ms >= c->ends_ms) {
        m->ran_out++;
        model_close(m, c, 4401);
    } else if (!c->warned) {
        c->warned = true;
        model_answer(c, HEARD_ERROR, ERROR_OTHER);
    }
}

/* --- reloads ---------------------------------------------------------------------------------- */

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
    if (!m->holds && (c->limited || m->access == ACCESS_SIGNED)) {
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
    bool *const parts[] = {&m->holds, &m->limited_more, &m->limited_wide, &m->limited_wide};
    /* A signed token says itself what it grants. */
    bool *part = parts[m->access == ACCESS_TOKENS ? speak_draw(random, 4) : 0];
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
        errands_review(m, open[i]);
    }
}

void powers_reload(struct model *m, struct virtual *v, uint64_t *random)
{
    bool is_empty = m->access == ACCESS_SIGNED && !m->holds; /* nobody is let in */

    /* A key that is withdrawn puts everybody out, so that happens more rarely. */
    uint64_t chance = m->access == ACCESS_SIGNED ? 1 : 6;

    if (m->access != ACCESS_FREE && (is_empty || speak_draw(random, 8) < chance)) {
        change_access(m, v, random);
    } else {
        change_settings(m, v->hub, random);
    }
    if (m->access == ACCESS_SIGNED && !m->holds && speak_draw(random, 4) > 0) {
        change_access(m, v, random);
    }
    (void)virtual_end_turn(v); /* where the hub decides what comes of their requests */
    errands_settle(m);
}
