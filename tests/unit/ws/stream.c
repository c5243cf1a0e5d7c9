#include "stream.h"

#include "feed.h"
#include "unit.h"

#include "ws/bits.h"

#include <stdio.h>

enum {
    SPLIT_EVERYWHERE = 600, /* streams up to here are split at every point */
    SPLIT_MARGIN = 40,      /* longer ones this near to their ends */
};

void stream_frame(struct buf *stream, enum ws_role role, unsigned first_byte, struct str payload)
{
    static const uint8_t mask[WS_MASK_SIZE] = {0x37, 0xfa, 0x21, 0x3d};
    unsigned masked = role == WS_SERVER ? WS_BIT_MASKED : 0;
    unsigned field = payload.len > UINT16_MAX ? 8 : payload.len > 125 ? 2 : 0;

    buf_append_char(stream, (char)first_byte);
    buf_append_char(stream, (char)(masked | (field == 8   ? WS_LENGTH_64
                                             : field == 2 ? WS_LENGTH_16
                                                          : (unsigned)payload.len)));
    for (unsigned shift = 8 * field; shift > 0; shift -= 8) {
        buf_append_char(stream, (char)((uint64_t)payload.len >> (shift - 8)));
    }
    if (masked != 0) {
        buf_append(stream, mask, sizeof(mask));
    }
    for (size_t i = 0; i < payload.len; i++) {
        buf_append_char(stream, (char)(payload.ptr[i] ^ (masked != 0 ? mask[i % 4] : 0)));
    }
    assert_false(stream->failed);
}

/* `feed` has had it all: compares, in the name of the way in which it was cut. */
static void check_record(struct feed *f, const char *expected, const char *way, size_t number)
{
    buf_append_char(&f->record, '\0');
    assert_false(f->record.failed);
    if (strcmp(f->record.data, expected) != 0) {
        fail_msg("%s %zu: heard\n%.2000sexpected\n%.2000s", way, number, f->record.data, expected);
    }
    feed_fini(f);
}

static void check_split(enum ws_role role, uint32_t max_message, struct str stream,
                        const char *expected, size_t at)
{
    struct feed f;

    feed_init(&f, role, max_message);
    feed_chunk(&f, stream.ptr, at);
    feed_chunk(&f, stream.ptr + at, stream.len - at);
    check_record(&f, expected, "split at", at);
}

void stream_check(enum ws_role role, uint32_t max_message, struct str stream, const char *expected,
                  size_t shown_at)
{
    static const size_t chunks[] = {1, 2, 3, 4, 5, 7, 8, 13, 64, 127, 4096, SIZE_MAX};

    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        struct feed f;
        size_t chunk = chunks[i] < stream.len ? chunks[i] : stream.len;
        feed_init(&f, role, max_message);
        feed_stream(&f, stream, chunk);
        if (chunk == 1) {
            assert_int_equal(f.failed_at, shown_at);
        }
        check_record(&f, expected, "chunks of", chunk);
    }
    for (size_t at = 0; at <= stream.len; at++) {
        if (stream.len <= SPLIT_EVERYWHERE || at < SPLIT_MARGIN || stream.len - at < SPLIT_MARGIN) {
            check_split(role, max_message, stream, expected, at);
        }
    }
}
