#include "unit.h"

#include "grow.h"
#include "laws.h"
#include "oracle.h"

#include <stdlib.h>

/*
 * Random messages of every type are valid, and say the same after a round trip (jansson is the
 * judge); random mutations of them keep the laws, and are refused when jansson cannot read them.
 */

enum { ROUNDS = 200, MUTATIONS = 10, MOST_BYTES = 1 << 16 };

static void check_growth(struct choices *c, enum parley_type type, struct buf *text)
{
    struct parley_problem problem;
    enum parley_type found;
    char *written;
    size_t len;

    buf_clear(text);
    grow_message(c, type, text);
    assert_false(text->failed);
    if (!parley_check(parley_type_dialect(type), PARLEY_STRICT, text->data, text->len, &found,
                      &problem)) {
        fail_msg("%s: %s, at %zu: %.*s", problem.path, problem.found, problem.position,
                 STR_ARG(buf_str(text)));
    }
    assert_int_equal(found, type);
    assert_true(laws_hold(parley_type_dialect(type), buf_str(text), &written, &len));
    if (!oracle_same(buf_str(text), str_make(written, len))) {
        fail_msg("%.*s became %s", STR_ARG(buf_str(text)), written);
    }
    free(written);
}

static void check_mutation(struct choices *c, enum parley_dialect dialect, const struct buf *text)
{
    struct buf changed;

    buf_init(&changed, MOST_BYTES);
    buf_append_str(&changed, buf_str(text));
    grow_mutation(c, &changed);
    /* A copy that ends where the text does, for the sanitizer. */
    char *copy = sample_copy(changed.data, changed.len);
    struct str mutation = str_make(copy, changed.len);
    char *written;
    size_t len;
    if (laws_hold(dialect, mutation, &written, &len)) {
        assert_true(oracle_same(mutation, str_make(written, len)));
        free(written);
    }
    free(copy);
    buf_fini(&changed);
}

static void test_random_messages(void **state)
{
    struct choices c = {.seed = 4};
    struct buf text;

    (void)state;
    buf_init(&text, MOST_BYTES);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (int type = PARLEY_TYPE_NONE + 1; type < PARLEY_TYPE_COUNT; type++) {
            check_growth(&c, (enum parley_type)type, &text);
        }
    }
    buf_fini(&text);
}

static void test_random_mutations(void **state)
{
    struct choices c = {.seed = 5};
    struct buf text;

    (void)state;
    buf_init(&text, MOST_BYTES);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (int type = PARLEY_TYPE_NONE + 1; type < PARLEY_TYPE_COUNT; type++) {
            buf_clear(&text);
            grow_message(&c, (enum parley_type)type, &text);
            for (unsigned i = 0; i < MUTATIONS; i++) {
                check_mutation(&c, parley_type_dialect((enum parley_type)type), &text);
            }
        }
    }
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_messages),
        cmocka_unit_test(test_random_mutations),
    };

    return cmocka_run_group_tests_name("protocol properties", tests, NULL, NULL);
}
