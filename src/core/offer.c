#include "core/offer.h"

#include <stdlib.h>

#include "core/request.h"
#include "proto/capability.h"

static uint64_t hash_capability(const void *owner, uint32_t index)
{
    const struct hub *hub = owner;
    const struct capability *c = capability_at(hub, index);

    return hash_bytes(hub->secret, c->name, c->name_len);
}

static bool capability_is(const void *owner, uint32_t index, const void *key)
{
    const struct capability *c = capability_at(owner, index);

    return str_equal(str_make(c->name, c->name_len), *(const struct str *)key);
}

static const struct map_type capabilities_map = {.hash = hash_capability, .equal = capability_is};

void capabilities_init(struct hub *hub)
{
    slab_init(&hub->capabilities.slab, sizeof(struct capability), SLAB_NONE - 1);
    map_init(&hub->capabilities.by_name, &capabilities_map, hub);
}

void capabilities_fini(struct hub *hub)
{
    for (uint32_t i = 0; i < slab_limit(&hub->capabilities.slab); i++) {
        free(capability_at(hub, i)->name);
    }
    map_fini(&hub->capabilities.by_name);
    slab_fini(&hub->capabilities.slab);
}

struct capability *capability_at(const struct hub *hub, uint32_t index)
{
    return slab_at(&hub->capabilities.slab, index);
}

uint32_t capability_find(const struct hub *hub, struct str name)
{
    return map_find(&hub->capabilities.by_name, hash_bytes(hub->secret, name.ptr, name.len), &name);
}

void capability_use(struct hub *hub, uint32_t capability)
{
    capability_at(hub, capability)->users++;
}

void capability_release(struct hub *hub, uint32_t capability)
{
    struct capability *c = capability_at(hub, capability);

    if (--c->users > 0) {
        return;
    }
    map_remove(&hub->capabilities.by_name, hash_bytes(hub->secret, c->name, c->name_len),
               capability);
    free(c->name);
    c->name = NULL;
    slab_release(&hub->capabilities.slab, capability);
}

/* A name that is new, without a user as yet; SLAB_NONE: no memory. */
static uint32_t intern(struct hub *hub, struct str name)
{
    uint32_t index;
    struct capability *c = slab_acquire(&hub->capabilities.slab, &index);

    if (c == NULL) {
        return SLAB_NONE;
    }
    c->name = malloc(name.len + 1);
    if (c->name == NULL || !map_insert(&hub->capabilities.by_name,
                                       hash_bytes(hub->secret, name.ptr, name.len), index)) {
        free(c->name);
        c->name = NULL;
        slab_release(&hub->capabilities.slab, index);
        return SLAB_NONE;
    }
    memcpy(c->name, name.ptr, name.len);
    c->name_len = (uint32_t)name.len;
    list_init(&c->offers);
    list_init(&c->waiting);
    c->came_back = NULL;
    c->limited = 0;
    return index;
}

/* --- of one agent ----------------------------------------------------------------------------- */

static bool count_one(void *ctx, struct str prefix, struct str name)
{
    uint32_t *count = ctx;

    (void)prefix;
    (void)name;
    (*count)++;
    return true;
}

uint32_t offers_count(struct str capabilities)
{
    uint32_t count = 0;

    (void)capability_each(capabilities, count_one, &count);
    return count;
}

bool offers_have(const struct offers *offers, uint32_t capability)
{
    for (uint32_t i = 0; i < offers->count; i++) {
        if (offers->items[i].capability == capability) {
            return true;
        }
    }
    return false;
}

struct making {
    struct hub *hub;
    struct offers offers;
    uint32_t agent;
};

/* One spelling; said twice it counts once. */
static bool offer(struct making *m, struct str name, bool is_prefixed)
{
    uint32_t index = capability_find(m->hub, name);

    if (index == SLAB_NONE) {
        index = intern(m->hub, name);
        if (index == SLAB_NONE) {
            return false;
        }
        capability_at(m->hub, index)->is_prefixed = is_prefixed;
    } else if (offers_have(&m->offers, index)) {
        return true;
    }
    struct offer *o = &m->offers.items[m->offers.count++];
    *o = (struct offer){.capability = index, .agent = m->agent};
    list_init(&o->link);
    list_append(&capability_at(m->hub, index)->offers, &o->link);
    capability_use(m->hub, index);
    return true;
}

static bool offer_both(void *ctx, struct str prefix, struct str name)
{
    char buffer[sizeof("tools:") + CAPABILITY_NAME_MAX];

    if (!offer(ctx, name, false)) {
        return false;
    }
    memcpy(buffer, prefix.ptr, prefix.len);
    memcpy(buffer + prefix.len, name.ptr, name.len);
    return prefix.len == 0 || offer(ctx, str_make(buffer, prefix.len + name.len), true);
}

bool offers_make(struct hub *hub, uint32_t agent, struct str capabilities,
                 struct offers *ret_offers)
{
    size_t most = 2 * (size_t)offers_count(capabilities); /* with its prefix and without */
    struct making m = {.hub = hub, .agent = agent};

    if (most > 0) {
        m.offers.items = malloc(most * sizeof(*m.offers.items));
        if (m.offers.items == NULL) {
            return false;
        }
    }
    if (!capability_each(capabilities, offer_both, &m)) {
        offers_drop(hub, &m.offers);
        return false;
    }
    *ret_offers = m.offers;
    return true;
}

void offers_drop(struct hub *hub, struct offers *offers)
{
    for (uint32_t i = 0; i < offers->count; i++) {
        struct capability *c = capability_at(hub, offers->items[i].capability);
        list_remove(&offers->items[i].link);
        if (list_empty(&c->offers) || c->limited > 0) {
            requests_desert(hub, c);
        }
        capability_release(hub, offers->items[i].capability);
    }
    free(offers->items);
    *offers = (struct offers){.items = NULL};
}
