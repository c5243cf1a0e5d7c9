#include "matrix/markup_internal.h"

#include <md4c.h>

#include "base/utf8.h"

enum {
    MAX_DEPTH = 99, /* of tags; with a line break in the innermost, the specification's 100 */
    MAX_LANGUAGE = 64,
    MAX_FOLLOWED = 4 * MARKUP_MAX_TEXT, /* then links are text */
    /* Bare addresses are left to clients, which find them; md4c loses track of emphasis by them. */
    FLAGS = MD_FLAG_NOHTML | MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH,
    REPLACEMENT = 0xfffd
};

enum tag {
    TAG_NONE, /* nothing is written: too deep, a link in a link, or one to where none may lead */
    TAG_A,
    TAG_BLOCKQUOTE,
    TAG_CODE,
    TAG_DEL,
    TAG_EM,
    TAG_H1,
    TAG_H6 = TAG_H1 + 5,
    TAG_LI,
    TAG_OL,
    TAG_P,
    TAG_PRE,
    TAG_STRONG,
    TAG_TABLE,
    TAG_TBODY,
    TAG_TD,
    TAG_TH,
    TAG_THEAD,
    TAG_TR,
    TAG_UL,
};

static const char *const tag_names[] = {
    "",   "a",  "blockquote", "code", "del",    "em",    "h1",    "h2", "h3", "h4",    "h5", "h6",
    "li", "ol", "p",          "pre",  "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
};

/* What was entered and is not left: a block, or with SPAN added a span. */
enum { SPAN = 64 };

struct level {
    uint8_t what;
    uint8_t tag; /* enum tag */
};

/*
 * What is entered is pushed. What is left is popped with all that is above it, and passed over when
 * it is not there: the parser does not always leave what it has entered (of crossing emphasis), and
 * HTML must. So what is written is always closed, and
 * in order.
 */
struct writer {
    struct buf *out;
    struct buf levels; /* of struct level, the innermost last */
    size_t depth;      /* how many of them have a tag */
    unsigned anchors;  /* that are open: 0 or 1 */
    struct buf href;   /* of the link at hand */
    size_t followed;   /* bytes of addresses: a reference can be used again and again */
};

/*
 * md4c 0.4.8 looks one byte behind a text that ends in "[a](", and goes on from there; so it gets
 * one that ends in a line feed, with a NUL behind.
 */
static bool parse(struct buf *text, size_t from, const MD_PARSER *parser, void *userdata)
{
    size_t len = text->len;

    if (len - from > MARKUP_MAX_TEXT) {
        return false;
    }
    buf_append(text, "\n", 2);
    if (text->failed) {
        return false;
    }
    text->len = len;
    return md_parse(text->data + from, (MD_SIZE)(len + 1 - from), parser, userdata) == 0;
}

/* --- text ------------------------------------------------------------------------------------- */

static void write_escaped(struct buf *out, struct str text)
{
    size_t from = 0;

    for (size_t i = 0; i < text.len; i++) {
        const char *entity = NULL;
        switch (text.ptr[i]) {
        case '&':
            entity = "&amp;";
            break;
        case '<':
            entity = "&lt;";
            break;
        case '>':
            entity = "&gt;";
            break;
        case '"':
            entity = "&quot;";
            break;
        default:
            continue;
        }
        buf_append_str(out, str_slice(text, from, i));
        buf_append_str(out, str_from_z(entity));
        from = i + 1;
    }
    buf_append_str(out, str_slice(text, from, text.len));
}

/* The number of "&#1234;" or "&#x12ab;", which a parser has found to be one. */
static uint32_t numeric_entity(struct str entity)
{
    bool hex = entity.len > 3 && str_lower(entity.ptr[2]) == 'x';
    uint32_t value = 0;

    for (size_t i = hex ? 3 : 2; i + 1 < entity.len && value <= 0x10ffff; i++) {
        char c = str_lower(entity.ptr[i]);
        value = value * (hex ? 16 : 10) + (uint32_t)(c >= 'a' ? c - 'a' + 10 : c - '0');
    }
    bool surrogate = value >= 0xd800 && value < 0xe000;
    bool control = (value < 0x20 && value != '\t' && value != '\n') || value == 0x7f;
    return value > 0x10ffff || surrogate || control ? REPLACEMENT : value;
}

