#include "matrix/markup_internal.h"

enum {
    MIN_RUN = 3, /* of a fence (CommonMark 4.5) */
    MAX_RUN = 64,
    MAX_INFO = 64,      /* of it, what is opened again */
    MAX_EVENT_ID = 255, /* bytes, in Matrix */
    ALWAYS_FITS = 4096  /* a budget in which a character has room, whatever is around it */
};

static bool is_blank(struct str line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (memchr(" \t\r\n", line.ptr[i], 4) == NULL) {
            return false;
        }
    }
    return true;
}

/* The first line of a text, with its end. */
static struct str first_line(struct str text)
{
    return str_slice(text, 0, str_find(text, '\n') + 1);
}

/* --- fences ----------------------------------------------------------------------------------- */

/* How long the quote signs and the indentation are that a line begins with. */
static size_t margin_length(struct str line)
{
    size_t at = 0;

    while (at < line.len && memchr(" \t>", line.ptr[at], 3) != NULL) {
        at++;
    }
    return at;
}

/* The same with the mark of an item: "- ", "12. ". */
static size_t lead_length(struct str line)
{
    size_t at = margin_length(line), end = at;

    while (end < line.len && line.ptr[end] >= '0' && line.ptr[end] <= '9') {
        end++;
    }
    bool marked =
        end < line.len && memchr(end > at ? ".)" : "-+*", line.ptr[end], end > at ? 2 : 3) != NULL;
    struct str behind = str_slice(line, end + 1, line.len);
    if (!marked || behind.len == 0 || behind.ptr[0] != ' ') {
        return at;
    }
    return end + 1 + margin_length(behind);
}

static size_t run_length(struct str text, char mark)
{
    size_t len = 0;

    while (len < text.len && text.ptr[len] == mark) {
        len++;
    }
    return len;
}

/* Whether a line opens a fence. */
static bool opens(struct str line, struct markup_fence *ret_fence)
{
    struct markup_fence fence = {.lead = str_slice(line, 0, lead_length(line))};
    struct str text = str_slice(line, fence.lead.len, line.len);

    fence.mark = text.len > 0 ? text.ptr[0] : '\0';
    if (fence.mark != '`' && fence.mark != '~') {
        return false;
    }
    fence.run = run_length(text, fence.mark);
    fence.info = str_slice(text, fence.run, text.len);
    while (fence.info.len > 0 && is_blank(str_slice(fence.info, fence.info.len - 1, SIZE_MAX))) {
        fence.info.len--;
    }
    fence.info = str_trim(fence.info);
    if (fence.run < MIN_RUN || fence.run > MAX_RUN ||
        (fence.mark == '`' && str_find(fence.info, '`') < fence.info.len)) {
        return false;
    }
    *ret_fence = fence;
    return true;
}

static bool closes(const struct markup_fence *fence, struct str line)
{
    struct str text = str_slice(line, margin_length(line), line.len);
    size_t run = run_length(text, fence->mark);

    return run >= fence->run && is_blank(str_slice(text, run, text.len));
}

/* Whether the quote that the fence is in ends before this line. */
static bool leaves_quote(const struct markup_fence *fence, struct str line)
{
    struct str margin = str_slice(line, 0, margin_length(line));

    return str_find(fence->lead, '>') < fence->lead.len && str_find(margin, '>') == margin.len;
}

/* What a line does to the fence that is open, or is not. */
static void step(struct markup_fence *fence, struct str line)
{
    if (fence->run > 0 && leaves_quote(fence, line)) {
        fence->run = 0;
    }
    if (fence->run == 0) {
        (void)opens(line, fence);
    } else if (closes(fence, line)) {
        fence->run = 0;
    }
}

static void write_run(struct buf *out, const struct markup_fence *fence)
{
    for (size_t i = 0; i < fence->run; i++) {
        buf_append_char(out, fence->mark);
    }
}

static void write_opening(struct buf *out, const struct markup_fence *fence)
{
    struct str info = fence->info;

    if (info.len > MAX_INFO) {
        info.len = MAX_INFO;
        while (info.len > 0 && ((uint8_t)info.ptr[info.len] & 0xc0) == 0x80) {
            info.len--;
        }
    }
    write_run(out, fence);
    buf_append_str(out, info);
    buf_append_char(out, '\n');
}

/* It stands in the same quote as what it closes, and where the text of its item does. */
static void write_closing(struct buf *out, const struct markup_fence *fence)
{
    if (out->len > 0 && !out->failed && out->data[out->len - 1] != '\n') {
        buf_append_char(out, '\n');
    }
    for (size_t i = 0; i < fence->lead.len; i++) {
        buf_append_char(out, fence->lead.ptr[i] == '>' ? '>' : ' ');
    }
    write_run(out, fence);
}

/* --- pieces ----------------------------------------------------------------------------------- */

/* What was before a line of code in the margin is not there where its fence is opened again. */
static struct str without_lead(struct str line, const struct markup_fence *fence)
{
    size_t margin = margin_length(line);

    return str_slice(line, margin < fence->lead.len ? margin : fence->lead.len, line.len);
}

static void trim_end(struct buf *piece, size_t start)
{
    while (piece->len > start && memchr(" \t\r\n", piece->data[piece->len - 1], 4) != NULL) {
        piece->len--;
    }
}

/* The first `len` bytes of the rest as a piece. *ret_fence: what it is cut in. */
static void write_piece(const struct markup_split *s, size_t len, struct buf *piece,
                        struct markup_fence *ret_fence)
{
    struct markup_fence fence = s->fence;
    bool again = fence.run > 0; /* the fence that is open was opened again */
    size_t start = piece->len;

