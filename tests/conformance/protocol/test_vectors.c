#include "unit.h"

#include "laws.h"
#include "oracle.h"
#include "rows.h"

#include <stdlib.h>

/*
 * The vectors against the engine: the verdict, the path and the position of each, at each level of
 * strictness that it is about; and what must be true of any text (laws.h), with the meaning of what
 * was encoded compared by jansson.
 */

static const char *vectors_path;

enum { TOLD = 40 }; /* how many disagreements are printed */

static FILE *open_vectors(void)
{
    FILE *file = fopen(vectors_path, "rb");
    assert_non_null(file);
    return file;
}

static void tell(unsigned *failures, const struct row *row, const char *what, const char *more)
{
    if ((*failures)++ < TOLD) {
        print_error("%.*s: %s%s\n    %.*s\n", STR_ARG(row->name), what, more,
                    (int)(row->len < 300 ? row->len : 300), row->text);
    }
}

static bool is_at_path(const struct row *row, const struct parley_problem *problem)
{
    struct str path = str_from_z(problem->path);

    return !row->has_path || str_equal(path, row->path);
}

static void judge(const struct row *row, enum parley_strictness strictness, unsigned *failures)
{
    struct parley_problem problem = {0};
    char text[400];
    enum parley_type type;
    bool ok = parley_check(row->dialect, strictness, row->text, row->len, &type, &problem);
    const char *level = strictness == PARLEY_STRICT ? "strict" : "known";

    parley_problem_text(&problem, text, sizeof(text));
    if (ok != row->is_good) {
        tell(failures, row, ok ? "accepted, " : text, ok ? level : "");
    } else if (!ok && !is_at_path(row, &problem)) {
        tell(failures, row, "refused, but at another path: ", text);
    } else if (!ok && row->has_position && problem.position != row->position) {
        snprintf(text, sizeof(text), "%zu", problem.position);
        tell(failures, row, "refused, but at another position: ", text);
    }
}

static void test_verdicts(void **state)
{
    FILE *file = open_vectors();
    unsigned failures = 0, count = 0;
    struct row row;

    (void)state;
    for (; row_read(&row, file); row_fini(&row)) {
        if (row.is_strict) {
            judge(&row, PARLEY_STRICT, &failures);
        }
        if (row.is_received) {
            judge(&row, PARLEY_RECEIVED, &failures);
        }
        count++;
    }
    fclose(file);
    assert_true(count > 6000);
    assert_int_equal(failures, 0);
}

static void round_trip(const struct row *row, unsigned *failures)
{
    struct str text = str_make(row->text, row->len);
    char *written = NULL;
    size_t len = 0;

    if (!laws_hold(row->dialect, text, &written, &len)) {
        return;
    }
    if (!oracle_same(text, str_make(written, len))) {
        tell(failures, row, "another meaning when it is written again: ", written);
    }
    free(written);
}

static void test_laws(void **state)
{
    FILE *file = open_vectors();
    unsigned failures = 0;
    struct row row;

    (void)state;
    for (; row_read(&row, file); row_fini(&row)) {
        round_trip(&row, &failures);
    }
    fclose(file);
    assert_int_equal(failures, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_laws),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: %s VECTORS\n", argv[0]);
        return 2;
    }
    vectors_path = argv[1];
    return cmocka_run_group_tests_name("protocol vectors", tests, NULL, NULL);
}
