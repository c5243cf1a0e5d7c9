#include "matrix/sse.h"

enum { MAX_TYPE = 256 };

void sse_init(struct sse *s, size_t max_bytes,
              void (*event)(void *owner, struct str type, struct str data), void *owner)
{
    *s = (struct sse){.owner = owner, .event = event};
    buf_init(&s->line, max_bytes);
    buf_init(&s->type, MAX_TYPE);
    buf_init(&s->data, max_bytes);
}

void sse_fini(struct sse *s)
{
    buf_fini(&s->line);
    buf_fini(&s->type);
    buf_fini(&s->data);
}

static void dispatch(struct sse *s)
{
    if (s->has_data) {
        /* Each line of data put a line feed behind it; the last one is none of the data. */
        struct str data = str_make(s->data.data, s->data.len - 1);
        s->event(s->owner, s->type.len > 0 ? buf_str(&s->type) : STR("message"), data);
    }
    buf_clear(&s->type);
    buf_clear(&s->data);
    s->has_data = false;
}

/* What a line says; `id` and `retry` are for clients that connect again, and we do not. */
static void take_line(struct sse *s, struct str line)
{
    if (line.len == 0) {
        dispatch(s);
        return;
    }
    size_t colon = str_find(line, ':');
    struct str name = str_slice(line, 0, colon), value = str_slice(line, colon + 1, line.len);
    if (value.len > 0 && value.ptr[0] == ' ') {
        value = str_slice(value, 1, value.len);
    }
    if (str_equal(name, STR("data"))) {
        buf_append_str(&s->data, value);
        buf_append_char(&s->data, '\n');
        s->has_data = true;
    } else if (str_equal(name, STR("event"))) {
        buf_clear(&s->type);
        buf_append_str(&s->type, value);
    }
}

static void end_line(struct sse *s)
{
    struct str line = buf_str(&s->line);

    if (!s->begun && str_starts_with(line, STR("\xef\xbb\xbf"))) {
        line = str_slice(line, 3, line.len);
    }
    s->begun = true;
    take_line(s, line);
    s->line.len = 0;
}

static bool is_well(const struct sse *s)
{
    return !s->line.failed && !s->data.failed && !s->type.failed;
}

bool sse_feed(struct sse *s, struct str bytes)
{
    size_t at = 0;

    while (at < bytes.len && is_well(s)) {
        size_t end = at;
        if (s->after_cr && bytes.ptr[at] == '\n') {
            at++;
            end++;
        }
        s->after_cr = false;
        while (end < bytes.len && bytes.ptr[end] != '\n' && bytes.ptr[end] != '\r') {
            end++;
        }
        buf_append_str(&s->line, str_slice(bytes, at, end));
        if (end < bytes.len && is_well(s)) {
            s->after_cr = bytes.ptr[end] == '\r';
            end_line(s);
        }
        at = end + 1;
    }
    return is_well(s);
}

bool sse_end(struct sse *s)
{
    if (is_well(s) && s->line.len > 0) {
        end_line(s);
    }
    if (is_well(s)) {
        dispatch(s);
    }
    return is_well(s);
}
