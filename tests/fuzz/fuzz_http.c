/*
 * Heads and chunked bodies. The first three bytes say what the rest is, and where to split it;
 * whatever it is, the outcome must not depend on the split, and what is taken must keep the rules
 * that the headers promise. With a first byte of 0xf0 a whole head is asked who sends it, and
 * judged; with 0xf1 an address is compared with what the C library makes of it.
 */

#include <arpa/inet.h>
#include <stdlib.h>

#include "http/body.h"
#include "http/head.h"
#include "http/origin.h"
#include "net/asking.h"
#include "net/trial.h"

enum { BODY_MAX = 4096, FIRST_ASKING = 0xf0, FIRST_ADDRESS = 0xf1 };

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* What is not `true` is a finding; assert() would vanish in a build with NDEBUG. */
static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

/* A block of exactly `len` bytes, so that the sanitizer sees a read behind them. */
static char *copy_exactly(const char *bytes, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);

    require(copy != NULL);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

static int parse_prefix(struct http_head *h, const char *bytes, size_t len, const char **ret_reason)
{
    char *copy = copy_exactly(bytes, len);
    int result = http_parse_head(h, copy, len, ret_reason);

    free(copy);
    return result;
}

/* Parses after a first read of `first` bytes and then each `step` more. */
static int parse_in_steps(struct http_head *h, bool response, const char *bytes, size_t len,
                          size_t first, size_t step, const char **ret_reason)
{
    int result = 0;

    if (response) {
        http_response_init(h);
    } else {
        http_request_init(h);
    }
    for (size_t at = first;; at = len - at < step ? len : at + step) {
        result = parse_prefix(h, bytes, at, ret_reason);
        if (result != 0 || at == len) {
            return result;
        }
    }
}

static bool same_span(struct http_span a, struct http_span b)
{
    return a.off == b.off && a.len == b.len;
}

static void require_same(const struct http_head *a, const struct http_head *b)
{
    require(a->done == b->done && a->scanned == b->scanned);
    require(a->method == b->method && a->minor_version == b->minor_version);
    require(a->status == b->status && a->content_length == b->content_length);
    require(a->present == b->present && a->repeated == b->repeated);
    require(a->upgrade_websocket == b->upgrade_websocket);
    require(a->connection_close == b->connection_close);
    require(a->has_body == b->has_body && a->chunked == b->chunked);
    require(a->until_close == b->until_close && same_span(a->target, b->target));
    for (int i = 0; i < HTTP_FIELD_COUNT; i++) {
        require(same_span(a->fields[i], b->fields[i]));
    }
}

/* An accepted head is lines that end in CR LF, the last one empty, of bytes that may be there. */
static void check_bytes(const struct http_head *h, const char *data, size_t len)
{
    size_t lines = 0;

    require(len <= HTTP_MAX_HEAD && len == h->scanned);
    require(memcmp(data + len - 4, "\r\n\r\n", 4) == 0);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)data[i];
        require((c >= 0x20 && c != 0x7f) || c == '\t' || c == '\r' || c == '\n');
        require((c == '\r') == (i + 1 < len && data[i + 1] == '\n'));
        require(c != '\n' || i + 1 == len || (data[i + 1] != ' ' && data[i + 1] != '\t'));
        lines += c == '\n';
    }
    require(lines <= HTTP_MAX_LINES + 3);
}

static void check_value(const struct http_head *h, const char *data, size_t len, unsigned field)
{
    struct str value = http_value(h, data, (enum http_field)field);
    struct str first;
    size_t at = 0, count = 0;

    require((size_t)h->fields[field].off + h->fields[field].len <= len);
    require(str_trim(value).len == value.len && str_find(value, '\n') == value.len);
    for (struct str v; http_next_value(h, data, (enum http_field)field, &at, &v); count++) {
        if (count == 0) {
            first = v;
            require(first.ptr == value.ptr && first.len == value.len);
        }
        for (struct str element; http_list_next(&v, &element);) {
            require(element.len > 0 && element.ptr >= data && element.ptr < data + len);
        }
    }
    require((count > 0) == http_has(h, (enum http_field)field));
    require((count > 1) == ((h->repeated >> field & 1) != 0));
}

static void check_request(const struct http_head *h, const char *data, size_t len)
{
    struct str name, port, value;
    struct str path = http_path(h, data), query = http_query(h, data);
    char *out = malloc(HTTP_MAX_TARGET);

    require(out != NULL && h->method <= HTTP_OTHER && h->status == 0 && !h->until_close);
    require(h->target.len >= 1 && h->target.len <= HTTP_MAX_TARGET);
    require((size_t)h->target.off + h->target.len < len && path.ptr[0] == '/');
    for (size_t i = 0; i < h->target.len; i++) {
        unsigned char c = (unsigned char)data[h->target.off + i];
        require(c > 0x20 && c < 0x7f && c != '#' && c != '\\');
    }
    require(http_percent_decode(path, out, HTTP_MAX_TARGET) >= 1);
    require(http_percent_decode(query, out, HTTP_MAX_TARGET) >= 0);
    if (http_query_get(query, STR("token"), &value)) {
        require(value.ptr >= query.ptr && value.ptr + value.len <= query.ptr + query.len);
    }
    require(http_has(h, HTTP_HOST) || h->minor_version == 0);
    require(!http_has(h, HTTP_HOST) ||
            (http_host_split(http_value(h, data, HTTP_HOST), &name, &port) && name.len > 0));
    free(out);
}

