#include "unit.h"

#include "matrix/markup.h"
#include "json/reader.h"

#include <stdlib.h>

static void expect_html(const char *markdown, const char *expected)
{
    struct buf out;

    buf_init(&out, 1000000);
    markup_html(str_from_z(markdown), &out);
    assert_false(out.failed);
    buf_append_char(&out, '\0');
    assert_string_equal(out.data, expected);
    buf_fini(&out);
}

static void blocks_are_tags(void **state)
{
    (void)state;
    expect_html("# a\n\n###### b", "<h1>a</h1><h6>b</h6>");
    expect_html("> a\n\n---\n\nb", "<blockquote><p>a</p></blockquote><hr><p>b</p>");
    expect_html("- a\n- b\n  1. c", "<ul><li>a</li><li>b<ol><li>c</li></ol></li></ul>");
    expect_html("7. a\n\n8. b", "<ol start=\"7\"><li><p>a</p></li><li><p>b</p></li></ol>");
    expect_html("|a|b|\n|---|---|\n|1|2|",
                "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td>"
                "</tr></tbody></table>");
    expect_html("", "");
}

static void code_has_its_language(void **state)
{
    (void)state;
    expect_html("```c++ x\n<&\n```", "<pre><code class=\"language-c++\">&lt;&amp;\n</code></pre>");
    expect_html("```\na\n```", "<pre><code>a\n</code></pre>");
    expect_html("```a\"b\nx\n```", "<pre><code>x\n</code></pre>");
    expect_html("```a&#32;b\nx\n```", "<pre><code>x\n</code></pre>");
    expect_html("    a", "<pre><code>a\n</code></pre>");
    expect_html("`<b>`", "<p><code>&lt;b&gt;</code></p>");
}

static void spans_are_tags(void **state)
{
    (void)state;
    expect_html("*a* **b** ~~c~~ a_b_c", "<p><em>a</em> <strong>b</strong> <del>c</del> a_b_c</p>");
    expect_html("a\nb  \nc\\\nd", "<p>a<br>b<br>c<br>d</p>");
    expect_html("&amp; &#65; &lt; &eacute; &#0; &#xD800; &#x110000; &quot;",
                "<p>&amp; A &lt; &eacute; \xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd &quot;</p>");
}

static void raw_html_is_text(void **state)
{
    (void)state;
    expect_html("<b>a</b>", "<p>&lt;b&gt;a&lt;/b&gt;</p>");
    expect_html("<script>\nx\n</script>", "<p>&lt;script&gt;<br>x<br>&lt;/script&gt;</p>");
    expect_html("<!-- a -->", "<p>&lt;!-- a --&gt;</p>");
}

static void links_lead_where_they_may(void **state)
{
    (void)state;
    expect_html("[a](https://b/?c=\"&d)", "<p><a href=\"https://b/?c=&quot;&amp;d\">a</a></p>");
    expect_html("[a](HTTP://b) [c](mailto:d@e) [f](ftp://g) [h](magnet:?i)",
                "<p><a href=\"HTTP://b\">a</a> <a href=\"mailto:d@e\">c</a> "
                "<a href=\"ftp://g\">f</a> <a href=\"magnet:?i\">h</a></p>");
    expect_html("<https://x.org> <a@b.org> https://x.org",
                "<p><a href=\"https://x.org\">https://x.org</a> "
                "<a href=\"mailto:a@b.org\">a@b.org</a> https://x.org</p>");
    static const char *const refused[] = {
        "javascript:x",
        "JAVASCRIPT:x",
        "java&#115;cript:x",
        "&#x6a;avascript:x",
        "javascript&colon;x",
        "data:x",
        "&#1;javascript:x",
        "java&#10;script:x",
        "vbscript:x",
        "/a",
        "//a",
        "mxc://a/b",
        "matrix:u/a",
        "https:",
        "&#65279;https://a",
        "<ja\tvascript:x>",
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        char markdown[64];
        (void)str_format(markdown, sizeof(markdown), "[a](%s)", refused[i]);
        expect_html(markdown, "<p>a</p>");
    }
    expect_html("[a](ht&#10;tps://b)", "<p><a href=\"https://b\">a</a></p>");
}

static void images_are_links(void **state)
{
    (void)state;
    expect_html("![a *b*](https://c)", "<p><a href=\"https://c\">a <em>b</em></a></p>");
    expect_html("![a](mxc://b/c)", "<p>a</p>");
    expect_html("[![a](https://b)](https://c)", "<p><a href=\"https://c\">a</a></p>");
    expect_html("![[a](https://b)](https://c)", "<p><a href=\"https://c\">a</a></p>");
}

