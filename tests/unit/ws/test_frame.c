#include "unit.h"

#include "ws/ws.h"

#include <stdlib.h>

static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};

/* Shortest and longest of each form of the length (5.2). */
static const struct {
    uint64_t payload_len;
    enum ws_opcode opcode;
    struct str header;
} headers[] = {
    {0, WS_TEXT, {"\x81\x00", 2}},
    {5, WS_TEXT, {"\x81\x05", 2}},
    {125, WS_BINARY, {"\x82\x7d", 2}},
    {126, WS_TEXT, {"\x81\x7e\x00\x7e", 4}},
    {0x1234, WS_BINARY, {"\x82\x7e\x12\x34", 4}},
    {65535, WS_TEXT, {"\x81\x7e\xff\xff", 4}},
    {65536, WS_TEXT, {"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10}},
    {0x0123456789abcdef, WS_BINARY, {"\x82\x7f\x01\x23\x45\x67\x89\xab\xcd\xef", 10}},
    {INT64_MAX, WS_BINARY, {"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10}},
    {2, WS_CLOSE, {"\x88\x02", 2}},
    {0, WS_PING, {"\x89\x00", 2}},
    {125, WS_PONG, {"\x8a\x7d", 2}},
};

static void test_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        char header[WS_MAX_HEADER];
        size_t size = ws_write_header(header, headers[i].opcode, headers[i].payload_len);
        assert_int_equal(size, headers[i].header.len);
        assert_memory_equal(header, headers[i].header.ptr, size);
    }
}

static void test_masked_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        char header[WS_MAX_HEADER];
        struct str plain = headers[i].header;
        size_t size =
            ws_write_masked_header(header, headers[i].opcode, headers[i].payload_len, mask);
        assert_int_equal(size, plain.len + 4);
        assert_int_equal(header[0], plain.ptr[0]);
        assert_int_equal((uint8_t)header[1], (uint8_t)plain.ptr[1] | 0x80);
        assert_memory_equal(header + 2, plain.ptr + 2, plain.len - 2);
        assert_memory_equal(header + plain.len, mask, 4);
    }
}

/* Every phase, length and alignment against 5.3 taken literally; nothing beyond is touched. */
static void test_mask(void **state)
{
    enum { LONGEST = 70, MARGIN = 16 };

    (void)state;
    for (unsigned phase = 0; phase < 4; phase++) {
        for (size_t offset = 0; offset < MARGIN; offset++) {
            for (size_t len = 0; len <= LONGEST; len++) {
                char data[MARGIN + LONGEST + MARGIN];
                for (size_t i = 0; i < sizeof(data); i++) {
                    data[i] = (char)(i * 11);
                }
                unsigned after = ws_mask(data + offset, len, mask, phase);
                assert_int_equal(after, (phase + len) % 4);
                for (size_t i = 0; i < sizeof(data); i++) {
                    bool inside = i >= offset && i < offset + len;
                    uint8_t key = inside ? mask[(phase + i - offset) % 4] : 0;
                    assert_int_equal((uint8_t)data[i], (uint8_t)(i * 11) ^ key);
                }
            }
        }
    }
}

static void test_mask_in_pieces(void **state)
{
    enum { LEN = 50 };

    (void)state;
    for (size_t split = 0; split <= LEN; split++) {
        char whole[LEN] = "the same, however it is cut";
        char pieces[LEN] = "the same, however it is cut";
        unsigned phase = ws_mask(pieces, split, mask, 0);
        ws_mask(pieces + split, LEN - split, mask, phase);
        ws_mask(whole, LEN, mask, 0);
        assert_memory_equal(whole, pieces, LEN);
    }
}

static void check_close(uint16_t code, struct str reason, struct str expected)
{
    char payload[WS_MAX_CONTROL];
    size_t len = ws_close_payload(payload, code, reason);

    assert_int_equal(len, expected.len);
    assert_memory_equal(payload, expected.ptr, len);
}

static void test_close_payload(void **state)
{
    (void)state;
    check_close(1000, STR(""), STR("\x03\xe8"));
    check_close(1001, STR("bye"),
                STR("\x03\xe9"
                    "bye"));
    check_close(4409, STR("r\xc3\xa9placed"),
                STR("\x11\x39"
                    "r\xc3\xa9placed"));
    check_close(1000, str_make(NULL, 0), STR("\x03\xe8"));
    check_close(WS_CLOSE_NO_STATUS, STR("unused"), STR(""));
    check_close(1000, STR("no \xff text"), STR("\x03\xe8"));
    check_close(1000, STR("ends inside \xe2\x82"), STR("\x03\xe8"));
}

