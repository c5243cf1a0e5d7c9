#include "http/head.h"

#include <assert.h>
#include <stdlib.h>

#include "http/internal.h"

/*
 * One state for each element of the grammar; each has a function that takes bytes of its element
 * and says which rule they break.
 *
 *   request:   BLANK -> (BLANK_LF ->) METHOD -> TARGET -> VERSION -> START_CR -> START_LF
 *   response:  STATUS_LINE -> PHRASE -> START_LF
 *   then:      START_LF -> LINE -> NAME -> VALUE -> VALUE_LF -> LINE ... -> END_LF -> done
 */
enum state {
    BLANK,       /* before the request line: one CR LF is passed over */
    BLANK_LF,    /* the LF of it */
    METHOD,      /* up to the space */
    TARGET,      /* up to the space */
    VERSION,     /* the eight bytes of HTTP/1.1 */
    START_CR,    /* the CR behind the version */
    STATUS_LINE, /* HTTP/1.1, space, three digits, space */
    PHRASE,      /* up to the CR, and that */
    START_LF,    /* the LF of the start line */
    LINE,        /* the first byte of a line */
    NAME,        /* up to the colon, and that */
    VALUE,       /* up to the CR, and that */
    VALUE_LF,    /* the LF of a field line */
    END_LF,      /* the LF of the empty line */
};

static const char version_shape[] = "HTTP/0.0"; /* 0 stands for any digit */
enum {
    VERSION_LEN = sizeof(version_shape) - 1,
    STATUS_LEN = VERSION_LEN + sizeof(" 200 ") - 1,
};

void http_request_init(struct http_head *h)
{
    *h = (struct http_head){.state = BLANK, .method = HTTP_OTHER};
}

void http_response_init(struct http_head *h)
{
    *h = (struct http_head){.state = STATUS_LINE, .response = true};
}

static struct http_span span_to_here(const struct http_head *h)
{
    return (struct http_span){(uint16_t)h->mark, (uint16_t)(h->scanned - h->mark)};
}

/* Goes to `next`, whose element begins here. */
static void enter_state(struct http_head *h, enum state next)
{
    h->state = (uint8_t)next;
    h->mark = h->scanned;
}

/* Takes one byte that must be `c`. */
static enum http_rule take_byte(struct http_head *h, const char *data, char c, enum state next)
{
    if (data[h->scanned] != c) {
        return HTTP_RULE_LINE_END;
    }
    h->scanned++;
    enter_state(h, next);
    return HTTP_KEPT;
}

static uint8_t find_method(struct str s)
{
    static const struct str names[HTTP_OTHER] = {
        [HTTP_GET] = {"GET", 3}, [HTTP_HEAD] = {"HEAD", 4},     [HTTP_POST] = {"POST", 4},
        [HTTP_PUT] = {"PUT", 3}, [HTTP_DELETE] = {"DELETE", 6}, [HTTP_OPTIONS] = {"OPTIONS", 7},
    };
    uint8_t method = 0;

    while (method < HTTP_OTHER && !str_equal(names[method], s)) {
        method++;
    }
    return method;
}

static enum http_rule scan_method(struct http_head *h, const char *data, uint32_t end)
{
    while (h->scanned < end && http_is(data[h->scanned], HTTP_TOKEN)) {
        if (h->scanned - h->mark == HTTP_MAX_METHOD) {
            return HTTP_RULE_METHOD_LEN;
        }
        h->scanned++;
    }
    if (h->scanned == end) {
        return HTTP_KEPT;
    }
    if (data[h->scanned] != ' ' || h->scanned == h->mark) {
        return HTTP_RULE_METHOD;
    }
    h->method = find_method(str_make(data + h->mark, h->scanned - h->mark));
    h->scanned++;
    enter_state(h, TARGET);
    return HTTP_KEPT;
}

