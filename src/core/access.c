#include "core/access.h"

#include "core/gate.h"
#include "core/internal.h"
#include "core/job.h"
#include "core/request.h"
#include "core/stranger.h"

/* --- what a principal may do ------------------------------------------------------------------ */

static struct hub_verdict forbid(const char *rule)
{
    return (struct hub_verdict){ERROR_FORBIDDEN, rule};
}

struct hub_verdict hub_may(const struct hub *hub, uint32_t principal, enum hub_action action,
                           struct str object)
{
    static const char *const rules[HUB_ACTIONS] = {
        [MAY_ENTER] = "grant:sessions",      [MAY_PUBLISH] = "grant:publish",
        [MAY_REGISTER] = "grant:agent_id",   [MAY_SPEAK_AS] = "grant:act_as",
        [MAY_BROADCAST] = "grant:broadcast", [MAY_ADMIN] = "grant:admin",
    };
    bool may = false;

    if (principal == HUB_NOBODY) {
        return (struct hub_verdict){ERROR_AUTH_REQUIRED, "authentication"};
    }
    const struct principal *one = principal_at(&hub->principals, principal);
    switch (action) {
    case MAY_ENTER:
        may = one->enters_all || grants_match(one->grants.sessions, object);
        break;
    case MAY_PUBLISH:
        may = one->publishes_all || grants_match(one->grants.publish, object);
        break;
    case MAY_REGISTER:
        may = principal_may_register(one, object);
        break;
    case MAY_SPEAK_AS:
        may = grants_match(one->grants.act_as, object);
        break;
    case MAY_BROADCAST:
        may = one->grants.broadcast;
        break;
    case MAY_ADMIN:
        may = one->grants.admin;
        break;
    case HUB_ACTIONS:
        break;
    }
    return may ? (struct hub_verdict){ERROR_NONE, rules[action]} : forbid(rules[action]);
}

struct str hub_principal_name(const struct hub *hub, uint32_t principal)
{
    return principal == HUB_NOBODY ? STR("") : principal_at(&hub->principals, principal)->name;
}

struct str hub_principal_identity(const struct hub *hub, uint32_t principal)
{
    if (principal == HUB_NOBODY) {
        return STR("");
    }
    const struct principal *one = principal_at(&hub->principals, principal);
    if (one->maker != SLAB_NONE) {
        one = principal_at(&hub->principals, one->maker);
    }
    return str_make((const char *)one->digest, DIGEST_SIZE);
}

/* --- HTTP requests ---------------------------------------------------------------------------- */

void access_forget_asker(struct hub *hub)
{
    if (hub->asking != SLAB_NONE) {
        principal_release(&hub->principals, hub->asking);
        hub->asking = SLAB_NONE;
    }
}

/* False: a password has to be checked first. */
static bool judge_credential(struct hub *hub, uint64_t conn, const struct evidence *evidence,
                             struct str request, size_t head_len, struct hub_asker *ret_asker)
{
    struct attempt attempt = {.address = evidence->address,
                              .near = evidence->near,
                              .kind = evidence->kind,
                              .secret = evidence->credential};
    struct gate_refusal why;

    switch (gate_try(hub, &attempt, &hub->asking, &why)) {
    case GATE_OPEN:
        ret_asker->principal = hub->asking;
        return true;
    case GATE_SHUT:
        ret_asker->refused = why.code;
        ret_asker->retry_after_ms = why.retry_after_ms;
        return true;
    case GATE_LATER:
        break;
    }
    struct job job = {
        .kind = JOB_REQUEST, .near = evidence->near, .conn = conn, .head_len = head_len};
    memcpy(job.address, evidence->address, sizeof(job.address));
    if (job_start(hub, &job, evidence->credential, request)) {
        return false;
    }
    ret_asker->refused = ERROR_RATE_LIMITED;
    ret_asker->retry_after_ms = GATE_BUSY_MS;
    return true;
}

bool hub_judge(struct hub *hub, uint64_t conn, const struct evidence *evidence, struct str request,
               size_t head_len, struct hub_asker *ret_asker)
{
    access_forget_asker(hub);
    *ret_asker = (struct hub_asker){.principal = HUB_NOBODY};
    if (hub->principals.mode == HUB_AUTH_NONE) {
        ret_asker->principal = evidence->near ? NEAR_ONE : ANYBODY;
        return true;
    }
    return evidence->kind == CREDENTIAL_NONE ||
           judge_credential(hub, conn, evidence, request, head_len, ret_asker);
}

/* --- a new configuration ---------------------------------------------------------------------- */

