#include "core/request.h"

#include <assert.h>
#include <stdlib.h>

#include "json/reader.h"

enum { OWN_ID_MAX = 1024 }; /* bytes of an asker's id that count for its hash */

/* --- tables ----------------------------------------------------------------------------------- */

static uint64_t number_hash(const void *owner, uint32_t index)
{
    const struct hub *hub = owner;

    return hash_number(hub->number_secret, request_at(hub, index)->number);
}

static bool number_is(const void *owner, uint32_t index, const void *key)
{
    return request_at(owner, index)->number == *(const uint64_t *)key;
}

/* An asker's id is a string, which may be written in many ways. */
struct own_key {
    uint64_t asker_id;
    struct str raw_id;
};

static uint64_t hash_own(const struct hub *hub, const struct own_key *key)
{
    char id[OWN_ID_MAX];
    struct str text;

    if (!json_string_plain(key->raw_id, &text)) {
        text = str_make(id, json_unescape_to(key->raw_id, id, sizeof(id)));
    }
    size_t len = text.len < OWN_ID_MAX ? text.len : OWN_ID_MAX;
    return hash_bytes(hub->secret, text.ptr, len) ^ key->asker_id;
}

static uint64_t own_hash(const void *owner, uint32_t index)
{
    return request_at(owner, index)->own_hash;
}

static bool own_is(const void *owner, uint32_t index, const void *key)
{
    const struct request *r = request_at(owner, index);
    const struct own_key *wanted = key;

    return r->asker_id == wanted->asker_id && json_string_equal(r->own_id, wanted->raw_id);
}

static bool is_due_before(const void *owner, uint32_t a, uint32_t b)
{
    const struct request *one = request_at(owner, a), *other = request_at(owner, b);

    return one->deadline_ms != other->deadline_ms ? one->deadline_ms < other->deadline_ms
                                                  : one->order < other->order;
}

static void note_place(void *owner, uint32_t index, uint32_t place)
{
    request_at(owner, index)->place = place;
}

static const struct map_type by_number = {.hash = number_hash, .equal = number_is};
static const struct map_type by_own_id = {.hash = own_hash, .equal = own_is};
static const struct heap_type by_deadline = {.before = is_due_before, .moved = note_place};

void requests_init(struct hub *hub)
{
    slab_init(&hub->requests, sizeof(struct request), SLAB_NONE - 1);
    slab_init(&hub->askers, sizeof(struct asker), SLAB_NONE - 1);
    map_init(&hub->requests_by_number, &by_number, hub);
    map_init(&hub->requests_by_own_id, &by_own_id, hub);
    heap_init(&hub->deadlines, &by_deadline, hub);
    list_init(&hub->loose);
    list_init(&hub->lost);
    list_init(&hub->ending);
    list_init(&hub->ready);
}

void requests_fini(struct hub *hub)
{
    for (uint32_t i = 0; i < slab_limit(&hub->requests); i++) {
        struct request *r = request_at(hub, i);
        if (r->state != REQUEST_FREE) {
            free(r->names);
            free(r->body);
        }
    }
    heap_fini(&hub->deadlines);
    map_fini(&hub->requests_by_number);
    map_fini(&hub->requests_by_own_id);
    slab_fini(&hub->askers);
    slab_fini(&hub->requests);
}

struct request *request_find(struct hub *hub, struct str id)
{
    char given[MESSAGE_ID_SIZE];
    uint64_t number;

    if (!str_starts_with(id, STR("msg-"))) {
        return NULL;
    }
    struct str rest = str_slice(id, 4, id.len);
    size_t end = str_find(rest, '-');
    if (!str_to_uint(str_slice(rest, 0, end), UINT64_MAX, &number)) {
        return NULL;
    }
    uint32_t index =
        map_find(&hub->requests_by_number, hash_number(hub->number_secret, number), &number);
    if (index == SLAB_NONE) {
        return NULL;
    }
    struct str raw_given = request_id(request_at(hub, index), given);
    bool is_it = str_equal(str_slice(raw_given, 1, raw_given.len - 1), id);
    return is_it ? request_at(hub, index) : NULL;
}

struct request *request_find_own(struct hub *hub, uint32_t client, struct str raw_id)
{
    struct own_key key = {.asker_id = client_at(hub, client)->id, .raw_id = raw_id};
    uint32_t index = map_find(&hub->requests_by_own_id, hash_own(hub, &key), &key);

