/*
 * Lives of readers in fan-out: the bytes choose what the hub says, which batches the reader takes,
 * whom it serves and how much the sockets take. Whatever they choose, everyone gets what the plain
 * model of the unit tests (tests/unit/fanout) says, and no segment stays.
 */

#include "fanout/chaos.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices c = {.bytes = data, .len = size};
    struct chaos_totals totals = {0};

    if (size > 0) {
        chaos_run(&c, 5000, &totals);
    }
    return 0;
}
