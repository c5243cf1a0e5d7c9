#include "unit.h"

#include <fcntl.h>
#include <poll.h>

#include "famine.h"
#include "parley/parley.h"

/*
 * The beginning and the end of a gateway that is embedded, where memory ends and where nobody
 * listens any more; its life is in test_library.py.
 */

static struct parley_options *make_options(void)
{
    struct parley_options *options = parley_options_new();

    assert_non_null(options);
    assert_int_equal(parley_options_set(options, "listen.port", "0"), PARLEY_OK);
    assert_int_equal(parley_options_set(options, "drain", "0s"), PARLEY_OK);
    assert_int_equal(parley_options_set(options, "threads", "1"), PARLEY_OK);
    return options;
}

/* Whatever was made by then is given back, and nothing else: not a descriptor of the program's. */
static void test_a_beginning_without_memory(void **state)
{
    struct parley_options *options = make_options();
    bool whole = false;

    (void)state;
    assert_true(fcntl(0, F_GETFD) >= 0);
    for (int n = 0; !whole; n++) {
        char *error = NULL;
        famine_after = n;
        struct parley *p = parley_new(options, &error);
        whole = famine_after >= 0;
        famine_after = -1;
        assert_true(p != NULL || !whole);
        parley_free(p);
        free(error);
        assert_true(fcntl(0, F_GETFD) >= 0);
    }
    parley_options_free(options);
}

/* --- posting ---------------------------------------------------------------------------------- */

static int posts_left;
static int posted;

static void post_again(struct parley *p, void *ctx)
{
    posted++;
    if (posts_left-- > 0) {
        assert_int_equal(parley_post(p, post_again, ctx), PARLEY_OK);
    }
}

/* What is posted when nothing runs any more is called at the end, and what that posts, too. */
static void test_posting_at_the_end(void **state)
{
    struct parley_options *options = make_options();
    struct parley *p = parley_new(options, NULL);

    (void)state;
    assert_non_null(p);
    parley_stop(p);
    parley_stop(p);
    assert_int_equal(parley_run(p), PARLEY_OK);
    posted = 0;
    posts_left = 3;
    assert_int_equal(parley_post(p, post_again, NULL), PARLEY_OK);
    assert_int_equal(posted, 0);
    parley_free(p);
    assert_int_equal(posted, 4);
    parley_options_free(options);
}

/* --- a loop of the program's own
 * ------------------------------------------------------------------ */

static bool is_readable(struct parley *p)
{
    return poll(&(struct pollfd){.fd = parley_fd(p), .events = POLLIN}, 1, 0) == 1;
}

/* What is done between two dispatches does not wait for the next tick. */
static void test_doing_between_two_dispatches(void **state)
{
    struct parley_options *options = make_options();
    struct parley *p = parley_new(options, NULL);

    (void)state;
    assert_non_null(p);
    for (int i = 0; i < 100; i++) {
        /* The tick, which comes once in 100 ms, makes it readable as well. */
        while (is_readable(p)) {
            assert_true(parley_dispatch(p));
        }
        assert_int_equal(
            parley_session_create(p, parley_text("den"), parley_text(""), parley_text("")),
            PARLEY_OK);
        assert_int_equal(parley_session_end(p, parley_text("den")), PARLEY_OK);
        assert_true(is_readable(p));
    }
    /* Who only looks has not made anything due. */
    int looks_after = 0;
    for (int i = 0; i < 100; i++) {
        struct parley_session session;
        while (is_readable(p)) {
            assert_true(parley_dispatch(p));
        }
        assert_int_equal(parley_session_get(p, parley_text("world:main"), &session), PARLEY_OK);
        looks_after += is_readable(p);
    }
    assert_in_range(looks_after, 0, 10);
    parley_free(p);
    parley_options_free(options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_beginning_without_memory),
        cmocka_unit_test(test_posting_at_the_end),
        cmocka_unit_test(test_doing_between_two_dispatches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
