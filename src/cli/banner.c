#include "cli/banner.h"

#include <string.h>

#include "base/printable.h"
#include "cli/url.h"

enum { MAX_COMMAND = 1024, WIDTH = 54 };

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

/*
 * `command` with what follows it, and where the gateway is when that has to be said: `path` is that
 * of the WebSocket, NULL for the usual one.
 */
static void append_command(struct buf *out, const struct banner *b, const char *command,
                           const char *path, const char *rest, const char *what)
{
    struct buf line;

    buf_init(&line, MAX_COMMAND);
    append_word(&line, str_from_z(b->program));
    buf_printf(&line, " %s", command);
    bool elsewhere = strcmp(b->address, "127.0.0.1") != 0;
    if (b->port != URL_DEFAULT_PORT || elsewhere || path != NULL || b->is_tls) {
        bool colon = strchr(b->address, ':') != NULL;
        buf_printf(&line, " --url %s%s://", path != NULL ? "ws" : "http", b->is_tls ? "s" : "");
        buf_printf(&line, colon ? "[%s]:%u" : "%s:%u", b->address, (unsigned)b->port);
    }
    if (path != NULL) {
        append_word(&line, str_from_z(path));
    }
    buf_printf(&line, "%s", rest);
    buf_append_str(out, STR("    "));
    size_t start = out->len;
    printable_append(out, buf_str(&line));
    size_t width = out->len - start;
    buf_printf(out, "%*s   %s\n", width < WIDTH ? (int)(WIDTH - width) : 0, "", what);
    buf_fini(&line);
}

/* Who can reach it, and what they have to give. */
static void append_who(struct buf *out, const struct banner *b)
{
    if (b->bind == NULL) {
        buf_append_str(out, STR("sockets of the service manager"));
    } else if (strcmp(b->bind, "all") == 0) {
        buf_append_str(out, STR("all addresses"));
    } else if (strcmp(b->bind, "loopback") == 0 || strcmp(b->bind, "localhost") == 0 ||
               strcmp(b->bind, "127.0.0.1") == 0 || strcmp(b->bind, "::1") == 0) {
        buf_append_str(out, STR("loopback only"));
    } else {
        printable_append(out, str_from_z(b->bind));
        buf_append_str(out, STR(" only"));
    }
    if (strcmp(b->mode, "none") == 0) {
        buf_append_str(out, STR(", no authentication"));
    } else {
        buf_printf(out, ", %s required", b->mode);
    }
}

static const char *unless(const char *path, const char *usual)
{
    return strcmp(path, usual) == 0 ? NULL : path;
}

void banner_append(struct buf *out, const struct banner *b)
{
    bool colon = strchr(b->address, ':') != NULL;
    const char *open = colon ? "[" : "";
    const char *close = colon ? "]" : "";
    const char *s = b->is_tls ? "s" : "";

    buf_append_str(out, STR("parley " PARLEY_VERSION "   "));
    append_who(out, b);
    buf_printf(out,
               "\n\n"
               "  World      ws%s://%s%s%s:%u%s\n"
               "  Gateway    ws%s://%s%s%s:%u%s\n"
               "  Status     http%s://%s%s%s:%u/api/gateway/status\n",
               s, open, b->address, close, (unsigned)b->port, b->world_path, s, open, b->address,
               close, (unsigned)b->port, b->gateway_path, s, open, b->address, close,
               (unsigned)b->port);
    if (b->echo_path != NULL) {
        buf_printf(out, "  Echo       ws%s://%s%s%s:%u%s   (for development: anybody may use it)\n",
                   s, open, b->address, close, (unsigned)b->port, b->echo_path);
    }
    if (b->unix_path != NULL) {
        buf_append_str(out, STR("  Local      unix:"));
        printable_append(out, str_from_z(b->unix_path));
        buf_append_char(out, '\n');
    }
    buf_append_str(out, STR("\n  In another terminal:\n"));
    append_command(out, b, "tail", unless(b->world_path, "/ws/matrix"), "", "watch everything");
    const char *path = unless(b->gateway_path, "/ws");
    append_command(out, b, "agent run", path, " demo.upper --exec 'tr a-z A-Z'",
                   "become an agent in one line");
    append_command(out, b, "call", path, " demo.upper '\"hello\"'",
                   "ask whoever can do demo.upper");
    buf_append_char(out, '\n');
}
