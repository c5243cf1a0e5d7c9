#include "core/principal.h"

#include <assert.h>
#include <stdlib.h>

bool digest_is(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE])
{
    unsigned difference = 0;

    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        difference |= a[i] ^ b[i];
    }
    return difference == 0;
}

static uint64_t hash_principal(const void *owner, uint32_t index)
{
    const struct principals *p = owner;

    return hash_bytes(p->secret, principal_at(p, index)->digest, DIGEST_SIZE);
}

static bool principal_is(const void *owner, uint32_t index, const void *key)
{
    return digest_is(principal_at(owner, index)->digest, key);
}

static const struct map_type principals_map = {.hash = hash_principal, .equal = principal_is};

/* --- texts ------------------------------------------------------------------------------------ */

/* Appends a copy and lets `s` point to it. */
static void move_text(char **at, struct str *s)
{
    if (s->len > 0) {
        memcpy(*at, s->ptr, s->len);
    }
    s->ptr = *at;
    *at += s->len;
}

/* Copies of all texts, in one piece: *ret_text owns them. False: no memory. */
static bool copy_texts(struct str *name, struct str *agent_id, struct grants *g, char **ret_text)
{
    size_t len = name->len + agent_id->len + g->publish.len + g->sessions.len + g->act_as.len;
    char *at = malloc(len + 1);

    if (at == NULL) {
        return false;
    }
    *ret_text = at;
    move_text(&at, name);
    move_text(&at, agent_id);
    move_text(&at, &g->publish);
    move_text(&at, &g->sessions);
    move_text(&at, &g->act_as);
    return true;
}

static void describe(struct principal *one, struct str name, struct str agent_id,
                     const struct grants *grants, char *text)
{
    free(one->text);
    one->name = name;
    one->agent_id = agent_id;
    one->grants = *grants;
    one->publishes_all = str_equal(grants->publish, STR("*"));
    one->enters_all = str_equal(grants->sessions, STR("*"));
    one->text = text;
}

/* --- life ------------------------------------------------------------------------------------- */

static struct principal *acquire(struct principals *p, enum principal_kind kind,
                                 uint32_t *ret_index)
{
    struct principal *one = slab_acquire(&p->slab, ret_index);

    if (one != NULL) {
        one->kind = (uint8_t)kind;
        one->maker = SLAB_NONE;
    }
    return one;
}

/*
 * Without authentication everybody may do what concerns the worlds; whoever is near may administer
 * as well. Nobody speaks in the name of another.
 */
bool principals_init(struct principals *p, const uint8_t *secret)
{
    const struct grants grants = {
        .publish = STR("*"), .sessions = STR("*"), .act_as = STR(""), .broadcast = true};
    uint32_t index;

    p->secret = secret;
    p->mode = HUB_AUTH_NONE;
    p->password = SLAB_NONE;
    slab_init(&p->slab, sizeof(struct principal), SLAB_NONE - 1);
    map_init(&p->by_digest, &principals_map, p);
    for (unsigned kind = PRINCIPAL_ANYBODY; kind <= PRINCIPAL_NEAR; kind++) {
        struct principal *one = acquire(p, (enum principal_kind)kind, &index);
        if (one == NULL) {
            return false;
        }
        describe(one, STR("anonymous"), STR(""), &grants, NULL);
        one->grants.admin = kind == PRINCIPAL_NEAR;
        one->users = 1;
    }
    assert(principal_at(p, ANYBODY)->kind == PRINCIPAL_ANYBODY && index == NEAR_ONE);
    return true;
}

void principals_fini(struct principals *p)
{
    for (uint32_t i = 0; i < slab_limit(&p->slab); i++) {
        if (principal_at(p, i)->kind != PRINCIPAL_FREE) {
            free(principal_at(p, i)->text);
        }
    }
    map_fini(&p->by_digest);
    slab_fini(&p->slab);
}

static bool is_configured(const struct principal *one)
{
    return one->kind == PRINCIPAL_TOKEN || one->kind == PRINCIPAL_PASSWORD;
}

static void drop_if_unused(struct principals *p, uint32_t index)
{
    struct principal *one = principal_at(p, index);

    if (one->users > 0 || one->listed) {
        return;
    }
    uint32_t maker = one->maker;
    if (is_configured(one)) {
        map_remove(&p->by_digest, hash_principal(p, index), index);
    }
    free(one->text);
    one->text = NULL;
    one->kind = PRINCIPAL_FREE;
    slab_release(&p->slab, index);
    if (maker != SLAB_NONE) {
        principal_release(p, maker);
    }
}

