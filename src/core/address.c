#include "core/address.h"

#include <assert.h>

#include "base/ip.h"

bool address_is_local(const uint8_t address[ADDRESS_SIZE])
{
    static const uint8_t none[ADDRESS_SIZE], one[ADDRESS_SIZE] = {[15] = 1};

    return memcmp(address, none, ADDRESS_SIZE) == 0 || memcmp(address, one, ADDRESS_SIZE) == 0 ||
           (ip_is_v4(address) && address[12] == 127);
}

/* --- clients of an address -------------------------------------------------------------------- */

struct count_entry {
    struct ip_network key;
    uint32_t clients;
    uint32_t unused; /* the slab's, once the entry is free */
};

static uint64_t hash_count(const void *owner, uint32_t index)
{
    const struct address_counts *t = owner;
    const struct count_entry *e = slab_at(&t->entries, index);

    return hash_bytes(t->secret, e->key.bytes, ADDRESS_SIZE);
}

static bool count_is(const void *owner, uint32_t index, const void *key)
{
    const struct address_counts *t = owner;
    const struct count_entry *e = slab_at(&t->entries, index);

    return memcmp(e->key.bytes, key, ADDRESS_SIZE) == 0;
}

static const struct map_type counts_map = {.hash = hash_count, .equal = count_is};

void address_counts_init(struct address_counts *t, const uint8_t *secret)
{
    t->secret = secret;
    slab_init(&t->entries, sizeof(struct count_entry), SLAB_NONE - 1);
    map_init(&t->by_address, &counts_map, t);
}

void address_counts_fini(struct address_counts *t)
{
    map_fini(&t->by_address);
    slab_fini(&t->entries);
}

bool address_enter(struct address_counts *t, const uint8_t address[ADDRESS_SIZE], uint32_t max)
{
    if (address_is_local(address)) {
        return true;
    }
    struct ip_network key = ip_network_of(address);
    uint64_t hash = hash_bytes(t->secret, key.bytes, ADDRESS_SIZE);
    uint32_t index = map_find(&t->by_address, hash, key.bytes);
    if (index != MAP_NONE) {
        struct count_entry *e = slab_at(&t->entries, index);
        if (e->clients >= max) {
            return false;
        }
        e->clients++;
        return true;
    }
    struct count_entry *e = slab_acquire(&t->entries, &index);
    if (e == NULL) {
        return false;
    }
    *e = (struct count_entry){.key = key, .clients = 1};
    if (!map_insert(&t->by_address, hash, index)) {
        slab_release(&t->entries, index);
        return false;
    }
    return true;
}

void address_leave(struct address_counts *t, const uint8_t address[ADDRESS_SIZE])
{
    if (address_is_local(address)) {
        return;
    }
    struct ip_network key = ip_network_of(address);
    uint64_t hash = hash_bytes(t->secret, key.bytes, ADDRESS_SIZE);
    uint32_t index = map_find(&t->by_address, hash, key.bytes);
    assert(index != MAP_NONE);
    struct count_entry *e = slab_at(&t->entries, index);
    if (--e->clients == 0) {
        map_remove(&t->by_address, hash, index);
        slab_release(&t->entries, index);
    }
}

/* --- failures to authenticate ----------------------------------------------------------------- */

struct attempts {
    struct list link; /* limiter.by_use */
    struct ip_network key;
    uint64_t window_ms; /* when the minute began */
    uint64_t locked_until_ms;
    uint32_t charged; /* in this minute: failed, or not decided yet */
    uint32_t failed;  /* in this minute */
    uint32_t unused;  /* the slab's, once the entry is free */
};

static uint64_t hash_attempts(const void *owner, uint32_t index)
{
    const struct limiter *l = owner;
    const struct attempts *a = slab_at(&l->entries, index);

    return hash_bytes(l->secret, a->key.bytes, ADDRESS_SIZE);
}