static void bytes_become_text(void **state)
{
    struct buf out;

    (void)state;
    expect_html("a\xff\xc3 b\xed\xa0\x80", "<p>a\xef\xbf\xbd\xef\xbf\xbd b\xef\xbf\xbd\xef\xbf\xbd"
                                           "\xef\xbf\xbd</p>");
    expect_html("a\x1b[1mb\x7f\r\nc\rd", "<p>a[1mb<br>c<br>d</p>");
    buf_init(&out, 1000);
    markup_html(STR("a\0b"), &out);
    assert_true(str_equal(buf_str(&out), STR("<p>ab</p>")));
    buf_fini(&out);
}

static size_t count(struct str text, struct str wanted)
{
    size_t found = 0;

    for (size_t i = 0; i + wanted.len <= text.len; i++) {
        found += str_equal(str_slice(text, i, i + wanted.len), wanted);
    }
    return found;
}

/* The parser would look behind a text that ends like this, and it may be anything. */
static void a_text_ends_where_it_ends(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    markup_html(str_make("[a](http://b)", 4), &out);
    assert_true(str_equal(buf_str(&out), STR("<p>[a](</p>")));
    buf_fini(&out);
}

/* What is too deep is text: it is there, and nothing is left open. */
static void nesting_has_an_end(void **state)
{
    struct buf markdown, out;

    (void)state;
    buf_init(&markdown, 10000);
    for (int i = 0; i < 150; i++) {
        buf_append_str(&markdown, STR("> "));
    }
    buf_append_str(&markdown, STR("*a*"));
    buf_init(&out, 10000);
    markup_html(buf_str(&markdown), &out);
    assert_int_equal(count(buf_str(&out), STR("<blockquote>")), 99);
    assert_int_equal(count(buf_str(&out), STR("</blockquote>")), 99);
    assert_int_equal(count(buf_str(&out), STR("a</block")), 1);
    buf_fini(&out);
    buf_fini(&markdown);
}

/* One address, said once and used ten thousand times, costs no more than its bound. */
static void references_cost_no_more_than_text(void **state)
{
    struct buf markdown, out;

    (void)state;
    buf_init(&markdown, MARKUP_MAX_TEXT);
    buf_append_str(&markdown, STR("[a]: http://"));
    for (int i = 0; i < 30000; i++) {
        buf_append_char(&markdown, 'x');
    }
    buf_append_char(&markdown, '\n');
    for (int i = 0; i < 10000; i++) {
        buf_append_str(&markdown, STR("[a]"));
    }
    buf_init(&out, 1000000);
    markup_html(buf_str(&markdown), &out);
    assert_false(out.failed);
    assert_int_equal(count(buf_str(&out), STR("<a ")), 8);
    buf_fini(&out);
    buf_fini(&markdown);
}

static void there_is_a_most(void **state)
{
    char *text = calloc(1, MARKUP_MAX_TEXT + 1);
    struct buf out;

    (void)state;
    assert_non_null(text);
    memset(text, 'a', MARKUP_MAX_TEXT + 1);
    buf_init(&out, 1000000);
    markup_html(str_make(text, MARKUP_MAX_TEXT), &out);
    assert_false(out.failed);
    buf_clear(&out);
    markup_html(str_make(text, MARKUP_MAX_TEXT + 1), &out);
    assert_true(out.failed);
    buf_fini(&out);
    buf_init(&out, 10);
    markup_html(STR("abcdefghi"), &out);
    assert_true(out.failed);
    buf_fini(&out);
    free(text);
}

static void text_alone_is_plain(void **state)
{
    static const char *const plain[] = {
        "",        "a",      "Hello, world! 1 + 1 = 2 (really).",
        "a\nb",    "a\n\nb", "  a  b\n\n\n c\n",
        "a_b * c", "a < b",  "see https://x.org, or www.x.org",
        "é 日",    "a\r\nb", "2 * 3 * 4",
    };
    static const char *const not_plain[] = {
        "*a*",    "# a",         "- a",     "1. a",       "`a`",    "> a",
        "    a",  "a\\*",        "a&amp;b", "---",        "a\\\nb", "<https://a.b>",
        "[a](b)", "[a]: b\n\nc", "~~a~~",   "|a|\n|---|", "a\n---", "```",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        assert_true(markup_is_plain(str_from_z(plain[i])));
    }
    for (size_t i = 0; i < sizeof(not_plain) / sizeof(not_plain[0]); i++) {
        assert_false(markup_is_plain(str_from_z(not_plain[i])));
    }
}

