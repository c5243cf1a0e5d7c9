/*
 * The protocol's engine on any text, and on messages that are grown from the input: those must be
 * valid, and a mutation of one is text like any other. Bit 0 of the first byte chooses the dialect,
 * bit 1 whether to grow.
 */

#include "grow.h"
#include "laws.h"

#include <assert.h>

enum { MOST_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void grow_one(struct choices *c)
{
    uint32_t types = PARLEY_TYPE_COUNT - 1;
    enum parley_type type = (enum parley_type)(PARLEY_TYPE_NONE + 1 + choose(c, types));
    struct buf text;

    buf_init(&text, MOST_BYTES);
    grow_message(c, type, &text);
    assert(!text.failed);
    bool is_message = laws_hold(parley_type_dialect(type), buf_str(&text), NULL, NULL);
    assert(is_message);
    grow_mutation(c, &text);
    (void)laws_hold(parley_type_dialect(type), buf_str(&text), NULL, NULL);
    buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    if ((data[0] & 2) != 0) {
        grow_one(&(struct choices){.bytes = data + 1, .len = size - 1});
        return 0;
    }
    struct str text = str_make((const char *)data + 1, size - 1);
    (void)laws_hold((data[0] & 1) != 0 ? PARLEY_GATEWAY : PARLEY_WORLD, text, NULL, NULL);
    return 0;
}
