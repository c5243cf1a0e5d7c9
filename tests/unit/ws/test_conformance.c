/* Every vector of the files named as arguments is a test, cut in every way. */

#include "unit.h"

#include "stream.h"
#include "vectors.h"

#include <err.h>
#include <stdlib.h>

static void check_vector(void **state)
{
    const struct vector *v = *state;

    stream_check(v->role, v->max_message, buf_str(&v->in), v->out.data, v->shown_at);
}

int main(int argc, char **argv)
{
    struct vector *vectors = NULL;
    size_t count = 0;

    for (int i = 1; i < argc; i++) {
        size_t before = count;
        vectors_read(argv[i], &vectors, &count);
        if (count == before) {
            errx(1, "%s: no vectors", argv[i]);
        }
    }
    struct CMUnitTest *tests = calloc(count, sizeof(*tests));
    if (tests == NULL) {
        errx(1, "no vectors, or no memory");
    }
    for (size_t i = 0; i < count; i++) {
        tests[i] = (struct CMUnitTest){
            .name = vectors[i].name, .test_func = check_vector, .initial_state = &vectors[i]};
    }
    int failed = _cmocka_run_group_tests("conformance", tests, count, NULL, NULL);
    free(tests);
    vectors_free(vectors, count);
    return failed;
}
