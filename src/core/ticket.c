#include "core/gate.h"
#include "core/internal.h"

/*
 * Tickets: credentials that are good once. Only their digests are kept, as of tokens. Each has a
 * principal, which its client inherits.
 *
 * What a ticket opens ends with the token that its first maker came by, however many tickets are
 * made of tickets in between: else whoever asks for the next one in time would never run out.
 */

static uint64_t hash_ticket(const void *owner, uint32_t index)
{
    const struct hub *hub = owner;

    return hash_bytes(hub->secret, ticket_at(hub, index)->digest, DIGEST_SIZE);
}

static bool ticket_is(const void *owner, uint32_t index, const void *key)
{
    return digest_is(ticket_at(owner, index)->digest, key);
}

static const struct map_type tickets_map = {.hash = hash_ticket, .equal = ticket_is};

void tickets_init(struct hub *hub)
{
    slab_init(&hub->tickets, sizeof(struct ticket), TICKETS_MAX);
    map_init(&hub->tickets_by_digest, &tickets_map, hub);
}

void tickets_fini(struct hub *hub)
{
    map_fini(&hub->tickets_by_digest);
    slab_fini(&hub->tickets);
}

/* The use of its principal is the caller's now. */
static uint32_t withdraw(struct hub *hub, uint32_t index)
{
    struct ticket *t = ticket_at(hub, index);
    uint32_t principal = t->principal;

    map_remove(&hub->tickets_by_digest, hash_ticket(hub, index), index);
    t->principal = SLAB_NONE;
    slab_release(&hub->tickets, index);
    hub->counts.tickets--;
    return principal;
}

uint32_t ticket_take(struct hub *hub, struct str text)
{
    uint8_t digest[DIGEST_SIZE];

    if (text.len != TICKET_SIZE) {
        return SLAB_NONE;
    }
    hub->ports.digest(hub->ports.owner, text, digest);
    uint32_t index =
        map_find(&hub->tickets_by_digest, hash_bytes(hub->secret, digest, DIGEST_SIZE), digest);
    if (index == MAP_NONE) {
        return SLAB_NONE;
    }
    bool good = hub->now.mono_ms < ticket_at(hub, index)->until_ms;
    uint32_t principal = withdraw(hub, index);
    if (good && principal_holds(&hub->principals, principal) &&
        !principal_has_expired(&hub->principals, principal, hub->now.wall_ms)) {
        return principal;
    }
    principal_release(&hub->principals, principal);
    return SLAB_NONE;
}

void tickets_tick(struct hub *hub)
{
    for (uint32_t i = 0; i < slab_limit(&hub->tickets); i++) {
        const struct ticket *t = ticket_at(hub, i);
        if (t->principal != SLAB_NONE && hub->now.mono_ms >= t->until_ms) {
            principal_release(&hub->principals, withdraw(hub, i));
        }
    }
}

void tickets_review(struct hub *hub)
{
    for (uint32_t i = 0; i < slab_limit(&hub->tickets); i++) {
        const struct ticket *t = ticket_at(hub, i);
        if (t->principal != SLAB_NONE && !principal_holds(&hub->principals, t->principal)) {
            principal_release(&hub->principals, withdraw(hub, i));
        }
    }
}

static enum error_code add(struct hub *hub, struct str text, uint32_t principal, uint64_t ttl_ms)
{
    uint32_t index;
    struct ticket *t = slab_acquire(&hub->tickets, &index);

    if (t == NULL) {
        hub->counts.limits_hit[LIMIT_TICKETS]++;
        return ERROR_LIMIT_REACHED;
    }
    hub->ports.digest(hub->ports.owner, text, t->digest);
    t->until_ms = hub->now.mono_ms + ttl_ms;
    t->principal = SLAB_NONE;
    if (!map_insert(&hub->tickets_by_digest, hash_bytes(hub->secret, t->digest, DIGEST_SIZE),
                    index)) {
        slab_release(&hub->tickets, index);
        return ERROR_LIMIT_REACHED;
    }
    t->principal = principal;
    principal_use(&hub->principals, principal);
    hub->counts.tickets++;
    return ERROR_NONE;
}

/* How long a ticket may be good that is wanted for so long. */
static uint64_t life_ms(const struct hub *hub, uint32_t maker, uint64_t ttl_ms)
{
    uint64_t expires_ms = principal_at(&hub->principals, maker)->expires_ms;

    return expires_ms != 0 && expires_ms - hub->now.wall_ms < ttl_ms ? expires_ms - hub->now.wall_ms
                                                                     : ttl_ms;
}

enum error_code hub_ticket_new(struct hub *hub, uint32_t maker,
                               const struct hub_ticket_request *request,
                               char ret_ticket[TICKET_SIZE], uint64_t *ret_until_ms)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t random[TICKET_SIZE];

    if (maker == HUB_NOBODY || request->ttl_ms == 0 || request->ttl_ms > TICKET_MAX_MS ||
        !principal_covers(principal_at(&hub->principals, maker), &request->grants,
                          request->agent_id)) {
        return ERROR_FORBIDDEN;
    }
    if (principal_has_expired(&hub->principals, maker, hub->now.wall_ms)) {
        return ERROR_AUTH_FAILED;
    }
    uint64_t ttl_ms = life_ms(hub, maker, request->ttl_ms);
    /* The use that `add` takes keeps it; without a ticket it goes again. */
    uint32_t principal =
        principal_make(&hub->principals, maker, &request->grants, request->agent_id);
    if (principal == SLAB_NONE) {
        return ERROR_LIMIT_REACHED;
    }
    principal_use(&hub->principals, principal);
    hub->ports.random(hub->ports.owner, random, sizeof(random));
    for (size_t i = 0; i < TICKET_SIZE; i++) {
        ret_ticket[i] = letters[random[i] & 31];
    }
    enum error_code code = add(hub, str_make(ret_ticket, TICKET_SIZE), principal, ttl_ms);
    principal_release(&hub->principals, principal);
    *ret_until_ms = hub->now.wall_ms + ttl_ms;
    return code;
}
