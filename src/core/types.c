#include <stdlib.h>

#include "core/internal.h"

/*
 * What the table of messages says of a name in a dialect. The dialect's own table comes first; a
 * type that only the other has counts too, since nobody may send what the gateway alone sends, in
 * any.
 */
static uint16_t find_kind(enum parley_dialect own, enum parley_dialect other, struct str name)
{
    enum parley_type kind = parley_type_find(own, name.ptr, name.len);

    return (uint16_t)(kind != PARLEY_TYPE_NONE ? kind
                                               : parley_type_find(other, name.ptr, name.len));
}

static uint64_t hash_type(const void *owner, uint32_t index)
{
    const struct hub *hub = owner;
    const struct type_name *type = hub->types[index];

    return hash_bytes(hub->secret, type->text, type->len);
}

static bool type_is(const void *owner, uint32_t index, const void *key)
{
    const struct hub *hub = owner;
    const struct str *name = key;

    return str_equal(str_make(hub->types[index]->text, hub->types[index]->len), *name);
}

static const struct map_type types_map = {.hash = hash_type, .equal = type_is};

static struct type_name *type_new(uint32_t id, struct str name)
{
    size_t kept = name.len < TYPE_TEXT_MAX ? name.len : TYPE_TEXT_MAX;
    struct type_name *type = malloc(sizeof(*type) + kept);

    if (type != NULL) {
        type->id = id;
        type->kind[DIALECT_WORLD] = find_kind(PARLEY_WORLD, PARLEY_GATEWAY, name);
        type->kind[DIALECT_GATEWAY] = find_kind(PARLEY_GATEWAY, PARLEY_WORLD, name);
        type->len = (uint32_t)name.len;
        memcpy(type->text, name.ptr, kept);
    }
    return type;
}

static const struct type_name *intern(struct hub *hub, uint64_t hash, struct str name)
{
    struct type_name *type = type_new(hub->type_count, name);

    if (type == NULL) {
        return NULL;
    }
    hub->types[hub->type_count] = type;
    if (!map_insert(&hub->types_by_name, hash, hub->type_count)) {
        free(type);
        return NULL;
    }
    hub->type_count++;
    return type;
}

static const struct type_name *find_or_make(struct hub *hub, struct str name)
{
    uint64_t hash = hash_bytes(hub->secret, name.ptr, name.len);
    uint32_t index = map_find(&hub->types_by_name, hash, &name);

    if (index != MAP_NONE) {
        return hub->types[index];
    }
    if (hub->type_count < INTERNED_TYPES) {
        return intern(hub, hash, name);
    }
    return type_new(TYPE_LOOSE, name);
}

/* Where a name is looked for first: most traffic is of a few types, which differ in this. */
static const struct type_name **recent_place(struct hub *hub, struct str name)
{
    size_t mixed = name.len > 0 ? name.len * 5 + (uint8_t)name.ptr[name.len - 1] : 0;

    return &hub->recent_types[mixed % RECENT_TYPES];
}

const struct type_name *type_get(struct hub *hub, struct str name)
{
    const struct type_name **recent = recent_place(hub, name);

    if (name.len > TYPE_TEXT_MAX) {
        return type_new(TYPE_LOOSE, name);
    }
    if (*recent != NULL && str_equal_short(str_make((*recent)->text, (*recent)->len), name)) {
        return *recent;
    }
    const struct type_name *type = find_or_make(hub, name);
    if (type != NULL && type->id != TYPE_LOOSE) {
        *recent = type;
    }
    return type;
}

const struct type_name *type_again(const struct type_name *type)
{
    if (type->id != TYPE_LOOSE) {
        return type;
    }
    size_t size = sizeof(*type) + (type->len < TYPE_TEXT_MAX ? type->len : TYPE_TEXT_MAX);
    struct type_name *copy = malloc(size);

    if (copy != NULL) {
        memcpy(copy, type, size);
    }
    return copy;
}

void type_discard(const struct type_name *type)
{
    if (type != NULL && type->id == TYPE_LOOSE) {
        free((void *)(uintptr_t)type);
    }
}

static const struct type_name *intern_kind(struct hub *hub, enum parley_type kind)
{
    return type_get(hub, str_from_z(parley_type_name(kind)));
}

bool types_init(struct hub *hub)
{
    map_init(&hub->types_by_name, &types_map, hub);
    hub->joined = intern_kind(hub, PARLEY_TYPE_AGENT_JOINED);
    hub->left = intern_kind(hub, PARLEY_TYPE_AGENT_LEFT);
    hub->untyped = type_get(hub, STR("*")); /* no type's name: no filter's pattern means it */
    return hub->joined != NULL && hub->left != NULL && hub->untyped != NULL;
}

void types_fini(struct hub *hub)
{
    for (uint32_t i = 0; i < hub->type_count; i++) {
        free(hub->types[i]);
    }
    map_fini(&hub->types_by_name);
}
