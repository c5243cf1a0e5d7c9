#include "unit.h"

#include <stdio.h>

#include "cli/table.h"

static void expect_table(struct buf *rows, bool colour, const char *text)
{
    struct buf out;

    assert_false(rows->failed);
    buf_init(&out, 65536);
    table_layout(&out, buf_str(rows), colour);
    buf_append_char(&out, '\0');
    assert_false(out.failed);
    assert_string_equal(out.data, text);
    buf_fini(&out);
    buf_fini(rows);
}

static void test_columns(void **state)
{
    struct buf rows;

    (void)state;
    buf_init(&rows, 65536);
    table_text(&rows, STR("NAME"));
    table_text(&rows, STR("N"));
    table_end_row(&rows);
    table_cell(&rows, STR("\"\u00e4\u00f6\u00fcxyz\""));
    table_cell(&rows, STR("12"));
    table_end_row(&rows);
    table_cell(&rows, STR("\"b\""));
    table_cell(&rows, STR("true"));
    table_end_row(&rows);
    expect_table(&rows, false,
                 "  NAME    N\n"
                 "  \u00e4\u00f6\u00fcxyz  12\n"
                 "  b       true\n");
}

static void test_empty_cells(void **state)
{
    struct buf rows;

    (void)state;
    buf_init(&rows, 65536);
    table_cell(&rows, STR(""));
    table_cell(&rows, STR("null"));
    table_cell(&rows, STR("\"\""));
    table_text(&rows, STR(""));
    table_end_row(&rows);
    expect_table(&rows, true, "\033[1m  -  -  -  -\033[0m\n");
    buf_init(&rows, 65536);
    expect_table(&rows, true, "");
}

/* Nothing that was sent can end a cell or a row. */
static void test_hostile_cells(void **state)
{
    struct buf rows;

    (void)state;
    buf_init(&rows, 65536);
    table_cell(&rows, STR("\"a\\tb\\nc\\u001b[2J\\u0000\""));
    table_text(&rows, STR("d\te\nf"));
    table_end_row(&rows);
    expect_table(&rows, false, "  a\\tb\\nc\\x1b[2J\\x00  d\\te\\nf\n");
}

static void test_wide_cell(void **state)
{
    char wide[TABLE_MAX_WIDTH + 1], text[512];
    struct buf rows;

    (void)state;
    memset(wide, 'w', sizeof(wide));
    buf_init(&rows, 65536);
    table_text(&rows, STR("a"));
    table_text(&rows, STR("x"));
    table_end_row(&rows);
    table_text(&rows, str_make(wide, sizeof(wide)));
    table_text(&rows, STR("y"));
    table_end_row(&rows);
    (void)snprintf(text, sizeof(text), "  %-*s  x\n  %.*s  y\n", TABLE_MAX_WIDTH, "a",
                   (int)sizeof(wide), wide);
    expect_table(&rows, false, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_empty_cells),
        cmocka_unit_test(test_hostile_cells),
        cmocka_unit_test(test_wide_cell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
