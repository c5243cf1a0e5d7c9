/*
 * Markdown into HTML and pieces. The first two bytes are the budget of the pieces, the rest is the
 * text. A tokenizer of the test's own, which knows no more of HTML than what may be written, reads
 * the result: whatever it does not expect is outside of the specification's list.
 */

#include <assert.h>

#include "base/utf8.h"
#include "matrix/markup.h"
#include "json/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

enum { MAX_OUT = 4 * 1024 * 1024, MAX_DEPTH = 100 };

struct html {
    struct str rest;
    struct str open[MAX_DEPTH];
    size_t depth;
};

static bool take(struct html *h, const char *wanted)
{
    struct str prefix = str_from_z(wanted);

    if (!str_starts_with(h->rest, prefix)) {
        return false;
    }
    h->rest = str_slice(h->rest, prefix.len, h->rest.len);
    return true;
}

static struct str take_word(struct html *h)
{
    size_t len = 0;

    while (len < h->rest.len &&
           ((h->rest.ptr[len] >= 'a' && h->rest.ptr[len] <= 'z') ||
            (len == 1 && h->rest.ptr[len] >= '1' && h->rest.ptr[len] <= '6'))) {
        len++;
    }
    struct str word = str_slice(h->rest, 0, len);
    h->rest = str_slice(h->rest, len, h->rest.len);
    return word;
}

static bool is_one_of(struct str word, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (str_equal(word, str_from_z(*list))) {
            return true;
        }
    }
    return false;
}

static void check_attribute(struct html *h, struct str tag)
{
    static const char *const schemes[] = {"https", "http", "ftp", "mailto", "magnet", NULL};
    size_t end;

    if (str_equal(tag, STR("a"))) {
        assert(take(h, " href=\""));
        end = str_find(h->rest, '"');
        char scheme[8];
        size_t colon = str_find(h->rest, ':');
        assert(colon < end && colon < sizeof(scheme));
        for (size_t i = 0; i < colon; i++) {
            scheme[i] = str_lower(h->rest.ptr[i]);
        }
        assert(is_one_of(str_make(scheme, colon), schemes));
    } else if (str_equal(tag, STR("ol"))) {
        uint64_t number;
        assert(take(h, " start=\""));
        end = str_find(h->rest, '"');
        assert(str_to_uint(str_slice(h->rest, 0, end), 999999999, &number));
    } else {
        assert(str_equal(tag, STR("code")) && take(h, " class=\"language-"));
        end = str_find(h->rest, '"');
        assert(end > 0);
    }
    for (size_t i = 0; i < end; i++) {
        assert((unsigned char)h->rest.ptr[i] >= 0x20 && h->rest.ptr[i] != '<' &&
               h->rest.ptr[i] != '>');
    }
    h->rest = str_slice(h->rest, end, h->rest.len);
    assert(take(h, "\""));
}

static void check_tag(struct html *h)
{
    static const char *const with_attribute[] = {"a", "code", "ol", NULL};
    static const char *const others[] = {
        "blockquote", "del",    "em",    "h1",    "h2", "h3", "h4",    "h5", "h6", "li", "p",
        "pre",        "strong", "table", "tbody", "td", "th", "thead", "tr", "ul", NULL};

    if (take(h, "br>") || take(h, "hr>")) {
        assert(h->depth < MAX_DEPTH);
        return;
    }
    if (take(h, "/")) {
        assert(h->depth > 0 && str_equal(take_word(h), h->open[--h->depth]) && take(h, ">"));
        return;
    }
    struct str tag = take_word(h);
    assert(is_one_of(tag, with_attribute) || is_one_of(tag, others));
    if (h->rest.len > 0 && h->rest.ptr[0] == ' ') {
        check_attribute(h, tag);
    }
    assert(take(h, ">") && h->depth < MAX_DEPTH);
    for (size_t i = 0; i < h->depth && str_equal(tag, STR("a")); i++) {
        assert(!str_equal(h->open[i], tag));
    }
    h->open[h->depth++] = tag;
}

static void check_html(struct str html)
{
    struct html h = {.rest = html};

    assert(utf8_valid(html.ptr, html.len));
    while (h.rest.len > 0) {
        char c = h.rest.ptr[0];
        h.rest = str_slice(h.rest, 1, h.rest.len);
        assert(c != '>' && c != '\0');
        if (c == '<') {
            check_tag(&h);
        }
    }
    assert(h.depth == 0);
}

static void check_pieces(struct str text, size_t max_bytes)
{
    struct markup_split s = {.rest = text};
    struct buf piece, content;
    char id[255];

    memset(id, 'x', sizeof(id));
    buf_init(&piece, MAX_OUT);
    buf_init(&content, MAX_OUT);
    for (size_t left = text.len; markup_split_next(&s, max_bytes, &piece); left = s.rest.len) {
        struct markup_message m = {.markdown = buf_str(&piece), .replaces = {id, sizeof(id)}};
        assert(s.rest.len < left && piece.len > 0);
        markup_content(&m, &content);
        assert(!content.failed && json_valid(buf_str(&content)));
        assert(max_bytes < 4096 || content.len <= max_bytes);
        buf_clear(&piece);
        buf_clear(&content);
    }
    assert(!piece.failed && s.rest.len == 0);
    buf_fini(&piece);
    buf_fini(&content);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct buf html;

    if (size < 2) {
        return 0;
    }
    struct str text = str_make((const char *)input + 2, size - 2);
    buf_init(&html, MAX_OUT);
    markup_html(text, &html);
    assert(!html.failed);
    check_html(buf_str(&html));
    buf_fini(&html);
    /* Each piece costs a search: mostly a short text, and one text in eight. */
    if ((input[1] & 7) == 0) {
        size_t max_bytes = (size_t)input[0] << 8 | input[1];
        check_pieces(str_slice(text, 0, max_bytes < 1024 ? 64 : 1024), max_bytes);
    }
    return 0;
}
