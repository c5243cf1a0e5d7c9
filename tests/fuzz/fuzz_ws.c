/*
 * The RFC 6455 parser and the frame writer. The first byte picks the role (bit 0), the budget
 * (bit 1) and the seed of the chunking (all of it); the rest is the stream. feed.h asserts what
 * holds for every call; here: however a stream is cut, the same is heard, and its violation is
 * shown by the same byte; and a written frame is read as what was written.
 */

#include "../unit/ws/feed.h"

#include "base/utf8.h"
#include "ws/deflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void check_same(const struct feed *a, const struct feed *b)
{
    assert(str_equal(buf_str(&a->record), buf_str(&b->record)));
    assert(a->reason == b->reason);
    assert(a->closed == b->closed);
}

/* Whether `stream`, fed at once, is a violation. */
static bool fails(enum ws_role role, uint32_t max_message, struct str stream)
{
    struct feed f;

    feed_init(&f, role, max_message);
    feed_chunk(&f, stream.ptr, stream.len);
    bool failed = f.reason != NULL;
    feed_fini(&f);
    return failed;
}

static void check_stream(enum ws_role role, uint32_t max_message, struct str stream, uint32_t seed)
{
    struct feed whole, bytes, chunks;

    feed_init(&whole, role, max_message);
    feed_init(&bytes, role, max_message);
    feed_init(&chunks, role, max_message);
    feed_chunk(&whole, stream.ptr, stream.len);
    feed_stream(&bytes, stream, 1);
    for (size_t at = 0; at < stream.len;) {
        seed = seed * 1664525 + 1013904223;
        size_t chunk = seed >> 8 & ((seed & 0x40000000) != 0 ? 0x1f : 0x1ff);
        size_t left = stream.len - at;
        chunk = chunk < left ? chunk : left;
        feed_chunk(&chunks, stream.ptr + at, chunk);
        at += chunk;
    }
    check_same(&whole, &bytes);
    check_same(&whole, &chunks);
    if (bytes.failed_at > 0) {
        assert(fails(role, max_message, str_make(stream.ptr, bytes.failed_at)));
        assert(!fails(role, max_message, str_make(stream.ptr, bytes.failed_at - 1)));
    }
    feed_fini(&whole);
    feed_fini(&bytes);
    feed_fini(&chunks);
}

/* What `payload` is heard as when it is the payload of a frame with this opcode. */
static void append_expected(struct buf *expected, enum ws_opcode opcode, struct str payload)
{
    if (opcode == WS_TEXT && !utf8_valid(payload.ptr, payload.len)) {
        buf_append_str(expected, STR("fail 1007\n"));
        return;
    }
    buf_append_str(expected, opcode == WS_TEXT     ? STR("text")
                             : opcode == WS_BINARY ? STR("binary")
                                                   : STR("ping"));
    feed_append_hex(expected, payload);
    buf_append_char(expected, '\n');
}

static void check_written(enum ws_opcode opcode, bool masked, struct str payload, size_t chunk)
{
    uint8_t mask[4] = {0x12, 0x34, (uint8_t)payload.len, (uint8_t)chunk};
    char header[WS_MAX_HEADER];
    struct buf frame, expected;
    struct feed f;

    buf_init(&frame, SIZE_MAX);
    buf_init(&expected, SIZE_MAX);
    size_t header_len = masked ? ws_write_masked_header(header, opcode, payload.len, mask)
                               : ws_write_header(header, opcode, payload.len);
    buf_append(&frame, header, header_len);
    buf_append_str(&frame, payload);
    if (masked) {
        ws_mask(frame.data + header_len, payload.len, mask, 0);
    }
    append_expected(&expected, opcode, payload);
    feed_init(&f, masked ? WS_SERVER : WS_CLIENT, UINT32_MAX);
    feed_stream(&f, buf_str(&frame), chunk);
    assert(str_equal(buf_str(&f.record), buf_str(&expected)));
    feed_fini(&f);
    buf_fini(&frame);
    buf_fini(&expected);
}

