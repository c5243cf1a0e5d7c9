#include "config/syntax.h"

#include <arpa/inet.h>
#include <netinet/in.h>

struct address {
    int family; /* AF_INET or AF_INET6 */
    struct in_addr v4;
    struct in6_addr v6;
};

static bool read_address(struct str text, struct address *ret_address)
{
    char name[INET6_ADDRSTRLEN];

    if (text.len == 0 || text.len >= sizeof(name) || str_find(text, '\0') < text.len) {
        return false;
    }
    memcpy(name, text.ptr, text.len);
    name[text.len] = '\0';
    struct address a = {.family = AF_INET};
    if (inet_pton(AF_INET, name, &a.v4) != 1) {
        a.family = AF_INET6;
        if (inet_pton(AF_INET6, name, &a.v6) != 1) {
            return false;
        }
    }
    *ret_address = a;
    return true;
}

static bool is_loopback(const struct address *a)
{
    if (a->family == AF_INET) {
        return ntohl(a->v4.s_addr) >> 24 == 127;
    }
    return IN6_IS_ADDR_LOOPBACK(&a->v6) ||
           (IN6_IS_ADDR_V4MAPPED(&a->v6) && a->v6.s6_addr[12] == 127);
}

enum bind_kind syntax_bind(struct str text)
{
    struct address address;

    if (str_equal(text, STR("loopback")) || str_equal(text, STR("localhost"))) {
        return BIND_LOOPBACK;
    }
    if (str_equal(text, STR("all"))) {
        return BIND_OTHERS;
    }
    if (!read_address(text, &address)) {
        return BIND_WRONG;
    }
    return is_loopback(&address) ? BIND_LOOPBACK : BIND_OTHERS;
}

static bool is_letter(char c)
{
    return str_lower(c) >= 'a' && str_lower(c) <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* With `star`, a '*' is a letter too. */
static bool is_host(struct str text, bool star)
{
    struct address address;

    if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']') {
        return read_address(str_slice(text, 1, text.len - 1), &address) &&
               address.family == AF_INET6;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!is_letter(c) && !is_digit(c) && c != '.' && c != '-' && c != '_' &&
            !(star && c == '*')) {
            return false;
        }
    }
    return text.len > 0;
}

bool syntax_is_host(struct str text)
{
    return is_host(text, false);
}

static bool is_port(struct str text)
{
    uint64_t number;

    return str_to_uint(text, 65535, &number) && number > 0;
}

/* Splits HOST[:PORT]; *ret_port is empty without one. A colon must be followed by something. */
static bool split_port(struct str text, struct str *ret_host, struct str *ret_port)
{
    bool literal = text.len > 0 && text.ptr[0] == '[';
    size_t end = literal ? str_find(text, ']') + 1 : str_find(text, ':');

    if (end + 1 == text.len || (end < text.len && text.ptr[end] != ':')) {
        return false;
    }
    *ret_host = str_slice(text, 0, end);
    *ret_port = str_slice(text, end + 1, text.len);
    return true;
}

/* Takes "SCHEME://" off (RFC 3986 section 3.1). */
static bool take_scheme(struct str *text, struct str *ret_scheme)
{
    size_t len = str_find(*text, ':');

    for (size_t i = 0; i < len; i++) {
        char c = text->ptr[i];
        bool inner = i > 0 && (is_digit(c) || c == '+' || c == '-' || c == '.');
        if (!is_letter(c) && !inner) {
            return false;
        }
    }
    struct str rest = str_slice(*text, len, text->len);
    if (len == 0 || !str_starts_with(rest, STR("://"))) {
        return false;
    }
    *ret_scheme = str_slice(*text, 0, len);
    *text = str_slice(rest, 3, rest.len);
    return true;
}

bool syntax_is_origin(struct str text)
{
    struct str scheme, host, port;

    if (str_equal(text, STR("*"))) {
        return true;
    }
    return take_scheme(&text, &scheme) && split_port(text, &host, &port) && is_host(host, true) &&
           (port.len == 0 || str_equal(port, STR("*")) || is_port(port));
}

bool syntax_is_url(struct str text)
{
    static const struct str schemes[] = {{"http", 4}, {"https", 5}, {"ws", 2}, {"wss", 3}};
    struct str scheme, host, port;
    bool known = false;

    if (!take_scheme(&text, &scheme)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        known = known || str_equal_nocase(scheme, schemes[i]);
    }
    size_t slash = str_find(text, '/');
    for (size_t i = slash; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f || strchr("?#\"<>\\", text.ptr[i]) != NULL) {
            return false;
        }
    }
    return known && split_port(str_slice(text, 0, slash), &host, &port) && is_host(host, false) &&
           (port.len == 0 || is_port(port));
}

bool syntax_is_network(struct str text)
{
    struct address address;
    uint64_t bits;
    size_t slash = str_find(text, '/');

    if (!read_address(str_slice(text, 0, slash), &address)) {
        return false;
    }
    return slash == text.len || str_to_uint(str_slice(text, slash + 1, text.len),
                                            address.family == AF_INET ? 32 : 128, &bits);
}

bool syntax_is_argon2id(struct str text)
{
    struct str head = STR("$argon2id$v=");
    unsigned dollars = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!is_letter(c) && !is_digit(c) && (c == '\0' || strchr("$=,+/", c) == NULL)) {
            return false;
        }
        dollars += c == '$';
    }
    /* $argon2id$v=19$m=65536,t=3,p=1$SALT$HASH */
    return str_starts_with(text, head) && dollars == 5 && text.ptr[text.len - 1] != '$';
}