    return index != SLAB_NONE ? request_at(hub, index) : NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

/* Copies what is asked; false: no memory. */
static bool keep(struct request *r, const struct question *q)
{
    char *at = malloc(q->own_id.len + q->target.len + q->wanted.len + 1);

    r->names = at;
    r->body = malloc(q->body.len + 1);
    if (r->names == NULL || r->body == NULL) {
        return false;
    }
    r->own_id = text_put(&at, q->own_id);
    r->target = text_put(&at, q->target);
    r->wanted = text_put(&at, q->wanted);
    memcpy(r->body, q->body.ptr, q->body.len);
    r->body_len = q->body.len;
    return true;
}

/* What a client has asked; SLAB_NONE: no memory. */
static uint32_t asker_of(struct hub *hub, uint32_t client)
{
    struct client *c = client_at(hub, client);

    if (c->asker == SLAB_NONE) {
        uint32_t index;
        struct asker *a = slab_acquire(&hub->askers, &index);
        if (a == NULL) {
            return SLAB_NONE;
        }
        list_init(&a->requests);
        a->client = client;
        c->asker = index;
    }
    return c->asker;
}

void request_forget_asker(struct hub *hub, struct request *r)
{
    struct client *c = client_at(hub, r->asker);
    uint32_t index = c->asker;

    list_remove(&r->of_asker);
    r->asker = SLAB_NONE;
    if (--asker_at(hub, index)->count == 0) {
        slab_release(&hub->askers, index);
        c->asker = SLAB_NONE;
    }
}

/* Puts it where it can be found; false: no memory, and it is nowhere. */
static bool enter_tables(struct hub *hub, uint32_t index)
{
    uint64_t number = number_hash(hub, index), own = own_hash(hub, index);

    if (!map_insert(&hub->requests_by_number, number, index)) {
        return false;
    }
    if (map_insert(&hub->requests_by_own_id, own, index)) {
        if (heap_insert(&hub->deadlines, index)) {
            return true;
        }
        map_remove(&hub->requests_by_own_id, own, index);
    }
    map_remove(&hub->requests_by_number, number, index);
    return false;
}

bool request_new(struct hub *hub, uint32_t client, const struct question *q)
{
    struct own_key key = {.asker_id = client_at(hub, client)->id, .raw_id = q->own_id};
    uint32_t index, asker = asker_of(hub, client);
    struct request *r = asker != SLAB_NONE ? slab_acquire(&hub->requests, &index) : NULL;

    if (r == NULL) {
        goto fail;
    }
    r->index = index;
    r->number = ++hub->frame_count;
    r->made_ms = hub->now.wall_ms;
    r->order = ++hub->request_count;
    r->deadline_ms = hub->now.mono_ms + q->timeout_ms;
    r->asker_id = key.asker_id;
    r->own_hash = hash_own(hub, &key);
    r->asker = client;
    r->agent = SLAB_NONE;
    r->capability = q->capability;
    r->answers = (uint8_t)q->kind;
    r->stream = q->stream;
    r->limited = !principal_at(&hub->principals, client_at(hub, client)->principal)->enters_all;
    list_init(&r->at);
    list_init(&r->loose);
    list_init(&r->of_asker);
    if (!keep(r, q) || !enter_tables(hub, index)) {
        free(r->names);
        free(r->body);
        slab_release(&hub->requests, index);
        goto fail;
    }
    list_append(&asker_at(hub, asker)->requests, &r->of_asker);
    asker_at(hub, asker)->count++;
    if (r->capability != SLAB_NONE) {
        capability_use(hub, r->capability);
    }
    hub->counts.requests++;
    r->state = REQUEST_WAITING;
    queue_enter(hub, r);
    queue_wake(hub, r);
    return true;
fail:
    if (asker != SLAB_NONE && asker_at(hub, asker)->count == 0) {
        slab_release(&hub->askers, asker);
        client_at(hub, client)->asker = SLAB_NONE;
    }
    return false;
}

void request_rename(struct hub *hub, struct request *r)
{
    map_remove(&hub->requests_by_number, number_hash(hub, r->index), r->index);
    r->number = ++hub->frame_count;
    r->made_ms = hub->now.wall_ms;
    /* One fewer was there a moment ago, so nothing has to grow. */
    bool inserted = map_insert(&hub->requests_by_number, number_hash(hub, r->index), r->index);
    assert(inserted);
    (void)inserted;
}

void request_discard(struct hub *hub, struct request *r)
{
    uint32_t index = r->index;

    map_remove(&hub->requests_by_number, number_hash(hub, index), index);
    map_remove(&hub->requests_by_own_id, own_hash(hub, index), index);
    heap_remove(&hub->deadlines, r->place);
    if (r->asker != SLAB_NONE) {
        request_forget_asker(hub, r);
    }
    list_remove(&r->loose);
    if (r->capability != SLAB_NONE) {
        capability_release(hub, r->capability);
    }
    free(r->names);
    free(r->body);
    hub->counts.requests--;
    slab_release(&hub->requests, index);
}
