#ifndef PARLEY_HTTP_HEAD_H
#define PARLEY_HTTP_HEAD_H

/*
 * HTTP/1.1 message heads (RFC 9112), strict and incremental. The caller keeps the bytes in one
 * buffer that only grows; the parser remembers where it is, takes each byte once, and refers to
 * what it finds by offset, so the buffer may move between calls. What it says depends on the bytes
 * alone, never on how they were split. Ambiguity is an error, never a choice: bare LF or CR,
 * obsolete folding, space before a colon, a second Host, Content-Length with Transfer-Encoding,
 * targets in any form but origin-form, NUL and other control characters are all refused.
 *
 * Where RFC 9112 leaves room, or is left on purpose:
 *   - One empty line before a request line is passed over (section 2.2), a second is refused.
 *   - absolute-form is refused although section 3.2.2 asks servers to take it: Parley is no proxy,
 *     and two names for one host are an ambiguity. authority-form and asterisk-form likewise.
 *   - A target holds what RFC 3986 allows in paths and queries, and [ ] { } | ^ `, which browsers
 *     leave bare. Never # " < > \ or a byte outside of ASCII; each % begins a whole escape.
 *   - HTTP/1.2 to 1.9 are refused with 505, like any other version but 1.0 and 1.1.
 *   - Bytes from 0x80 (obs-text) are taken in field values and reason phrases, and nowhere else.
 *   - A Host must not be empty, nor its port above 65535; an empty port is taken.
 */

#include "base/str.h"

enum {
    HTTP_MAX_HEAD = 16384,  /* bytes, the empty line included: else 431 */
    HTTP_MAX_LINES = 100,   /* field lines: else 431 */
    HTTP_MAX_TARGET = 8192, /* bytes of request target: else 414 */
    HTTP_MAX_METHOD = 32,   /* bytes of method: else 501 (RFC 9112 section 3) */
};

/* The fields that Parley reads. Any other is checked for its grammar and passed over. */
enum http_field {
    HTTP_HOST,
    HTTP_CONNECTION,
    HTTP_UPGRADE,
    HTTP_ORIGIN,
    HTTP_AUTHORIZATION,
    HTTP_ACCEPT,
    HTTP_IF_NONE_MATCH,
    HTTP_CONTENT_LENGTH,
    HTTP_CONTENT_TYPE,
    HTTP_TRANSFER_ENCODING,
    HTTP_EXPECT,
    HTTP_USER_AGENT,
    HTTP_FORWARDED,
    HTTP_X_FORWARDED_FOR,
    HTTP_X_FORWARDED_PROTO,
    HTTP_X_FORWARDED_HOST,
    HTTP_X_REAL_IP,
    HTTP_VIA,
    HTTP_IDEMPOTENCY_KEY,
    HTTP_WS_KEY,        /* Sec-WebSocket-Key */
    HTTP_WS_VERSION,    /* Sec-WebSocket-Version */
    HTTP_WS_PROTOCOL,   /* Sec-WebSocket-Protocol */
    HTTP_WS_EXTENSIONS, /* Sec-WebSocket-Extensions */
    HTTP_WS_ACCEPT,     /* Sec-WebSocket-Accept (responses) */
    HTTP_FIELD_COUNT
};

/* Bytes [off, off + len) of the head. A field that stands on two lines: see http_head. */
struct http_span {
    uint16_t off;
    uint16_t len;
};

/* Methods are compared with case (RFC 9110 section 9.1): "get" is HTTP_OTHER. */
enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER
};