static enum http_rule scan_target(struct http_head *h, const char *data, uint32_t end)
{
    uint32_t limit = h->mark + HTTP_MAX_TARGET;
    uint32_t at = h->scanned;

    if (at == h->mark && data[at] != '/') {
        return data[at] == '*' ? HTTP_RULE_ASTERISK : HTTP_RULE_ORIGIN_FORM;
    }
    while (at < end && at < limit && http_is(data[at], HTTP_TARGET)) {
        at++;
    }
    h->scanned = at;
    if (at == end) {
        return HTTP_KEPT;
    }
    if (data[at] != ' ') {
        return http_is(data[at], HTTP_TARGET) ? HTTP_RULE_TARGET_LEN : HTTP_RULE_TARGET;
    }
    h->target = span_to_here(h);
    if (!http_escapes_ok(str_make(data + h->target.off, h->target.len))) {
        return HTTP_RULE_ESCAPE;
    }
    h->scanned++;
    enter_state(h, VERSION);
    return HTTP_KEPT;
}

/* Takes bytes of a version that began at h->mark, and judges it when it is whole. */
static enum http_rule scan_version(struct http_head *h, const char *data, uint32_t end)
{
    for (; h->scanned < end && h->scanned - h->mark < VERSION_LEN; h->scanned++) {
        char shape = version_shape[h->scanned - h->mark];
        char c = data[h->scanned];
        if (shape == '0' ? !http_is_digit(c) : c != shape) {
            return HTTP_RULE_VERSION;
        }
    }
    if (h->scanned - h->mark < VERSION_LEN) {
        return HTTP_KEPT;
    }
    if (data[h->scanned - 3] != '1' || data[h->scanned - 1] > '1') {
        return HTTP_RULE_VERSION_KNOWN;
    }
    h->minor_version = (uint8_t)(data[h->scanned - 1] - '0');
    if (!h->response) {
        enter_state(h, START_CR);
    }
    return HTTP_KEPT;
}

static enum http_rule scan_status_line(struct http_head *h, const char *data, uint32_t end)
{
    if (h->scanned - h->mark < VERSION_LEN) {
        return scan_version(h, data, end);
    }
    for (; h->scanned < end && h->scanned - h->mark < STATUS_LEN; h->scanned++) {
        uint32_t index = h->scanned - h->mark - VERSION_LEN;
        char c = data[h->scanned];
        if (index == 0 || index == 4) {
            if (c != ' ') {
                return HTTP_RULE_STATUS;
            }
        } else {
            if (!http_is_digit(c) || (index == 1 && (c < '1' || c > '5'))) {
                return HTTP_RULE_STATUS;
            }
            h->status = (uint16_t)(h->status * 10 + (c - '0'));
        }
    }
    if (h->scanned - h->mark == STATUS_LEN) {
        enter_state(h, PHRASE);
    }
    return HTTP_KEPT;
}

/* Takes text up to a CR, and that; another byte that is not text breaks `rule`. */
static enum http_rule scan_text(struct http_head *h, const char *data, uint32_t end,
                                enum http_rule rule, enum state next)
{
    h->scanned = (uint32_t)http_skip_text(data, h->scanned, end);
    if (h->scanned == end) {
        return HTTP_KEPT;
    }
    if (data[h->scanned] != '\r') {
        return data[h->scanned] == '\n' ? HTTP_RULE_LINE_END : rule;
    }
    /* The mark stays: the element is judged once its LF is there. */
    h->scanned++;
    h->state = (uint8_t)next;
    return HTTP_KEPT;
}

static enum http_rule begin_line(struct http_head *h, char first)
{
    if (first == '\r') {
        h->scanned++;
        enter_state(h, END_LF);
        return HTTP_KEPT;
    }
    if (first == ' ' || first == '\t') {
        return HTTP_RULE_FOLD;
    }
    if (h->line_count == HTTP_MAX_LINES) {
        return HTTP_RULE_LINES;
    }
    h->line_count++;
    enter_state(h, NAME);
    return HTTP_KEPT;
}

