#include "ws/ws.h"

#include "base/utf8.h"
#include "ws/bits.h"

#include <assert.h>

/*
 * Two questions make the state: is a message under way (`opcode`), and a frame of it (`in_frame`)?
 *
 *   state                      bytes that come       what happens                 next state
 *   between messages           data frame header     begin_frame                  in a frame
 *   between fragments          continuation header   begin_frame                  in a frame
 *   between messages/fragments control frame, whole  PING, PONG                   the same
 *                                                    CLOSE                        closed
 *   in a frame                 payload               DATA                         in a frame
 *                              its last byte         DATA; FIN clear              between fragments
 *                                                    DATA, final; FIN set         between messages
 *   closed                     anything              dropped                      closed
 *   any but closed             a violation           FAIL                         failed
 *
 * Everything about a frame is decided in three places, each as early as its bytes are there:
 * check_first_byte, check_second_byte, check_length. permessage-deflate gives a reserved bit a
 * meaning in the first, and the text check in take_data is not for what it transforms.
 */

enum violation {
    VALID,
    RESERVED_BIT,
    RESERVED_OPCODE,
    NO_MESSAGE,
    OPEN_MESSAGE,
    FRAGMENTED_CONTROL,
    LONG_CONTROL,
    MASK_MISSING,
    MASK_PRESENT,
    LENGTH_NOT_MINIMAL,
    LENGTH_HIGH_BIT,
    TOO_BIG,
    CLOSE_SHORT,
    CLOSE_CODE,
    CLOSE_REASON,
    BAD_TEXT,
};

static const struct {
    uint16_t code;
    const char *reason;
} violations[] = {
    [RESERVED_BIT] = {WS_CLOSE_PROTOCOL, "a reserved bit is set (RFC 6455, 5.2)"},
    [RESERVED_OPCODE] = {WS_CLOSE_PROTOCOL, "the opcode is reserved (RFC 6455, 5.2)"},
    [NO_MESSAGE] = {WS_CLOSE_PROTOCOL, "a continuation without a message (RFC 6455, 5.4)"},
    [OPEN_MESSAGE] = {WS_CLOSE_PROTOCOL, "a new message inside another one (RFC 6455, 5.4)"},
    [FRAGMENTED_CONTROL] = {WS_CLOSE_PROTOCOL, "a control frame is fragmented (RFC 6455, 5.5)"},
    [LONG_CONTROL] = {WS_CLOSE_PROTOCOL, "a control frame is over 125 bytes (RFC 6455, 5.5)"},
    [MASK_MISSING] = {WS_CLOSE_PROTOCOL, "a client's frame is not masked (RFC 6455, 5.1)"},
    [MASK_PRESENT] = {WS_CLOSE_PROTOCOL, "a server's frame is masked (RFC 6455, 5.1)"},
    [LENGTH_NOT_MINIMAL] = {WS_CLOSE_PROTOCOL, "a length is not minimal (RFC 6455, 5.2)"},
    [LENGTH_HIGH_BIT] = {WS_CLOSE_PROTOCOL, "a length has the high bit set (RFC 6455, 5.2)"},
    [TOO_BIG] = {WS_CLOSE_TOO_BIG, "the message is too big (RFC 6455, 7.4.1)"},
    [CLOSE_SHORT] = {WS_CLOSE_PROTOCOL, "a close payload of one byte (RFC 6455, 5.5.1)"},
    [CLOSE_CODE] = {WS_CLOSE_PROTOCOL, "the close code may not be sent (RFC 6455, 7.4)"},
    [CLOSE_REASON] = {WS_CLOSE_BAD_DATA, "the close reason is not UTF-8 (RFC 6455, 5.5.1)"},
    [BAD_TEXT] = {WS_CLOSE_BAD_DATA, "the text is not UTF-8 (RFC 6455, 8.1)"},
};

struct header {
    uint64_t payload_len;
    size_t size; /* of the header; 0 while it is not all there */
    uint8_t opcode;
    bool final;
    bool compressed;
    uint8_t mask[WS_MASK_SIZE]; /* zeros where there is none */
};

void ws_parser_init(struct ws_parser *p, enum ws_role role, uint32_t max_message)
{
    *p = (struct ws_parser){
        .role = role & 1u,
        .max_message = max_message,
        .message_left = max_message,
        .utf8 = UTF8_COMPLETE,
    };
}

void ws_parser_deflate(struct ws_parser *p, const struct deflate_terms *terms)
{
    p->terms = *terms;
}

void ws_parser_limit(struct ws_parser *p, uint32_t max_message)
{
    uint32_t taken = p->max_message - p->message_left;
    uint32_t least = taken + p->frame_left;

    p->max_message = max_message > least ? max_message : least;
    p->message_left = p->max_message - taken;
}

static enum violation check_first_byte(const struct ws_parser *p, uint8_t byte)
{
    unsigned reserved = byte & WS_BITS_RESERVED;
    unsigned opcode = byte & WS_BITS_OPCODE;