/* Appends what an entity means. False: it is one of the many that have a name, and is not known. */
static bool decode_entity(struct str entity, struct buf *out)
{
    static const struct {
        struct str name;
        char meaning;
    } named[] = {{{"&amp;", 5}, '&'},
                 {{"&lt;", 4}, '<'},
                 {{"&gt;", 4}, '>'},
                 {{"&quot;", 6}, '"'},
                 {{"&apos;", 6}, '\''}};

    if (entity.len > 3 && entity.ptr[1] == '#') {
        char bytes[4];
        size_t len = utf8_encode(numeric_entity(entity), bytes);
        buf_append(out, bytes, len);
        return true;
    }
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        if (str_equal(entity, named[i].name)) {
            buf_append_char(out, named[i].meaning);
            return true;
        }
    }
    return false;
}

/* In text a name that we do not know goes to the reader as it is: &eacute; */
static void write_entity(struct buf *out, struct str entity)
{
    char bytes[8];
    struct buf meaning;

    buf_init(&meaning, sizeof(bytes));
    if (decode_entity(entity, &meaning)) {
        write_escaped(out, buf_str(&meaning));
        out->failed |= meaning.failed;
    } else {
        buf_append_str(out, entity);
    }
    buf_fini(&meaning);
}

static void write_text(struct buf *out, MD_TEXTTYPE type, struct str text)
{
    switch (type) {
    case MD_TEXT_BR:
    case MD_TEXT_SOFTBR:
        buf_append_str(out, STR("<br>"));
        break;
    case MD_TEXT_ENTITY:
        write_entity(out, text);
        break;
    case MD_TEXT_NULLCHAR:
        buf_append_str(out, STR("\xef\xbf\xbd"));
        break;
    default:
        write_escaped(out, text);
        break;
    }
}

/* --- tags ------------------------------------------------------------------------------------- */

/* Enters something, with a tag or none. Returns whether the tag was written: attributes follow. */
static bool push(struct writer *w, unsigned what, enum tag tag)
{
    struct level level = {(uint8_t)what, (uint8_t)(w->depth < MAX_DEPTH ? tag : TAG_NONE)};

    buf_append(&w->levels, &level, sizeof(level));
    w->out->failed |= w->levels.failed;
    if (level.tag == TAG_NONE || w->levels.failed) {
        return false;
    }
    w->depth++;
    w->anchors += level.tag == TAG_A;
    buf_append_char(w->out, '<');
    buf_append_str(w->out, str_from_z(tag_names[level.tag]));
    return true;
}

static void end_tag(struct writer *w)
{
    buf_append_char(w->out, '>');
}

static void push_plain(struct writer *w, unsigned what, enum tag tag)
{
    if (push(w, what, tag)) {
        end_tag(w);
    }
}

static struct level innermost(const struct writer *w)
{
    struct level level;

    memcpy(&level, w->levels.data + w->levels.len - sizeof(level), sizeof(level));
    return level;
}

static void pop(struct writer *w)
{
    struct level level = innermost(w);

    w->levels.len -= sizeof(level);
    if (level.tag != TAG_NONE) {
        w->depth--;
        w->anchors -= level.tag == TAG_A;
        buf_append_str(w->out, STR("</"));
        buf_append_str(w->out, str_from_z(tag_names[level.tag]));
        end_tag(w);
    }
}

/* Whether something is there to be left; a span only in the block at hand. */
static bool has_entered(const struct writer *w, unsigned what)
{
    for (size_t at = w->levels.len; at > 0; at -= sizeof(struct level)) {
        unsigned found = (uint8_t)w->levels.data[at - sizeof(struct level)];
        if (found == what) {
            return true;
        }
        if (found < SPAN && what >= SPAN) {
            return false;
        }
    }
    return false;
}

static void leave(struct writer *w, unsigned what)
{
    if (!has_entered(w, what)) {
        return;
    }
    for (bool found = false; !found;) {
        found = innermost(w).what == what;
        pop(w);
    }
}

