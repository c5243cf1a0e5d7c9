#include "cli/url.h"

#include <ctype.h>

#include "base/printable.h"
#include "http/head.h"

/* A world is a session called "world:" and its name; session ids have up to 128 characters. */
enum { WORLD_MAX = 128 - 6 };

static bool refuse(struct buf *error, struct str text, const char *why)
{
    buf_append_char(error, '"');
    printable_append(error, text);
    buf_printf(error, "\" %s; an address is http://HOST:PORT or unix:PATH", why);
    return false;
}

static bool take_prefix(struct str *text, struct str prefix)
{
    if (!str_equal_nocase(str_slice(*text, 0, prefix.len), prefix)) {
        return false;
    }
    *text = str_slice(*text, prefix.len, text->len);
    return true;
}

static bool parse_authority(struct str whole, struct str rest, struct url *url, struct buf *error)
{
    struct str name, port;
    uint64_t number = URL_DEFAULT_PORT;

    url->authority = str_slice(rest, 0, str_find(rest, '/'));
    if (rest.len > url->authority.len + 1) {
        return refuse(error, whole, "goes on behind the port");
    }
    if (!http_host_split(url->authority, &name, &port)) {
        return refuse(error, whole, "names no host");
    }
    bool has_port = name.len < url->authority.len;
    if (has_port && (!str_to_uint(port, UINT16_MAX, &number) || number == 0)) {
        return refuse(error, whole, "has no port from 1 to 65535");
    }
    bool brackets = name.len > 2 && name.ptr[0] == '[';
    url->host = brackets ? str_slice(name, 1, name.len - 1) : name;
    url->port = (uint16_t)number;
    return true;
}

bool url_parse(struct str text, struct url *ret_url, struct buf *error)
{
    struct str rest = text;
    struct url url = {.authority = STR("localhost")};

    if (take_prefix(&rest, STR("unix:"))) {
        if (rest.len == 0) {
            return refuse(error, text, "names no path");
        }
        url.path = rest;
    } else if (take_prefix(&rest, STR("https://")) || take_prefix(&rest, STR("wss://"))) {
        return refuse(error, text, "wants TLS, which is not in this build");
    } else if (!take_prefix(&rest, STR("http://")) && !take_prefix(&rest, STR("ws://"))) {
        return refuse(error, text, "has no scheme that is known");
    } else if (!parse_authority(text, rest, &url, error)) {
        return false;
    }
    *ret_url = url;
    return true;
}

void url_append_world(struct buf *out, struct str world)
{
    buf_append_str(out, STR("/ws/matrix"));
    if (world.len > 0) {
        buf_append_str(out, STR("?world="));
        buf_append_str(out, world);
    }
}

bool url_world_valid(struct str world)
{
    for (size_t i = 0; i < world.len; i++) {
        unsigned char c = (unsigned char)world.ptr[i];
        if (!isalnum(c) && memchr("._:@-", c, 5) == NULL) {
            return false;
        }
    }
    return world.len > 0 && world.len <= WORLD_MAX;
}
