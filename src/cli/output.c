#include "cli/output.h"

#include "json/reader.h"

/* Larger than any answer; what is read at a time may stand behind one that is full. */
enum { MAX_KEPT = 512 * 1024 * 1024 };

void output_init(struct output *o, size_t max)
{
    *o = (struct output){.max = max};
    buf_init(&o->text, MAX_KEPT);
}

void output_fini(struct output *o)
{
    buf_fini(&o->text);
}

void output_add(struct output *o, struct str bytes)
{
    /* Lines that were handed out are dropped here, all at once. */
    buf_consume(&o->text, o->taken);
    o->scanned -= o->taken;
    o->taken = 0;
    buf_append_str(&o->text, bytes);
    o->failed = o->failed || o->text.failed;
}

bool output_next_line(struct output *o, bool ended, struct str *ret_line)
{
    struct str rest = str_slice(buf_str(&o->text), o->scanned, o->text.len);
    size_t end = o->scanned + str_find(rest, '\n');
    bool whole = end < o->text.len;

    if (!whole && (!ended || o->taken == o->text.len)) {
        o->scanned = end;
        return false;
    }
    *ret_line = str_slice(buf_str(&o->text), o->taken, end);
    o->taken = whole ? end + 1 : end;
    o->scanned = o->taken;
    return true;
}

struct str output_whole(const struct output *o)
{
    struct str whole = str_slice(buf_str(&o->text), o->taken, o->text.len);

    if (whole.len > 0 && whole.ptr[whole.len - 1] == '\n') {
        whole.len--;
    }
    return whole;
}

bool output_is_too_long(const struct output *o)
{
    return o->failed || output_whole(o).len > o->max;
}

void output_write(struct json_writer *w, struct str text, bool as_text)
{
    if (!as_text && text.len > 0 && json_valid(text)) {
        json_raw(w, text);
    } else {
        json_string(w, text.len > 0 ? text : STR(""));
    }
}

void ending_add(struct ending *e, struct str bytes)
{
    bytes = str_slice(bytes, bytes.len > ENDING_MAX ? bytes.len - ENDING_MAX : 0, bytes.len);
    size_t keep = ENDING_MAX - bytes.len < e->len ? ENDING_MAX - bytes.len : e->len;

    if (bytes.len > 0) {
        memmove(e->bytes, e->bytes + (e->len - keep), keep);
        memcpy(e->bytes + keep, bytes.ptr, bytes.len);
        e->len = keep + bytes.len;
    }
}

struct str ending_text(const struct ending *e)
{
    struct str text = str_make(e->bytes, e->len);
    size_t cut = 0;

    /* Continuation bytes at the front have lost their beginning. */
    while (text.len == ENDING_MAX && cut < 3 && ((unsigned char)text.ptr[cut] & 0xc0) == 0x80) {
        cut++;
    }
    text = str_slice(text, cut, text.len);
    if (text.len > 0 && text.ptr[text.len - 1] == '\n') {
        text.len--;
    }
    return text;
}
