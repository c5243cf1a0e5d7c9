#include "proto/capability.h"

#include "json/reader.h"

static struct str without_prefix(struct str name, struct str prefix)
{
    return str_starts_with(name, prefix) ? str_slice(name, prefix.len, name.len) : name;
}

/* Whether an array has the name, with the prefix or without it. */
static bool array_has(struct str array, struct str name, struct str prefix)
{
    struct json_iter it = json_iter_of(array);
    struct str element;

    while (json_kind_of(array) == JSON_ARRAY && json_next_element(&it, &element)) {
        if (json_string_is(element, name) ||
            json_string_is(element, without_prefix(name, prefix))) {
            return true;
        }
    }
    return false;
}

static bool is_truthy(struct str raw)
{
    bool is_zero = raw.ptr[0] == '0' || (raw.ptr[0] == '-' && raw.ptr[1] == '0');

    switch (json_kind_of(raw)) {
    case JSON_NULL:
        return false;
    case JSON_BOOL:
        return raw.ptr[0] == 't';
    case JSON_STRING:
        return raw.len > 2;
    case JSON_NUMBER:
        /* 0.5 and -0.5 begin like zero and are none. */
        for (size_t i = 0; is_zero && i < raw.len && raw.ptr[i] != 'e' && raw.ptr[i] != 'E'; i++) {
            is_zero = raw.ptr[i] < '1' || raw.ptr[i] > '9';
        }
        return !is_zero;
    default:
        return true;
    }
}

static bool custom_has(struct str custom, struct str name)
{
    struct str raw = json_get(custom, name);

    return raw.len > 0 && is_truthy(raw);
}

static bool is_true(struct str capabilities, struct str member)
{
    return str_equal(json_get(capabilities, member), STR("true"));
}

bool capability_has(struct str capabilities, struct str name)
{
    if (json_kind_of(capabilities) == JSON_ARRAY) {
        return array_has(capabilities, name, STR("tools:"));
    }
    return (str_equal(name, STR("chat")) && is_true(capabilities, name)) ||
           (str_equal(name, STR("streaming")) && is_true(capabilities, name)) ||
           array_has(json_get(capabilities, STR("tools")), name, STR("tools:")) ||
           array_has(json_get(capabilities, STR("modes")), name, STR("modes:")) ||
           custom_has(json_get(capabilities, STR("custom")), name);
}
