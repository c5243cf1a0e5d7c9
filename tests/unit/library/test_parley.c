#include "unit.h"

#include <fcntl.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_beginning_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
