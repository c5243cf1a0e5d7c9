#include "follow.h"

#include <stdlib.h>

#include "heard.h"
#include "json/reader.h"

enum { NOT_THERE = -1, IS_ONLINE, IS_BUSY, IS_OFFLINE };

enum { FOLLOW_ID = 16, FOLLOW_CURSOR = 40 };

/* A snapshot comes in pages: while `next` says where it goes on, what is known is not all. */
struct follow {
    uint64_t version;
    uint64_t clients;                   /* that it knows of */
    char ids[MODEL_CLIENTS][FOLLOW_ID]; /* theirs, in no order */
    uint64_t members[MODEL_SESSIONS];
    int agents[MODEL_AGENTS];
    char next[FOLLOW_CURSOR]; /* empty: it knows all */
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

/* A client may come by a change and in a page, and a change may remove one that is in none yet. */
static void set_client(const struct mclient *c, struct str raw_id, bool is_there)
{
    struct follow *f = c->follow;
    char id[FOLLOW_ID] = "";
    uint64_t at = 0;

    if (json_unescape_to(raw_id, id, sizeof(id) - 1) >= sizeof(id)) {
        model_fail(c, "hears of a client %.*s", STR_ARG(raw_id));
    }
    while (at < f->clients && strcmp(f->ids[at], id) != 0) {
        at++;
    }
    if (is_there && at == MODEL_CLIENTS) {
        model_fail(c, "hears of more clients than there are");
    } else if (is_there) {
        memcpy(f->ids[at], id, sizeof(id));
        f->clients += at == f->clients;
    } else if (at < f->clients) {
        f->clients--;
        memmove(f->ids[at], f->ids[f->clients], sizeof(id));
    }
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

static void forget_all(struct follow *f)
{
    f->clients = 0;
    for (int i = 0; i < MODEL_AGENTS; i++) {
        f->agents[i] = NOT_THERE;
    }
    memset(f->members, 0, sizeof(f->members));
}

static void take_page(struct mclient *c, struct str payload)
{
    struct str element, next = member(payload, "next");
    struct json_iter it = json_iter_of(member(payload, "clients"));

    while (json_next_element(&it, &element)) {
        set_client(c, member(element, "id"), true);
    }
    it = json_iter_of(member(payload, "agents"));
    while (json_next_element(&it, &element)) {
        set_agent(c, member(element, "agentId"), element);
    }
    it = json_iter_of(member(payload, "sessions"));
    while (json_next_element(&it, &element)) {
        set_session(c, member(element, "id"), element);
    }
    size_t len = json_unescape_to(next, c->follow->next, FOLLOW_CURSOR - 1);
    c->follow->next[len < FOLLOW_CURSOR ? len : FOLLOW_CURSOR - 1] = '\0';
}

static void take_change(struct mclient *c, struct str change)
{
    bool removed = json_string_is(member(change, "op"), STR("removed"));
    struct str kind = member(change, "kind"), id = member(change, "id");
    struct str value = member(change, "value");

    if (json_string_is(kind, STR("client"))) {
        set_client(c, id, !removed);
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
        c->follow_asked--;
        if (json_string_is(member(text, "replyTo"), STR("m"))) {
            forget_all(c->follow);
        }
        take_page(c, payload);
    }
    return true;
}

bool follow_wants_more(const struct mclient *c)
{
    return c->follow != NULL && c->follow->next[0] != '\0';
}

void follow_write(struct buf *b, const struct mclient *c)
{
    /* Where it goes on is known when nothing else is on its way that may begin anew. */
    if (c->follow_asked == 0 && follow_wants_more(c)) {
        buf_printf(b, "{\"type\":\"sync_state\",\"id\":\"n\",\"payload\":{\"next\":\"%s\"}}",
                   c->follow->next);
    } else {
        buf_append_str(
            b, STR("{\"type\":\"sync_state\",\"id\":\"m\",\"payload\":{\"subscribe\":true}}"));
    }
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
    if (follow_wants_more(c)) {
        model_fail(c, "does not know all of the state yet");
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
