#ifndef PARLEY_CONFIG_CONFIG_H
#define PARLEY_CONFIG_CONFIG_H

/*
 * What the options are set to, and by whom. Every source sets its keys through config_set, in any
 * order; a value stays until one of the same or a higher origin comes. Errors are sentences that
 * name the source, the value, what is allowed and the nearest key.
 */

#include "config/options.h"

enum config_origin {
    CONFIG_DEFAULT,
    CONFIG_ENVIRONMENT,
    CONFIG_FLAG,
};

struct config_value {
    enum config_origin origin;
    uint64_t number; /* see enum option_kind */
    char *text;      /* as it was given; NUL-terminated, owned */
};

struct config {
    struct config_value values[OPTION_COUNT];
};

enum { CONFIG_MAX_ERROR = 2048 }; /* a good size for the buffer of an error */

/* Sets all to their defaults. Returns false when there is no memory; config_fini is due anyway. */
bool config_init(struct config *c);
/* NULL is taken. */
void config_fini(struct config *c);

/*
 * Sets `key` (or a synonym) from text. `where` names the source in an error: "--port",
 * "PARLEY_LISTEN__PORT". Returns false, nothing is changed, and `error` gets a sentence, when the
 * key is not known or not in this build, or the value is not allowed. Copies the text.
 */
bool config_set(struct config *c, struct str key, struct str text, enum config_origin origin,
                const char *where, struct buf *error);
/* The same from "key=value", a flag `--set`. */
bool config_set_pair(struct config *c, struct str pair, struct buf *error);

/*
 * Takes what PARLEY_* variables of a NULL-terminated environment say: PARLEY_SECTION__KEY, and
 * PARLEY_KEY for a key without a section. A variable without a section that is like no key
 * (PARLEY_URL) is somebody else's.
 */
bool config_read_environment(struct config *c, char *const *environment, struct buf *error);

/* What one value says about another, and what this build can do. To be asked after all is set. */
bool config_check(const struct config *c, struct buf *error);

static inline uint64_t config_number(const struct config *c, enum option_id id)
{
    return c->values[id].number;
}

/* NUL-terminated; borrowed until it is set again. */
static inline const char *config_text(const struct config *c, enum option_id id)
{
    return c->values[id].text;
}

/* The next element of a list, trimmed. `*rest` is the whole text at first. False at the end. */
bool config_next_element(struct str *rest, struct str *ret_element);

#endif
