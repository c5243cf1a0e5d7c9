#include "matrix/markup_internal.h"

#include "base/utf8.h"
#include "json/writer.h"

/* Of a piece of HTML that is still an event there is less; more is not wanted. */
enum { MAX_HTML = 2 * MARKUP_MAX_TEXT };

/* The length of the character at `at`; 0 when none begins there. */
static size_t character_length(struct str bytes, size_t at)
{
    uint32_t state = UTF8_COMPLETE;

    for (size_t i = at; i < bytes.len; i++) {
        state = utf8_step(state, (uint8_t)bytes.ptr[i]);
        if (state == UTF8_COMPLETE || state == UTF8_INVALID) {
            return state == UTF8_COMPLETE ? i + 1 - at : 0;
        }
    }
    return 0;
}

void markup_clean(struct str bytes, struct buf *out)
{
    for (size_t at = 0; at < bytes.len;) {
        unsigned char c = (unsigned char)bytes.ptr[at];
        size_t len = character_length(bytes, at);
        if (len == 0) {
            buf_append_str(out, STR("\xef\xbf\xbd"));
            len = 1;
        } else if (c == '\r') {
            buf_append_char(out, '\n');
            len += at + 1 < bytes.len && bytes.ptr[at + 1] == '\n' ? 1 : 0;
        } else if ((c >= 0x20 && c != 0x7f) || c == '\t' || c == '\n') {
            buf_append(out, bytes.ptr + at, len);
        }
        at += len;
    }
}

void markup_html(struct str markdown, struct buf *out)
{
    struct buf text;

    buf_init(&text, MARKUP_MAX_TEXT + 2);
    markup_clean(markdown, &text);
    if (text.failed) {
        out->failed = true;
    } else {
        markup_write_html(&text, 0, out);
    }
    buf_fini(&text);
}

bool markup_is_plain(struct str markdown)
{
    struct buf text;

    buf_init(&text, MARKUP_MAX_TEXT + 2);
    markup_clean(markdown, &text);
    bool plain = !text.failed && markup_says_no_more(&text, 0);
    buf_fini(&text);
    return plain;
}

/* --- content ---------------------------------------------------------------------------------- */

/* The members of one text; `prefix` stands before it in the body. */
static void write_text(struct json_writer *w, const struct markup_message *m, struct str body,
                       struct str html)
{
    json_key_string(w, STR("msgtype"), m->notice ? STR("m.notice") : STR("m.text"));
    json_key_string(w, STR("body"), body);
    if (html.len > 0) {
        json_key_string(w, STR("format"), STR("org.matrix.custom.html"));
        json_key_string(w, STR("formatted_body"), html);
    }
    json_key_raw(w, STR("m.mentions"), STR("{}"));
}

static void write_answer_key(struct json_writer *w, const struct markup_message *m)
{
    if (m->answers.len > 0) {
        json_key_string(w, STR(MARKUP_ANSWER_KEY), m->answers);
    }
}

static void write_reply(struct json_writer *w, struct str event_id)
{
    json_key(w, STR("m.in_reply_to"));
    json_begin_object(w);
    json_key_string(w, STR("event_id"), event_id);
    json_end_object(w);
}

/* An edit stays where the message is that it is one of. */
static void write_relation(struct json_writer *w, const struct markup_message *m)
{
    if (m->replaces.len == 0 && m->thread.len == 0 && m->reply_to.len == 0) {
        return;
    }
    json_key(w, STR("m.relates_to"));
    json_begin_object(w);
    if (m->replaces.len > 0) {
        json_key_string(w, STR("rel_type"), STR("m.replace"));
        json_key_string(w, STR("event_id"), m->replaces);
    } else if (m->thread.len > 0) {
        json_key_string(w, STR("rel_type"), STR("m.thread"));
        json_key_string(w, STR("event_id"), m->thread);
        json_key_bool(w, STR("is_falling_back"), true);
        write_reply(w, m->reply_to.len > 0 ? m->reply_to : m->thread);
    } else {
        write_reply(w, m->reply_to);
    }
    json_end_object(w);
}

static void write_content(const struct markup_message *m, struct buf *text, struct str html,
                          struct buf *out)
{
    struct json_writer w;
    struct str body = str_slice(buf_str(text), 2, text->len);

    json_writer_init(&w, out);
    json_begin_object(&w);
    if (m->replaces.len > 0) {
        write_text(&w, m, buf_str(text), STR(""));
        json_key(&w, STR("m.new_content"));
        json_begin_object(&w);
        write_text(&w, m, body, html);
        write_answer_key(&w, m);
        json_end_object(&w);
    } else {
        write_text(&w, m, body, html);
        write_answer_key(&w, m);
    }
    write_relation(&w, m);
    json_end_object(&w);
}

bool markup_write_content(const struct markup_message *m, struct buf *out)
{
    struct buf text, html;

    buf_init(&text, SIZE_MAX);
    buf_init(&html, MAX_HTML);
    /* What stands before the text where edits are not known. */
    buf_append_str(&text, STR("* "));
    markup_clean(m->markdown, &text);
    if (!text.failed && !markup_says_no_more(&text, 2)) {
        markup_write_html(&text, 2, &html);
    }
    if (text.failed) {
        out->failed = true;
    } else {
        write_content(m, &text, html.failed ? STR("") : buf_str(&html), out);
    }
    bool whole = !html.failed;
    buf_fini(&html);
    buf_fini(&text);
    return whole;
}

void markup_content(const struct markup_message *m, struct buf *out)
{
    (void)markup_write_content(m, out);
}
