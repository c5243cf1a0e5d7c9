#include "config/config.h"

#include <assert.h>
#include <stdlib.h>

#include "base/printable.h"
#include "config/internal.h"
#include "config/value.h"

enum { MAX_SHOWN = 100 }; /* bytes of what was given, in an error */

static void append_shown(struct buf *out, struct str text)
{
    if (text.len <= MAX_SHOWN) {
        printable_append(out, text);
        return;
    }
    printable_append(out, str_slice(text, 0, MAX_SHOWN));
    buf_append_str(out, STR("..."));
}

void config_append_quoted(struct buf *out, struct str text)
{
    buf_append_char(out, '"');
    append_shown(out, text);
    buf_append_char(out, '"');
}

bool config_refuse_key(struct str key, const char *where, struct buf *error)
{
    const struct option_absent *absent = option_find_absent(key);

    buf_printf(error, "%s: ", where);
    append_shown(error, key);
    if (absent != NULL) {
        buf_printf(error, ": %s", absent->advice);
        return false;
    }
    buf_append_str(error, STR(" is no option"));
    const char *nearest = option_nearest(key);
    if (nearest != NULL) {
        buf_printf(error, "; did you mean %s?", nearest);
    }
    return false;
}

bool config_refuse_value(const struct option *option, const char *problem, const char *where,
                         struct buf *error)
{
    buf_printf(error, "%s: ", where);
    if (!str_equal(str_from_z(where), str_from_z(option->key))) {
        buf_printf(error, "%s: ", option->key);
    }
    buf_printf(error, "%s; it takes ", problem);
    option_append_allowed(error, option);
    if (option->fallback[0] != '\0') {
        buf_printf(error, " (default %s)", option->fallback);
    }
    return false;
}

/* A secret that was written wrongly is still one. */
static bool refuse_text(const struct option *option, struct str text, enum value_status status,
                        const char *where, struct buf *error)
{
    struct buf problem;

    buf_init(&problem, CONFIG_MAX_ERROR);
    if (option->secret) {
        buf_append_str(&problem, STR("what it is set to"));
    } else {
        config_append_quoted(&problem, text);
    }
    buf_printf(&problem, " is %s",
               status == VALUE_RANGE     ? "out of range"
               : status == VALUE_NO_UNIT ? "a duration without its unit (ms, s, m, h)"
                                         : "not allowed");
    buf_append_char(&problem, '\0');
    (void)config_refuse_value(option, problem.failed ? "not allowed" : problem.data, where, error);
    buf_fini(&problem);
    return false;
}

/* A copy of the text; a relative path of a file is put below the file's directory. NULL: no memory.
 */
static char *make_text(const struct option *option, struct str text,
                       const struct config_place *place)
{
    bool is_below = option->kind == OPTION_PATH && place->origin == CONFIG_FILE && text.len > 0 &&
                    text.ptr[0] != '/';
    struct str directory = str_from_z(is_below ? place->directory : NULL);
    size_t head = is_below ? directory.len + 1 : 0;
    char *copy = malloc(head + text.len + 1);

    if (copy == NULL) {
        return NULL;
    }
    if (is_below) {
        memcpy(copy, directory.ptr, directory.len);
        copy[directory.len] = '/';
    }
    if (text.len > 0) {
        memcpy(copy + head, text.ptr, text.len);
    }
    copy[head + text.len] = '\0';
    return copy;
}

bool config_set_from(struct config *c, struct str key, struct str text,
                     const struct config_place *place, struct buf *error)
{
    bool synonym;
    uint64_t number;
    const struct option *option = option_find(key, &synonym);

    if (option == NULL) {
        return config_refuse_key(key, place->where, error);
    }
    enum value_status status = value_read(option, text, synonym, &number);
    if (status != VALUE_OK) {
        return refuse_text(option, text, status, place->where, error);
    }
    struct config_value *value = &c->values[option - option_table];
    if (place->origin < value->origin) {
        return true;
    }
    if (option->kind == OPTION_ENUM) {
        text = str_from_z(option->words[number]); /* a synonym may have taken true for it */
    }
    char *copy = make_text(option, text, place);
    if (copy == NULL) {
        buf_append_str(error, STR("out of memory"));
        return false;
    }
    free(value->text);
    *value = (struct config_value){place->origin, place->line, number, copy};
    return true;
}

bool config_set(struct config *c, struct str key, struct str text, enum config_origin origin,
                const char *where, struct buf *error)
{
    struct config_place place = {.origin = origin, .where = where, .directory = ""};

    return config_set_from(c, key, text, &place, error);
}

bool config_set_pair(struct config *c, struct str pair, struct buf *error)
{
    size_t equals = str_find(pair, '=');

    if (equals == pair.len) {
        buf_append_str(error, STR("--set: "));
        config_append_quoted(error, pair);
        buf_append_str(error, STR(" is not KEY=VALUE"));
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
    free(c->file);
    c->file = NULL;
}

void config_append_origin(const struct config *c, enum option_id id, struct buf *out)
{
    static const char *const names[] = {
        [CONFIG_DEFAULT] = "default", [CONFIG_ENVIRONMENT] = "environment", [CONFIG_FLAG] = "flag"};
    const struct config_value *value = &c->values[id];

    if (value->origin == CONFIG_FILE) {
        printable_append(out, str_from_z(c->file));
        buf_printf(out, ":%u", (unsigned)value->line);
    } else {
        buf_printf(out, "%s", names[value->origin]);
    }
}
