#include "rest/replay.h"

static uint64_t hash_of(const void *owner, uint32_t index)
{
    const struct replays *r = owner;
    const struct replay *replay = slab_at(&r->slab, index);

    return replay->key.words[0];
}

static bool has_key(const void *owner, uint32_t index, const void *key)
{
    const struct replays *r = owner;
    const struct replay *replay = slab_at(&r->slab, index);

    return memcmp(&replay->key, key, sizeof(replay->key)) == 0;
}

static const struct map_type by_key = {hash_of, has_key};

void replays_init(struct replays *r, const uint8_t secret[32])
{
    slab_init(&r->slab, sizeof(struct replay), REPLAY_MAX);
    map_init(&r->map, &by_key, r);
    list_init(&r->by_age);
    memcpy(r->secret, secret, sizeof(r->secret));
}

void replays_fini(struct replays *r)
{
    map_fini(&r->map);
    slab_fini(&r->slab);
}

static struct replay_hash hash_text(const struct replays *r, struct str text)
{
    return (struct replay_hash){{hash_bytes(r->secret[0], text.ptr, text.len),
                                 hash_bytes(r->secret[1], text.ptr, text.len)}};
}

/* Of the key, and of whose it is: the hash of the owner stands in front. */
static struct replay_hash hash_key(const struct replays *r, struct str owner, struct str key)
{
    struct replay_hash name = hash_text(r, owner);
    char both[sizeof(name) + REPLAY_MAX_KEY];
    struct str cut = str_slice(key, 0, REPLAY_MAX_KEY);

    memcpy(both, &name, sizeof(name));
    memcpy(both + sizeof(name), cut.ptr, cut.len);
    return hash_text(r, str_make(both, sizeof(name) + cut.len));
}

void replay_forget(struct replays *r, struct replay *replay)
{
    map_remove(&r->map, replay->key.words[0], replay->index);
    list_remove(&replay->link);
    slab_release(&r->slab, replay->index);
}

static void drop_old(struct replays *r, uint64_t now_ms)
{
    while (!list_empty(&r->by_age)) {
        struct replay *oldest = list_entry(r->by_age.next, struct replay, link);
        if (oldest->until_ms > now_ms) {
            return;
        }
        replay_forget(r, oldest);
    }
}

enum replay_found replay_find(struct replays *r, struct str owner, struct str key,
                              struct str request, uint64_t now_ms, struct replay **ret_replay)
{
    struct replay_hash key_hash = hash_key(r, owner, key);
    struct replay_hash request_hash = hash_text(r, request);
    uint32_t index;

    drop_old(r, now_ms);
    index = map_find(&r->map, key_hash.words[0], &key_hash);
    if (index != MAP_NONE) {
        struct replay *known = slab_at(&r->slab, index);
        *ret_replay = known;
        return memcmp(&known->request, &request_hash, sizeof(request_hash)) == 0 ? REPLAY_AGAIN
                                                                                 : REPLAY_OTHER;
    }
    struct replay *fresh = slab_acquire(&r->slab, &index);
    if (fresh == NULL) {
        return REPLAY_FULL;
    }
    *fresh = (struct replay){
        .key = key_hash, .request = request_hash, .until_ms = now_ms + REPLAY_MS, .index = index};
    if (!map_insert(&r->map, key_hash.words[0], index)) {
        slab_release(&r->slab, index);
        return REPLAY_FULL;
    }
    list_append(&r->by_age, &fresh->link);
    *ret_replay = fresh;
    return REPLAY_NEW;
}
