#include "library/library.h"

#include <stdlib.h>

struct parley_options *parley_options_new(void)
{
    return calloc(1, sizeof(struct parley_options));
}

void parley_options_free(struct parley_options *options)
{
    if (options == NULL) {
        return;
    }
    for (size_t i = 0; i < options->flag_count; i++) {
        free((char *)options->flags[i].key);
        free((char *)options->flags[i].value);
    }
    free(options->flags);
    free(options->file);
    free(options);
}

/* Where the value of a key is to stand; NULL: no memory. */
static struct config_flag *find_place(struct parley_options *options, const char *key)
{
    for (size_t i = 0; i < options->flag_count; i++) {
        if (strcmp(options->flags[i].key, key) == 0) {
            return &options->flags[i];
        }
    }
    struct config_flag *flags =
        realloc(options->flags, (options->flag_count + 1) * sizeof(*options->flags));
    char *copy = strdup(key);
    if (flags != NULL) {
        options->flags = flags;
    }
    if (flags == NULL || copy == NULL) {
        free(copy);
        return NULL;
    }
    flags[options->flag_count] = (struct config_flag){.name = "option", .key = copy};
    return &flags[options->flag_count++];
}

enum parley_result parley_options_set(struct parley_options *options, const char *key,
                                      const char *value)
{
    char *copy = strdup(value);
    struct config_flag *place = copy != NULL ? find_place(options, key) : NULL;

    if (place == NULL) {
        free(copy);
        return PARLEY_OUT_OF_MEMORY;
    }
    free((char *)place->value);
    place->value = copy;
    return PARLEY_OK;
}

enum parley_result parley_options_file(struct parley_options *options, const char *path)
{
    char *copy = strdup(path);

    if (copy == NULL) {
        return PARLEY_OUT_OF_MEMORY;
    }
    free(options->file);
    options->file = copy;
    return PARLEY_OK;
}

void parley_options_authenticate(struct parley_options *options,
                                 void (*check)(struct parley *p, const struct parley_login *login,
                                               void *ctx),
                                 void *ctx)
{
    options->check = check;
    options->check_ctx = ctx;
}

void parley_options_events(struct parley_options *options, const struct parley_events *events,
                           void *ctx)
{
    options->events = *events;
    options->events_ctx = ctx;
}

struct parley_options *options_copy(const struct parley_options *options)
{
    struct parley_options *copy = parley_options_new();

    if (copy == NULL) {
        return NULL;
    }
    copy->check = options->check;
    copy->check_ctx = options->check_ctx;
    copy->events = options->events;
    copy->events_ctx = options->events_ctx;
    bool ok = options->file == NULL || parley_options_file(copy, options->file) == PARLEY_OK;
    for (size_t i = 0; ok && i < options->flag_count; i++) {
        ok = parley_options_set(copy, options->flags[i].key, options->flags[i].value) == PARLEY_OK;
    }
    if (!ok) {
        parley_options_free(copy);
        return NULL;
    }
    return copy;
}