static void check_accepted(const struct http_head *h, const char *data, size_t len)
{
    require(h->done && h->minor_version <= 1);
    check_bytes(h, data, len);
    for (unsigned field = 0; field < HTTP_FIELD_COUNT; field++) {
        check_value(h, data, len, field);
    }
    require(!(http_has(h, HTTP_TRANSFER_ENCODING) && http_has(h, HTTP_CONTENT_LENGTH)));
    require(!h->chunked || (h->has_body && h->content_length == 0 && h->minor_version == 1));
    require(!h->upgrade_websocket || h->minor_version == 1);
    if (h->response) {
        require(h->status >= 100 && h->status <= 599);
    } else {
        check_request(h, data, len);
    }
}

static void fuzz_head(bool response, const char *data, size_t len, size_t split)
{
    struct http_head whole, other;
    const char *reason = NULL, *other_reason = NULL;
    int result = parse_in_steps(&whole, response, data, len, len, 1, &reason);

    require(result <= HTTP_MAX_HEAD && whole.done == (result > 0));
    require((result < 0) == (reason != NULL));
    if (result > 0) {
        char *copy = copy_exactly(data, (size_t)result);
        check_accepted(&whole, copy, (size_t)result);
        free(copy);
    }
    require(result == parse_in_steps(&other, response, data, len, split, len, &other_reason));
    require(reason == other_reason);
    require_same(&whole, &other);
    require(result == parse_in_steps(&other, response, data, len, 0, 1 + split % 7, &other_reason));
    require(reason == other_reason);
    require_same(&whole, &other);
}

/* Returns what was taken, or the negative answer; *ret_done as the codec said last. */
static long feed_in_steps(const char *data, size_t len, size_t first, size_t step, struct buf *body,
                          bool *ret_done)
{
    struct http_chunked c;
    size_t at = 0;

    http_chunked_init(&c);
    *ret_done = false;
    for (size_t part = first; !*ret_done; part = len - at < step ? len - at : step) {
        char *copy = copy_exactly(data + at, part);
        int taken = http_chunked_feed(&c, copy, part, body, ret_done);
        free(copy);
        if (taken < 0) {
            return taken;
        }
        require((size_t)taken == part || (*ret_done && (size_t)taken < part));
        at += (size_t)taken;
        if (at == len) {
            break;
        }
    }
    return (long)at;
}

static void fuzz_body(const char *data, size_t len, size_t split)
{
    struct buf whole, other;
    bool done, other_done;

    buf_init(&whole, BODY_MAX);
    buf_init(&other, BODY_MAX);
    long taken = feed_in_steps(data, len, len, len, &whole, &done);
    require(whole.len <= BODY_MAX && (taken < 0 || whole.len <= (size_t)taken));
    require(!done || memcmp(data + taken - 4, "\r\n\r\n", 4) == 0);
    for (int way = 0; way < 2; way++) {
        buf_clear(&other);
        require(taken == feed_in_steps(data, len, way == 0 ? split : 0,
                                       way == 0 ? len : 1 + split % 7, &other, &other_done));
        require(str_equal(buf_str(&whole), buf_str(&other)));
        require(taken < 0 || done == other_done);
    }
    buf_fini(&whole);
    buf_fini(&other);
}

/* --- who asks -----------------------------------------------------------------------------------
 */

static bool all_stars(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '*') {
            return false;
        }
    }
    return true;
}

/* No place where a credential may stand has one any more. */
static void require_masked(const struct http_head *h, const char *text)
{
    static const struct str names[] = {{"token", 5}, {"ticket", 6}};
    const struct str prefix = STR("parley.bearer.");
    struct str value, element;
    size_t at = 0;

    require(all_stars(http_value(h, text, HTTP_AUTHORIZATION)));
    for (size_t i = 0; i < 2; i++) {
        struct str query = http_query(h, text);
        while (http_query_get(query, names[i], &value)) {
            require(all_stars(value));
            size_t behind = (size_t)(value.ptr + value.len - query.ptr);
            query = str_slice(query, behind + 1, query.len);
        }
    }
    while (http_next_value(h, text, HTTP_WS_PROTOCOL, &at, &value)) {
        while (http_list_next(&value, &element)) {
            require(!str_starts_with(element, prefix) ||
                    all_stars(str_slice(element, prefix.len, element.len)));
        }
    }
}

