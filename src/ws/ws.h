#ifndef PARLEY_WS_WS_H
#define PARLEY_WS_WS_H

/*
 * RFC 6455 frames: bytes in, events out; server and client role. The parser owns no buffer. It
 * unmasks data in place and hands it out as it comes, so a message that arrives whole is never
 * copied; the caller joins the pieces of one that does not. Frame headers and control frames are
 * taken only when whole (at most WS_MAX_REST bytes wait), and what is not taken is fed again,
 * unchanged, with more behind it. What a stream means does not depend on how it is cut.
 */

#include "base/str.h"

enum {
    WS_MAX_HEADER = 14,               /* 2 + 8 + 4 (5.2) */
    WS_MAX_CONTROL = 125,             /* payload of a control frame (5.5) */
    WS_MAX_REST = 6 + WS_MAX_CONTROL, /* more than ws_parse ever leaves for want of more */
};

enum ws_opcode {
    WS_CONTINUATION = 0x0,
    WS_TEXT = 0x1,
    WS_BINARY = 0x2,
    WS_CLOSE = 0x8,
    WS_PING = 0x9,
    WS_PONG = 0xa,
};

enum ws_close {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL = 1002,
    WS_CLOSE_UNSUPPORTED = 1003,
    WS_CLOSE_NO_STATUS = 1005, /* a close frame without a code; never sent */
    WS_CLOSE_BAD_DATA = 1007,
    WS_CLOSE_POLICY = 1008,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_TRY_LATER = 1013,
};

enum ws_role { WS_SERVER, WS_CLIENT };

/* What was agreed about permessage-deflate (RFC 7692, 7.1); all 0: nothing. See deflate.h. */
enum { DEFLATE_SHARED_BITS = 15 /* the window of what is made once for many */ };
struct deflate_terms {
    uint8_t server_bits : 4; /* 8 to 15: the window of what the server sends */
    uint8_t client_bits : 4; /* the same of the client */
    bool client_no_context : 1;
    bool names_server_bits : 1; /* the answer has the parameter */
    bool names_client_bits : 1;
};

struct ws_parser {
    uint32_t frame_left;   /* payload bytes of the current data frame still to come */
    uint32_t message_left; /* bytes the message may still grow: max_message - handed out */
    uint32_t max_message;  /* all fragments together; above: WS_CLOSE_TOO_BIG */
    uint32_t utf8;         /* state of utf8_feed over a text message */
    uint8_t mask[4];
    uint8_t mask_at : 2; /* phase: the next payload byte is unmasked with mask[mask_at] */
    uint8_t role : 1;    /* enum ws_role: a server wants masks, a client refuses them */
    uint8_t opcode : 4;  /* of the message under way: WS_TEXT, WS_BINARY; 0 when none is */
    bool in_frame : 1;   /* a data frame has begun and is not over */
    bool final : 1;      /* FIN of the frame under way */
    bool failed : 1;     /* a violation was reported; nothing is parsed any more */
    bool closed : 1;     /* a close frame was reported; all that follows is discarded (1.4) */
    bool compressed : 1; /* the message under way has RSV1 (RFC 7692, 6) */
    struct deflate_terms terms;
};

_Static_assert(sizeof(struct ws_parser) <= 24, "a parser has grown; each client has one");

enum ws_event_kind {
    WS_EVENT_NONE,  /* need more bytes */
    WS_EVENT_DATA,  /* a piece of a message: data, opcode, first, final */
    WS_EVENT_PING,  /* data: up to 125 bytes to be sent back */
    WS_EVENT_PONG,  /* data */
    WS_EVENT_CLOSE, /* code (WS_CLOSE_NO_STATUS without one), data: the reason, valid UTF-8 */
    WS_EVENT_FAIL,  /* a violation: code to close with, reason; nothing is parsed any more */
};

struct ws_event {
    enum ws_event_kind kind;
    enum ws_opcode opcode; /* of DATA: WS_TEXT or WS_BINARY, in every piece of a message */
    bool compressed;       /* of DATA: to be inflated; its text is not checked */
    bool first;            /* of DATA: the first piece of its message */
    bool final;            /* of DATA: the last piece; the text is now known to be valid UTF-8 */
    uint16_t code;         /* of CLOSE and FAIL */
    const char *reason;    /* of FAIL: a sentence that names the rule; static */
    struct str data;       /* unmasked in place; borrows from what was fed */
};

