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

/* --- each of them ----------------------------------------------------------------------------- */

struct visitor {
    bool (*visit)(void *ctx, struct str prefix, struct str name);
    void *ctx;
};

static bool tell(const struct visitor *v, struct str prefix, struct str raw)
{
    char buffer[CAPABILITY_NAME_MAX];
    size_t len = json_unescape_to(raw, buffer, sizeof(buffer));

    return json_kind_of(raw) != JSON_STRING || len > sizeof(buffer) ||
           v->visit(v->ctx, prefix, str_make(buffer, len));
}

static bool tell_array(const struct visitor *v, struct str prefix, struct str array)
{
    struct json_iter it = json_iter_of(array);
    struct str element;

    while (json_kind_of(array) == JSON_ARRAY && json_next_element(&it, &element)) {
        if (!tell(v, prefix, element)) {
            return false;
        }
    }
    return true;
}

static bool tell_custom(const struct visitor *v, struct str custom)
{
    struct json_iter it = json_iter_of(custom);
    struct str key, value;

    while (json_kind_of(custom) == JSON_OBJECT && json_next_member(&it, &key, &value)) {
        if (is_truthy(value) && !tell(v, STR(""), key)) {
            return false;
        }
    }
    return true;
}

bool capability_each(struct str capabilities,
                     bool (*visit)(void *ctx, struct str prefix, struct str name), void *ctx)
{
    static const struct str flags[] = {{"chat", 4}, {"streaming", 9}};
    const struct visitor v = {.visit = visit, .ctx = ctx};

    if (json_kind_of(capabilities) == JSON_ARRAY) {
        return tell_array(&v, STR("tools:"), capabilities);
    }
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (is_true(capabilities, flags[i]) && !visit(ctx, STR(""), flags[i])) {
            return false;
        }
    }
    return tell_array(&v, STR("tools:"), json_get(capabilities, STR("tools"))) &&
           tell_array(&v, STR("modes:"), json_get(capabilities, STR("modes"))) &&
           tell_custom(&v, json_get(capabilities, STR("custom")));
}