    if (reserved == WS_BIT_DEFLATED && p->terms.client_bits != 0 &&
        (opcode == WS_TEXT || opcode == WS_BINARY)) {
        reserved = 0;
    }
    if (reserved != 0) {
        return RESERVED_BIT;
    }
    switch (opcode) {
    case WS_CONTINUATION:
        return p->opcode == 0 ? NO_MESSAGE : VALID;
    case WS_TEXT:
    case WS_BINARY:
        return p->opcode != 0 ? OPEN_MESSAGE : VALID;
    case WS_CLOSE:
    case WS_PING:
    case WS_PONG:
        return (byte & WS_BIT_FIN) == 0 ? FRAGMENTED_CONTROL : VALID;
    default:
        return RESERVED_OPCODE;
    }
}

static enum violation check_second_byte(const struct ws_parser *p, uint8_t opcode, uint8_t byte)
{
    bool masked = (byte & WS_BIT_MASKED) != 0;
    unsigned length = byte & WS_BITS_LENGTH;

    if (masked != (p->role == WS_SERVER)) {
        return masked ? MASK_PRESENT : MASK_MISSING;
    }
    if ((opcode & WS_BIT_CONTROL) != 0 && length > WS_MAX_CONTROL) {
        return LONG_CONTROL;
    }
    if (opcode == WS_CLOSE && length == 1) {
        return CLOSE_SHORT;
    }
    return VALID;
}

/*
 * Judges a payload length from the bytes of it that are there: it lies in [low, high], and its form
 * is meant for lengths from `smallest` on. The order is that in which the bytes can show it, so the
 * outcome is the same however they come.
 */
static enum violation check_length(const struct ws_parser *p, uint8_t opcode, uint64_t low,
                                   uint64_t high, uint64_t smallest)
{
    if (low > INT64_MAX) {
        return LENGTH_HIGH_BIT;
    }
    if (high < smallest) {
        return LENGTH_NOT_MINIMAL;
    }
    if ((opcode & WS_BIT_CONTROL) == 0 && low > p->message_left) {
        return TOO_BIG;
    }
    return VALID;
}

/* Reads the length, of which `field` bytes follow the second byte of the header. */
static enum violation read_length(const struct ws_parser *p, const uint8_t *bytes, size_t len,
                                  size_t field, struct header *h)
{
    uint64_t low = 0;
    uint64_t high = 0;

    if (field == 0) {
        h->payload_len = bytes[1] & WS_BITS_LENGTH;
        return check_length(p, h->opcode, h->payload_len, h->payload_len, 0);
    }
    for (size_t at = 2; at < 2 + field; at++) {
        low = low << 8 | (at < len ? bytes[at] : 0x00);
        high = high << 8 | (at < len ? bytes[at] : 0xff);
    }
    h->payload_len = low;
    return check_length(p, h->opcode, low, high, field == 2 ? WS_LENGTH_16 : UINT16_MAX + 1);
}

/* Reads the header that begins at `bytes` and checks as much of it as is there. */
static enum violation read_header(const struct ws_parser *p, const uint8_t *bytes, size_t len,
                                  struct header *ret_header)
{
    struct header h = {.opcode = bytes[0] & WS_BITS_OPCODE,
                       .final = (bytes[0] & WS_BIT_FIN) != 0,
                       .compressed = (bytes[0] & WS_BIT_DEFLATED) != 0};
    enum violation v = check_first_byte(p, bytes[0]);

    if (v == VALID && len >= 2) {
        unsigned length = bytes[1] & WS_BITS_LENGTH;
        size_t field = length == WS_LENGTH_64 ? 8 : length == WS_LENGTH_16 ? 2 : 0;
        size_t mask_size = p->role == WS_SERVER ? WS_MASK_SIZE : 0;
        size_t size = 2 + field + mask_size;
        v = check_second_byte(p, h.opcode, bytes[1]);
        if (v == VALID) {
            v = read_length(p, bytes, len, field, &h);
        }
        if (len >= size) {
            memcpy(h.mask, bytes + 2 + field, mask_size);
            h.size = size;
        }
    }
    *ret_header = h;
    return v;
}

static size_t fail(struct ws_parser *p, enum violation v, struct ws_event *ret_event)
{
    assert(v != VALID);
    p->failed = true;
    *ret_event = (struct ws_event){
        .kind = WS_EVENT_FAIL, .code = violations[v].code, .reason = violations[v].reason};
    return 0;
}

static void begin_frame(struct ws_parser *p, const struct header *h)
{
    p->in_frame = true;
    p->frame_left = (uint32_t)h->payload_len; /* check_length: at most message_left */
    p->final = h->final;
    memcpy(p->mask, h->mask, WS_MASK_SIZE);
    p->mask_at = 0;
    if (h->opcode != WS_CONTINUATION) {
        p->opcode = h->opcode & 0xfu;
        p->compressed = h->compressed;
    }
}

static void end_frame(struct ws_parser *p)
{
    p->in_frame = false;
    if (p->final) {
        p->opcode = 0;
        p->message_left = p->max_message;
    }
}

