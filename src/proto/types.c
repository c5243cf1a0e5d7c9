#include "proto/table.h"

#include <assert.h>

static const struct parley_message_info *info_of(enum parley_type type)
{
    assert(type > PARLEY_TYPE_NONE && type < PARLEY_TYPE_COUNT);
    return message_table[type];
}

/* By length, then byte by byte: the order of type_index_table. */
static int compare(struct str a, struct str b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return memcmp(a.ptr, b.ptr, a.len);
}

enum parley_type parley_type_find(enum parley_dialect dialect, const char *name, size_t len)
{
    const struct type_index *index = &type_index_table[dialect];
    size_t from = 0, to = index->count;

    while (len > 0 && from < to) {
        size_t middle = (from + to) / 2;
        enum parley_type type = (enum parley_type)index->types[middle];
        int order = compare(str_make(name, len), message_table[type]->type);
        if (order == 0) {
            return type;
        }
        if (order < 0) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    return PARLEY_TYPE_NONE;
}

const char *parley_type_name(enum parley_type type)
{
    return info_of(type)->type.ptr;
}

enum parley_dialect parley_type_dialect(enum parley_type type)
{
    return (enum parley_dialect)info_of(type)->dialect;
}

enum parley_direction parley_type_direction(enum parley_type type)
{
    return (enum parley_direction)info_of(type)->direction;
}

enum parley_agent_id parley_type_agent_id(enum parley_type type)
{
    return (enum parley_agent_id)info_of(type)->agent_id;
}

bool parley_type_is_typed(enum parley_type type)
{
    return info_of(type)->is_typed;
}

const struct parley_message_info *parley_type_info(enum parley_type type)
{
    return info_of(type);
}

size_t parley_type_size(enum parley_type type)
{
    return info_of(type)->object.size;
}