static bool attempts_are(const void *owner, uint32_t index, const void *key)
{
    const struct limiter *l = owner;
    const struct attempts *a = slab_at(&l->entries, index);

    return memcmp(a->key.bytes, key, ADDRESS_SIZE) == 0;
}

static const struct map_type attempts_map = {.hash = hash_attempts, .equal = attempts_are};

void limiter_init(struct limiter *l, const uint8_t *secret)
{
    l->secret = secret;
    slab_init(&l->entries, sizeof(struct attempts), LIMITER_ENTRIES);
    map_init(&l->by_address, &attempts_map, l);
    list_init(&l->by_use);
}

void limiter_fini(struct limiter *l)
{
    map_fini(&l->by_address);
    slab_fini(&l->entries);
}

static uint32_t find(const struct limiter *l, const struct ip_network *key)
{
    return map_find(&l->by_address, hash_bytes(l->secret, key->bytes, ADDRESS_SIZE), key->bytes);
}

static void forget_oldest(struct limiter *l)
{
    if (list_empty(&l->by_use)) {
        return;
    }
    struct attempts *a = list_entry(l->by_use.next, struct attempts, link);
    uint32_t index = find(l, &a->key);
    list_remove(&a->link);
    map_remove(&l->by_address, hash_attempts(l, index), index);
    slab_release(&l->entries, index);
}

static struct attempts *add(struct limiter *l, const struct ip_network *key, uint64_t now_ms)
{
    uint32_t index;
    struct attempts *a = slab_acquire(&l->entries, &index);

    if (a == NULL) {
        forget_oldest(l);
        a = slab_acquire(&l->entries, &index);
    }
    if (a == NULL) {
        return NULL;
    }
    *a = (struct attempts){.key = *key, .window_ms = now_ms};
    if (!map_insert(&l->by_address, hash_attempts(l, index), index)) {
        slab_release(&l->entries, index);
        return NULL;
    }
    list_init(&a->link);
    return a;
}

bool limiter_charge(struct limiter *l, const uint8_t address[ADDRESS_SIZE], uint64_t now_ms,
                    uint64_t *ret_retry_ms)
{
    struct ip_network key = ip_network_of(address);
    uint32_t index = find(l, &key);
    struct attempts *a = index != MAP_NONE ? slab_at(&l->entries, index) : add(l, &key, now_ms);

    *ret_retry_ms = LIMITER_WINDOW_MS;
    if (a == NULL) {
        return false; /* without memory nobody's attempts can be counted, so none are made */
    }
    list_remove(&a->link);
    list_append(&l->by_use, &a->link);
    if (now_ms < a->locked_until_ms) {
        *ret_retry_ms = a->locked_until_ms - now_ms;
        return false;
    }
    if (now_ms - a->window_ms >= LIMITER_WINDOW_MS) {
        a->window_ms = now_ms;
        a->charged = 0;
        a->failed = 0;
    }
    if (a->charged >= LIMITER_FAILURES) {
        *ret_retry_ms = LIMITER_PENDING_MS;
        return false;
    }
    a->charged++;
    return true;
}

void limiter_fail(struct limiter *l, const uint8_t address[ADDRESS_SIZE], uint64_t now_ms)
{
    struct ip_network key = ip_network_of(address);
    uint32_t index = find(l, &key);

    if (index == MAP_NONE) {
        return; /* forgotten meanwhile */
    }
    struct attempts *a = slab_at(&l->entries, index);
    if (++a->failed == LIMITER_FAILURES) {
        a->locked_until_ms = now_ms + LIMITER_LOCK_MS;
    }
}

void limiter_refund(struct limiter *l, const uint8_t address[ADDRESS_SIZE])
{
    struct ip_network key = ip_network_of(address);
    uint32_t index = find(l, &key);

    /* It may have been forgotten, or its minute be over. */
    if (index != MAP_NONE) {
        struct attempts *a = slab_at(&l->entries, index);
        a->charged -= a->charged > 0;
    }
}