/* What an attribute of the Markdown means, without control characters; entities are decoded. */
static void read_attribute(const MD_ATTRIBUTE *attribute, struct buf *out)
{
    for (size_t i = 0; attribute->size > 0 && attribute->substr_offsets[i] < attribute->size; i++) {
        MD_OFFSET from = attribute->substr_offsets[i], to = attribute->substr_offsets[i + 1];
        struct str part = str_make(attribute->text + from, to - from);
        if (attribute->substr_types[i] != MD_TEXT_ENTITY || !decode_entity(part, out)) {
            buf_append_str(out, part);
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < out->len; i++) {
        unsigned char c = (unsigned char)out->data[i];
        if (c >= 0x20 && c != 0x7f) {
            out->data[kept++] = out->data[i];
        }
    }
    out->len = kept;
}

/* The specification's list, whole. */
static bool may_lead_to(struct str address)
{
    static const struct str schemes[] = {
        {"https:", 6}, {"http:", 5}, {"ftp:", 4}, {"mailto:", 7}, {"magnet:", 7}};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (address.len > schemes[i].len &&
            str_equal_nocase(str_slice(address, 0, schemes[i].len), schemes[i])) {
            return true;
        }
    }
    return false;
}

static void push_link(struct writer *w, unsigned what, const MD_ATTRIBUTE *target)
{
    buf_clear(&w->href);
    w->followed += target->size;
    if (w->followed <= MAX_FOLLOWED) {
        read_attribute(target, &w->href);
    }
    bool allowed = w->anchors == 0 && !w->href.failed && may_lead_to(buf_str(&w->href));
    if (push(w, what, allowed ? TAG_A : TAG_NONE)) {
        buf_append_str(w->out, STR(" href=\""));
        write_escaped(w->out, buf_str(&w->href));
        buf_append_char(w->out, '"');
        end_tag(w);
    }
}

static bool is_language(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = str_lower(text.ptr[i]);
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!word && memchr("+#._-", c, 5) == NULL) {
            return false;
        }
    }
    return text.len > 0 && text.len <= MAX_LANGUAGE;
}

static void push_code(struct writer *w, const MD_BLOCK_CODE_DETAIL *detail)
{
    buf_clear(&w->href);
    read_attribute(&detail->lang, &w->href);
    push_plain(w, MD_BLOCK_CODE, TAG_PRE);
    if (push(w, MD_BLOCK_CODE, TAG_CODE)) {
        if (is_language(buf_str(&w->href))) {
            buf_append_str(w->out, STR(" class=\"language-"));
            buf_append_str(w->out, buf_str(&w->href));
            buf_append_char(w->out, '"');
        }
        end_tag(w);
    }
}

static void push_numbers(struct writer *w, const MD_BLOCK_OL_DETAIL *detail)
{
    if (push(w, MD_BLOCK_OL, TAG_OL)) {
        if (detail->start != 1) {
            buf_append_str(w->out, STR(" start=\""));
            buf_append_uint(w->out, detail->start);
            buf_append_char(w->out, '"');
        }
        end_tag(w);
    }
}

/* --- what the parser finds -------------------------------------------------------------------- */

/* Those that are a tag and nothing else. */
static enum tag tag_of_block(MD_BLOCKTYPE type, const void *detail)
{
    switch (type) {
    case MD_BLOCK_QUOTE:
        return TAG_BLOCKQUOTE;
    case MD_BLOCK_UL:
        return TAG_UL;
    case MD_BLOCK_LI:
        return TAG_LI;
    case MD_BLOCK_H:
        return TAG_H1 + (((const MD_BLOCK_H_DETAIL *)detail)->level - 1) % 6;
    case MD_BLOCK_P:
        return TAG_P;
    case MD_BLOCK_TABLE:
        return TAG_TABLE;
    case MD_BLOCK_THEAD:
        return TAG_THEAD;
    case MD_BLOCK_TBODY:
        return TAG_TBODY;
    case MD_BLOCK_TR:
        return TAG_TR;
    case MD_BLOCK_TH:
        return TAG_TH;
    case MD_BLOCK_TD:
        return TAG_TD;
    default:
        return TAG_NONE;
    }
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *userdata)
{
    struct writer *w = userdata;

    switch (type) {
    case MD_BLOCK_HR:
        buf_append_str(w->out, STR("<hr>"));
        break;
    case MD_BLOCK_CODE:
        push_code(w, detail);
        break;
    case MD_BLOCK_OL:
        push_numbers(w, detail);
        break;
    default:
        push_plain(w, type, tag_of_block(type, detail));
        break;
    }
    return w->out->failed;
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *userdata)
{
    struct writer *w = userdata;

    (void)detail;
    if (type == MD_BLOCK_CODE) {
        leave(w, type); /* code; then pre */
    }
    leave(w, type);
    return w->out->failed;
}