static enum http_rule scan_name(struct http_head *h, const char *data, uint32_t end)
{
    uint32_t at = h->scanned;

    while (at < end && http_is(data[at], HTTP_TOKEN)) {
        at++;
    }
    h->scanned = at;
    if (at == end) {
        return HTTP_KEPT;
    }
    char c = data[at];
    if (c == ':' && at > h->mark) {
        h->name = span_to_here(h);
        h->scanned++;
        enter_state(h, VALUE);
        return HTTP_KEPT;
    }
    if (c == '\n') {
        return HTTP_RULE_LINE_END;
    }
    if (at == h->mark) {
        return HTTP_RULE_NAME;
    }
    return c == ' ' || c == '\t' ? HTTP_RULE_NAME_SPACE
           : c == '\r'           ? HTTP_RULE_COLON
                                 : HTTP_RULE_NAME;
}

/* Takes the LF of a field line, whose value lies between the mark and the CR. */
static enum http_rule end_field(struct http_head *h, const char *data)
{
    if (data[h->scanned] != '\n') {
        return HTTP_RULE_LINE_END;
    }
    struct str value = str_trim(str_make(data + h->mark, h->scanned - 1 - h->mark));
    enum http_rule rule = http_take_field(
        h, data, (struct http_span){(uint16_t)(value.ptr - data), (uint16_t)value.len});
    h->scanned++;
    enter_state(h, LINE);
    return rule;
}

static enum http_rule end_head(struct http_head *h, const char *data)
{
    enum http_rule rule = take_byte(h, data, '\n', END_LF);

    if (rule == HTTP_KEPT) {
        rule = http_finish_head(h);
        h->done = rule == HTTP_KEPT;
    }
    return rule;
}

/* Takes at least one byte, or goes to another state, or names the rule that is broken. */
static enum http_rule scan_element(struct http_head *h, const char *data, uint32_t end)
{
    switch ((enum state)h->state) {
    case BLANK:
        if (data[h->scanned] != '\r') {
            enter_state(h, METHOD);
            return HTTP_KEPT;
        }
        return take_byte(h, data, '\r', BLANK_LF);
    case BLANK_LF:
        return take_byte(h, data, '\n', METHOD);
    case METHOD:
        return scan_method(h, data, end);
    case TARGET:
        return scan_target(h, data, end);
    case VERSION:
        return scan_version(h, data, end);
    case START_CR:
        return take_byte(h, data, '\r', START_LF);
    case STATUS_LINE:
        return scan_status_line(h, data, end);
    case PHRASE:
        return scan_text(h, data, end, HTTP_RULE_STATUS, START_LF);
    case START_LF:
        return take_byte(h, data, '\n', LINE);
    case LINE:
        return begin_line(h, data[h->scanned]);
    case NAME:
        return scan_name(h, data, end);
    case VALUE:
        return scan_text(h, data, end, HTTP_RULE_VALUE, VALUE_LF);
    case VALUE_LF:
        return end_field(h, data);
    case END_LF:
        return end_head(h, data);
    }
    abort(); /* there is no other state */
}

int http_parse_head(struct http_head *h, const char *data, size_t len, const char **ret_reason)
{
    uint32_t end = len < HTTP_MAX_HEAD ? (uint32_t)len : HTTP_MAX_HEAD;
    enum http_rule rule = HTTP_KEPT;

    assert(!h->done && h->scanned <= end);
    while (rule == HTTP_KEPT && h->scanned < end && !h->done) {
        rule = scan_element(h, data, end);
    }
    if (h->done) {
        return (int)h->scanned;
    }
    if (rule == HTTP_KEPT && end == HTTP_MAX_HEAD) {
        rule = HTTP_RULE_HEAD_LEN;
    }
    if (rule != HTTP_KEPT) {
        *ret_reason = http_refusals[rule].reason;
    }
    return -http_refusals[rule].status;
}
