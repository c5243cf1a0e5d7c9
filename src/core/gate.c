#include "core/gate.h"

#include "base/ip.h"
#include "core/internal.h"

static const char *const failure_names[HUB_AUTH_FAILURES] = {
    [AUTH_FAILURE_TOKEN] = "token",     [AUTH_FAILURE_PASSWORD] = "password",
    [AUTH_FAILURE_TICKET] = "ticket",   [AUTH_FAILURE_MISSING] = "missing",
    [AUTH_FAILURE_TIMEOUT] = "timeout", [AUTH_FAILURE_LOCKED_OUT] = "locked_out",
    [AUTH_FAILURE_EXPIRED] = "expired",
};

const char *hub_auth_failure_name(enum hub_auth_failure failure)
{
    return failure_names[failure];
}

static void refuse(struct hub *hub, const uint8_t *address, enum hub_auth_failure failure)
{
    char space[64];
    struct buf text;

    hub->counts.auth_failures[failure]++;
    host_note(hub, &(struct hub_event){.kind = HUB_CREDENTIAL_REFUSED,
                                       .text = str_from_z(failure_names[failure])});
    if (address == NULL) {
        return;
    }
    buf_init(&text, sizeof(space));
    ip_append(&text, address);
    hub_log(hub, LOG_WARNING, "auth_failed", SLAB_NONE, "reason=%s address=%.*s",
            failure_names[failure], STR_ARG(buf_str(&text)));
    buf_fini(&text);
}

/* Charges the attempt; false: this address has to wait. */
static bool charge(struct hub *hub, const struct attempt *a, struct gate_refusal *ret_why)
{
    uint64_t retry_ms;

    if (limiter_charge(&hub->limiter, a->address, hub->now.mono_ms, &retry_ms)) {
        return true;
    }
    *ret_why = (struct gate_refusal){.code = ERROR_RATE_LIMITED, .retry_after_ms = retry_ms};
    refuse(hub, a->address, AUTH_FAILURE_LOCKED_OUT);
    return false;
}

/* For hub_ports.verify. */
struct signed_token {
    struct hub *hub;
    uint32_t principal;
};

static void take_claims(void *ctx, const struct hub_claims *claims)
{
    struct signed_token *t = ctx;

    t->principal = principal_claim(&t->hub->principals, claims);
    if (t->principal == SLAB_NONE) {
        t->hub->counts.out_of_memory++;
    }
}

static uint32_t find_signed(struct hub *hub, struct str token)
{
    struct signed_token t = {.hub = hub, .principal = SLAB_NONE};

    (void)hub->ports.verify(hub->ports.owner, token, &t, take_claims);
    return t.principal;
}

/* Whether somebody else has to look at what is no ticket. */
static bool takes_time(const struct hub *hub)
{
    return hub->principals.mode == HUB_AUTH_PASSWORD || hub->principals.mode == HUB_AUTH_HOST;
}

/* The principal of a token or ticket, with its use, or SLAB_NONE. */
static uint32_t find(struct hub *hub, const struct attempt *a)
{
    uint8_t digest[DIGEST_SIZE];

    if (a->kind == CREDENTIAL_TICKET) {
        return ticket_take(hub, a->secret);
    }
    if (a->kind != CREDENTIAL_BEARER) {
        return SLAB_NONE;
    }
    if (hub->principals.mode == HUB_AUTH_HOST) {
        return SLAB_NONE;
    }
    if (hub->principals.mode == HUB_AUTH_JWT) {
        return find_signed(hub, a->secret);
    }
    hub->ports.digest(hub->ports.owner, a->secret, digest);
    uint32_t principal = principal_find(&hub->principals, digest);
    if (principal != SLAB_NONE) {
        principal_use(&hub->principals, principal);
    }
    return principal;
}

enum gate_verdict gate_try(struct hub *hub, const struct attempt *a, uint32_t *ret_principal,
                           struct gate_refusal *ret_why)
{
    /* Who is on this machine may try tokens as he likes: they cannot be guessed. */
    bool exempt = a->near && a->kind != CREDENTIAL_PASSWORD;

    if (!exempt && !charge(hub, a, ret_why)) {
        return GATE_SHUT;
    }
    uint32_t principal = find(hub, a);
    if (principal != SLAB_NONE) {
        if (!exempt) {
            limiter_refund(&hub->limiter, a->address);
        }
        *ret_principal = principal;
        return GATE_OPEN;
    }
    if (takes_time(hub) && a->kind != CREDENTIAL_TICKET) {
        return exempt && !charge(hub, a, ret_why) ? GATE_SHUT : GATE_LATER;
    }
    if (!exempt) {
        limiter_fail(&hub->limiter, a->address, hub->now.mono_ms);
    }
    *ret_why = (struct gate_refusal){.code = ERROR_AUTH_FAILED};
    refuse(hub, a->address,
           a->kind == CREDENTIAL_TICKET     ? AUTH_FAILURE_TICKET
           : a->kind == CREDENTIAL_PASSWORD ? AUTH_FAILURE_PASSWORD
                                            : AUTH_FAILURE_TOKEN);
    return GATE_SHUT;
}

void gate_wrong(struct hub *hub, const uint8_t *address, enum hub_auth_failure failure,
                struct gate_refusal *ret_why)
{
    limiter_fail(&hub->limiter, address, hub->now.mono_ms);
    *ret_why = (struct gate_refusal){.code = ERROR_AUTH_FAILED};
    refuse(hub, address, failure);
}

const char *gate_text(const struct gate_refusal *why)
{
    if (why->code == ERROR_RATE_LIMITED) {
        return "Too many attempts to authenticate, from this address or at this time; wait as long "
               "as retry_after_ms says, then try again with the right credential.";
    }
    return "The credential is not accepted: check the token, password or ticket.";
}
