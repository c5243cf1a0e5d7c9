#include "unit.h"

#include "base/utf8.h"
#include "matrix/markup.h"
#include "sample.h"

enum { TINY = 500 };

/* The pieces of a text, with a bar behind each. */
static void split(struct str text, size_t max_bytes, struct buf *out)
{
    struct markup_split s = {.rest = text};
    struct buf piece;

    buf_init(&piece, 1000000);
    while (markup_split_next(&s, max_bytes, &piece)) {
        buf_append_str(out, buf_str(&piece));
        buf_append_char(out, '|');
        buf_clear(&piece);
    }
    assert_false(piece.failed);
    assert_int_equal(s.rest.len, 0);
    buf_fini(&piece);
}

static void expect(const char *text, size_t max_bytes, const char *expected)
{
    struct buf out;

    buf_init(&out, 1000000);
    split(str_from_z(text), max_bytes, &out);
    buf_append_char(&out, '\0');
    assert_string_equal(out.data, expected);
    buf_fini(&out);
}

/* The bytes that a text makes, as an edit with the longest of ids. */
static size_t size_of(struct str text)
{
    char id[255];
    struct markup_message m = {.markdown = text, .replaces = {id, sizeof(id)}};
    struct buf out;

    memset(id, 'x', sizeof(id));
    buf_init(&out, 1000000);
    markup_content(&m, &out);
    assert_false(out.failed);
    size_t len = out.len;
    buf_fini(&out);
    return len;
}

/* The budget in which just this has room. */
static size_t room_for(const char *text)
{
    return size_of(str_from_z(text));
}

static void what_fits_is_one_piece(void **state)
{
    (void)state;
    expect("", 60000, "");
    expect("\n \n\n", 60000, "");
    expect("a", 60000, "a|");
    expect("\n\n  a\n\nb\n", 60000, "  a\n\nb|");
    expect("```\na", 60000, "```\na\n```|");
    expect("abc", room_for("abc"), "abc|");
    expect("abc", room_for("abc") - 1, "ab|c|");
}

static void it_is_cut_at_the_best_place(void **state)
{
    (void)state;
    expect("aaaa\nbbbb\n\ncccc\ndddd", room_for("aaaa\nbbbb\n\ncccc\nddd"),
           "aaaa\nbbbb|cccc\ndddd|");
    expect("aaaa\nbbbb\ncccc\ndddd", room_for("aaaa\nbbbb\ncccc\nddd"), "aaaa\nbbbb\ncccc|dddd|");
    expect("aaaa bbbb cccc dddd", room_for("aaaa bbbb cccc ddd"), "aaaa bbbb cccc|dddd|");
    expect("aaaabbbbccccdddd", room_for("aaaabbbbcccc"), "aaaabbbbcccc|dddd|");
    /* Not where next to nothing would be left of the piece. */
    expect("a\n\nbbbb cccc dddd eeee", room_for("a\n\nbbbb cccc dddd"),
           "a\n\nbbbb cccc dddd|eeee|");
}

static void a_character_is_never_cut(void **state)
{
    (void)state;
    expect("\xc3\xa9\xc3\xa9\xc3\xa9", room_for("aaa"), "\xc3\xa9|\xc3\xa9|\xc3\xa9|");
    expect("\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 0, "\xf0\x9f\x98\x80|\xf0\x9f\x98\x80|");
    expect("\x80\x80\x80\x80\x80\x80", room_for("\x80"), "\x80\x80\x80\x80|\x80\x80|");
    expect("ab", 0, "a|b|");
}

static void code_is_closed_and_opened_again(void **state)
{
    (void)state;
    expect("```python\na = 1\nb = 2\nc = 3\n```\nend", room_for("```python\na = 1\nb = 2\n```"),
           "```python\na = 1\nb = 2\n```|```python\nc = 3\n```\nend|");
    expect("~~~~\n```\na\n```\nb\n~~~~\n", room_for("~~~~\n```\na\n~~~~"),
           "~~~~\n```\na\n~~~~|~~~~\n```\nb\n~~~~|");
    /* In a quote and in an item; what opens a fence again is in neither. */
    expect("> ```c\n> a\n> b\n> ```\n> q", room_for("> ```c\n> a\n> ```"),
           "> ```c\n> a\n> ```|```c\nb\n```|> q|");
    expect("1. ```c\n   a\n     b\n   ```", room_for("1. ```c\n   a\n   ```"),
           "1. ```c\n   a\n   ```|```c\n  b\n```|");
    /* The end of the quote is the end of its code. */
    expect("> ```c\n> a\n\nbbbbbbbb", room_for("> ```c\n> a\n> ```"), "> ```c\n> a|bbbbbbbb|");
}

static void no_piece_has_an_empty_fence(void **state)
{
    (void)state;
    expect("aaaaaaaaaa\n```\nbbbbbbbb\n```", room_for("aaaaaaaaaa\n```\n```"),
           "aaaaaaaaaa|```\nbbbbbbbb\n```|");
    expect("```\naaaaaaaaaaaaaaaaaaaa\n```\nb", room_for("```\naaaaaaaaaaaaaaaaaaaa\n```"),
           "```\naaaaaaaaaaaaaaaaaaaa\n```|b|");
}

/* --- what holds for any text ------------------------------------------------------------------ */

static void random_text(uint64_t *seed, struct buf *text)
{
    static const char *const words[] = {"a",          "word ",    "\n",
                                        "\n\n",       "```\n",    "```c\n",
                                        "~~~\n",      "> ",       "- ",
                                        "1. ",        "*b* ",     "&amp;",
                                        "\"",         "\xc3\xa9", "\xf0\x9f\x98\x80",
                                        "    ",       "# h\n",    "[l](http://m) ",
                                        "|a|\n|-|\n", "\x80",     "\\",
                                        "<b>"};
    size_t count = sample_random(seed, 200);

    for (size_t i = 0; i < count; i++) {
        buf_append_str(text,
                       str_from_z(words[sample_random(seed, sizeof(words) / sizeof(words[0]))]));
    }
}

/* What is left of a text without white space, signs of fences and margins, and info strings. */
static void essence(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (memchr(" \n`~>c-1.", text.ptr[i], 9) == NULL) {
            buf_append_char(out, text.ptr[i]);
        }
    }
}