    if (again) {
        write_opening(piece, &fence);
    }
    for (struct str rest = str_slice(s->rest, 0, len); rest.len > 0;) {
        struct str line = first_line(rest);
        rest = str_slice(rest, line.len, rest.len);
        buf_append_str(piece, again ? without_lead(line, &fence) : line);
        step(&fence, line);
        again = again && fence.run > 0;
    }
    *ret_fence = fence;
    if (fence.run == 0) {
        trim_end(piece, start);
        return;
    }
    if (again) {
        fence.lead = STR("");
    }
    write_closing(piece, &fence);
}

static bool is_inside(struct str text, size_t at)
{
    return at < text.len && ((uint8_t)text.ptr[at] & 0xc0) == 0x80;
}

/* The length of the whole characters in the first `len` bytes; of one at least. */
static size_t at_character(struct str text, size_t len)
{
    size_t end = len;

    while (end > 0 && len - end < 3 && is_inside(text, end)) {
        end--;
    }
    if (end > 0) {
        /* Bytes that are not UTF-8 may be cut anywhere. */
        return is_inside(text, end) ? len : end;
    }
    for (end = 1; end < 4 && is_inside(text, end);) {
        end++;
    }
    return end;
}

/* Whether a piece of so many bytes is in the budget. */
static bool fits(const struct markup_split *s, size_t len, size_t max_bytes)
{
    char id[MAX_EVENT_ID];
    struct markup_fence fence;
    struct buf piece, content;

    if (len > s->rest.len) {
        return false;
    }
    memset(id, 'x', sizeof(id));
    buf_init(&piece, MARKUP_MAX_TEXT);
    buf_init(&content, max_bytes);
    write_piece(s, len, &piece, &fence);
    struct markup_message m = {.markdown = buf_str(&piece), .replaces = {id, sizeof(id)}};
    bool ok = !piece.failed && markup_write_content(&m, &content) && !content.failed;
    buf_fini(&content);
    buf_fini(&piece);
    return ok;
}

/*
 * The greatest length that fits, or a little less. What is longer than the rest does not fit, so
 * the lengths that are tried, and what comes of it, do not depend on what follows.
 */
static size_t greatest(const struct markup_split *s, size_t max_bytes)
{
    size_t fitting = 0, too_long = max_bytes + 1, precise = 1 + max_bytes / 1024;

    while (too_long - fitting > precise) {
        size_t len = fitting + (too_long - fitting) / 2;
        if (fits(s, len, max_bytes)) {
            fitting = len;
        } else {
            too_long = len;
        }
    }
    return fitting;
}

/* Where to cut in the first `len` bytes: a better place, if it makes the piece not much shorter. */
static size_t find_cut(const struct markup_split *s, size_t len)
{
    struct markup_fence fence = s->fence;
    struct str text = str_slice(s->rest, 0, len);
    size_t paragraph = 0, line_end = 0, word = len;

    for (size_t at = 0; at < len;) {
        struct str line = first_line(str_slice(text, at, len));
        bool was_open = fence.run > 0;
        at += line.len;
        step(&fence, line);
        bool opened = !was_open && fence.run > 0;
        if (line.ptr[line.len - 1] != '\n' || opened) {
            continue;
        }
        line_end = at;
        if (fence.run == 0 && is_blank(line)) {
            paragraph = at;
        }
    }
    while (word > 0 && text.ptr[word - 1] != ' ') {
        word--;
    }
    return paragraph >= len / 2 && paragraph > 0 ? paragraph
           : line_end >= len / 4 && line_end > 0 ? line_end
           : word >= len / 8 && word > 0         ? word
                                                 : len;
}

/* Passes over what begins no piece: empty lines, and the end of a fence that was cut before it. */
static void skip(struct markup_split *s)
{
    while (s->rest.len > 0) {
        struct str line = first_line(s->rest);
        bool closing = s->fence.run > 0 && closes(&s->fence, line);
        if (!closing && (s->fence.run > 0 || !is_blank(line))) {
            return;
        }
        s->fence.run = 0;
        s->rest = str_slice(s->rest, line.len, s->rest.len);
    }
}

/* How much of the rest is the next piece; 0: nothing fits where something must, so there is no
 * memory. */
static size_t choose_length(const struct markup_split *s, size_t max_bytes)
{
    if (s->rest.len <= max_bytes && fits(s, s->rest.len, max_bytes)) {
        return s->rest.len;
    }
    size_t least = at_character(s->rest, 0), len = greatest(s, max_bytes);
    if (len == 0 && max_bytes >= ALWAYS_FITS) {
        return 0;
    }
    for (len = at_character(s->rest, len);;) {
        size_t cut = at_character(s->rest, find_cut(s, len));
        if (cut <= least || fits(s, cut, max_bytes)) {
            return cut;
        }
        len = at_character(s->rest, cut - 1 - cut / 16);
    }
}

bool markup_split_next(struct markup_split *s, size_t max_bytes, struct buf *piece)
{
    size_t start = piece->len;

    if (max_bytes > MARKUP_MAX_TEXT) {
        max_bytes = MARKUP_MAX_TEXT;
    }
    while (piece->len == start && !piece->failed) {
        struct markup_fence fence;
        skip(s);
        if (s->rest.len == 0) {
            return false;
        }
        size_t len = choose_length(s, max_bytes);
        piece->failed |= len == 0;
        write_piece(s, len, piece, &fence);
        s->fence = fence;
        s->rest = str_slice(s->rest, len, s->rest.len);
    }
    return !piece->failed;
}
