#include "config/config.h"

#include <assert.h>
#include <stdlib.h>

#include "base/printable.h"
#include "config/value.h"

static bool refuse_key(struct str key, const char *where, struct buf *error)
{
    const struct option_absent *absent = option_find_absent(key);

    buf_printf(error, "%s: ", where);
    printable_append(error, key);
    if (absent != NULL && absent->advice != NULL) {
        buf_printf(error, ": %s", absent->advice);
        return false;
    }
    if (absent != NULL) {
        buf_append_str(error, STR(" is not in this build"));
        return false;
    }
    buf_append_str(error, STR(" is no option"));
    const char *nearest = option_nearest(key);
    if (nearest != NULL) {
        buf_printf(error, "; did you mean %s?", nearest);
    }
    return false;
}

static bool refuse_value(const struct option *option, struct str text, enum value_status status,
                         const char *where, struct buf *error)
{
    buf_printf(error, "%s: ", where);
    if (!str_equal(str_from_z(where), str_from_z(option->key))) {
        buf_printf(error, "%s: ", option->key);
    }
    buf_append_char(error, '"');
    printable_append(error, text);
    buf_append_str(error, STR("\" is "));
    buf_printf(error, "%s; it takes ",
               status == VALUE_RANGE     ? "out of range"
               : status == VALUE_NO_UNIT ? "a duration without its unit (ms, s, m, h)"
                                         : "not allowed");
    option_append_allowed(error, option);
    if (option->fallback[0] != '\0') {
        buf_printf(error, " (default %s)", option->fallback);
    }
    return false;
}

bool config_set(struct config *c, struct str key, struct str text, enum config_origin origin,
                const char *where, struct buf *error)
{
    bool synonym;
    uint64_t number;
    const struct option *option = option_find(key, &synonym);

    if (option == NULL) {
        return refuse_key(key, where, error);
    }
    enum value_status status = value_read(option, text, synonym, &number);
    if (status != VALUE_OK) {
        return refuse_value(option, text, status, where, error);
    }
    struct config_value *value = &c->values[option - option_table];
    if (origin < value->origin) {
        return true;
    }
    char *copy = strndup(text.len > 0 ? text.ptr : "", text.len);
    if (copy == NULL) {
        buf_append_str(error, STR("out of memory"));
        return false;
    }
    free(value->text);
    *value = (struct config_value){origin, number, copy};
    return true;
}

bool config_set_pair(struct config *c, struct str pair, struct buf *error)
{
    size_t equals = str_find(pair, '=');

    if (equals == pair.len) {
        buf_append_str(error, STR("--set: \""));
        printable_append(error, pair);
        buf_append_str(error, STR("\" is not KEY=VALUE"));
        return false;
    }
    return config_set(c, str_slice(pair, 0, equals), str_slice(pair, equals + 1, pair.len),
                      CONFIG_FLAG, "--set", error);
}

bool config_init(struct config *c)
{
    struct buf error;

    *c = (struct config){0};
    buf_init(&error, CONFIG_MAX_ERROR);
    bool ok = true;
    for (size_t i = 0; ok && i < OPTION_COUNT; i++) {
        ok = config_set(c, str_from_z(option_table[i].key), str_from_z(option_table[i].fallback),
                        CONFIG_DEFAULT, "default", &error);
    }
    /* A default of the table is allowed by the table, so it was memory. */
    assert(ok || str_equal(buf_str(&error), STR("out of memory")));
    buf_fini(&error);
    return ok;
}

void config_fini(struct config *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        free(c->values[i].text);
        c->values[i].text = NULL;
    }
}

bool config_next_element(struct str *rest, struct str *ret_element)
{
    if (rest->len == 0) {
        return false;
    }
    size_t comma = str_find(*rest, ',');
    *ret_element = str_trim(str_slice(*rest, 0, comma));
    *rest = str_slice(*rest, comma + 1, rest->len);
    return true;
}
