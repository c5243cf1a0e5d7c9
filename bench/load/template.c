#include "template.h"

#include "base/suggest.h"

#include <assert.h>
#include <stdio.h>

static const struct {
    const char *word;
    enum place_kind kind;
} words[] = {
    {"{id}", PLACE_ID},         {"{peer}", PLACE_PEER}, {"{session}", PLACE_SESSION},
    {"{number}", PLACE_NUMBER}, {"{size}", PLACE_SIZE}, {"{captured}", PLACE_CAPTURED},
    {"{body}", PLACE_BODY},     {"{json}", PLACE_JSON},
};

enum { WORD_COUNT = sizeof(words) / sizeof(words[0]) };

void template_write_digits(char *out, uint64_t value, unsigned digits)
{
    while (digits-- > 0) {
        out[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* The length of a "{word}" at the beginning of `text`, or 0. */
static size_t word_length(struct str text)
{
    size_t len = 1;
    while (len < text.len && text.ptr[len] >= 'a' && text.ptr[len] <= 'z') {
        len++;
    }
    return text.ptr[0] == '{' && len > 1 && len < text.len && text.ptr[len] == '}' ? len + 1 : 0;
}

static bool refuse(struct str word, char *error)
{
    struct suggestion nearest;
    suggestion_init(&nearest, word);
    for (size_t i = 0; i < WORD_COUNT; i++) {
        suggestion_offer(&nearest, str_from_z(words[i].word), words[i].word);
    }
    (void)snprintf(error, TEMPLATE_ERROR_SIZE,
                   "%.*s is no place that can be filled in; %s%s"
                   "{id}, {peer}, {session}, {number}, {size}, {captured}, {body} and {json} are",
                   (int)(word.len < 40 ? word.len : 40), word.ptr,
                   nearest.best != NULL ? nearest.best : "",
                   nearest.best != NULL ? " is near; " : "");
    return false;
}

bool template_parse(struct template *t, struct str text, char error[TEMPLATE_ERROR_SIZE])
{
    *t = (struct template){.text = text};
    for (size_t at = 0; at < text.len; at++) {
        struct str word = str_slice(text, at, at + word_length(str_slice(text, at, text.len)));
        size_t i = 0;
        if (word.len == 0) {
            continue;
        }
        while (i < WORD_COUNT && !str_equal(word, str_from_z(words[i].word))) {
            i++;
        }
        if (i == WORD_COUNT) {
            return refuse(word, error);
        }
        if (t->count == TEMPLATE_MAX_PLACES) {
            (void)snprintf(error, TEMPLATE_ERROR_SIZE, "a template has at most %d places",
                           TEMPLATE_MAX_PLACES);
            return false;
        }
        t->places[t->count++] = (struct place){words[i].kind, (uint32_t)at, (uint32_t)word.len};
        at += word.len - 1;
    }
    return true;
}

bool template_has(const struct template *t, enum place_kind kind)
{
    for (unsigned i = 0; i < t->count; i++) {
        if (t->places[i].kind == kind) {
            return true;
        }
    }
    return false;
}

static void append_digits(struct buf *out, uint64_t value, unsigned digits)
{
    char text[TEMPLATE_NUMBER_DIGITS];
    assert(digits <= sizeof(text));
    template_write_digits(text, value, digits);
    buf_append(out, text, digits);
}

static void append_name(struct buf *out, const char *prefix, struct str between, uint32_t number)
{
    buf_append(out, prefix, TEMPLATE_PREFIX);
    buf_append_str(out, between);
    append_digits(out, number, TEMPLATE_DIGITS);
}

static void append_place(struct buf *out, enum place_kind kind, const struct template_values *v)
{
    switch (kind) {
    case PLACE_ID:
        append_name(out, v->prefix, STR("-"), v->id);
        return;
    case PLACE_PEER:
        append_name(out, v->prefix, STR("-"), v->peer);
        return;
    case PLACE_SESSION:
        append_name(out, v->prefix, STR("-s"), v->session);
        return;
    case PLACE_NUMBER:
        append_digits(out, v->number, TEMPLATE_NUMBER_DIGITS);
        return;
    case PLACE_SIZE:
        buf_append_uint(out, v->size);
        return;
    case PLACE_CAPTURED:
        buf_append_str(out, v->captured);
        return;
    case PLACE_BODY:
        buf_append_str(out, v->body);
        return;
    case PLACE_JSON:
        buf_append_str(out, STR("{\"text\":\""));
        buf_append_str(out, v->body);
        buf_append_str(out, STR("\"}"));
        return;
    }
}

void template_expand(const struct template *t, const struct template_values *v, struct buf *out,
                     struct template_marks *ret_marks)
{
    size_t done = 0;
    for (unsigned i = 0; i < t->count; i++) {
        const struct place *place = &t->places[i];
        buf_append_str(out, str_slice(t->text, done, place->at));
        if (ret_marks != NULL) {
            ret_marks->marks[i].kind = place->kind;
            ret_marks->marks[i].at = (uint32_t)out->len;
        }
        append_place(out, place->kind, v);
        done = place->at + place->len;
    }
    buf_append_str(out, str_slice(t->text, done, t->text.len));
    if (ret_marks != NULL) {
        ret_marks->count = t->count;
    }
}
