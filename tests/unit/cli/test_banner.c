#include "unit.h"

#include "cli/banner.h"

static void expect_banner(const struct banner *banner, const char *text)
{
    struct buf out;

    buf_init(&out, 8192);
    banner_append(&out, banner);
    buf_append_char(&out, '\0');
    assert_string_equal(out.data, text);
    buf_fini(&out);
}

static void test_plain(void **state)
{
    const struct banner banner = {.program = "build/parley",
                                  .world_path = "/ws/matrix",
                                  .address = "127.0.0.1",
                                  .port = 8765};

    (void)state;
    expect_banner(&banner, "parley " PARLEY_VERSION "   loopback only, no authentication\n"
                           "\n"
                           "  World      ws://127.0.0.1:8765/ws/matrix\n"
                           "  Status     http://127.0.0.1:8765/api/gateway/status\n"
                           "\n"
                           "  In another terminal:\n"
                           "    build/parley tail                              watch everything\n"
                           "    build/parley send bark '{\"text\":\"hello\"}'      say something\n"
                           "    build/parley status                            see who is there\n"
                           "\n");
}

static void test_elsewhere(void **state)
{
    const struct banner banner = {.program = "/my programs/it's",
                                  .world_path = "/w",
                                  .address = "127.0.0.1",
                                  .port = 9,
                                  .unix_path = "/run/a\033b"};

    (void)state;
    expect_banner(&banner,
                  "parley " PARLEY_VERSION "   loopback only, no authentication\n"
                  "\n"
                  "  World      ws://127.0.0.1:9/w\n"
                  "  Status     http://127.0.0.1:9/api/gateway/status\n"
                  "  Local      unix:/run/a\\x1bb\n"
                  "\n"
                  "  In another terminal:\n"
                  "    '/my programs/it'\\''s' tail --url http://127.0.0.1:9   watch everything\n"
                  "    '/my programs/it'\\''s' send --url http://127.0.0.1:9 bark "
                  "'{\"text\":\"hello\"}'   say something\n"
                  "    '/my programs/it'\\''s' status --url http://127.0.0.1:9   see who is there\n"
                  "\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