/* Takes what is there of the frame's payload and makes a DATA event of it, or none of nothing. */
static enum violation take_data(struct ws_parser *p, char *data, size_t len, size_t *ret_taken,
                                struct ws_event *ret_event)
{
    uint32_t piece = len < p->frame_left ? (uint32_t)len : p->frame_left;
    bool ends = piece == p->frame_left;
    bool final = ends && p->final;

    if (p->role == WS_SERVER) {
        p->mask_at = ws_mask(data, piece, p->mask, p->mask_at) & 3;
    }
    if (p->opcode == WS_TEXT && !p->compressed) {
        p->utf8 = utf8_feed(p->utf8, data, piece);
        if (p->utf8 == UTF8_INVALID || (final && p->utf8 != UTF8_COMPLETE)) {
            return BAD_TEXT;
        }
    }
    if (piece > 0 || final) {
        *ret_event = (struct ws_event){
            .kind = WS_EVENT_DATA,
            .opcode = (enum ws_opcode)p->opcode,
            .compressed = p->compressed,
            /* No piece that is not the last is empty, so nothing handed out means the first. */
            .first = p->message_left == p->max_message,
            .final = final,
            .data = str_make(data, piece),
        };
    }
    p->frame_left -= piece;
    p->message_left -= piece;
    if (ends) {
        end_frame(p);
    }
    *ret_taken = piece;
    return VALID;
}

/* Checks a close payload of which `len` bytes are there (5.5.1); `whole` says that this is all. */
static enum violation check_close(const char *payload, size_t len, bool whole, uint16_t *ret_code)
{
    if (len < WS_CODE_SIZE) {
        *ret_code = WS_CLOSE_NO_STATUS;
        return VALID;
    }
    *ret_code = (uint16_t)((uint8_t)payload[0] << 8 | (uint8_t)payload[1]);
    if (!ws_close_code_valid(*ret_code)) {
        return CLOSE_CODE;
    }
    uint32_t state = utf8_feed(UTF8_COMPLETE, payload + WS_CODE_SIZE, len - WS_CODE_SIZE);
    if (state == UTF8_INVALID || (whole && state != UTF8_COMPLETE)) {
        return CLOSE_REASON;
    }
    return VALID;
}

/* A close frame that is not all there can be wrong already. It stays as it is, to be fed again. */
static enum violation check_close_begun(const struct header *h, const char *payload, size_t len)
{
    char copy[WS_MAX_CONTROL];
    uint16_t code;

    assert(len < sizeof(copy));
    memcpy(copy, payload, len);
    ws_mask(copy, len, h->mask, 0);
    return check_close(copy, len, false, &code);
}

/* Takes a control frame when it is whole. `payload` points behind its header. */
static enum violation take_control(struct ws_parser *p, const struct header *h, char *payload,
                                   size_t len, size_t *ret_taken, struct ws_event *ret_event)
{
    size_t payload_len = (size_t)h->payload_len;

    if (len < payload_len) {
        *ret_taken = 0;
        return h->opcode == WS_CLOSE ? check_close_begun(h, payload, len) : VALID;
    }
    if (p->role == WS_SERVER) {
        ws_mask(payload, payload_len, h->mask, 0);
    }
    if (h->opcode == WS_CLOSE) {
        uint16_t code;
        enum violation v = check_close(payload, payload_len, true, &code);
        if (v != VALID) {
            return v;
        }
        size_t code_size = payload_len > 0 ? WS_CODE_SIZE : 0;
        p->closed = true;
        *ret_event = (struct ws_event){
            .kind = WS_EVENT_CLOSE,
            .code = code,
            .data = str_make(payload + code_size, payload_len - code_size),
        };
    } else {
        *ret_event = (struct ws_event){
            .kind = h->opcode == WS_PING ? WS_EVENT_PING : WS_EVENT_PONG,
            .data = str_make(payload, payload_len),
        };
    }
    *ret_taken = h->size + payload_len;
    return VALID;
}

size_t ws_parse(struct ws_parser *p, char *data, size_t len, struct ws_event *ret_event)
{
    struct header h = {0};
    enum violation v;
    size_t taken = 0;

    *ret_event = (struct ws_event){.kind = WS_EVENT_NONE};
    if (p->failed || len == 0) {
        return 0;
    }
    if (p->closed) {
        return len;
    }
    if (!p->in_frame) {
        v = read_header(p, (const uint8_t *)data, len, &h);
        if (v != VALID) {
            return fail(p, v, ret_event);
        }
        if (h.size == 0) {
            return 0;
        }
        if ((h.opcode & WS_BIT_CONTROL) != 0) {
            v = take_control(p, &h, data + h.size, len - h.size, &taken, ret_event);
            return v == VALID ? taken : fail(p, v, ret_event);
        }
        begin_frame(p, &h);
    }
    v = take_data(p, data + h.size, len - h.size, &taken, ret_event);
    return v == VALID ? h.size + taken : fail(p, v, ret_event);
}
