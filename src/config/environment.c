#include "config/config.h"

#include <stdio.h>

enum { MAX_KEY = 128 };

static const struct str prefix = {OPTIONS_PREFIX, sizeof(OPTIONS_PREFIX) - 1};
/* A program of its own, which may run beside this one with the same environment. */
static const struct str bridge_prefix = {"PARLEY_BRIDGE_", 14};

/* LISTEN__PORT is listen.port. Returns its length, or 0 when it is longer than any key. */
static size_t make_key(struct str name, char key[MAX_KEY], bool *ret_section)
{
    size_t len = 0;

    *ret_section = false;
    for (size_t i = 0; i < name.len; i++) {
        if (len == MAX_KEY) {
            return 0;
        }
        if (name.ptr[i] == '_' && i + 1 < name.len && name.ptr[i + 1] == '_') {
            key[len++] = '.';
            *ret_section = true;
            i++;
        } else {
            key[len++] = str_lower(name.ptr[i]);
        }
    }
    return len;
}

static bool is_ours(struct str key, bool section)
{
    bool synonym;
    const struct option *option = option_find(key, &synonym);

    if (section) {
        return true;
    }
    /* A container's host may set PARLEY_PORT for a service called parley. */
    if (option != NULL) {
        return !synonym;
    }
    /* PARLEY_TOKEN is for the commands that ask a gateway. */
    const struct option_absent *absent = option_find_absent(key);
    const char *nearest = option_nearest(key);
    return (absent != NULL && str_equal(str_from_z(absent->key), key)) ||
           (nearest != NULL && str_find(str_from_z(nearest), '.') == strlen(nearest));
}

static bool read_variable(struct config *c, struct str variable, struct buf *error)
{
    char key[MAX_KEY], where[sizeof(OPTIONS_PREFIX) + 2 * MAX_KEY];
    bool section;
    size_t equals = str_find(variable, '=');
    size_t len = make_key(str_slice(variable, prefix.len, equals), key, &section);

    if (equals == variable.len || len == 0 || !is_ours(str_make(key, len), section)) {
        return true;
    }
    (void)snprintf(where, sizeof(where), "%.*s", (int)equals, variable.ptr);
    return config_set(c, str_make(key, len), str_slice(variable, equals + 1, variable.len),
                      CONFIG_ENVIRONMENT, where, error);
}

bool config_read_environment(struct config *c, char *const *environment, struct buf *error)
{
    for (; *environment != NULL; environment++) {
        struct str variable = str_from_z(*environment);
        bool is_others =
            str_starts_with(variable, bridge_prefix) && !str_equal(prefix, bridge_prefix);
        if (str_starts_with(variable, prefix) && !is_others && !read_variable(c, variable, error)) {
            return false;
        }
    }
    return true;
}