uint32_t principal_claim(struct principals *p, const struct hub_claims *claims)
{
    struct str name = claims->name, agent_id = claims->agent_id;
    struct grants own = claims->grants;
    char *text;
    uint32_t index;

    if (!copy_texts(&name, &agent_id, &own, &text)) {
        return SLAB_NONE;
    }
    struct principal *one = acquire(p, PRINCIPAL_JWT, &index);
    if (one == NULL) {
        free(text);
        return SLAB_NONE;
    }
    describe(one, name, agent_id, &own, text);
    memcpy(one->digest, claims->identity, DIGEST_SIZE);
    memcpy(one->key, claims->key, DIGEST_SIZE);
    one->expires_ms = claims->expires_ms;
    one->users = 1;
    return index;
}

bool principal_is_same_subject(const struct principals *p, uint32_t a, uint32_t b)
{
    const struct principal *one = principal_at(p, a), *other = principal_at(p, b);

    return a == b || (one->kind == PRINCIPAL_JWT && other->kind == PRINCIPAL_JWT &&
                      digest_is(one->digest, other->digest));
}

void principal_use(struct principals *p, uint32_t index)
{
    principal_at(p, index)->users++;
}

void principal_release(struct principals *p, uint32_t index)
{
    struct principal *one = principal_at(p, index);

    assert(one->users > 0);
    one->users--;
    drop_if_unused(p, index);
}

uint32_t principal_find(const struct principals *p, const uint8_t digest[DIGEST_SIZE])
{
    uint32_t index = map_find(&p->by_digest, hash_bytes(p->secret, digest, DIGEST_SIZE), digest);

    if (index == MAP_NONE || !principal_at(p, index)->listed ||
        principal_at(p, index)->kind != PRINCIPAL_TOKEN) {
        return SLAB_NONE;
    }
    return index;
}

bool principal_may_register(const struct principal *one, struct str agent_id)
{
    if (one->agent_id.len == 0 && one->grants.act_as.len == 0) {
        return true;
    }
    return str_equal(one->agent_id, agent_id) || grants_match(one->grants.act_as, agent_id);
}

bool principal_covers(const struct principal *maker, const struct grants *grants,
                      struct str agent_id)
{
    bool is_bound = maker->agent_id.len > 0 || maker->grants.act_as.len > 0;

    if (!grants_within(grants, &maker->grants)) {
        return false;
    }
    /* A ticket that is bound to nothing may register as anybody. */
    return agent_id.len > 0 ? principal_may_register(maker, agent_id)
                            : !is_bound || grants->act_as.len > 0 ||
                                  grants_match(maker->grants.act_as, STR("*"));
}

/*
 * A ticket that is made by the bearer of a ticket counts as made by that one's maker. Grants of
 * tickets do not change, so it is within him as well, and no row of makers grows that would have to
 * be walked.
 */
uint32_t principal_make(struct principals *p, uint32_t maker, const struct grants *grants,
                        struct str agent_id)
{
    if (principal_at(p, maker)->kind == PRINCIPAL_TICKET) {
        maker = principal_at(p, maker)->maker;
    }
    struct str name = principal_at(p, maker)->name;
    struct grants own = *grants;
    char *text;
    uint32_t index;

    if (!copy_texts(&name, &agent_id, &own, &text)) {
        return SLAB_NONE;
    }
    struct principal *one = acquire(p, PRINCIPAL_TICKET, &index);
    if (one == NULL) {
        free(text);
        return SLAB_NONE;
    }
    describe(one, name, agent_id, &own, text);
    one->maker = maker;
    one->expires_ms = principal_at(p, maker)->expires_ms;
    principal_use(p, maker);
    return index;
}

bool principal_holds(const struct principals *p, uint32_t index)
{
    const struct principal *one = principal_at(p, index);

    if (one->maker != SLAB_NONE) {
        const struct principal *maker = principal_at(p, one->maker);
        if (!principal_covers(maker, &one->grants, one->agent_id)) {
            return false;
        }
        one = maker;
    }
    if (one->kind == PRINCIPAL_JWT) {
        return !one->withdrawn && (p->mode == HUB_AUTH_JWT || p->mode == HUB_AUTH_HOST);
    }
    return is_configured(one) ? one->listed : p->mode == HUB_AUTH_NONE;
}

/*
 * One credential's connections replace each other. Tickets are good for one connection, so a client
 * that comes again has another one; two of the same maker that are for this very agent are the
 * same. A maker with a signed token has a principal for each request, so it is asked who he is.
 */
