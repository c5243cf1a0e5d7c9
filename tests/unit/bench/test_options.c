#include "unit.h"

#include "options.h"

#include <stdlib.h>

static struct bench_options b;
static struct load_options o;

/* Reads them and makes the options of the first run; the exit code. */
static enum cli_exit read_run(const char *const *arguments)
{
    enum cli_exit code = CLI_OK;
    if (bench_options_read(&b, arguments, &code)) {
        code = b.action != BENCH_RUN || bench_run_options(&b, 0, &o) ? CLI_OK : CLI_USAGE;
    }
    return code;
}

#define ARGUMENTS(...)                                                                             \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define ACCEPT(...) assert_int_equal(read_run(ARGUMENTS(__VA_ARGS__)), CLI_OK)
#define REFUSE(...)                                                                                \
    do {                                                                                           \
        assert_int_equal(read_run(ARGUMENTS(__VA_ARGS__)), CLI_USAGE);                             \
        bench_options_fini(&b);                                                                    \
    } while (0)

static int set_up(void **state)
{
    (void)state;
    unsetenv("PARLEY_URL");
    unsetenv("PARLEY_TOKEN");
    return 0;
}

static void test_usual(void **state)
{
    (void)state;
    ACCEPT("fanout");
    assert_int_equal(o.mode, LOAD_FANOUT);
    assert_int_equal(o.clients, 100);
    assert_int_equal(o.window, 1);
    assert_int_equal(o.size, 128);
    assert_string_equal(o.url, "ws://127.0.0.1:8765");
    assert_string_equal(o.dialect_name, "world");
    assert_int_equal(bench_run_count(&b), 1);
    bench_options_fini(&b);
    ACCEPT("pipelined");
    assert_int_equal(o.mode, LOAD_FANOUT);
    assert_int_equal(o.window, 64);
    bench_options_fini(&b);
}

static void test_windows(void **state)
{
    (void)state;
    ACCEPT("chat", "--clients", "30", "--sessions", "2", "--dialect", "gateway");
    assert_int_equal(o.window, 60);
    bench_options_fini(&b);
    ACCEPT("pairs", "--clients", "30");
    assert_int_equal(o.window, 15);
    bench_options_fini(&b);
    ACCEPT("fanout", "--rate", "0.5");
    assert_int_equal(o.window, 10000);
    bench_options_fini(&b);
    ACCEPT("fanout", "--rate", "100", "--size", "16777216");
    assert_int_equal(o.window, 16);
    bench_options_fini(&b);
    ACCEPT("fanout", "--rate", "100", "--window", "1");
    assert_int_equal(o.window, 1);
    bench_options_fini(&b);
}

static void test_modes(void **state)
{
    (void)state;
    ACCEPT("stalled", "--pid", "1");
    assert_int_equal(o.clients, 50);
    assert_int_equal(o.messages, 10240);
    bench_options_fini(&b);
    ACCEPT("requests", "--agents=4", "--window", "16");
    assert_int_equal(o.clients, 1);
    assert_int_equal(o.agents, 4);
    bench_options_fini(&b);
    ACCEPT("stop", "--pid", "1", "--pause", "50");
    assert_int_equal(o.pause_ms, 50);
    assert_true(o.rate > 1499 && o.rate < 1501);
    bench_options_fini(&b);
    ACCEPT("idle", "--pid", "1");
    assert_int_equal(o.sessions, 0);
    bench_options_fini(&b);
    ACCEPT("plot", "--svg", "x");
    assert_int_equal(b.action, BENCH_PLOT);
    bench_options_fini(&b);
}

static void test_lists(void **state)
{
    (void)state;
    ACCEPT("fanout", "--clients", "10,100,1000");
    assert_int_equal(bench_run_count(&b), 3);
    assert_true(bench_run_options(&b, 2, &o));
    assert_int_equal(o.clients, 1000);
    bench_options_fini(&b);
    ACCEPT("chat", "--clients", "3", "--sessions", "1,20", "--dialect", "gateway");
    assert_true(bench_run_options(&b, 1, &o));
    assert_int_equal(o.clients, 3);
    assert_int_equal(o.sessions, 20);
    bench_options_fini(&b);
    REFUSE("chat", "--clients", "3,4", "--sessions", "1,20");
    REFUSE("fanout", "--clients", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17");
    REFUSE("fanout", "--clients", "1,,2");
    REFUSE("fanout", "--clients", "1,");
    REFUSE("fanout", "--clients", "");
}

static void test_wrapped(void **state)
{
    (void)state;
    ACCEPT("fanout", "--url", "wss://x", "--deflate");
    assert_true(o.deflate);
    bench_options_fini(&b);
    ACCEPT("fanout", "--url", "https://x:1/path");
    assert_false(o.deflate);
    bench_options_fini(&b);
}

static void test_refused(void **state)
{
    (void)state;
    REFUSE("fanuot");
    REFUSE("fanout", "chat");
    REFUSE("fanout", "--no-such");
    REFUSE("fanout", "--clients", "0");
    REFUSE("fanout", "--clients", "99999");
    REFUSE("fanout", "--size", "10");
    REFUSE("fanout", "--seconds", "soon");
    REFUSE("fanout", "--seconds", "nan");
    REFUSE("fanout", "--rate", "0");
    REFUSE("fanout", "--pid", "-1");
    REFUSE("fanout", "--dialect", "none");
    REFUSE("fanout", "--template", "/no/such/file");
    REFUSE("fanout", "--sessions", "2");
    REFUSE("fanout", "--joins", "2");
    REFUSE("chat", "--sessions", "3", "--joins", "2");
    REFUSE("chat", "--clients", "1");
    REFUSE("pairs", "--clients", "3");
    REFUSE("idle");
    REFUSE("idle", "--pid", "1", "--sessions", "2"); /* the world has no `join` */
    REFUSE("stalled");
    REFUSE("stop");
    REFUSE("plot");
    REFUSE("template", "--template", "x");
    REFUSE("fanout", "--token", "x");
    REFUSE("fanout", "--url", "unix:/run/x");
    REFUSE("fanout", "--url", "wsss://x");
    REFUSE("fanout", "--dialect", "nats", "--url", "tcp://127.0.0.1:1", "--deflate");
    REFUSE("fanout", "--url", "tcp://127.0.0.1:1");
}

static void test_help(void **state)
{
    enum cli_exit code = CLI_FAILED;
    (void)state;
    assert_false(bench_options_read(&b, ARGUMENTS("--help"), &code));
    assert_int_equal(code, CLI_OK);
    bench_options_fini(&b);
}

static void test_environment(void **state)
{
    (void)state;
    setenv("PARLEY_URL", "http://127.0.0.1:9", 1);
    setenv("PARLEY_TOKEN", "secret", 1);
    ACCEPT("fanout");
    assert_string_equal(o.url, "http://127.0.0.1:9");
    assert_true(str_equal(o.token, STR("secret")));
    bench_options_fini(&b);
    setenv("PARLEY_TOKEN", "a\nb", 1);
    REFUSE("fanout");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_usual, set_up),
        cmocka_unit_test_setup(test_windows, set_up),
        cmocka_unit_test_setup(test_modes, set_up),
        cmocka_unit_test_setup(test_lists, set_up),
        cmocka_unit_test_setup(test_wrapped, set_up),
        cmocka_unit_test_setup(test_refused, set_up),
        cmocka_unit_test_setup(test_help, set_up),
        cmocka_unit_test_setup(test_environment, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
