#ifndef PARLEY_CONFIG_CONFIG_H
#define PARLEY_CONFIG_CONFIG_H

/*
 * What the options are set to, and by whom. config_load asks all sources: flags, the environment, a
 * file (YAML or JSON), the defaults; an earlier one of these goes before a later one. A reload is
 * config_load again, with the same sources (and the file that was found), into another struct
 * config, which then takes the place of the first; config_changes says what that means.
 *
 * Every source sets its keys through config_set, in any order; a value stays until one of the same
 * or a higher origin comes. Errors are sentences that name the source, the value, what is allowed
 * and the nearest key. Values of options that are `secret` stand in none.
 */

#include "config/options.h"

enum config_origin {
    CONFIG_DEFAULT,
    CONFIG_FILE,
    CONFIG_ENVIRONMENT,
    CONFIG_FLAG,
};

struct config_value {
    enum config_origin origin;
    uint32_t line;   /* of its key in the file, from 1; 0 for what is from elsewhere */
    uint64_t number; /* see enum option_kind */
    char *text;      /* as it was given; NUL-terminated, owned */
};

struct config {
    struct config_value values[OPTION_COUNT];
    char *file;             /* the path of the file that was read; NULL for none; owned */
    bool has_shared_secret; /* see struct config_sources */
};

enum { CONFIG_MAX_ERROR = 16 * 1024 }; /* a good size for the buffers of errors and warnings */

/* --- all sources ------------------------------------------------------------------------------ */

/* One flag of the command line. */
struct config_flag {
    const char *name;  /* for errors: "--port", "--set" */
    const char *key;   /* the option that it stands for; NULL when `value` is KEY=VALUE */
    const char *value; /* as it was given */
};

/* All is borrowed for the call; who reloads keeps it. */
struct config_sources {
    const char *file;         /* of `--config`; NULL: it is looked for, see config_find_file */
    const char *found;        /* of a reload: what was found before, and has to be found again */
    char *const *environment; /* NULL-terminated; NULL for none */
    const struct config_flag *flags;
    size_t flag_count;
    /*
     * A secret was given by other means (`--token-file`). It counts as a token, and auth.mode is
     * `token` unless a flag says otherwise.
     */
    bool has_shared_secret;
};

/*
 * Sets `c`, of which nothing is read, to what all sources say, and checks it (config_check).
 * Returns false with a sentence in `error` for the first thing that is wrong; config_fini is due in
 * either case. `warnings` gets whole lines about what is allowed and yet probably a mistake; NULL
 * when nobody wants them.
 */
bool config_load(struct config *c, const struct config_sources *sources, struct buf *warnings,
                 struct buf *error);

/* A key that differs, and whether a running gateway can take its new value. */
struct config_change {
    enum option_id id;
    bool reloadable;
};

/* What differs between two configurations, in the order of the table. Returns how many. */
size_t config_changes(const struct config *before, const struct config *after,
                      struct config_change ret_changes[OPTION_COUNT]);

/* --- one source ------------------------------------------------------------------------------- */

/* Sets all to their defaults. Returns false when there is no memory; config_fini is due anyway. */
bool config_init(struct config *c);
/* NULL is taken. */
void config_fini(struct config *c);

/*
 * Sets `key` (or a synonym) from text. `where` names the source in an error: "--port",
 * "PARLEY_LISTEN__PORT". Returns false, nothing is changed, and `error` gets a sentence, when the
 * key is not known, or the value is not allowed. Copies the text.
 */
bool config_set(struct config *c, struct str key, struct str text, enum config_origin origin,
                const char *where, struct buf *error);
/* The same from "key=value", a flag `--set`. */
bool config_set_pair(struct config *c, struct str pair, struct buf *error);

/*
 * Takes what PARLEY_* variables of a NULL-terminated environment say: PARLEY_SECTION__KEY, and
 * PARLEY_KEY for a key without a section. A variable without a section that is like no key
 * (PARLEY_URL, PARLEY_CONFIG) is somebody else's.
 */
bool config_read_environment(struct config *c, char *const *environment, struct buf *error);

/*
 * Where the file is: $PARLEY_CONFIG, else the first that exists of ./parley.yaml,
 * $XDG_CONFIG_HOME/parley/parley.yaml (~/.config without that variable) and
 * /etc/parley/parley.yaml. Appends its path and a NUL, or nothing when there is none.
 */
void config_find_file(char *const *environment, struct buf *ret_path);

/*
 * Reads a file of options, whose name is remembered in c->file: one YAML 1.1 document (JSON is
 * one) in UTF-8, at most CONFIG_MAX_FILE bytes, of nested mappings or dotted keys, with sequences
 * (or text with commas) for lists; no anchors, aliases or tags, no key twice. Errors begin with
 * FILE:LINE. Of a file with an error some keys may be set already.
 */
bool config_read_file(struct config *c, const char *path, struct buf *error);
/* The same for text; `path` is used for errors, `directory` is what relative paths are under. */
bool config_read_text(struct config *c, struct str text, const char *path, const char *directory,
                      struct buf *error);

enum { CONFIG_MAX_FILE = 1024 * 1024 };

/* --- what is set ------------------------------------------------------------------------------ */

/*
 * What one value says about another, and what this build can do. To be asked after all is set.
 * `warnings` as for config_load.
 */
bool config_check(const struct config *c, struct buf *warnings, struct buf *error);

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

/* Appends where a value comes from: "default", "/etc/parley/parley.yaml:3", "environment", "flag".
 */
void config_append_origin(const struct config *c, enum option_id id, struct buf *out);

/*
 * Appends all that is set as YAML that config_read_text takes again, to the same values: relative
 * paths are completed by `directory`; secrets are comments that say whether they are set. With
 * `origins` the origin of each stands behind it.
 */
void config_print(const struct config *c, const char *directory, bool origins, struct buf *out);

#endif
