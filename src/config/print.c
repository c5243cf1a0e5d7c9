#include "config/config.h"

#include "base/printable.h"

/* A string of YAML in double quotes, whose escapes those of printable_append are too. */
static void append_string(struct buf *out, struct str text)
{
    buf_append_char(out, '"');
    while (text.len > 0) {
        size_t quote = str_find(text, '"'), backslash = str_find(text, '\\');
        size_t plain = quote < backslash ? quote : backslash;
        printable_append(out, str_slice(text, 0, plain));
        if (plain < text.len) {
            buf_append_char(out, '\\');
            buf_append_char(out, text.ptr[plain]);
        }
        text = str_slice(text, plain + 1, text.len);
    }
    buf_append_char(out, '"');
}

static void append_path(struct buf *out, struct str path, const char *directory)
{
    struct buf whole;

    if (path.len == 0 || path.ptr[0] == '/') {
        append_string(out, path);
        return;
    }
    buf_init(&whole, CONFIG_MAX_FILE);
    buf_printf(&whole, "%s/", directory);
    buf_append_str(&whole, path);
    append_string(out, buf_str(&whole));
    out->failed = out->failed || whole.failed;
    buf_fini(&whole);
}

/* What stands on the line of the key. A list that is not empty follows on lines of its own. */
static void append_value(struct buf *out, const struct option *option, struct str text,
                         const char *directory)
{
    switch (option->kind) {
    case OPTION_STRING:
        buf_append_char(out, ' ');
        append_string(out, text);
        return;
    case OPTION_PATH:
        buf_append_char(out, ' ');
        append_path(out, text, directory);
        return;
    case OPTION_LIST:
        if (text.len == 0) {
            buf_append_str(out, STR(" []"));
        }
        return;
    default:
        buf_append_char(out, ' ');
        buf_append_str(out, text);
        /* A synonym took it without its unit. */
        if (option->kind == OPTION_DURATION && text.ptr[text.len - 1] <= '9') {
            buf_append_str(out, STR("ms"));
        }
        return;
    }
}

static void append_elements(struct buf *out, struct str list, const char *indent)
{
    struct str element;

    while (config_next_element(&list, &element)) {
        buf_printf(out, "%s  - ", indent);
        append_string(out, element);
        buf_append_char(out, '\n');
    }
}

void config_print(const struct config *c, const char *directory, bool origins, struct buf *out)
{
    struct str section = STR("");

    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &option_table[i];
        struct str key = str_from_z(option->key), text = str_from_z(c->values[i].text);
        size_t dot = str_find(key, '.');
        struct str head = str_slice(key, 0, dot < key.len ? dot : 0);
        const char *indent = head.len > 0 ? "  " : "";
        bool hidden = option->secret && text.len > 0;

        if (head.len > 0 && !str_equal(head, section)) {
            buf_append_str(out, head);
            buf_append_str(out, STR(":\n"));
        }
        section = head;
        buf_printf(out, "%s%s", indent, hidden ? "# " : "");
        buf_append_str(out, head.len > 0 ? str_slice(key, dot + 1, key.len) : key);
        buf_append_char(out, ':');
        if (hidden) {
            buf_append_str(out, STR(" set, and not shown"));
        } else {
            append_value(out, option, text, directory);
        }
        if (origins) {
            buf_append_str(out, STR("  # "));
            config_append_origin(c, (enum option_id)i, out);
        }
        buf_append_char(out, '\n');
        if (option->kind == OPTION_LIST && !hidden) {
            append_elements(out, text, indent);
        }
    }
}
