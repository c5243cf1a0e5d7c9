#include "cli/banner.h"

#include "base/printable.h"
#include "cli/url.h"

enum { MAX_COMMAND = 1024 };

/* A word as a shell takes it whole. */
static void append_word(struct buf *out, struct str word)
{
    bool plain = word.len > 0;

    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        plain = plain && (letter || (c != '\0' && strchr("_./+-@:,%", c) != NULL));
    }
    if (plain) {
        buf_append_str(out, word);
        return;
    }
    buf_append_char(out, '\'');
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '\'') {
            buf_append_str(out, STR("'\\''"));
        } else {
            buf_append_char(out, word.ptr[i]);
        }
    }
    buf_append_char(out, '\'');
}

/* `command` with what follows it, and where the gateway is when that has to be said. */
static void append_command(struct buf *out, const struct banner *b, const char *command,
                           const char *rest, const char *what)
{
    struct buf line;

    buf_init(&line, MAX_COMMAND);
    append_word(&line, str_from_z(b->program));
    buf_printf(&line, " %s", command);
    if (b->port != URL_DEFAULT_PORT) {
        buf_printf(&line, " --url http://%s:%u", b->address, (unsigned)b->port);
    }
    buf_printf(&line, "%s", rest);
    buf_append_str(out, STR("    "));
    size_t start = out->len;
    printable_append(out, buf_str(&line));
    size_t width = out->len - start;
    buf_printf(out, "%*s   %s\n", width < 44 ? (int)(44 - width) : 0, "", what);
    buf_fini(&line);
}

void banner_append(struct buf *out, const struct banner *b)
{
    buf_printf(out,
               "parley " PARLEY_VERSION "   loopback only, no authentication\n\n"
               "  World      ws://%s:%u%s\n"
               "  Status     http://%s:%u/api/gateway/status\n",
               b->address, (unsigned)b->port, b->world_path, b->address, (unsigned)b->port);
    if (b->unix_path != NULL) {
        buf_append_str(out, STR("  Local      unix:"));
        printable_append(out, str_from_z(b->unix_path));
        buf_append_char(out, '\n');
    }
    buf_append_str(out, STR("\n  In another terminal:\n"));
    append_command(out, b, "tail", "", "watch everything");
    append_command(out, b, "send", " bark '{\"text\":\"hello\"}'", "say something");
    append_command(out, b, "status", "", "see who is there");
    buf_append_char(out, '\n');
}