bool principal_same(const struct principals *p, uint32_t a, uint32_t b, struct str agent_id)
{
    const struct principal *one = principal_at(p, a), *other = principal_at(p, b);

    return p->mode == HUB_AUTH_NONE || principal_is_same_subject(p, a, b) ||
           (one->kind == PRINCIPAL_TICKET && other->kind == PRINCIPAL_TICKET &&
            principal_is_same_subject(p, one->maker, other->maker) &&
            str_equal(one->agent_id, agent_id) && str_equal(other->agent_id, agent_id));
}

/* --- what is listed --------------------------------------------------------------------------- */

/* A principal that will be listed: all that can fail has been done for it. */
struct staged {
    struct str name;
    struct str agent_id;
    struct grants grants;
    char *text;
    uint32_t index; /* found, or new and not listed yet */
};

static bool stage(struct principals *p, enum principal_kind kind, const uint8_t *digest,
                  struct staged *ret_staged)
{
    uint64_t hash = hash_bytes(p->secret, digest, DIGEST_SIZE);

    if (!copy_texts(&ret_staged->name, &ret_staged->agent_id, &ret_staged->grants,
                    &ret_staged->text)) {
        return false;
    }
    ret_staged->index = map_find(&p->by_digest, hash, digest);
    if (ret_staged->index != MAP_NONE) {
        return true;
    }
    struct principal *one = acquire(p, kind, &ret_staged->index);
    if (one == NULL) {
        free(ret_staged->text);
        return false;
    }
    memcpy(one->digest, digest, DIGEST_SIZE);
    if (!map_insert(&p->by_digest, hash, ret_staged->index)) {
        free(ret_staged->text);
        one->kind = PRINCIPAL_FREE;
        slab_release(&p->slab, ret_staged->index);
        return false;
    }
    return true;
}

/* Whether all could be staged; *ret_count were. */
static bool stage_all(struct principals *p, const struct hub_access *access, struct staged *staged,
                      size_t *ret_count)
{
    size_t count = 0;

    for (size_t i = 0; i < access->count; i++) {
        const struct hub_credential *c = &access->credentials[i];
        staged[count] =
            (struct staged){.name = c->name, .agent_id = c->agent_id, .grants = c->grants};
        *ret_count = count;
        if (!stage(p, PRINCIPAL_TOKEN, c->digest, &staged[count])) {
            return false;
        }
        count++;
    }
    *ret_count = count;
    if (access->mode == HUB_AUTH_PASSWORD) {
        staged[count] =
            (struct staged){.name = STR("password"), .agent_id = STR(""), .grants = GRANTS_ALL};
        if (!stage(p, PRINCIPAL_PASSWORD, access->password_id, &staged[count])) {
            return false;
        }
        *ret_count = count + 1;
    }
    return true;
}

/* Tokens that are signed by a key which is there no more are withdrawn with it. */
static void withdraw_signed(struct principals *p, const struct hub_access *access)
{
    for (uint32_t i = 0; i < slab_limit(&p->slab); i++) {
        struct principal *one = principal_at(p, i);
        bool holds = access->mode == HUB_AUTH_HOST; /* which has no keys */
        for (size_t k = 0; one->kind == PRINCIPAL_JWT && k < access->key_count; k++) {
            holds = holds || digest_is(one->key, access->keys[k]);
        }
        one->withdrawn = one->withdrawn || (one->kind == PRINCIPAL_JWT && !holds);
    }
}

bool principals_list(struct principals *p, const struct hub_access *access)
{
    size_t count = 0;
    struct staged *staged = calloc(access->count + 1, sizeof(*staged));

    if (staged == NULL) {
        return false;
    }
    bool ok = stage_all(p, access, staged, &count);
    for (uint32_t i = 0; ok && i < slab_limit(&p->slab); i++) {
        struct principal *one = principal_at(p, i);
        one->listed = false;
    }
    if (ok) {
        p->mode = access->mode;
        p->password = SLAB_NONE;
        withdraw_signed(p, access);
    }
    for (size_t i = 0; i < count; i++) {
        struct staged *s = &staged[i];
        struct principal *one = principal_at(p, s->index);
        if (ok) {
            one->renamed = one->text != NULL && !str_equal(one->name, s->name);
            describe(one, s->name, s->agent_id, &s->grants, s->text);
            one->listed = true;
            p->password = one->kind == PRINCIPAL_PASSWORD ? s->index : p->password;
        } else {
            free(s->text);
        }
    }
    for (uint32_t i = 0; i < slab_limit(&p->slab); i++) {
        if (principal_at(p, i)->kind != PRINCIPAL_FREE && is_configured(principal_at(p, i))) {
            drop_if_unused(p, i);
        }
    }
    free(staged);
    return ok;
}