struct http_head {
    /* How far the parser is; private. */
    uint32_t scanned;    /* bytes taken; the length of the head once it is done */
    uint32_t mark;       /* where the element that is being read begins */
    uint16_t line_count; /* field lines begun */
    uint8_t state;
    uint8_t options; /* what Connection and Upgrade held so far */
    struct http_span name;
    bool response;
    bool done;
    /* What it found, whole when `done`. */
    uint8_t method;          /* enum http_method, of a request */
    uint8_t minor_version;   /* 0 or 1 */
    uint16_t status;         /* of a response: 100..599 */
    uint32_t present;        /* bit n: field n was there */
    uint32_t repeated;       /* bit n: on more than one line; `fields` then has the first one, and
                                http_next_value finds all. Only list fields (Connection, Upgrade,
                                Sec-WebSocket-Protocol and -Extensions, Forwarded, X-Forwarded-*,
                                 X-Real-IP, Via, Accept, If-None-Match) may be; another is a
                                 400. */
    struct http_span target; /* as sent: path and query; begins with '/' */
    struct http_span fields[HTTP_FIELD_COUNT]; /* values without surrounding white space */
    bool upgrade_websocket; /* Connection has "upgrade" and Upgrade has "websocket", on any line;
                               never with HTTP/1.0 (RFC 9110 section 7.8) */
    bool connection_close;  /* Connection has "close", or HTTP/1.0 without "keep-alive" */
    bool has_body;          /* Content-Length above 0, or Transfer-Encoding (chunked, alone). Never
                               with 1xx, 204 and 304; after HEAD it is for the caller to know */
    bool chunked;
    bool until_close; /* a response that tells no length: its body ends with the connection */
    uint64_t content_length; /* 0 unless given */
};

void http_request_init(struct http_head *h);
void http_response_init(struct http_head *h);

/*
 * Looks at the `len` bytes received so far, all of them from the start of the message, of which
 * it has seen some before. Returns the length of the head once it is whole (h->done), 0 for "need
 * more", or minus the HTTP status to refuse with: 400, 414, 431, 501 (a transfer coding other
 * than chunked, a method longer than HTTP_MAX_METHOD), 505 (a version other than 1.0 and 1.1).
 * *ret_reason then is a sentence that names the rule; static. A refusal comes with the first byte
 * that shows it, whether or not the line is whole. After a refusal, or once the head is done, the
 * next call is for the next message: initialise first. Bytes behind the head are not looked at.
 */
int http_parse_head(struct http_head *h, const char *data, size_t len, const char **ret_reason);

/* The value of a field, empty when absent. `data` is the buffer that was parsed. */
static inline struct str http_value(const struct http_head *h, const char *data,
                                    enum http_field field)
{
    return str_make(data + h->fields[field].off, h->fields[field].len);
}

static inline bool http_has(const struct http_head *h, enum http_field field)
{
    return (h->present >> field & 1) != 0;
}

/* Whether it expects something. Of HTTP/1.0 that is to be ignored (RFC 9110 section 10.1.1). */
static inline bool http_expects(const struct http_head *h)
{
    return http_has(h, HTTP_EXPECT) && h->minor_version > 0;
}

/*
 * The next line of a field, in the order sent, of a head that is done; false when there is no
 * more. *at is 0 before the first call. Reads the head again: meant for fields in `repeated`.
 */
bool http_next_value(const struct http_head *h, const char *data, enum http_field field, size_t *at,
                     struct str *ret_value);

/* Path (up to '?') and query (behind it, without '?') of the target. */
struct str http_path(const struct http_head *h, const char *data);
struct str http_query(const struct http_head *h, const char *data);
/*
 * The value of a parameter in a query or form, undecoded; false when it is absent. Names are
 * compared as sent, so an escaped name is another name. The first of several counts; a parameter
 * without '=' has an empty value.
 */
bool http_query_get(struct str query, struct str name, struct str *ret_raw);
/*
 * Percent-decodes ('+' stays, %00 gives a NUL). Returns the length, or -1 for a bad escape or no
 * room in `cap`. `out` may be raw.ptr.
 */
int http_percent_decode(struct str raw, char *out, size_t cap);

/*
 * Splits a Host value, or the authority of a URL, by RFC 3986 section 3.2 without user
 * information: *ret_name is a name, an IPv4 address, or an IPv6 address in its brackets, never
 * empty; *ret_port the digits behind the colon, 0 to 65535, or empty. False when it is none of
 * these.
 */
bool http_host_split(struct str host, struct str *ret_name, struct str *ret_port);

/* Whether a comma-separated list holds `token`, compared without case. */
bool http_list_has(struct str list, struct str token);
/*
 * The next element of a comma-separated list, trimmed; moves *list on. Passes over empty elements
 * (RFC 9110 section 5.6.1); a comma in a quoted string does not separate. False at the end.
 */
bool http_list_next(struct str *list, struct str *ret_element);

/* "Not Found" for 404; "Unknown" for a status it does not know. Never NULL. */
const char *http_reason(int status);

#endif
