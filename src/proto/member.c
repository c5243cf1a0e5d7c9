#include "proto/member.h"

#include "json/reader.h"

#include <assert.h>

static const struct field_info *find_field(const struct object_info *object, struct str name)
{
    for (size_t i = 0; i < object->count; i++) {
        if (str_equal(object->fields[i].name, name)) {
            return &object->fields[i];
        }
    }
    return NULL;
}

/* By its first name, else by one of the others. */
static struct str value_of(const struct field_info *field, struct str object)
{
    struct str value = json_get(object, field->name);

    for (const struct str *name = field->also; name != NULL && name->len > 0 && value.len == 0;
         name++) {
        value = json_get(object, *name);
    }
    return value;
}

struct str member_raw(const struct parley_message_info *info, struct str text, struct str name)
{
    const struct field_info *body = &info->object.fields[info->body];
    const struct field_info *outer = find_field(&info->object, name);
    const struct field_info *inner = find_field(body->shape, name);
    struct str value = str_make("", 0);

    assert(outer != NULL || inner != NULL);
    if (outer != NULL) {
        value = value_of(outer, text);
    }
    if (inner != NULL && value.len == 0) {
        value = value_of(inner, value_of(body, text));
    }
    return value;
}
