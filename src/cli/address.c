#include "cli/address.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/printable.h"
#include "cli/lines.h"
#include "http/origin.h"

enum { MAX_ERROR = 1024, MAX_TOKEN = 4096 };

void address_fini(struct address *address)
{
    if (address != NULL) {
        buf_fini(&address->token);
    }
}

/* What a header field can carry: no control character, nothing that would begin another line. */
static bool is_sendable(struct str token)
{
    for (size_t i = 0; i < token.len; i++) {
        unsigned char c = (unsigned char)token.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return token.len > 0;
}

static bool refuse_file(const char *file, int why, struct buf *error)
{
    buf_append_str(error, STR("--token-file "));
    printable_append(error, str_from_z(file));
    buf_printf(error, ": %s", strerror(why));
    return false;
}

static bool read_first_line(const char *file, struct buf *line, struct buf *error)
{
    bool from_stdin = strcmp(file, "-") == 0;
    FILE *in = from_stdin ? stdin : fopen(file, "re");

    if (in == NULL) {
        return refuse_file(file, errno, error);
    }
    (void)lines_only(in, line);
    int why = ferror(in) != 0 ? errno : 0;
    if (!from_stdin) {
        (void)fclose(in);
    }
    return why == 0 || refuse_file(file, why, error);
}

bool address_read_token(const char *file, const char *text, struct buf *token, struct buf *error)
{
    struct buf line;

    assert(file != NULL || text != NULL);
    buf_init(&line, MAX_TOKEN);
    line.secret = true;
    token->secret = true;
    if (text != NULL) {
        buf_append_str(&line, str_from_z(text));
    } else if (!read_first_line(file, &line, error)) {
        buf_fini(&line);
        return false;
    }
    struct str found = buf_str(&line);
    if (found.len > 0 && found.ptr[found.len - 1] == '\r') {
        found.len--;
    }
    found = str_trim(found);
    bool ok = !line.failed && is_sendable(found) && buf_reserve(token, found.len);
    if (ok) {
        buf_append_str(token, found);
    } else {
        printable_append(error, str_from_z(text != NULL ? "PARLEY_TOKEN" : file));
        buf_printf(error, ": %s no token: one line of at most %d printable characters",
                   text != NULL ? "this is" : "its first line is", MAX_TOKEN);
    }
    buf_fini(&line);
    return ok;
}

static const char *environment_text(const char *name)
{
    const char *text = getenv(name);

    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* What others could read on the way is worth a word. */
static void warn_if_open(const struct address *address)
{
    const struct url *url = &address->url;

    if (address->token.len > 0 && url->path.len == 0 && !url->is_tls &&
        !http_host_allowed(url->authority, NULL, 0)) {
        complain("warning: the token goes to %.*s unencrypted, and who is between can read it; "
                 "https:// or a tunnel to loopback would keep it secret",
                 STR_ARG(url->authority));
    }
}

enum cli_exit address_find(const struct address_flags *flags, struct address *ret_address)
{
    const char *where = flags->url != NULL ? flags->url : environment_text("PARLEY_URL");
    const char *token = flags->token_file == NULL ? environment_text("PARLEY_TOKEN") : NULL;
    struct address address = {0};
    struct buf error;

    buf_init(&error, MAX_ERROR);
    buf_init(&address.token, MAX_TOKEN);
    bool ok = url_parse(str_from_z(where != NULL ? where : "http://127.0.0.1:8765"), &address.url,
                        &error);
    if (ok && (flags->token_file != NULL || token != NULL)) {
        ok = address_read_token(flags->token_file, token, &address.token, &error);
    }
    if (ok) {
        warn_if_open(&address);
        *ret_address = address;
    } else {
        complain("%.*s", STR_ARG(buf_str(&error)));
        address_fini(&address);
    }
    buf_fini(&error);
    return ok ? CLI_OK : CLI_USAGE;
}
