#ifndef PARLEY_CONFIG_INTERNAL_H
#define PARLEY_CONFIG_INTERNAL_H

/* What the files of this module share: setting a value from a place, and saying no. */

#include "config/config.h"

/* Where a value stands. */
struct config_place {
    enum config_origin origin;
    const char *where;     /* for errors */
    uint32_t line;         /* of CONFIG_FILE */
    const char *directory; /* of CONFIG_FILE: what relative paths are under */
};

/* config_set with all that is known of the place. */
bool config_set_from(struct config *c, struct str key, struct str text,
                     const struct config_place *place, struct buf *error);

/*
 * The sentences about a key and about a value of an option: "WHERE: KEY is no option", "WHERE: KEY:
 * PROBLEM; it takes ...". Both return false.
 */
bool config_refuse_key(struct str key, const char *where, struct buf *error);
bool config_refuse_value(const struct option *option, const char *problem, const char *where,
                         struct buf *error);

/* --- refusal.c: for config_check ---------------------------------------------------------------
 */

/* Begins a sentence about a value: "FILE:LINE: KEY: ", or "KEY: " when it is from elsewhere. */
void config_begin(const struct config *c, enum option_id id, struct buf *out);
/* FILE:LINE: KEY: "TEXT" WHAT. Returns false. */
bool config_refuse(const struct config *c, enum option_id id, struct str text, const char *what,
                   struct buf *error);
void config_warn(const struct config *c, enum option_id id, const char *what, struct buf *warnings);
/* Whether it is anything but empty. */
bool config_is_set(const struct config *c, enum option_id id);

/* Appends text from outside between quotes, fit for a terminal; of a long one, the beginning. */
void config_append_quoted(struct buf *out, struct str text);

#endif
