/* What both roles write: headers, masks, close payloads. */

#include "ws/ws.h"

#include "base/utf8.h"
#include "ws/bits.h"

#include <assert.h>

static size_t write_header(char *ret_header, enum ws_opcode opcode, uint64_t payload_len,
                           unsigned masked)
{
    unsigned length = (unsigned)payload_len;
    size_t field = 0;

    assert(payload_len <= INT64_MAX);
    assert((opcode & WS_BIT_CONTROL) == 0 || payload_len <= WS_MAX_CONTROL);
    if (payload_len > UINT16_MAX) {
        length = WS_LENGTH_64;
        field = 8;
    } else if (payload_len >= WS_LENGTH_16) {
        length = WS_LENGTH_16;
        field = 2;
    }
    ret_header[0] = (char)(WS_BIT_FIN | opcode);
    ret_header[1] = (char)(masked | length);
    for (size_t i = 0; i < field; i++) {
        ret_header[2 + i] = (char)(payload_len >> (8 * (field - 1 - i)));
    }
    return 2 + field;
}

size_t ws_write_header(char ret_header[WS_MAX_HEADER], enum ws_opcode opcode, uint64_t payload_len)
{
    return write_header(ret_header, opcode, payload_len, 0);
}

size_t ws_write_deflated_header(char ret_header[WS_MAX_HEADER], enum ws_opcode opcode,
                                uint64_t payload_len)
{
    size_t len = ws_write_header(ret_header, opcode, payload_len);

    ret_header[0] |= (char)WS_BIT_DEFLATED;
    return len;
}

size_t ws_write_masked_header(char ret_header[WS_MAX_HEADER], enum ws_opcode opcode,
                              uint64_t payload_len, const uint8_t mask[4])
{
    size_t size = write_header(ret_header, opcode, payload_len, WS_BIT_MASKED);

    memcpy(ret_header + size, mask, WS_MASK_SIZE);
    return size + WS_MASK_SIZE;
}

unsigned ws_mask(char *data, size_t len, const uint8_t mask[4], unsigned phase)
{
    uint32_t half;
    size_t at = 0;

    for (; at < len && phase != 0; at++) {
        data[at] = (char)(data[at] ^ mask[phase]);
        phase = (phase + 1) % WS_MASK_SIZE;
    }
    memcpy(&half, mask, sizeof(half));
    uint64_t pattern = (uint64_t)half << 32 | half;
    size_t words = (len - at) / sizeof(pattern);
    char *run = data + at;
    for (size_t i = 0; i < words; i++) { /* counted ahead, so that compilers make vectors of it */
        uint64_t word;
        memcpy(&word, run + i * sizeof(word), sizeof(word));
        word ^= pattern;
        memcpy(run + i * sizeof(word), &word, sizeof(word));
    }
    at += words * sizeof(pattern);
    for (; at < len; at++) {
        data[at] = (char)(data[at] ^ mask[phase]);
        phase = (phase + 1) % WS_MASK_SIZE;
    }
    return phase;
}

size_t ws_close_payload(char ret_payload[WS_MAX_CONTROL], uint16_t code, struct str reason)
{
    size_t len = reason.len;

    if (code == WS_CLOSE_NO_STATUS) {
        return 0;
    }
    assert(ws_close_code_valid(code));
    if (len > WS_MAX_CONTROL - WS_CODE_SIZE) {
        len = WS_MAX_CONTROL - WS_CODE_SIZE;
        while (len > 0 && (reason.ptr[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    ret_payload[0] = (char)(code >> 8);
    ret_payload[1] = (char)code;
    if (len == 0 || !utf8_valid(reason.ptr, len)) {
        return WS_CODE_SIZE;
    }
    memcpy(ret_payload + WS_CODE_SIZE, reason.ptr, len);
    return WS_CODE_SIZE + len;
}

bool ws_close_code_valid(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}