/* 123 bytes of reason fit; a character of `size` bytes that would lie across is left out whole. */
static void test_close_reason_cut(void **state)
{
    static const struct str characters[] = {
        {"x", 1}, {"\xc3\xa9", 2}, {"\xe2\x82\xac", 3}, {"\xf0\x9f\x98\x80", 4}};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct str character = characters[i];
        for (size_t begin = 110; begin <= 126; begin++) {
            char reason[150], payload[WS_MAX_CONTROL];
            memset(reason, '.', sizeof(reason));
            memcpy(reason + begin, character.ptr, character.len);
            size_t len = ws_close_payload(payload, 1000, str_make(reason, sizeof(reason)));
            size_t kept = begin < 123 && begin + character.len > 123 ? begin : 123;
            assert_int_equal(len, 2 + kept);
            assert_memory_equal(payload + 2, reason, kept);
        }
    }
}

static void test_close_reason_exact(void **state)
{
    char reason[123], payload[WS_MAX_CONTROL];

    (void)state;
    memset(reason, 'r', sizeof(reason));
    assert_int_equal(ws_close_payload(payload, 1000, str_make(reason, 123)), 125);
    assert_int_equal(ws_close_payload(payload, 1000, str_make(reason, 122)), 124);
    /* Continuation bytes only: there is no boundary to cut at, and it is no text anyway. */
    char stray[200];
    memset(stray, 0x80, sizeof(stray));
    assert_int_equal(ws_close_payload(payload, 1000, str_make(stray, sizeof(stray))), 2);
}

/* All 65,536 codes against the list of 7.4.1, 7.4.2 and the registry of 11.7. */
static void test_close_codes(void **state)
{
    static const bool defined[] = {
        [0] = true, [1] = true,  [2] = true,  [3] = true,  [7] = true,  [8] = true,
        [9] = true, [10] = true, [11] = true, [12] = true, [13] = true, [14] = true};

    (void)state;
    for (unsigned code = 0; code <= UINT16_MAX; code++) {
        bool valid = code >= 1000 && code < 1000 + sizeof(defined)
                         ? defined[code - 1000]
                         : code / 1000 == 3 || code / 1000 == 4;
        assert_int_equal(ws_close_code_valid((uint16_t)code), valid);
    }
}

/* Writes a frame as `writer` does, and has the other role read it. */
static void check_round_trip(bool masked, enum ws_opcode opcode, size_t len)
{
    struct ws_parser parser;
    struct ws_event e;
    char *frame = malloc(WS_MAX_HEADER + len);

    assert_non_null(frame);
    size_t size = masked ? ws_write_masked_header(frame, opcode, len, mask)
                         : ws_write_header(frame, opcode, len);
    memset(frame + size, 'z', len);
    if (masked) {
        ws_mask(frame + size, len, mask, 0);
    }
    ws_parser_init(&parser, masked ? WS_SERVER : WS_CLIENT, 1 << 20);
    assert_int_equal(ws_parse(&parser, frame, size + len, &e), size + len);
    if (opcode == WS_PING || opcode == WS_PONG) {
        assert_int_equal(e.kind, opcode == WS_PING ? WS_EVENT_PING : WS_EVENT_PONG);
    } else {
        assert_int_equal(e.kind, WS_EVENT_DATA);
        assert_int_equal(e.opcode, opcode);
        assert_true(e.first && e.final);
    }
    assert_ptr_equal(e.data.ptr, frame + size);
    assert_int_equal(e.data.len, len);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(e.data.ptr[i], 'z');
    }
    free(frame);
}

static void test_round_trips(void **state)
{
    static const size_t lengths[] = {0, 1, 124, 125, 126, 127, 65535, 65536, 65537};

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (int masked = 0; masked < 2; masked++) {
            check_round_trip(masked != 0, WS_TEXT, lengths[i]);
            check_round_trip(masked != 0, WS_BINARY, lengths[i]);
            if (lengths[i] <= WS_MAX_CONTROL) {
                check_round_trip(masked != 0, WS_PING, lengths[i]);
                check_round_trip(masked != 0, WS_PONG, lengths[i]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_masked_headers),
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_mask_in_pieces),
        cmocka_unit_test(test_close_payload),
        cmocka_unit_test(test_close_reason_cut),
        cmocka_unit_test(test_close_reason_exact),
        cmocka_unit_test(test_close_codes),
        cmocka_unit_test(test_round_trips),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
