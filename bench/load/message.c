#include "message.h"

#include <assert.h>
#include <stdio.h>

enum {
    SENDER_AT = TEMPLATE_PREFIX + 1,
    COUNT_AT = SENDER_AT + TEMPLATE_DIGITS + 1,
    SLOT_AT = COUNT_AT + TEMPLATE_COUNT_DIGITS + 1,
};

static_assert(SLOT_AT + TEMPLATE_DIGITS + 1 == MESSAGE_BODY_MIN, "the body has these parts");

/* A body with all numbers zero, and dots. */
static void fill_body(char *out, size_t len, const char *prefix)
{
    memset(out, '.', len);
    memcpy(out, prefix, TEMPLATE_PREFIX);
    static const char numbers[] = ":00000:0000000000:00000:";
    memcpy(out + TEMPLATE_PREFIX, numbers, sizeof(numbers) - 1);
}

/* How long the body is to be; 0 when there is no room for it. */
static uint32_t body_length(const struct template *t, const struct template_values *v,
                            uint32_t size)
{
    uint32_t others = MESSAGE_JSON_EXTRA;
    if (template_has(t, PLACE_BODY)) {
        struct buf b;
        buf_init(&b, TEMPLATE_MAX_EXPANDED);
        template_expand(t, v, &b, NULL);
        others = (uint32_t)b.len;
        buf_fini(&b);
    }
    return size >= others + MESSAGE_BODY_MIN ? size - others : 0;
}

static void find_body(struct message_layout *l)
{
    for (unsigned i = 0; i < l->marks.count; i++) {
        if (l->marks.marks[i].kind == PLACE_BODY) {
            l->body_at = l->marks.marks[i].at;
        } else if (l->marks.marks[i].kind == PLACE_JSON) {
            l->body_at = l->marks.marks[i].at + MESSAGE_JSON_EXTRA - 2;
        }
    }
    l->hint = l->body_at;
}

bool message_layout_init(struct message_layout *l, const struct template *t, const char *prefix,
                         uint32_t size, bool whole, char error[TEMPLATE_ERROR_SIZE])
{
    struct template_values v = {.prefix = prefix, .size = size};
    struct buf body;
    *l = (struct message_layout){.whole = whole, .body_len = body_length(t, &v, size)};
    buf_init(&l->bytes, TEMPLATE_MAX_EXPANDED);
    if (l->body_len == 0) {
        (void)snprintf(error, TEMPLATE_ERROR_SIZE,
                       "--size %u has no room for what such a message needs; take a larger one",
                       size);
        return false;
    }
    memcpy(l->marker, prefix, TEMPLATE_PREFIX);
    l->marker[TEMPLATE_PREFIX] = ':';
    buf_init(&body, TEMPLATE_MAX_EXPANDED);
    if (buf_reserve(&body, l->body_len)) {
        fill_body(body.data, l->body_len, prefix);
        v.body = str_make(body.data, l->body_len);
        template_expand(t, &v, &l->bytes, &l->marks);
    }
    bool ok = !body.failed && !l->bytes.failed;
    buf_fini(&body);
    if (!ok) {
        (void)snprintf(error, TEMPLATE_ERROR_SIZE, "not enough memory for a message");
        return false;
    }
    l->size = (uint32_t)l->bytes.len;
    find_body(l);
    return true;
}

void message_layout_fini(struct message_layout *l)
{
    if (l != NULL) {
        buf_fini(&l->bytes);
    }
}

/* Where the digits of a place are, behind its prefix. */
static void write_place(char *at, enum place_kind kind, const struct message_stamp *stamp)
{
    if (kind == PLACE_ID) {
        template_write_digits(at + TEMPLATE_PREFIX + 1, stamp->sender, TEMPLATE_DIGITS);
    } else if (kind == PLACE_PEER) {
        template_write_digits(at + TEMPLATE_PREFIX + 1, stamp->target, TEMPLATE_DIGITS);
    } else if (kind == PLACE_SESSION) {
        template_write_digits(at + TEMPLATE_PREFIX + 2, stamp->session, TEMPLATE_DIGITS);
    } else if (kind == PLACE_NUMBER) {
        template_write_digits(at, stamp->number, TEMPLATE_NUMBER_DIGITS);
    }
}

void message_write(const struct message_layout *l, const struct message_stamp *stamp, char *out)
{
    memcpy(out, l->bytes.data, l->size);
    for (unsigned i = 0; i < l->marks.count; i++) {
        write_place(out + l->marks.marks[i].at, l->marks.marks[i].kind, stamp);
    }
    char *body = out + l->body_at;
    template_write_digits(body + SENDER_AT, stamp->sender, TEMPLATE_DIGITS);
    template_write_digits(body + COUNT_AT, stamp->count, TEMPLATE_COUNT_DIGITS);
    template_write_digits(body + SLOT_AT, stamp->slot, TEMPLATE_DIGITS);
}

static bool is_at(const struct message_layout *l, struct str heard, size_t at)
{
    return heard.len >= at + l->body_len &&
           memcmp(heard.ptr + at, l->marker, sizeof(l->marker)) == 0;
}

bool message_find(struct message_layout *l, struct str heard, struct str *ret_body)
{
    if (l->whole && heard.len != l->size) {
        return false;
    }
    if (!is_at(l, heard, l->hint)) {
        const char *at =
            heard.len > 0 ? memmem(heard.ptr, heard.len, l->marker, sizeof(l->marker)) : NULL;
        if (at == NULL || !is_at(l, heard, (size_t)(at - heard.ptr))) {
            return false;
        }
        l->hint = (uint32_t)(at - heard.ptr);
    }
    *ret_body = str_make(heard.ptr + l->hint, l->body_len);
    return true;
}

uint32_t message_slot(struct str body)
{
    uint32_t slot = 0;
    for (unsigned i = 0; i < TEMPLATE_DIGITS; i++) {
        unsigned digit = (unsigned char)body.ptr[SLOT_AT + i] - (unsigned)'0';
        if (digit > 9) {
            return UINT32_MAX;
        }
        slot = slot * 10 + digit;
    }
    return slot;
}

bool message_matches(const struct message_layout *l, struct str heard, struct str body,
                     const char *sent)
{
    if (l->whole) {
        return memcmp(heard.ptr, sent, l->size) == 0;
    }
    return memcmp(body.ptr, sent + l->body_at, l->body_len) == 0;
}
