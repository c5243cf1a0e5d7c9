#include "config/options.h"

#include "base/suggest.h"

static bool has_word(const char *const *words, struct str word)
{
    for (; words != NULL && *words != NULL; words++) {
        if (str_equal(str_from_z(*words), word)) {
            return true;
        }
    }
    return false;
}

const struct option *option_find(struct str key, bool *ret_synonym)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &option_table[i];
        bool synonym = has_word(option->synonyms, key);
        if (synonym || str_equal(str_from_z(option->key), key)) {
            *ret_synonym = synonym;
            return option;
        }
    }
    return NULL;
}

/* "agents.*" is each key below `agents`, and the section itself. */
static bool is_absent(const struct option_absent *absent, struct str key)
{
    struct str name = str_from_z(absent->key);

    if (name.ptr[name.len - 1] == '*' && (str_starts_with(key, str_slice(name, 0, name.len - 1)) ||
                                          str_equal(key, str_slice(name, 0, name.len - 2)))) {
        return true;
    }
    return str_equal(name, key) || has_word(absent->synonyms, key);
}

const struct option_absent *option_find_absent(struct str key)
{
    for (size_t i = 0; i < OPTION_ABSENT_COUNT; i++) {
        if (is_absent(&option_absent_table[i], key)) {
            return &option_absent_table[i];
        }
    }
    return NULL;
}

const char *option_nearest(struct str key)
{
    struct suggestion nearest;

    suggestion_init(&nearest, key);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &option_table[i];
        struct str name = str_from_z(option->key);
        suggestion_offer(&nearest, name, option->key);
        /* `message_bytes` for `limits.message_bytes`. */
        suggestion_offer(&nearest, str_slice(name, str_find(name, '.') + 1, name.len), option->key);
        for (const char *const *word = option->synonyms; word != NULL && *word != NULL; word++) {
            suggestion_offer(&nearest, str_from_z(*word), option->key);
        }
    }
    return nearest.best;
}

static void append_words(struct buf *out, const struct option *option, const char *last)
{
    for (const char *const *word = option->words; *word != NULL; word++) {
        if (word != option->words) {
            buf_printf(out, "%s", word[1] == NULL ? last : ", ");
        }
        buf_printf(out, "%s", *word);
    }
}

void option_append_allowed(struct buf *out, const struct option *option)
{
    switch (option->kind) {
    case OPTION_BOOL:
    case OPTION_ENUM:
        append_words(out, option, " or ");
        return;
    case OPTION_STRING:
        buf_append_str(out, STR("text"));
        return;
    case OPTION_PATH:
        buf_append_str(out, STR("a path"));
        return;
    case OPTION_LIST:
        buf_printf(out, "a list of %s to %s elements, separated by commas", option->min_text,
                   option->max_text);
        return;
    case OPTION_INT:
        buf_append_str(out, STR("a number"));
        break;
    case OPTION_SIZE:
        buf_append_str(out, STR("a size"));
        break;
    case OPTION_DURATION:
        buf_append_str(out, STR("a duration"));
        break;
    }
    buf_printf(out, " from %s to %s", option->min_text, option->max_text);
    if (option->words != NULL) {
        buf_append_str(out, STR(" or "));
        append_words(out, option, " or ");
    }
}