static void require_evidence(const struct asking *a, const struct http_head *h)
{
    struct evidence again;
    struct buf packed;
    struct str rest;

    require((a->evidence.kind == CREDENTIAL_NONE) == (a->evidence.credential.len == 0));
    require(a->evidence.credential.len <= ASKING_MAX_CREDENTIAL);
    require(a->evidence.user_agent.len <= EVIDENCE_MAX_AGENT);
    require(!a->evidence.near || !http_is_forwarded(h));
    buf_init(&packed, EVIDENCE_MAX);
    evidence_pack(&a->evidence, &packed);
    require(!packed.failed);
    evidence_unpack(buf_str(&packed), &again, &rest);
    require(rest.len == 0 && str_equal(again.credential, a->evidence.credential));
    buf_fini(&packed);
}

/* Nobody's word is taken but a trusted proxy's. */
static void require_caller(const struct asking *a, const struct peer *peer, bool trusted)
{
    require(trusted || memcmp(a->evidence.address, peer->address, 16) == 0);
    require(trusted || !a->foreign_host);
}

static void judge(const struct http_head *h, const char *text, const struct net_policy *policy,
                  const struct asking *a)
{
    static const struct route routes[] = {
        {.path = {"/ws", 3}, .is_websocket = true},
        {.path = {"/", 1}, .methods = 1u << HTTP_GET | 1u << HTTP_POST},
    };
    struct trial_rules rules = {.policy = policy,
                                .routes = routes,
                                .route_count = 2,
                                .max_body = 1000,
                                .check_host = true,
                                .foreign_host = a->foreign_host};
    struct trial t;

    trial_init(&t, h, text);
    if (trial_judge(&t, &rules)) {
        require(t.route != NULL && !a->foreign_host);
        require(!http_has(h, HTTP_ORIGIN) ||
                http_origin_allowed(http_value(h, text, HTTP_ORIGIN), policy->origins,
                                    policy->origin_count));
        require(t.route->is_websocket == h->upgrade_websocket || !h->upgrade_websocket);
    } else {
        require(t.refusal.status >= 400 && t.refusal.message.len > 0);
    }
}

static void fuzz_asking(const char *data, size_t len, bool trusted)
{
    struct net_policy_source source;
    struct peer peer = {.address = {[10] = 0xff, 0xff, 127, 0, 0, 1}, .is_local = true};
    struct http_head head, again;
    struct asking a;
    struct buf error;
    const char *reason;

    http_request_init(&head);
    int result = http_parse_head(&head, data, len, &reason);
    if (result <= 0) {
        return;
    }
    net_policy_source_init(&source);
    source.proxies = trusted ? STR("127.0.0.1, 10.0.0.0/8, 2001:db8::/32") : STR("10.0.0.0/8");
    source.hosts = STR("ours.example");
    buf_init(&error, 0);
    struct net_policy *policy = net_policy_new(&source, &error);
    char *text = copy_exactly(data, (size_t)result);
    require(policy != NULL);
    asking_read(&a, &head, text, &peer, policy);
    require_masked(&head, text);
    require_evidence(&a, &head);
    require_caller(&a, &peer, trusted);
    judge(&head, text, policy, &a);
    /* What is left is the same head but for what was overwritten. */
    http_request_init(&again);
    require(http_parse_head(&again, text, (size_t)result, &reason) == result);
    require_same(&head, &again);
    free(text);
    net_policy_unref(policy);
}

static void fuzz_address(const char *data, size_t len)
{
    struct str text = str_make(data, len);
    uint8_t have[16], want[16] = {[10] = 0xff, 0xff};
    struct http_network network;
    char z[64];

    if (len >= sizeof(z) || memchr(data, '\0', len) != NULL) {
        return;
    }
    memcpy(z, data, len);
    z[len] = '\0';
    bool is = inet_pton(AF_INET, z, want + 12) == 1 || inet_pton(AF_INET6, z, want) == 1;
    require(http_address_parse(text, have) == is);
    require(!is || memcmp(have, want, 16) == 0);
    if (http_network_parse(text, &network)) {
        require(network.bits <= 128 && http_network_has(&network, network.address));
        require(!is || network.bits == 128);
    } else {
        require(!is);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    if (size < 3) {
        return 0;
    }
    const char *data = (const char *)input + 3;
    size_t len = size - 3;
    size_t split = ((size_t)input[1] << 8 | input[2]) % (len + 1);

    if (input[0] == FIRST_ASKING || input[0] == FIRST_ADDRESS) {
        char *copy = copy_exactly(data, len);
        if (input[0] == FIRST_ASKING) {
            fuzz_asking(copy, len, input[1] % 2 == 0);
        } else {
            fuzz_address(copy, len);
        }
        free(copy);
        return 0;
    }
    switch (input[0] % 3) {
    case 0:
        fuzz_head(false, data, len, split);
        break;
    case 1:
        fuzz_head(true, data, len, split);
        break;
    default:
        fuzz_body(data, len, split);
        break;
    }
    return 0;
}