static void check_pieces(struct str text, size_t max_bytes)
{
    struct markup_split s = {.rest = text};
    struct buf piece, all, wanted;
    size_t pieces = 0;

    buf_init(&piece, 1000000);
    buf_init(&all, 1000000);
    buf_init(&wanted, 1000000);
    for (size_t left = text.len; markup_split_next(&s, max_bytes, &piece); left = s.rest.len) {
        assert_true(s.rest.len < left);
        assert_true(max_bytes < TINY || size_of(buf_str(&piece)) <= max_bytes);
        essence(buf_str(&piece), &all);
        buf_clear(&piece);
        pieces++;
    }
    essence(text, &wanted);
    assert_true(str_equal(buf_str(&all), buf_str(&wanted)));
    assert_true(pieces <= text.len);
    buf_fini(&piece);
    buf_fini(&all);
    buf_fini(&wanted);
}

static void nothing_is_lost_and_all_are_in_the_budget(void **state)
{
    uint64_t seed = 20261129;
    struct buf text;

    (void)state;
    buf_init(&text, 100000);
    for (int i = 0; i < 300; i++) {
        buf_clear(&text);
        random_text(&seed, &text);
        check_pieces(buf_str(&text), i % 20 > 0 ? TINY + 150 + sample_random(&seed, 1000)
                                                : sample_random(&seed, TINY));
    }
    buf_fini(&text);
}

/* A text that grows, as an answer does, keeps the pieces it had. */
static void pieces_stay_when_the_text_grows(void **state)
{
    uint64_t seed = 4711;
    struct buf text, part, whole;

    (void)state;
    buf_init(&text, 100000);
    buf_init(&part, 100000);
    buf_init(&whole, 100000);
    for (int i = 0; i < 50; i++) {
        buf_clear(&text);
        buf_clear(&part);
        buf_clear(&whole);
        random_text(&seed, &text);
        size_t max_bytes = TINY + 150 + sample_random(&seed, 300);
        struct str shorter =
            str_slice(buf_str(&text), 0, sample_random(&seed, (uint32_t)text.len + 1));
        split(buf_str(&text), max_bytes, &whole);
        split(shorter, max_bytes, &part);
        /* All but the last one; the samples may have bars in them, which do no harm. */
        struct markup_split s = {.rest = shorter};
        struct buf piece;
        size_t len = 0, before = 0;
        buf_init(&piece, 100000);
        while (markup_split_next(&s, max_bytes, &piece)) {
            before = len;
            len += piece.len + 1;
            buf_clear(&piece);
        }
        buf_fini(&piece);
        assert_true(before <= whole.len);
        assert_true(before == 0 || memcmp(part.data, whole.data, before) == 0);
    }
    buf_fini(&text);
    buf_fini(&part);
    buf_fini(&whole);
}

/* As a room gets it: a long answer in events of 60,000 bytes. */
static void a_long_text_has_few_pieces(void **state)
{
    struct buf text, out;
    size_t bars = 0;

    (void)state;
    buf_init(&text, 1000000);
    for (int i = 0; i < 2000; i++) {
        buf_printf(&text, "Paragraph %d with *some* words and \"quotes\" in it.\n\n", i);
    }
    buf_init(&out, 1000000);
    split(buf_str(&text), 60000, &out);
    for (size_t i = 0; i < out.len; i++) {
        bars += out.data[i] == '|';
    }
    assert_in_range(bars, 4, 8);
    assert_true(utf8_valid(out.data, out.len));
    buf_fini(&text);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_one_piece),
        cmocka_unit_test(it_is_cut_at_the_best_place),
        cmocka_unit_test(a_character_is_never_cut),
        cmocka_unit_test(code_is_closed_and_opened_again),
        cmocka_unit_test(no_piece_has_an_empty_fence),
        cmocka_unit_test(nothing_is_lost_and_all_are_in_the_budget),
        cmocka_unit_test(pieces_stay_when_the_text_grows),
        cmocka_unit_test(a_long_text_has_few_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