static enum tag tag_of_span(MD_SPANTYPE type)
{
    switch (type) {
    case MD_SPAN_EM:
        return TAG_EM;
    case MD_SPAN_STRONG:
        return TAG_STRONG;
    case MD_SPAN_CODE:
        return TAG_CODE;
    case MD_SPAN_DEL:
        return TAG_DEL;
    default:
        return TAG_NONE;
    }
}

/* An image is a link to it: what is at home elsewhere is not loaded unasked. */
static int enter_span(MD_SPANTYPE type, void *detail, void *userdata)
{
    struct writer *w = userdata;

    if (type == MD_SPAN_A) {
        push_link(w, SPAN + type, &((const MD_SPAN_A_DETAIL *)detail)->href);
    } else if (type == MD_SPAN_IMG) {
        push_link(w, SPAN + type, &((const MD_SPAN_IMG_DETAIL *)detail)->src);
    } else {
        push_plain(w, SPAN + type, tag_of_span(type));
    }
    return w->out->failed;
}

static int leave_span(MD_SPANTYPE type, void *detail, void *userdata)
{
    struct writer *w = userdata;

    (void)detail;
    leave(w, SPAN + type);
    return w->out->failed;
}

static int take_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *userdata)
{
    struct writer *w = userdata;

    write_text(w->out, type, str_make(text, size));
    return w->out->failed;
}

void markup_write_html(struct buf *text, size_t from, struct buf *out)
{
    static const MD_PARSER parser = {.flags = FLAGS,
                                     .enter_block = enter_block,
                                     .leave_block = leave_block,
                                     .enter_span = enter_span,
                                     .leave_span = leave_span,
                                     .text = take_text};
    struct writer w = {.out = out};

    buf_init(&w.href, MARKUP_MAX_TEXT);
    buf_init(&w.levels, 8 * MARKUP_MAX_TEXT);
    out->failed |= !parse(text, from, &parser, &w);
    buf_fini(&w.levels);
    buf_fini(&w.href);
}

/* --- whether it is wanted --------------------------------------------------------------------- */

/*
 * It is not when all blocks are paragraphs, with nothing in them but text and addresses, and what
 * is shown of the text is all of it: nothing was a sign. Only white space may differ.
 */
struct comparison {
    struct str rest; /* of the text, what has not been shown */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static bool follows(struct comparison *c, struct str shown)
{
    size_t at = 0;

    for (size_t i = 0; i < shown.len; i++) {
        if (is_space(shown.ptr[i])) {
            continue;
        }
        while (at < c->rest.len && is_space(c->rest.ptr[at])) {
            at++;
        }
        if (at == c->rest.len || c->rest.ptr[at] != shown.ptr[i]) {
            return false;
        }
        at++;
    }
    c->rest = str_slice(c->rest, at, c->rest.len);
    return true;
}

static int compare_block(MD_BLOCKTYPE type, void *detail, void *userdata)
{
    (void)detail;
    (void)userdata;
    return type != MD_BLOCK_DOC && type != MD_BLOCK_P;
}

static int compare_span(MD_SPANTYPE type, void *detail, void *userdata)
{
    (void)detail;
    (void)userdata;
    return type != MD_SPAN_A;
}

static int compare_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *userdata)
{
    if (type == MD_TEXT_BR || type == MD_TEXT_SOFTBR) {
        return 0;
    }
    return type != MD_TEXT_NORMAL || !follows(userdata, str_make(text, size));
}

bool markup_says_no_more(struct buf *text, size_t from)
{
    static const MD_PARSER parser = {.flags = FLAGS,
                                     .enter_block = compare_block,
                                     .leave_block = compare_block,
                                     .enter_span = compare_span,
                                     .leave_span = compare_span,
                                     .text = compare_text};
    /* What the parser needs behind it must not move the text. */
    if (!buf_reserve(text, 2)) {
        return false;
    }
    struct comparison c = {str_slice(buf_str(text), from, text->len)};
    if (!parse(text, from, &parser, &c)) {
        return false;
    }
    while (c.rest.len > 0 && is_space(c.rest.ptr[0])) {
        c.rest = str_slice(c.rest, 1, c.rest.len);
    }
    return c.rest.len == 0;
}
