/*
 * Server-sent events. The first byte is the seed of the chunking, the rest the stream: however it
 * is cut, the same events are heard, and none is longer than it may be.
 */

#include <assert.h>

#include "matrix/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

enum { MAX_DATA = 64, MAX_RECORD = 1024 * 1024 };

static void note(void *owner, struct str type, struct str data)
{
    struct buf *record = owner;

    assert(data.len < MAX_DATA && type.len > 0);
    buf_append_str(record, type);
    buf_append_char(record, '\0');
    buf_append_str(record, data);
    buf_append_char(record, '\0');
}

/* Pieces of one byte with seed 0, of all with 1, else by chance. */
static bool feed(struct str stream, uint32_t seed, struct buf *record)
{
    struct sse s;
    bool ok = true;

    sse_init(&s, MAX_DATA, note, record);
    for (size_t at = 0; at < stream.len && ok;) {
        size_t len = seed == 0 ? 1 : seed == 1 ? stream.len : 1 + (seed >> 8) % 16;
        seed = seed > 1 ? seed * 1664525 + 1013904223 : seed;
        len = len < stream.len - at ? len : stream.len - at;
        ok = sse_feed(&s, str_make(stream.ptr + at, len));
        at += len;
    }
    ok = ok && sse_end(&s);
    sse_fini(&s);
    assert(!record->failed);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct buf records[3];
    bool ok[3];

    if (size == 0) {
        return 0;
    }
    struct str stream = str_make((const char *)input + 1, size - 1);
    for (unsigned i = 0; i < 3; i++) {
        buf_init(&records[i], MAX_RECORD);
        ok[i] = feed(stream, i < 2 ? i : 2u + input[0] * 65536u, &records[i]);
    }
    for (unsigned i = 1; i < 3; i++) {
        assert(ok[i] == ok[0] && str_equal(buf_str(&records[i]), buf_str(&records[0])));
    }
    for (unsigned i = 0; i < 3; i++) {
        buf_fini(&records[i]);
    }
    return 0;
}
