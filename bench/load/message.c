#include "message.h"

#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>

static const char head[] = "{\"type\":\"bark\",\"agent_id\":\"bench-00000\",";
static const char target[] = "\"target_id\":\"bench-00000\",";
static const char text[] = "\"data\":{\"text\":\"0000000000 00000 ";
static const char tail[] = "\"},\"ts\":1700000000.000}";

enum {
    SENDER_DIGITS = 5,
    COUNT_DIGITS = 10,
    SLOT_DIGITS = 5,
    AGENT_AT = 33,  /* in head */
    TARGET_AT = 19, /* in target */
    COUNT_AT = 16,  /* in text */
    OURS_SIZE = 33, /* bytes of head that no other message begins with */
};

static void write_digits(char *out, uint64_t value, unsigned digits)
{
    while (digits-- > 0) {
        out[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

uint32_t message_smallest(bool directed)
{
    size_t members = sizeof(head) - 1 + sizeof(text) - 1 + sizeof(tail) - 1;
    return (uint32_t)(members + (directed ? sizeof(target) - 1 : 0));
}

bool message_layout_init(struct message_layout *l, uint32_t size, bool directed)
{
    assert(size >= message_smallest(directed));
    *l = (struct message_layout){.size = size, .agent_at = AGENT_AT};
    struct buf b;
    buf_init(&b, size);
    buf_append(&b, head, sizeof(head) - 1);
    if (directed) {
        l->target_at = (uint32_t)b.len + TARGET_AT;
        buf_append(&b, target, sizeof(target) - 1);
    }
    l->count_at = (uint32_t)b.len + COUNT_AT;
    l->slot_at = l->count_at + COUNT_DIGITS + 1;
    buf_append(&b, text, sizeof(text) - 1);
    if (b.failed || !buf_reserve(&b, size - b.len)) {
        buf_fini(&b);
        return false;
    }
    size_t tail_at = size - (sizeof(tail) - 1);
    memset(b.data + b.len, '.', tail_at - b.len);
    memcpy(b.data + tail_at, tail, sizeof(tail) - 1);
    l->bytes = b.data;
    return true;
}

void message_layout_fini(struct message_layout *l)
{
    if (l != NULL) {
        free(l->bytes);
        l->bytes = NULL;
    }
}

void message_write(const struct message_layout *l, const struct message_stamp *stamp, char *out)
{
    memcpy(out, l->bytes, l->size);
    write_digits(out + l->agent_at, stamp->sender, SENDER_DIGITS);
    if (l->target_at != 0) {
        write_digits(out + l->target_at, stamp->target, SENDER_DIGITS);
    }
    write_digits(out + l->count_at, stamp->count, COUNT_DIGITS);
    write_digits(out + l->slot_at, stamp->slot, SLOT_DIGITS);
}

bool message_is_ours(const struct message_layout *l, struct str payload)
{
    return payload.len == l->size && memcmp(payload.ptr, head, OURS_SIZE) == 0;
}

uint32_t message_slot(const struct message_layout *l, struct str payload)
{
    uint32_t slot = 0;
    for (unsigned i = 0; i < SLOT_DIGITS; i++) {
        unsigned digit = (unsigned char)payload.ptr[l->slot_at + i] - (unsigned)'0';
        if (digit > 9) {
            return UINT32_MAX;
        }
        slot = slot * 10 + digit;
    }
    return slot;
}

void message_name(uint32_t client, char ret_name[MESSAGE_NAME_SIZE])
{
    memcpy(ret_name, "bench-", MESSAGE_NAME_SIZE - SENDER_DIGITS);
    write_digits(ret_name + MESSAGE_NAME_SIZE - SENDER_DIGITS, client, SENDER_DIGITS);
}
