#include "nats.h"

enum { MAX_PAYLOAD = 64 * 1024 * 1024 };

/* The bytes of a MSG behind its first line: the number that ends that line, and a line end. */
static bool payload_length(struct str line, uint64_t *ret_len)
{
    struct str field, last = {0};
    while (str_next_field(&line, &field)) {
        last = field;
    }
    bool ok = str_to_uint(last, MAX_PAYLOAD, ret_len);
    *ret_len += 2;
    return ok;
}

enum nats_kind nats_next(struct str in, struct str *ret_op)
{
    const char *end = in.len > 0 ? memmem(in.ptr, in.len, "\r\n", 2) : NULL;
    if (end == NULL) {
        return NATS_PARTIAL;
    }
    struct str line = str_make(in.ptr, (size_t)(end - in.ptr));
    *ret_op = str_slice(in, 0, line.len + 2);
    if (str_starts_with(line, STR("MSG "))) {
        uint64_t more = 0;
        if (!payload_length(line, &more)) {
            return NATS_REFUSED;
        }
        if (in.len - ret_op->len < more) {
            return NATS_PARTIAL;
        }
        *ret_op = str_slice(in, 0, ret_op->len + more);
        return NATS_MESSAGE;
    }
    if (str_equal(line, STR("PING"))) {
        return NATS_PING;
    }
    bool known = str_starts_with(line, STR("INFO ")) || str_equal(line, STR("PONG")) ||
                 str_equal(line, STR("+OK"));
    return known ? NATS_OTHER : NATS_REFUSED;
}
