#include <assert.h>

#include "http/internal.h"

static const struct str field_names[HTTP_FIELD_COUNT] = {
    [HTTP_HOST] = {"host", 4},
    [HTTP_CONNECTION] = {"connection", 10},
    [HTTP_UPGRADE] = {"upgrade", 7},
    [HTTP_ORIGIN] = {"origin", 6},
    [HTTP_AUTHORIZATION] = {"authorization", 13},
    [HTTP_ACCEPT] = {"accept", 6},
    [HTTP_IF_NONE_MATCH] = {"if-none-match", 13},
    [HTTP_CONTENT_LENGTH] = {"content-length", 14},
    [HTTP_CONTENT_TYPE] = {"content-type", 12},
    [HTTP_TRANSFER_ENCODING] = {"transfer-encoding", 17},
    [HTTP_EXPECT] = {"expect", 6},
    [HTTP_USER_AGENT] = {"user-agent", 10},
    [HTTP_FORWARDED] = {"forwarded", 9},
    [HTTP_X_FORWARDED_FOR] = {"x-forwarded-for", 15},
    [HTTP_X_FORWARDED_PROTO] = {"x-forwarded-proto", 17},
    [HTTP_X_FORWARDED_HOST] = {"x-forwarded-host", 16},
    [HTTP_X_REAL_IP] = {"x-real-ip", 9},
    [HTTP_VIA] = {"via", 3},
    [HTTP_IDEMPOTENCY_KEY] = {"idempotency-key", 15},
    [HTTP_WS_KEY] = {"sec-websocket-key", 17},
    [HTTP_WS_VERSION] = {"sec-websocket-version", 21},
    [HTTP_WS_PROTOCOL] = {"sec-websocket-protocol", 22},
    [HTTP_WS_EXTENSIONS] = {"sec-websocket-extensions", 24},
    [HTTP_WS_ACCEPT] = {"sec-websocket-accept", 20},
};

enum { LONGEST_NAME = 24, SAME_LENGTH = 3, NO_FIELD = HTTP_FIELD_COUNT };

/* The fields whose names have a length; an unused place is HTTP_HOST, whose length none shares. */
static const uint8_t fields_by_length[LONGEST_NAME + 1][SAME_LENGTH] = {
    [3] = {HTTP_VIA},
    [4] = {HTTP_HOST},
    [6] = {HTTP_ORIGIN, HTTP_EXPECT, HTTP_ACCEPT},
    [7] = {HTTP_UPGRADE},
    [9] = {HTTP_FORWARDED, HTTP_X_REAL_IP},
    [10] = {HTTP_CONNECTION, HTTP_USER_AGENT},
    [12] = {HTTP_CONTENT_TYPE},
    [13] = {HTTP_AUTHORIZATION, HTTP_IF_NONE_MATCH},
    [14] = {HTTP_CONTENT_LENGTH},
    [15] = {HTTP_X_FORWARDED_FOR, HTTP_IDEMPOTENCY_KEY},
    [16] = {HTTP_X_FORWARDED_HOST},
    [17] = {HTTP_WS_KEY, HTTP_TRANSFER_ENCODING, HTTP_X_FORWARDED_PROTO},
    [20] = {HTTP_WS_ACCEPT},
    [21] = {HTTP_WS_VERSION},
    [22] = {HTTP_WS_PROTOCOL},
    [24] = {HTTP_WS_EXTENSIONS},
};

static const uint32_t list_fields =
    1u << HTTP_CONNECTION | 1u << HTTP_UPGRADE | 1u << HTTP_WS_PROTOCOL | 1u << HTTP_WS_EXTENSIONS |
    1u << HTTP_FORWARDED | 1u << HTTP_X_FORWARDED_FOR | 1u << HTTP_X_FORWARDED_PROTO |
    1u << HTTP_X_FORWARDED_HOST | 1u << HTTP_X_REAL_IP | 1u << HTTP_VIA | 1u << HTTP_ACCEPT |
    1u << HTTP_IF_NONE_MATCH;

_Static_assert(HTTP_FIELD_COUNT <= 32, "a bit for each field");

/* What Connection and Upgrade may hold: bits of http_head.options. */
enum { OPTION_UPGRADE = 1, OPTION_CLOSE = 2, OPTION_KEEP_ALIVE = 4, OPTION_WEBSOCKET = 8 };

/* `known` is in lower case. */
static bool equal_names(struct str known, struct str name)
{
    size_t i = 0;

    if (known.len != name.len) {
        return false;
    }
    /* Both are letters and '-' where they agree: of all token characters setting the bit makes
     * only an upper-case letter equal to a lower-case one, and leaves '-' as it is. */
    while (i < known.len && (name.ptr[i] | 0x20) == known.ptr[i]) {
        i++;
    }
    return i == known.len;
}