/* Where a client is and what it is called, under the grants that hold now. */
static bool may_stay(const struct hub *hub, uint32_t client)
{
    const struct client *c = client_at(hub, client);

    for (uint32_t i = c->members; i != SLAB_NONE; i = member_at(hub, i)->next) {
        const struct session *s = session_at(hub, member_at(hub, i)->session);
        if (!s->hidden &&
            hub_may(hub, c->principal, MAY_ENTER, session_name(s)).code != ERROR_NONE) {
            return false;
        }
    }
    return watch_may_stay(hub, client) &&
           (c->agent == SLAB_NONE ||
            hub_may(hub, c->principal, MAY_REGISTER, agent_id(agent_at(hub, c->agent))).code ==
                ERROR_NONE);
}

bool access_renew(struct hub *hub, uint32_t client, uint32_t principal)
{
    uint32_t before = client_at(hub, client)->principal;
    bool same = principal_is_same_subject(&hub->principals, before, principal);

    if (same) {
        client_set_principal(hub, client, principal);
    }
    principal_release(&hub->principals, principal);
    if (!same) {
        client_error(hub, client, ERROR_FORBIDDEN,
                     "This connection has authenticated as somebody else; open another one.",
                     "{\"rule\":\"same_subject\"}");
    } else if (!may_stay(hub, client)) {
        client_close(hub, client, CLOSE_FORBIDDEN,
                     STR("the credential no longer grants this: see its grants"));
        same = false;
    } else {
        requests_review(hub, client);
    }
    return same;
}

/*
 * Between the moment a token runs out and the next sweep, a second at most, its client still does
 * what it might do a moment before. That is less than clocks differ by, and nothing comes of it
 * that lasts longer: all that a client has ends with the client, and what would last, a ticket, is
 * made by HTTP, where a credential is looked at each time. So no message pays for a look at the
 * time.
 */
void access_expire(struct hub *hub, uint32_t client)
{
    struct principal *one = principal_at(&hub->principals, client_at(hub, client)->principal);
    uint64_t now_ms = hub->now.wall_ms;

    if (one->expires_ms == 0 || now_ms + EXPIRY_WARNING_MS < one->expires_ms) {
        return;
    }
    if (now_ms >= one->expires_ms) {
        hub->counts.auth_failures[AUTH_FAILURE_EXPIRED]++;
        client_close(hub, client, CLOSE_AUTHENTICATION,
                     STR("the token has run out: connect again with a new one"));
    } else if (!one->warned) {
        one->warned = true;
        client_error(hub, client, ERROR_AUTH_EXPIRING,
                     hub->principals.mode == HUB_AUTH_HOST
                         ? "The credential runs out soon, and the connection is closed then; open "
                           "another one with a new credential."
                         : "The token runs out soon, and the connection is closed then; "
                           "authenticate with a new one of the same subject before.",
                     "{\"expires_in_ms\":%llu}", (unsigned long long)(one->expires_ms - now_ms));
    }
}

static void look_again(struct hub *hub, uint32_t client)
{
    struct client *c = client_at(hub, client);

    if (c->principal == HUB_NOBODY) {
        if (hub->principals.mode == HUB_AUTH_NONE) {
            stranger_admit_freely(hub, client);
        }
    } else if (hub->principals.mode == HUB_AUTH_NONE) {
        client_set_principal(hub, client, c->near ? NEAR_ONE : ANYBODY);
        if (!watch_may_stay(hub, client)) {
            client_close(hub, client, CLOSE_FORBIDDEN, STR("only administrators watch"));
        }
    } else if (!principal_holds(&hub->principals, c->principal)) {
        client_close(hub, client, CLOSE_AUTHENTICATION,
                     STR("the credential was withdrawn: authenticate with another one"));
    } else if (!may_stay(hub, client)) {
        client_close(hub, client, CLOSE_FORBIDDEN,
                     STR("the credential no longer grants this: see its grants"));
    } else if (principal_at(&hub->principals, c->principal)->renamed) {
        state_changed(hub, STATE_CLIENT, STATE_CHANGED, client);
    }
}

bool hub_set_access(struct hub *hub, const struct hub_access *access)
{
    if (!principals_list(&hub->principals, access)) {
        return false;
    }
    tickets_review(hub);
    for (uint32_t i = 0; i < slab_limit(&hub->clients); i++) {
        if (client_at(hub, i)->state != CLIENT_OPEN) {
            continue;
        }
        if (hub_reserve(hub)) {
            look_again(hub, i);
            requests_review(hub, i);
        } else {
            client_lose(hub, client_at(hub, i)->conn);
        }
    }
    return true;
}
