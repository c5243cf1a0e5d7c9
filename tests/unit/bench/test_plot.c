#include "unit.h"

#include "plot.h"

#include <stdlib.h>

static struct plot_run run_of(const char *label, uint64_t clients, uint64_t sessions, double cost)
{
    struct plot_run run = {
        .clients = clients, .sessions = sessions, .cost_ns = cost, .latency.count = 1000};
    (void)strncpy(run.label, label, PLOT_LABEL - 1);
    for (unsigned i = 0; i < LATENCY_POINTS; i++) {
        run.latency.values[i] = 1000u * (i + 1);
    }
    return run;
}

static unsigned count(const char *text, const char *what)
{
    unsigned found = 0;
    while ((text = strstr(text, what)) != NULL) {
        found++;
        text++;
    }
    return found;
}

/* The document, checked for what makes it well-formed: tags are closed, no bare < or &. */
static char *draw(const struct plot_run *runs, size_t n)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    plot_write(&out, runs, n);
    buf_append_char(&out, '\0');
    assert_false(out.failed);
    unsigned opened = count(out.data, "<") - count(out.data, "</");
    unsigned closed = count(out.data, "</") + count(out.data, "/>") + count(out.data, "?>");
    assert_int_equal(opened, closed);
    assert_int_equal(count(out.data, "<"), count(out.data, ">"));
    assert_int_equal(count(out.data, "&"), count(out.data, "&#"));
    assert_int_equal(count(out.data, "nan"), 0);
    assert_int_equal(count(out.data, "inf"), 0);
    return out.data;
}

static void test_one_run(void **state)
{
    struct plot_run run = run_of("world", 100, 1, 250);
    (void)state;
    char *svg = draw(&run, 1);
    assert_int_equal(count(svg, "<polyline"), 1); /* there is no growth in one */
    assert_non_null(strstr(svg, ">world, 100<"));
    assert_non_null(strstr(svg, ">99.9 %<"));
    assert_null(strstr(svg, ">99.99 %<")); /* of a thousand it says nothing */
    free(svg);
}

static void test_growth(void **state)
{
    const struct plot_run runs[] = {
        run_of("a", 10, 1, 100),  run_of("a", 100, 1, 200),  run_of("a", 1000, 1, 400),
        run_of("b", 10, 1, 1000), run_of("b", 100, 1, 2000),
    };
    (void)state;
    char *svg = draw(runs, 5);
    assert_int_equal(count(svg, "<polyline"), 5 + 2);
    assert_non_null(strstr(svg, ">members<"));
    assert_non_null(strstr(svg, ">1000<"));
    assert_non_null(strstr(svg, ">100 ns<"));
    assert_non_null(strstr(svg, ">10 us<"));
    free(svg);
}

static void test_growth_of_sessions(void **state)
{
    const struct plot_run runs[] = {run_of("a", 3, 1, 100), run_of("a", 3, 10000, 200)};
    (void)state;
    char *svg = draw(runs, 2);
    assert_non_null(strstr(svg, ">sessions<"));
    assert_non_null(strstr(svg, ">10000<"));
    free(svg);
}

static void test_strange_labels(void **state)
{
    const struct plot_run runs[] = {run_of("<a href=\"x\">&'", 1, 1, 1),
                                    run_of("\x01\x7f", 2, 1, 1), run_of("\xff\xfe", 3, 1, 1),
                                    run_of("\xc3\xa9", 4, 1, 1)};
    (void)state;
    char *svg = draw(runs, 4);
    assert_non_null(strstr(svg, ">&#60;a href=&#34;x&#34;&#62;&#38;&#39;<"));
    assert_int_equal(count(svg, ">?"
                                "?<"),
                     2);
    assert_non_null(strstr(svg, ">\xc3\xa9<"));
    free(svg);
}

static void test_nothing(void **state)
{
    struct plot_run run = {.label = "x"};
    (void)state;
    char *svg = draw(&run, 1);
    assert_non_null(strstr(svg, "nothing to draw"));
    free(svg);
}

/* Many would hide each other; all are in the growth. */
static void test_many(void **state)
{
    struct plot_run runs[20];
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        runs[i] = run_of("x", i + 1, 1, 100);
    }
    char *svg = draw(runs, 20);
    assert_int_equal(count(svg, "<polyline"), 1);
    free(svg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_run),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_growth_of_sessions),
        cmocka_unit_test(test_strange_labels),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