/* `max_message` in bytes, over all fragments; more fails with 1009 as soon as it is announced. */
void ws_parser_init(struct ws_parser *p, enum ws_role role, uint32_t max_message);
/* From now on messages may be compressed, as was agreed. Between messages. */
void ws_parser_deflate(struct ws_parser *p, const struct deflate_terms *terms);
/* Another limit. Of a message under way, what has come and what is announced stays allowed. */
void ws_parser_limit(struct ws_parser *p, uint32_t max_message);

/*
 * Takes bytes from the front of [data, data + len), which it may change (unmasking; only what it
 * takes), and says what they are. Returns how many it took. Look at the event first, then call
 * again with what is left, until 0 is returned:
 *   DATA, PING, PONG, CLOSE  came from the bytes taken, always more than 0. A piece of DATA is
 *                            empty only when it is final.
 *   NONE, > 0                taken without an event: a header whose payload has not come yet, an
 *                            empty fragment, bytes that follow a close frame.
 *   NONE, 0                  more bytes are needed, in front of them the ones not taken.
 *   FAIL, 0                  a violation, reported once; from then on NONE and 0.
 * With an agreement about permessage-deflate RSV1 may be set, in the first frame of a message
 * alone; the budget is then that of the compressed bytes. Violations (RFC 6455 section 5): reserved
 * bits and opcodes, a wrong mask bit, lengths not minimal or with the high bit, fragmented or long
 * control frames, continuation without a start and the reverse, a close payload of one byte, close
 * codes not allowed on the wire (7.4), text or a close reason that is not UTF-8 (8.1), a message
 * over its budget. Each is reported as soon as the bytes so far leave no valid reading, also inside
 * an unfinished header or frame; two things are judged only when their last byte is there: a close
 * code, and text that ends inside a character. Whole messages before a violation have been handed
 * out by then; what of its own message has come and was not handed out is dropped.
 */
size_t ws_parse(struct ws_parser *p, char *data, size_t len, struct ws_event *ret_event);

/*
 * Writes a frame header (FIN set, no mask) for `payload_len` bytes, below 2^63 and at most
 * WS_MAX_CONTROL for a control frame; returns its length, 2 to 10. The payload follows it. For the
 * server role.
 */
size_t ws_write_header(char ret_header[WS_MAX_HEADER], enum ws_opcode opcode, uint64_t payload_len);
/* The same with RSV1, for a payload that deflater_pack has made. */
size_t ws_write_deflated_header(char ret_header[WS_MAX_HEADER], enum ws_opcode opcode,
                                uint64_t payload_len);
/* The same with the mask bit and `mask` (client role); returns 6 to 14. */
size_t ws_write_masked_header(char ret_header[WS_MAX_HEADER], enum ws_opcode opcode,
                              uint64_t payload_len, const uint8_t mask[4]);
/* XORs `len` bytes with the mask, beginning at mask[phase]; returns the phase after them (5.3). */
unsigned ws_mask(char *data, size_t len, const uint8_t mask[4], unsigned phase);

/*
 * The payload of a close frame (5.5.1): code in network order and the reason, cut to 123 bytes at a
 * character boundary, left out when it is not UTF-8. `code` is one that ws_close_code_valid allows,
 * or WS_CLOSE_NO_STATUS for an empty payload. Returns its length, at most WS_MAX_CONTROL.
 */
size_t ws_close_payload(char ret_payload[WS_MAX_CONTROL], uint16_t code, struct str reason);
/*
 * Whether a peer may send this code in a close frame (7.4.1, 7.4.2): 1000 to 1003, 1007 to 1014
 * (1012 to 1014 are in the registry of section 11.7), 3000 to 4999.
 */
bool ws_close_code_valid(uint16_t code);

/* Whether a Sec-WebSocket-Key is base64 of 16 bytes (4.1, 4.2.1), in canonical form. */
bool ws_key_valid(struct str key);
enum { WS_DIGEST_SIZE = 20, WS_ACCEPT_SIZE = 28 };
/* What a valid key is answered with (4.2.2): SHA-1 of key + GUID, ... */
void ws_accept_digest(struct str key, uint8_t ret_digest[WS_DIGEST_SIZE]);
/* ... and its base64, the Sec-WebSocket-Accept; writes 28 characters, no NUL. */
void ws_accept_text(const uint8_t digest[WS_DIGEST_SIZE], char ret_accept[WS_ACCEPT_SIZE]);
/* Both. */
void ws_accept_key(struct str key, char ret_accept[WS_ACCEPT_SIZE]);

#endif
