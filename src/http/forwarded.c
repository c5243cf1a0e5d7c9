#include "http/forwarded.h"

#include "http/internal.h"
#include "http/origin.h"

/* What a list has said so far, read from the left. */
struct reading {
    const struct http_trust *trust;
    bool started;
    bool known; /* `address` is the caller's; else the caller has not been named */
    uint8_t address[16];
    bool foreign_host;
};

bool http_is_forwarded(const struct http_head *h)
{
    const uint32_t fields = 1u << HTTP_FORWARDED | 1u << HTTP_X_FORWARDED_FOR |
                            1u << HTTP_X_FORWARDED_PROTO | 1u << HTTP_X_FORWARDED_HOST |
                            1u << HTTP_X_REAL_IP | 1u << HTTP_VIA;

    return (h->present & fields) != 0;
}

/* --- nodes: RFC 7239 section 6 ---------------------------------------------------------------- */

/* "_" and letters, digits, '.', '_', '-': a name that a proxy gave itself. */
static bool is_obfuscated(struct str s)
{
    for (size_t i = 1; i < s.len; i++) {
        char c = str_lower(s.ptr[i]);
        if (!http_is_digit(c) && (c < 'a' || c > 'z') && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return s.len > 1 && s.ptr[0] == '_';
}

static bool is_port(struct str s)
{
    uint64_t number;

    return (s.len <= 5 && str_to_uint(s, 65535, &number)) || is_obfuscated(s);
}

/* The next node of a list: an address, or one that is not told. False: it is neither. */
static bool take_node(struct reading *r, struct str node, bool bare_v6)
{
    uint8_t address[16] = {0};
    bool bracketed = node.len > 0 && node.ptr[0] == '[';
    bool known = true;
    size_t end = bracketed ? str_find(node, ']') + 1 : str_find(node, ':');

    if (bare_v6 && http_ipv6_parse(node, address)) {
        end = node.len;
    } else if (bracketed) {
        if (end > node.len || !http_ipv6_parse(str_slice(node, 1, end - 1), address)) {
            return false;
        }
    } else {
        struct str name = str_slice(node, 0, end);
        known = !str_equal_nocase(name, STR("unknown")) && !is_obfuscated(name);
        if (known && !http_address_parse(name, address)) {
            return false;
        }
    }
    if (end < node.len && (node.ptr[end] != ':' || !is_port(str_slice(node, end + 1, node.len)))) {
        return false;
    }
    /* The rightmost that is not trusted; the leftmost when there is none. */
    if (!known || !r->started ||
        !http_networks_have(r->trust->proxies, r->trust->proxy_count, address)) {
        r->known = known;
        if (known) {
            memcpy(r->address, address, sizeof(address));
        }
    }
    r->started = true;
    return true;
}

static bool take_host(struct reading *r, struct str host)
{
    struct str name, port;

    if (!http_host_split(host, &name, &port)) {
        return false;
    }
    if (!http_host_allowed(host, r->trust->hosts, r->trust->host_count)) {
        r->foreign_host = true;
    }
    return true;
}

static bool is_scheme(struct str s)
{
    return str_equal_nocase(s, STR("http")) || str_equal_nocase(s, STR("https")) ||
           str_equal_nocase(s, STR("ws")) || str_equal_nocase(s, STR("wss"));
}

/* --- Forwarded: RFC 7239 section 4 ------------------------------------------------------------ */

static size_t token_len(struct str s)
{
    size_t len = 0;

    while (len < s.len && http_is(s.ptr[len], HTTP_TOKEN)) {
        len++;
    }
    return len;
}

/*
 * The next `name=value` of an element; moves *rest behind it and its semicolon. A backslash in a
 * quoted value would only hide something: no value needs one.
 */
static bool take_pair(struct str *rest, struct str *ret_name, struct str *ret_value)
{
    size_t name_len = token_len(*rest);

    if (name_len == 0 || name_len == rest->len || rest->ptr[name_len] != '=') {
        return false;
    }
    *ret_name = str_slice(*rest, 0, name_len);
    struct str after = str_slice(*rest, name_len + 1, rest->len);
    if (after.len > 0 && after.ptr[0] == '"') {
        after = str_slice(after, 1, after.len);
        size_t quote = str_find(after, '"');
        *ret_value = str_slice(after, 0, quote);
        if (quote == after.len || str_find(*ret_value, '\\') < quote) {
            return false;
        }
        after = str_slice(after, quote + 1, after.len);
    } else {
        size_t len = token_len(after);
        *ret_value = str_slice(after, 0, len);
        after = str_slice(after, len, after.len);
        if (len == 0) {
            return false;
        }
    }
    after = str_trim(after);
    if (after.len > 0 && after.ptr[0] != ';') {
        return false;
    }
    *rest = str_trim(str_slice(after, 1, after.len));
    return true;
}

/* One proxy's word. Each parameter once; those that mean nothing here are passed over. */
static bool take_element(struct reading *r, struct str element)
{
    static const struct str names[] = {{"for", 3}, {"host", 4}, {"proto", 5}, {"by", 2}};
    struct str name, value, node = STR("unknown");
    unsigned seen = 0;

    while (element.len > 0) {
        if (!take_pair(&element, &name, &value)) {
            return false;
        }
        for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (!str_equal_nocase(name, names[i])) {
                continue;
            }
            if ((seen >> i & 1) != 0 || (i == 1 && !take_host(r, value)) ||
                (i == 2 && !is_scheme(value))) {
                return false;
            }
            seen |= 1u << i;
            node = i == 0 ? value : node;
        }
    }
    return take_node(r, node, false);
}

/* --- both ------------------------------------------------------------------------------------- */

static bool take_forwarded_for(struct reading *r, struct str element)
{
    return take_node(r, element, true);
}

static bool take_proto(struct reading *r, struct str element)
{
    (void)r;
    return is_scheme(element);
}

/* Takes each element of a field, on all its lines. A field without any is not a list. */
static bool take_list(struct reading *r, const struct http_head *h, const char *data,
                      enum http_field field, bool (*take)(struct reading *r, struct str element))
{
    size_t at = 0;
    size_t count = 0;
    struct str list, element;

    while (http_next_value(h, data, field, &at, &list)) {
        while (http_list_next(&list, &element)) {
            if (!take(r, element)) {
                return false;
            }
            count++;
        }
    }
    return count > 0 || !http_has(h, field);
}

const char *http_forwarded_read(const struct http_head *h, const char *data,
                                const struct http_trust *trust, const uint8_t peer[16],
                                struct http_forwarded *ret_forwarded)
{
    struct reading standard = {.trust = trust};
    struct reading usual = {.trust = trust};

    if (!take_list(&standard, h, data, HTTP_FORWARDED, take_element)) {
        return "The proxy's Forwarded field is broken; have the proxy set it by RFC 7239, and "
               "drop the one that its client sent.";
    }
    if (!take_list(&usual, h, data, HTTP_X_FORWARDED_FOR, take_forwarded_for)) {
        return "The proxy's X-Forwarded-For is not a list of addresses; have the proxy set it, and "
               "drop the one that its client sent.";
    }
    if (!take_list(&usual, h, data, HTTP_X_FORWARDED_PROTO, take_proto) ||
        !take_list(&usual, h, data, HTTP_X_FORWARDED_HOST, take_host)) {
        return "The proxy's X-Forwarded-Proto or X-Forwarded-Host is broken; have the proxy set "
               "them, and drop those that its client sent.";
    }
    if ((standard.started && !standard.known) || (usual.started && !usual.known)) {
        return "The proxy does not say for whom it asks; have it send the address of its client.";
    }
    if (standard.started && usual.started && memcmp(standard.address, usual.address, 16) != 0) {
        return "Forwarded and X-Forwarded-For name different clients; have the proxy send one of "
               "them, and drop the other.";
    }
    *ret_forwarded =
        (struct http_forwarded){.foreign_host = standard.foreign_host || usual.foreign_host};
    const uint8_t *address = standard.started ? standard.address
                             : usual.started  ? usual.address
                                              : peer;
    memcpy(ret_forwarded->address, address, 16);
    return NULL;
}