/* The field of that name, which is a token; NO_FIELD for one that Parley does not read. */
static unsigned find_field(struct str name)
{
    if (name.len > LONGEST_NAME) {
        return NO_FIELD;
    }
    for (unsigned i = 0; i < SAME_LENGTH; i++) {
        unsigned field = fields_by_length[name.len][i];
        if (equal_names(field_names[field], name)) {
            return field;
        }
    }
    return NO_FIELD;
}

static enum http_rule judge_coding(struct str codings)
{
    struct str element, last = STR("");
    unsigned chunked = 0, others = 0;

    while (http_list_next(&codings, &element)) {
        bool is_chunked = str_equal_nocase(element, STR("chunked"));
        chunked += is_chunked;
        others += !is_chunked;
        last = element;
    }
    if (chunked != 1 || !str_equal_nocase(last, STR("chunked"))) {
        return HTTP_RULE_CODING;
    }
    return others > 0 ? HTTP_RULE_CODING_KNOWN : HTTP_KEPT;
}

static void note_connection(struct http_head *h, struct str list)
{
    struct str element;

    while (http_list_next(&list, &element)) {
        if (str_equal_nocase(element, STR("upgrade"))) {
            h->options |= OPTION_UPGRADE;
        } else if (str_equal_nocase(element, STR("close"))) {
            h->options |= OPTION_CLOSE;
        } else if (str_equal_nocase(element, STR("keep-alive"))) {
            h->options |= OPTION_KEEP_ALIVE;
        }
    }
}

/* The fields that decide how the message is read. */
static enum http_rule judge_field(struct http_head *h, unsigned field, struct str value)
{
    struct str name, port;

    switch (field) {
    case HTTP_HOST:
        return h->response || http_host_split(value, &name, &port) ? HTTP_KEPT : HTTP_RULE_HOST;
    case HTTP_CONTENT_LENGTH:
        return str_to_uint(value, INT64_MAX, &h->content_length) ? HTTP_KEPT : HTTP_RULE_LENGTH;
    case HTTP_TRANSFER_ENCODING:
        h->chunked = true;
        return judge_coding(value);
    case HTTP_CONNECTION:
        note_connection(h, value);
        return HTTP_KEPT;
    case HTTP_UPGRADE:
        if (http_list_has(value, STR("websocket"))) {
            h->options |= OPTION_WEBSOCKET;
        }
        return HTTP_KEPT;
    default:
        return HTTP_KEPT;
    }
}

enum http_rule http_take_field(struct http_head *h, const char *data, struct http_span value)
{
    unsigned field = find_field(str_make(data + h->name.off, h->name.len));

    if (field == NO_FIELD) {
        return HTTP_KEPT;
    }
    uint32_t bit = 1u << field;
    if ((h->present & bit) == 0) {
        h->present |= bit;
        h->fields[field] = value;
    } else if ((list_fields & bit) != 0) {
        h->repeated |= bit;
    } else {
        return field == HTTP_CONTENT_LENGTH ? HTTP_RULE_LENGTH : HTTP_RULE_REPEATED;
    }
    return judge_field(h, field, str_make(data + value.off, value.len));
}

enum http_rule http_finish_head(struct http_head *h)
{
    bool old = h->minor_version == 0;

    if (!h->response && !old && !http_has(h, HTTP_HOST)) {
        return HTTP_RULE_HOST_MISSING;
    }
    if (h->chunked && http_has(h, HTTP_CONTENT_LENGTH)) {
        return HTTP_RULE_LENGTH_AND_CODING;
    }
    if (h->chunked && old) {
        return HTTP_RULE_CODING_1_0;
    }
    h->upgrade_websocket =
        !old && (h->options & OPTION_UPGRADE) != 0 && (h->options & OPTION_WEBSOCKET) != 0;
    h->connection_close =
        (h->options & OPTION_CLOSE) != 0 || (old && (h->options & OPTION_KEEP_ALIVE) == 0);

    /* RFC 9112 section 6.3, the first rule: whatever the fields say, these have no body. */
    bool bodiless = h->response && (h->status < 200 || h->status == 204 || h->status == 304);
    h->chunked = h->chunked && !bodiless;
    h->has_body = h->chunked || (h->content_length > 0 && !bodiless);
    h->until_close = h->response && !bodiless && !h->chunked && !http_has(h, HTTP_CONTENT_LENGTH);
    return HTTP_KEPT;
}

bool http_next_value(const struct http_head *h, const char *data, enum http_field field, size_t *at,
                     struct str *ret_value)
{
    assert(h->done);
    while (*at < h->scanned) {
        struct str rest = str_make(data + *at, h->scanned - *at);
        struct str line = str_slice(rest, 0, str_find(rest, '\n'));
        *at += line.len + 1;
        /* A start line may hold a colon too, but has a space before it, and so is no field. */
        size_t colon = str_find(line, ':');
        if (colon < line.len && equal_names(field_names[field], str_slice(line, 0, colon))) {
            *ret_value = str_trim(str_slice(line, colon + 1, line.len - 1));
            return true;
        }
    }
    return false;
}