static void expect_content(struct markup_message m, const char *expected)
{
    struct buf out;

    buf_init(&out, 100000);
    markup_content(&m, &out);
    assert_false(out.failed);
    assert_true(json_valid(buf_str(&out)));
    buf_append_char(&out, '\0');
    assert_string_equal(out.data, expected);
    buf_fini(&out);
}

static void content_has_what_it_needs(void **state)
{
    (void)state;
    expect_content((struct markup_message){.markdown = STR("a \"b\"")},
                   "{\"msgtype\":\"m.text\",\"body\":\"a \\\"b\\\"\",\"m.mentions\":{}}");
    expect_content(
        (struct markup_message){.markdown = STR("*a*"), .notice = true},
        "{\"msgtype\":\"m.notice\",\"body\":\"*a*\",\"format\":\"org.matrix.custom.html\","
        "\"formatted_body\":\"<p><em>a</em></p>\",\"m.mentions\":{}}");
    expect_content((struct markup_message){.markdown = STR("a\0\x1b\xff")},
                   "{\"msgtype\":\"m.text\",\"body\":\"a\xef\xbf\xbd\",\"m.mentions\":{}}");
}

static void content_keeps_its_place(void **state)
{
    (void)state;
    expect_content((struct markup_message){.markdown = STR("a"), .reply_to = STR("$q")},
                   "{\"msgtype\":\"m.text\",\"body\":\"a\",\"m.mentions\":{},"
                   "\"m.relates_to\":{\"m.in_reply_to\":{\"event_id\":\"$q\"}}}");
    expect_content((struct markup_message){.markdown = STR("a"), .thread = STR("$t")},
                   "{\"msgtype\":\"m.text\",\"body\":\"a\",\"m.mentions\":{},"
                   "\"m.relates_to\":{\"rel_type\":\"m.thread\",\"event_id\":\"$t\","
                   "\"is_falling_back\":true,\"m.in_reply_to\":{\"event_id\":\"$t\"}}}");
    expect_content(
        (struct markup_message){.markdown = STR("a"), .thread = STR("$t"), .reply_to = STR("$q")},
        "{\"msgtype\":\"m.text\",\"body\":\"a\",\"m.mentions\":{},"
        "\"m.relates_to\":{\"rel_type\":\"m.thread\",\"event_id\":\"$t\","
        "\"is_falling_back\":true,\"m.in_reply_to\":{\"event_id\":\"$q\"}}}");
}

static void an_edit_has_both_texts(void **state)
{
    (void)state;
    expect_content(
        (struct markup_message){.markdown = STR("*a*"),
                                .thread = STR("$t"),
                                .reply_to = STR("$q"),
                                .replaces = STR("$e")},
        "{\"msgtype\":\"m.text\",\"body\":\"* *a*\",\"m.mentions\":{},"
        "\"m.new_content\":{\"msgtype\":\"m.text\",\"body\":\"*a*\","
        "\"format\":\"org.matrix.custom.html\",\"formatted_body\":\"<p><em>a</em></p>\","
        "\"m.mentions\":{}},\"m.relates_to\":{\"rel_type\":\"m.replace\",\"event_id\":\"$e\"}}");
}

static void an_answer_says_whose_it_is(void **state)
{
    struct markup_message m = {.markdown = STR("a"), .answers = STR("@bot:x")};

    (void)state;
    expect_content(m, "{\"msgtype\":\"m.text\",\"body\":\"a\",\"m.mentions\":{},"
                      "\"org.parley.answer\":\"@bot:x\"}");
    m.replaces = STR("$e");
    expect_content(m, "{\"msgtype\":\"m.text\",\"body\":\"* a\",\"m.mentions\":{},"
                      "\"m.new_content\":{\"msgtype\":\"m.text\",\"body\":\"a\",\"m.mentions\":{},"
                      "\"org.parley.answer\":\"@bot:x\"},"
                      "\"m.relates_to\":{\"rel_type\":\"m.replace\",\"event_id\":\"$e\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_tags),
        cmocka_unit_test(code_has_its_language),
        cmocka_unit_test(spans_are_tags),
        cmocka_unit_test(raw_html_is_text),
        cmocka_unit_test(links_lead_where_they_may),
        cmocka_unit_test(images_are_links),
        cmocka_unit_test(bytes_become_text),
        cmocka_unit_test(a_text_ends_where_it_ends),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(references_cost_no_more_than_text),
        cmocka_unit_test(there_is_a_most),
        cmocka_unit_test(text_alone_is_plain),
        cmocka_unit_test(content_has_what_it_needs),
        cmocka_unit_test(content_keeps_its_place),
        cmocka_unit_test(an_edit_has_both_texts),
        cmocka_unit_test(an_answer_says_whose_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
