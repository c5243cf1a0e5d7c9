#ifndef PARLEY_TESTS_CONFIG_SETTINGS_H
#define PARLEY_TESTS_CONFIG_SETTINGS_H

/* Setting options in a test, and what is said when that is refused. */

#include "config/config.h"

static inline bool set_flag(struct config *c, const char *key, const char *value)
{
    struct buf error;

    buf_init(&error, CONFIG_MAX_ERROR);
    bool ok = config_set(c, str_from_z(key), str_from_z(value), CONFIG_FLAG, "--set", &error);
    assert_int_equal(ok, error.len == 0);
    buf_fini(&error);
    return ok;
}

/* Asserts that `said` is all there is in `error`, and empties it. */
static inline void expect_error(struct buf *error, const char *said)
{
    buf_append_char(error, '\0');
    assert_string_equal(error->data, said);
    buf_clear(error);
}

#endif
