#include <limits.h>

#include "http/internal.h"

static struct str target_of(const struct http_head *h, const char *data)
{
    return str_make(data + h->target.off, h->target.len);
}

struct str http_path(const struct http_head *h, const char *data)
{
    struct str target = target_of(h, data);
    return str_slice(target, 0, str_find(target, '?'));
}

struct str http_query(const struct http_head *h, const char *data)
{
    struct str target = target_of(h, data);
    return str_slice(target, str_find(target, '?') + 1, target.len);
}

bool http_query_get(struct str query, struct str name, struct str *ret_raw)
{
    while (query.len > 0) {
        size_t end = str_find(query, '&');
        struct str pair = str_slice(query, 0, end);
        size_t equals = str_find(pair, '=');
        if (pair.len > 0 && str_equal(str_slice(pair, 0, equals), name)) {
            *ret_raw = str_slice(pair, equals + 1, pair.len);
            return true;
        }
        query = str_slice(query, end + 1, query.len);
    }
    return false;
}

int http_percent_decode(struct str raw, char *out, size_t cap)
{
    size_t len = 0;

    if (raw.len > INT_MAX || !http_escapes_ok(raw)) {
        return -1;
    }
    for (size_t i = 0; i < raw.len; i++) {
        if (len == cap) {
            return -1;
        }
        char c = raw.ptr[i];
        if (c == '%') {
            c = (char)(http_hex_value(raw.ptr[i + 1]) << 4 | http_hex_value(raw.ptr[i + 2]));
            i += 2;
        }
        out[len++] = c;
    }
    return (int)len;
}