static void check_close_written(struct str reason)
{
    char frame[WS_MAX_HEADER + WS_MAX_CONTROL], payload[WS_MAX_CONTROL];
    size_t len = ws_close_payload(payload, WS_CLOSE_POLICY, reason);
    size_t header_len = ws_write_header(frame, WS_CLOSE, len);
    struct ws_parser parser;
    struct ws_event e;

    memcpy(frame + header_len, payload, len);
    ws_parser_init(&parser, WS_CLIENT, 0);
    assert(ws_parse(&parser, frame, header_len + len, &e) == header_len + len);
    assert(e.kind == WS_EVENT_CLOSE && e.code == WS_CLOSE_POLICY);
    assert(str_starts_with(reason, e.data));
}

/* Whatever it is inflated to is the same however it is cut, and never longer than allowed. */
static enum inflate_result inflate_cut(struct str message, size_t chunk, uint32_t max,
                                       struct buf *out)
{
    struct inflater *in = inflater_new(15);
    enum inflate_result result = INFLATE_OK;

    assert(in != NULL);
    for (size_t at = 0; result == INFLATE_OK && at < message.len; at += chunk) {
        result = inflater_feed(in, str_slice(message, at, at + chunk), at + chunk >= message.len,
                               max, out);
        assert(out->len <= (size_t)max + 1);
    }
    inflater_free(in);
    return result;
}

static void check_inflated(struct str message, size_t chunk)
{
    struct buf whole, cut;
    const uint32_t max = 100000;

    buf_init(&whole, SIZE_MAX);
    buf_init(&cut, SIZE_MAX);
    enum inflate_result result = inflate_cut(message, message.len, max, &whole);
    assert(result == inflate_cut(message, chunk, max, &cut));
    assert(result != INFLATE_OK || str_equal(buf_str(&whole), buf_str(&cut)));
    buf_fini(&whole);
    buf_fini(&cut);
}

/* What is made is inflated to what it was made of. */
static void check_packed(struct str message, size_t chunk)
{
    static struct deflater *deflater;
    struct buf packed, out;

    buf_init(&packed, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    deflater = deflater != NULL ? deflater : deflater_new();
    assert(deflater != NULL);
    if (deflater_pack(deflater, message, &packed)) {
        assert(packed.len < message.len);
        assert(inflate_cut(buf_str(&packed), chunk, UINT32_MAX - 1, &out) == INFLATE_OK);
        assert(str_equal(buf_str(&out), message));
    }
    buf_fini(&packed);
    buf_fini(&out);
}

static void check_offers(struct str offers)
{
    struct deflate_terms terms;
    char text[TERMS_MAX];

    if (terms_choose(offers, &terms)) {
        assert(terms.server_bits >= 8 && terms.server_bits <= 15);
        assert(terms.client_bits >= 8 && terms.client_bits <= 15);
        /* An answer is an offer that leads to the same. */
        struct deflate_terms again;
        assert(terms_choose(str_make(text, terms_write(&terms, text)), &again));
        assert(again.server_bits == terms.server_bits && again.client_bits == terms.client_bits);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct str stream = {(const char *)input + 1, size - 1};
    enum ws_role role = (input[0] & 1) != 0 ? WS_CLIENT : WS_SERVER;
    uint32_t max_message = (input[0] & 2) != 0 ? 100 : 1 << 20;
    size_t chunk = 1 + input[0];

    check_stream(role, max_message, stream, input[0]);
    check_written(WS_TEXT, role == WS_SERVER, stream, chunk);
    check_written(WS_BINARY, role == WS_SERVER, stream, chunk);
    if (stream.len <= WS_MAX_CONTROL) {
        check_written(WS_PING, role == WS_SERVER, stream, chunk);
    }
    check_close_written(stream);
    check_inflated(stream, chunk);
    check_packed(stream, chunk);
    check_offers(stream);
    return 0;
}
