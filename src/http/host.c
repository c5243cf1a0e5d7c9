#include "http/internal.h"

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!http_is(s.ptr[i], HTTP_NAME) && s.ptr[i] != '%') {
            return false;
        }
    }
    return s.len > 0 && http_escapes_ok(s);
}

bool http_host_split(struct str host, struct str *ret_name, struct str *ret_port)
{
    uint64_t number;
    uint8_t address[16];
    bool literal = host.len > 0 && host.ptr[0] == '[';
    size_t end = literal ? str_find(host, ']') + 1 : str_find(host, ':');

    if (end > host.len || (end < host.len && host.ptr[end] != ':')) {
        return false;
    }
    struct str name = str_slice(host, 0, end);
    struct str port = str_slice(host, end + 1, host.len);
    if (!(literal ? http_ipv6_parse(str_slice(name, 1, name.len - 1), address) : is_name(name)) ||
        (port.len > 0 && !str_to_uint(port, 65535, &number))) {
        return false;
    }
    *ret_name = name;
    *ret_port = port;
    return true;
}
