#include "matrix/homeserver_internal.h"

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void url_append_part(struct buf *out, struct str part)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < part.len; i++) {
        unsigned char c = (unsigned char)part.ptr[i];
        if (is_unreserved(part.ptr[i])) {
            buf_append_char(out, part.ptr[i]);
        } else {
            buf_append(out, (const char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
        }
    }
}

void url_append_query(struct buf *out, const char *name, struct str value)
{
    bool is_first = str_find(buf_str(out), '?') == out->len;

    buf_printf(out, "%c%s=", is_first ? '?' : '&', name);
    url_append_part(out, value);
}

/* A host, perhaps with a port and a path behind it. */
static bool is_visible(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || strchr("?#@\\\"<>", text.ptr[i]) != NULL) {
            return false;
        }
    }
    return text.len > 0;
}

static bool has_scheme(struct str url, struct str scheme)
{
    return url.len > scheme.len && str_equal_nocase(str_slice(url, 0, scheme.len), scheme) &&
           url.ptr[scheme.len] != '/' && is_visible(str_slice(url, scheme.len, url.len));
}

/* A server name: a host or an address, perhaps with a port behind it. */
static bool is_name(struct str name)
{
    size_t colon;
    uint64_t port;

    if (name.len > 0 && name.ptr[0] == '[') { /* IPv6 */
        colon = str_find(name, ']') + 1;
    } else {
        colon = str_find(name, ':');
        for (size_t i = 0; i < colon; i++) {
            if (!is_unreserved(name.ptr[i])) {
                return false;
            }
        }
    }
    return colon > 0 && is_visible(name) && str_find(name, '/') == name.len &&
           (colon == name.len || (colon < name.len && name.ptr[colon] == ':' &&
                                  str_to_uint(str_slice(name, colon + 1, name.len), 65535, &port)));
}

bool url_is_https(struct str url)
{
    return has_scheme(url, STR("https://"));
}

const char *url_read_server(struct str server, bool *ret_is_name, struct str *ret_base)
{
    while (server.len > 0 && server.ptr[server.len - 1] == '/') {
        server.len--;
    }
    bool is_url = url_is_https(server) || has_scheme(server, STR("http://"));
    if (!is_url && !is_name(server)) {
        return "is neither a URL (https://matrix.example.org) nor a server name (example.org)";
    }
    *ret_is_name = !is_url;
    *ret_base = server;
    return NULL;
}
