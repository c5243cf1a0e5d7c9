#include "config/config.h"

#include <string.h>

#include "base/printable.h"

static bool read_flags(struct config *c, const struct config_sources *sources, struct buf *error)
{
    for (size_t i = 0; i < sources->flag_count; i++) {
        const struct config_flag *flag = &sources->flags[i];
        struct str value = str_from_z(flag->value);
        bool ok = flag->key == NULL
                      ? config_set_pair(c, value, error)
                      : config_set(c, str_from_z(flag->key), value, CONFIG_FLAG, flag->name, error);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/*
 * A file that is away for a moment, or hidden by another one, asks for a credential as before: what
 * is found instead may let everybody in.
 */
static bool check_found(const char *before, const char *path, struct buf *error)
{
    if (before == NULL || (path != NULL && strcmp(path, before) == 0)) {
        return true;
    }
    printable_append(error, str_from_z(before));
    buf_append_str(error, STR(": the running configuration came from this file, "));
    if (path == NULL) {
        buf_append_str(error, STR("which is not found any more; put it back, or restart to go on "
                                  "without it"));
    } else {
        buf_append_str(error, STR("and now "));
        printable_append(error, str_from_z(path));
        buf_append_str(error,
                       STR(" is found instead; take that away, or restart to go on with it"));
    }
    return false;
}

/* The file named, or the one found; none is well unless it was named, or there before. */
static bool read_file(struct config *c, const struct config_sources *sources, struct buf *error)
{
    struct buf path;

    if (sources->file != NULL) {
        return config_read_file(c, sources->file, error);
    }
    buf_init(&path, CONFIG_MAX_ERROR);
    if (sources->environment != NULL) {
        config_find_file(sources->environment, &path);
    }
    bool ok = !path.failed;
    if (!ok) {
        buf_append_str(error, STR("out of memory"));
    } else {
        const char *found = path.len > 0 ? path.data : NULL;
        ok = check_found(sources->found, found, error) &&
             (found == NULL || config_read_file(c, found, error));
    }
    buf_fini(&path);
    return ok;
}

/* A secret without a mode means that one is to be asked for. */
static bool use_shared_secret(struct config *c, struct buf *error)
{
    bool synonym;
    const struct option *mode = option_find(STR("auth.mode"), &synonym);

    c->has_shared_secret = true;
    return mode == NULL || c->values[mode - option_table].origin == CONFIG_FLAG ||
           config_set(c, STR("auth.mode"), STR("token"), CONFIG_FLAG, "--token-file", error);
}

bool config_load(struct config *c, const struct config_sources *sources, struct buf *warnings,
                 struct buf *error)
{
    if (!config_init(c)) {
        buf_append_str(error, STR("out of memory"));
        return false;
    }
    return read_flags(c, sources, error) &&
           (!sources->has_shared_secret || use_shared_secret(c, error)) &&
           (sources->environment == NULL ||
            config_read_environment(c, sources->environment, error)) &&
           read_file(c, sources, error) && config_check(c, warnings, error);
}

/* Lists are the same when their elements are, however they were written. */
static bool same_list(struct str a, struct str b)
{
    struct str x, y;

    for (;;) {
        bool more = config_next_element(&a, &x);
        if (more != config_next_element(&b, &y)) {
            return false;
        }
        if (!more || !str_equal(x, y)) {
            return !more;
        }
    }
}

static bool same_value(const struct option *option, const struct config_value *a,
                       const struct config_value *b)
{
    switch (option->kind) {
    case OPTION_STRING:
    case OPTION_PATH:
        return strcmp(a->text, b->text) == 0;
    case OPTION_LIST:
        return same_list(str_from_z(a->text), str_from_z(b->text));
    default:
        return a->number == b->number;
    }
}

size_t config_changes(const struct config *before, const struct config *after,
                      struct config_change ret_changes[OPTION_COUNT])
{
    size_t count = 0;

    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!same_value(&option_table[i], &before->values[i], &after->values[i])) {
            ret_changes[count++] =
                (struct config_change){(enum option_id)i, option_table[i].reloadable};
        }
    }
    return count;
}
