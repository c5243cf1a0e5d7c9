#include "follow.h"

#include <stdlib.h>

#include "heard.h"
#include "json/reader.h"

enum { NOT_THERE = -1, IS_ONLINE, IS_BUSY, IS_OFFLINE };

struct follow {
    uint64_t version;
    uint64_t clients;
    uint64_t members[MODEL_SESSIONS];
    int agents[MODEL_AGENTS];
};

static struct str member(struct str object, const char *key)
{
    return json_get(object, str_from_z(key));
}

static uint64_t number_in(const struct mclient *c, struct str object, const char *key)
{
    uint64_t number;

    if (!str_to_uint(member(object, key), UINT64_MAX, &number)) {
        model_fail(c, "hears of the state without %s: %.*s", key, STR_ARG(object));
    }
    return number;
}

/* --- what is known ---------------------------------------------------------------------------- */

static void set_agent(const struct mclient *c, struct str id, struct str value)
{
    static const char *const words[] = {"online", "busy", "offline"};
    uint64_t agent;
    int status = NOT_THERE;

    if (id.len < 4 || !str_to_uint(str_slice(id, 2, id.len - 1), MODEL_AGENTS - 1, &agent)) {
        model_fail(c, "hears of an agent %.*s", STR_ARG(id));
    }
    for (int i = 0; i < 3 && value.len > 0; i++) {
        if (json_string_is(member(value, "status"), str_from_z(words[i]))) {
            status = i;
        }
    }
    c->follow->agents[agent] = status;
}

static void set_session(const struct mclient *c, struct str id, struct str value)
{
    for (int i = 0; i < MODEL_SESSIONS; i++) {
        if (json_string_is(id, str_from_z(model_sessions[i]))) {
            c->follow->members[i] = value.len > 0 ? number_in(c, value, "members") : 0;
            return;
        }
    }
    model_fail(c, "hears of a session %.*s", STR_ARG(id));
}

/* --- what is heard ---------------------------------------------------------------------------- */

static void take_all(struct mclient *c, struct str payload)
{
    struct follow *f = c->follow;
    struct json_iter it;
    struct str element;

    f->clients = 0;
    for (int i = 0; i < MODEL_AGENTS; i++) {
        f->agents[i] = NOT_THERE;
    }
    memset(f->members, 0, sizeof(f->members));
    it = json_iter_of(member(payload, "clients"));
    while (json_next_element(&it, &element)) {
        f->clients++;
    }
    it = json_iter_of(member(payload, "agents"));
    while (json_next_element(&it, &element)) {
        set_agent(c, member(element, "agentId"), element);
    }
    it = json_iter_of(member(payload, "sessions"));
    while (json_next_element(&it, &element)) {
        set_session(c, member(element, "id"), element);
    }
}

static void take_change(struct mclient *c, struct str change)
{
    bool added = json_string_is(member(change, "op"), STR("added"));
    bool removed = json_string_is(member(change, "op"), STR("removed"));
    struct str kind = member(change, "kind"), id = member(change, "id");
    struct str value = member(change, "value");

    if (json_string_is(kind, STR("client"))) {
        c->follow->clients += (uint64_t)added - (uint64_t)removed;
    } else if (json_string_is(kind, STR("agent"))) {
        set_agent(c, id, value);
    } else {
        set_session(c, id, value);
    }
}

bool follow_hears(struct mclient *c, struct str text)
{
    struct str payload, change;
    uint64_t version;

    if (!str_starts_with(text, STR("{\"type\":\"sync_state\""))) {
        return false;
    }
    payload = member(text, "payload");
    change = member(payload, "change");
    version = number_in(c, payload, "stateVersion");
    if (c->follow == NULL) {
        while (c->follow == NULL) {
            c->follow = calloc(1, sizeof(*c->follow));
        }
        c->follow->version = version;
        if (change.len > 0) {
            model_fail(c, "hears of a change of a state that it does not know");
        }
    }
    if (version != c->follow->version + (change.len > 0)) {
        model_fail(c, "hears of version %llu of the state, behind %llu",
                   (unsigned long long)version, (unsigned long long)c->follow->version);
    }
    c->follow->version = version;
    if (change.len > 0) {
        take_change(c, change);
    } else {
        take_all(c, payload);
    }
    return true;
}

/* --- whether it is so ------------------------------------------------------------------------- */

static int status_of(const struct magent *a)
{
    if (a->client == NULL) {
        return a->known ? IS_OFFLINE : NOT_THERE;
    }
    return a->busy ? IS_BUSY : IS_ONLINE;
}

static void check_one(const struct model *m, const struct mclient *c, uint64_t version)
{
    uint64_t clients = 0;

    if (c->follow->version != version) {
        model_fail(c, "knows version %llu of the state, which is at %llu",
                   (unsigned long long)c->follow->version, (unsigned long long)version);
    }
    for (int i = 0; i < MODEL_AGENTS; i++) {
        if (c->follow->agents[i] != status_of(&m->agents[i])) {
            model_fail(c, "takes agent a%d for %d, which is %d", i, c->follow->agents[i],
                       status_of(&m->agents[i]));
        }
    }
    for (int i = 0; i < MODEL_SESSIONS; i++) {
        uint64_t members = 0;
        for (int j = 0; j < MODEL_CLIENTS; j++) {
            members += model_is_in(&m->clients[j], i);
        }
        if (c->follow->members[i] != members) {
            model_fail(c, "knows of %llu members of session %d, which has %llu",
                       (unsigned long long)c->follow->members[i], i, (unsigned long long)members);
        }
    }
    for (int i = 0; i < MODEL_CLIENTS; i++) {
        clients += m->clients[i].used && m->clients[i].open;
    }
    if (c->follow->clients != clients) {
        model_fail(c, "knows of %llu clients, of %llu", (unsigned long long)c->follow->clients,
                   (unsigned long long)clients);
    }
}

void follow_check(const struct model *m, uint64_t version)
{
    for (int i = 0; i < MODEL_CLIENTS && !m->lossy; i++) {
        const struct mclient *c = &m->clients[i];
        if (c->used && c->open && c->conn != NULL && c->follow != NULL) {
            check_one(m, c, version);
        }
    }
}

/* --- traffic ---------------------------------------------------------------------------------- */

void follow_copy(struct model *m, const struct expected *what, const struct mclient *except)
{
    struct expected copy = *what;

    copy.kind = HEARD_COPY;
    copy.skippable = false;
    for (int i = 0; i < MODEL_CLIENTS; i++) {
        if (m->clients[i].used && m->clients[i].watching && &m->clients[i] != except) {
            model_expect(&m->clients[i], &copy);
        }
    }
}

static bool is_by_gateway(const struct expected *what)
{
    return what->sender == 0 && what->agent < 0;
}

void follow_check_copy(struct model *m, const struct mclient *c, const struct expected *want,
                       struct str text)
{
    struct str session = heard_string(text, "\"session\":\"");
    struct str source =
        heard_string(text, want->from_world ? "\"dialect\":\"world\",\"source\":\""
                                            : "\"dialect\":\"gateway\",\"source\":\"");

    if (!is_by_gateway(want)) {
        heard_check_name(m, c, want, source);
    } else if (!str_equal(source, STR("gateway"))) {
        model_fail(c, "has a copy of the gateway's words by %.*s", STR_ARG(source));
    }
    if (!str_equal(session, want->session == NO_SESSION
                                ? STR("")
                                : str_from_z(model_sessions[want->session]))) {
        model_fail(c, "has a copy from session \"%.*s\" instead of %d", STR_ARG(session),
                   want->session);
    }
}
