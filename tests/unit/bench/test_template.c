#include "unit.h"

#include "template.h"

static char error[TEMPLATE_ERROR_SIZE];

static const struct template_values values = {
    .prefix = "bench",
    .id = 42,
    .peer = 7,
    .session = 12345,
    .size = 128,
    .number = 99,
    .captured = {"r-1", 3},
    .body = {"BODY", 4},
};

static void expect(const char *text, const char *expanded)
{
    struct template t;
    struct buf out;
    assert_true(template_parse(&t, str_from_z(text), error));
    buf_init(&out, 4096);
    template_expand(&t, &values, &out, NULL);
    buf_append_char(&out, '\0');
    assert_string_equal(out.data, expanded);
    buf_fini(&out);
}

static void test_places(void **state)
{
    (void)state;
    expect("{id}", "bench-00042");
    expect("{peer}|{session}", "bench-00007|bench-s12345");
    expect("{number}.", "0000000099.");
    expect("{size} {captured}", "128 r-1");
    expect("<{body}>", "<BODY>");
    expect("x{json}", "x{\"text\":\"BODY\"}");
}

/* JSON is full of braces. */
static void test_other_braces(void **state)
{
    (void)state;
    expect("{\"a\":{},\"b\":\"{id}\"}", "{\"a\":{},\"b\":\"bench-00042\"}");
    expect("{{id}}", "{bench-00042}");
    expect("{", "{");
    expect("{id", "{id");
    expect("{Id}", "{Id}");
    expect("{a1}", "{a1}");
    expect("", "");
}

static void test_unknown(void **state)
{
    struct template t;
    (void)state;
    assert_false(template_parse(&t, STR("x {sesion} y"), error));
    assert_non_null(strstr(error, "{sesion} is no place"));
    assert_non_null(strstr(error, "{session} is near"));
}

static void test_too_many(void **state)
{
    struct template t;
    (void)state;
    assert_true(template_parse(&t, STR("{id}{id}{id}{id}{id}{id}{id}{id}"), error));
    assert_false(template_parse(&t, STR("{id}{id}{id}{id}{id}{id}{id}{id}{id}"), error));
    assert_non_null(strstr(error, "at most 8"));
}

static void test_marks(void **state)
{
    struct template t;
    struct template_marks marks;
    struct buf out;
    (void)state;
    assert_true(template_parse(&t, STR("ab{id}c{body}"), error));
    assert_true(template_has(&t, PLACE_BODY));
    assert_false(template_has(&t, PLACE_JSON));
    buf_init(&out, 4096);
    buf_append_str(&out, STR("##"));
    template_expand(&t, &values, &out, &marks);
    assert_int_equal(marks.count, 2);
    assert_int_equal(marks.marks[0].kind, PLACE_ID);
    assert_int_equal(marks.marks[0].at, 4);
    assert_int_equal(marks.marks[1].kind, PLACE_BODY);
    assert_int_equal(marks.marks[1].at, 16);
    buf_fini(&out);
}

static void test_no_room(void **state)
{
    struct template t;
    struct buf out;
    (void)state;
    assert_true(template_parse(&t, STR("{id}{id}"), error));
    buf_init(&out, 15);
    template_expand(&t, &values, &out, NULL);
    assert_true(out.failed);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),  cmocka_unit_test(test_other_braces),
        cmocka_unit_test(test_unknown), cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_marks),   cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
