#include "matrix/markup.h"
#include "json/writer.h"

/*
 * Stands in for markup.c where the text of a message is to be read back: pieces are bytes of the
 * text and nothing else, so that put together they are the text again, and the content says in
 * plain members what it was made of.
 */

bool markup_split_next(struct markup_split *s, size_t max_bytes, struct buf *piece)
{
    size_t len = s->rest.len < max_bytes ? s->rest.len : max_bytes;

    if (len == 0) {
        return false;
    }
    buf_append_str(piece, str_slice(s->rest, 0, len));
    s->rest = str_slice(s->rest, len, s->rest.len);
    return !piece->failed;
}

void markup_content(const struct markup_message *m, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key_string(&w, STR("body"), m->markdown);
    json_key_bool(&w, STR("notice"), m->notice);
    json_key_string(&w, STR("thread"), m->thread);
    json_key_string(&w, STR("reply_to"), m->reply_to);
    json_key_string(&w, STR("replaces"), m->replaces);
    json_key_string(&w, STR("answers"), m->answers);
    json_end_object(&w);
}
