#include "library/library.h"

#include <stdlib.h>

#include "base/ip.h"
#include "crypto/digest.h"

/*
 * Credentials that the program looks at. What it decides is kept until the end of the turn: it may
 * decide inside the call that asks, when the hub is not ready for an answer yet.
 */

enum { NAME_MAX_BYTES = 256, AGENT_MAX_BYTES = 128 };

void login_check_credential(void *owner, uint64_t job, struct str secret, bool is_password,
                            const uint8_t address[16])
{
    struct parley *p = owner;
    struct buf text;

    buf_init(&text, ADDRESS_TEXT);
    ip_append(&text, address);
    buf_append_char(&text, '\0');
    struct parley_login login = {
        .id = job,
        .secret = text_of_str(secret),
        .is_password = is_password,
        .address = text.failed ? "" : text.data,
    };
    p->options->check(p, &login, p->options->check_ctx);
    buf_fini(&text);
}

static bool is_awaited(struct parley *p, uint64_t login)
{
    for (const struct verdict *v = p->verdicts; v != NULL; v = v->next) {
        if (v->job == login) {
            return false;
        }
    }
    return hub_credential_awaited(hub_of(p), login);
}

static void add_verdict(struct parley *p, struct verdict *v)
{
    *p->verdicts_end = v;
    p->verdicts_end = &v->next;
    gateway_wake(p->assembly.gateway);
}

static struct str put(char **at, struct parley_text text)
{
    struct str copy = {*at, text.len};

    if (text.len > 0) {
        memcpy(*at, text.ptr, text.len);
    }
    *at += text.len;
    return copy;
}

static bool is_valid(const struct parley_identity *who)
{
    const struct parley_text patterns[] = {who->publish, who->sessions, who->act_as};

    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        if (patterns[i].len > 0 && !grants_valid(str_of(patterns[i]))) {
            return false;
        }
    }
    return who->name.len > 0 && who->name.len <= NAME_MAX_BYTES &&
           who->agent_id.len <= AGENT_MAX_BYTES;
}

/* Two logins of one name are of the same subject. */
static void identify(struct parley_text name, uint8_t ret_identity[DIGEST_SIZE])
{
    digest_sha256(name.ptr, name.len, ret_identity);
}

enum parley_result parley_accept(struct parley *p, uint64_t login,
                                 const struct parley_identity *who)
{
    if (!is_valid(who)) {
        return PARLEY_INVALID;
    }
    if (!is_awaited(p, login)) {
        return PARLEY_NOT_FOUND;
    }
    size_t len =
        who->name.len + who->agent_id.len + who->publish.len + who->sessions.len + who->act_as.len;
    struct verdict *v = calloc(1, sizeof(*v) + len + 1);
    if (v == NULL) {
        return PARLEY_OUT_OF_MEMORY;
    }
    char *at = v->texts;
    v->job = login;
    v->accepted = true;
    v->claims.name = put(&at, who->name);
    v->claims.agent_id = put(&at, who->agent_id);
    v->claims.grants.publish = put(&at, who->publish);
    v->claims.grants.sessions = put(&at, who->sessions);
    v->claims.grants.act_as = put(&at, who->act_as);
    v->claims.grants.broadcast = who->broadcast;
    v->claims.grants.admin = who->admin;
    v->claims.expires_ms = who->expires_ms;
    identify(who->name, v->claims.identity);
    add_verdict(p, v);
    return PARLEY_OK;
}

enum parley_result parley_refuse(struct parley *p, uint64_t login)
{
    if (!is_awaited(p, login)) {
        return PARLEY_NOT_FOUND;
    }
    struct verdict *v = calloc(1, sizeof(*v) + 1);
    if (v == NULL) {
        return PARLEY_OUT_OF_MEMORY;
    }
    v->job = login;
    add_verdict(p, v);
    return PARLEY_OK;
}

static struct verdict *take_first(struct parley *p)
{
    struct verdict *v = p->verdicts;

    if (v != NULL) {
        p->verdicts = v->next;
        if (p->verdicts == NULL) {
            p->verdicts_end = &p->verdicts;
        }
    }
    return v;
}

void logins_settle(struct parley *p)
{
    for (struct verdict *v = take_first(p); v != NULL; v = take_first(p)) {
        hub_credential_checked(hub_of(p), v->job, v->accepted ? &v->claims : NULL);
        free(v);
    }
}

void logins_fini(struct parley *p)
{
    for (struct verdict *v = take_first(p); v != NULL; v = take_first(p)) {
        free(v);
    }
}
