#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SMALLEST = 64 };

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

static void wipe(struct buf *b)
{
    if (b->secret && b->data != NULL) {
        explicit_bzero(b->data, b->cap);
    }
}

void buf_fini(struct buf *b)
{
    if (b == NULL) {
        return;
    }
    wipe(b);
    free(b->data);
    *b = (struct buf){.max = b->max, .secret = b->secret};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

/* realloc would leave the bytes where they were. */
static char *move_secret(struct buf *b, size_t cap)
{
    char *data = malloc(cap);

    if (data != NULL && b->data != NULL) {
        memcpy(data, b->data, b->len);
        wipe(b);
        free(b->data);
    }
    return data;
}

static bool grow(struct buf *b, size_t need)
{
    size_t cap = b->cap < SMALLEST ? SMALLEST : b->cap;

    while (cap < need) {
        cap = cap <= SIZE_MAX / 2 ? cap * 2 : need;
    }
    if (cap > b->max) {
        cap = b->max;
    }
    char *data = b->secret ? move_secret(b, cap) : realloc(b->data, cap);
    if (data == NULL) {
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

bool buf_make_room(struct buf *b, size_t extra)
{
    assert(b->len <= b->max);
    if (b->failed || extra > b->max - b->len) {
        b->failed = true;
        return false;
    }
    if (b->len + extra > b->cap && !grow(b, b->len + extra)) {
        b->failed = true;
        return false;
    }
    return true;
}

void buf_append_uint(struct buf *b, uint64_t value)
{
    char digits[STR_UINT_MAX];

    if (b->cap - b->len >= sizeof(digits) && !b->failed) {
        b->len = (size_t)(str_write_uint(b->data + b->len, value) - b->data);
    } else { /* it may have fewer digits than that */
        buf_append(b, digits, (size_t)(str_write_uint(digits, value) - digits));
    }
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    /* vsnprintf writes a NUL behind the text, so one byte more is reserved than is used. */
    if (buf_reserve(b, (size_t)len + 1)) {
        (void)vsnprintf(b->data + b->len, (size_t)len + 1, format, again);
        b->len += (size_t)len;
    }
    va_end(again);
}

void buf_consume(struct buf *b, size_t len)
{
    assert(len <= b->len);
    b->len -= len;
    if (b->len > 0 && len > 0) {
        memmove(b->data, b->data + len, b->len);
    }
}
