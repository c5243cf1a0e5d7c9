#include "cli/url.h"

#include <ctype.h>

#include "base/printable.h"
#include "http/head.h"

/* A world is a session called "world:" and its name; session ids have up to 128 characters. */
enum { ID_MAX = 128, WORLD_MAX = ID_MAX - 6 };

static bool refuse(struct buf *error, struct str text, const char *why)
{
    buf_append_char(error, '"');
    printable_append(error, text);
    buf_printf(error,
               "\" %s; an address is http://HOST:PORT, https://HOST:PORT or unix:PATH, and "
               "the path of a WebSocket may follow: http://HOST:PORT/PATH, unix:PATH:/PATH",
               why);
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

/* What a request line can carry; a fragment is nothing for the other side. */
static bool is_target(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || text.ptr[i] == '#') {
            return false;
        }
    }
    return true;
}

static bool take_target(struct str whole, struct str target, struct url *url, struct buf *error)
{
    if (!is_target(target)) {
        return refuse(error, whole, "has a path that no request can carry");
    }
    url->target = target.len > 1 ? target : STR("");
    return true;
}

/* Whether it would be one without what stands behind its last colon. */
static bool has_host(struct str authority)
{
    struct str name, port;
    size_t end = authority.len;

    while (end > 0 && authority.ptr[end - 1] != ':') {
        end--;
    }
    return end > 0 && http_host_split(str_slice(authority, 0, end - 1), &name, &port);
}

static bool parse_authority(struct str whole, struct str rest, struct url *url, struct buf *error)
{
    static const char no_port[] = "has no port from 1 to 65535";
    struct str name, port;
    uint64_t number = URL_DEFAULT_PORT;

    url->authority = str_slice(rest, 0, str_find(rest, '/'));
    if (!http_host_split(url->authority, &name, &port)) {
        return refuse(error, whole, has_host(url->authority) ? no_port : "names no host");
    }
    bool has_port = name.len < url->authority.len;
    if (has_port && (!str_to_uint(port, UINT16_MAX, &number) || number == 0)) {
        return refuse(error, whole, no_port);
    }
    bool brackets = name.len > 2 && name.ptr[0] == '[';
    url->host = brackets ? str_slice(name, 1, name.len - 1) : name;
    url->port = (uint16_t)number;
    return take_target(whole, str_slice(rest, url->authority.len, rest.len), url, error);
}

/* PATH, or PATH:/TARGET. */
static bool parse_unix(struct str whole, struct str rest, struct url *url, struct buf *error)
{
    size_t end = rest.len;

    for (size_t i = 0; i + 1 < rest.len; i++) {
        end = rest.ptr[i] == ':' && rest.ptr[i + 1] == '/' ? i : end;
    }
    if (end == 0) {
        return refuse(error, whole, "names no path");
    }
    url->path = str_slice(rest, 0, end);
    return take_target(whole, str_slice(rest, end + 1, rest.len), url, error);
}

bool url_parse(struct str text, struct url *ret_url, struct buf *error)
{
    struct str rest = text;
    struct url url = {.authority = STR("localhost")};

    if (take_prefix(&rest, STR("unix:"))) {
        if (!parse_unix(text, rest, &url, error)) {
            return false;
        }
        *ret_url = url;
        return true;
    }
    url.is_tls = take_prefix(&rest, STR("https://")) || take_prefix(&rest, STR("wss://"));
    if (!url.is_tls && !take_prefix(&rest, STR("http://")) && !take_prefix(&rest, STR("ws://"))) {
        return refuse(error, text, "has no scheme that is known");
    }
    if (!parse_authority(text, rest, &url, error)) {
        return false;
    }
    *ret_url = url;
    return true;
}

/* What the names of agents and worlds consist of; none of it has a meaning in a path or a query. */
static bool is_name(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (!isalnum(c) && memchr("._:@-", c, 5) == NULL) {
            return false;
        }
    }
    return text.len > 0;
}

bool url_world_valid(struct str world)
{
    return is_name(world) && world.len <= WORLD_MAX;
}

bool url_id_valid(struct str id)
{
    return is_name(id) && id.len <= ID_MAX;
}

void url_append_query(struct buf *out, struct str name, struct str value)
{
    buf_append_char(out, str_find(buf_str(out), '?') < out->len ? '&' : '?');
    buf_append_str(out, name);
    buf_append_char(out, '=');
    for (size_t i = 0; i < value.len; i++) {
        if (is_name(str_slice(value, i, i + 1))) {
            buf_append_char(out, value.ptr[i]);
        } else {
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)value.ptr[i]);
        }
    }
}

void url_append_world(struct buf *out, const struct url *url, struct str world)
{
    buf_append_str(out, url->target.len > 0 ? url->target : STR("/ws/matrix"));
    if (world.len > 0) {
        url_append_query(out, STR("world"), world);
    }
}

void url_append_gateway(struct buf *out, const struct url *url)
{
    buf_append_str(out, url->target.len > 0 ? url->target : STR("/ws"));
}
