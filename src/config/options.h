#ifndef PARLEY_CONFIG_OPTIONS_H
#define PARLEY_CONFIG_OPTIONS_H

/*
 * The table of options, made from schema/options.toml, and how a key is found in it. What an
 * option is set to is in config.h.
 */

#include "base/buf.h"
#include "options.gen.h"

enum option_kind {
    OPTION_BOOL,     /* 0 or 1 */
    OPTION_INT,      /* a number; its word, if it has one, is 0 */
    OPTION_SIZE,     /* bytes; the same of its word */
    OPTION_DURATION, /* milliseconds */
    OPTION_ENUM,     /* the index of the word */
    OPTION_STRING,
    OPTION_PATH, /* text; one from a file is relative to the file's directory */
    OPTION_LIST, /* elements separated by commas; the number is how many */
};

struct option {
    const char *key;
    enum option_kind kind;
    const char *fallback; /* the default, as a user would write it */
    uint64_t min;         /* of a number; of a list, how many elements */
    uint64_t max;
    const char *min_text; /* the limits as a user would write them */
    const char *max_text;
    const char *const *words;    /* NULL-terminated; NULL for none */
    const char *const *synonyms; /* NULL-terminated; NULL for none */
    bool secret;                 /* its value is not to be shown */
    bool reloadable;             /* a running gateway can take a new value */
};

/* A key that people bring along and that is no option. One that ends in ".*" is a section. */
struct option_absent {
    const char *key;
    const char *const *synonyms;
    const char *advice; /* what to do instead */
};

extern const struct option option_table[OPTION_COUNT];
extern const struct option_absent option_absent_table[OPTION_ABSENT_COUNT];

/* The option of this key or synonym (*ret_synonym says which), or NULL. */
const struct option *option_find(struct str key, bool *ret_synonym);
/* The known key that is no option, or NULL. */
const struct option_absent *option_find_absent(struct str key);
/* The key that `key` was probably meant to be, or NULL. */
const char *option_nearest(struct str key);
/* Appends what the option takes: "a number from 0 to 65535". */
void option_append_allowed(struct buf *out, const struct option *option);

#endif
