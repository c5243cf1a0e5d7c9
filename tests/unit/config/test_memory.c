#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "settings.h"

/* The linker puts these in the place of malloc and its kin, for this program alone. */
void *__wrap_malloc(size_t size);
void *__real_malloc(size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__real_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
char *__real_strdup(const char *text);

static unsigned countdown; /* to the one that fails; 0 for none */

static bool fails(void)
{
    return countdown > 0 && --countdown == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

static const char text[] = "listen: {port: 1, hosts: [a, b]}\n"
                           "auth: {mode: token, token_file: tokens}\n"
                           "origins: ['*']\n"
                           "drain: 1s\n";

/* A reload that has no memory is a reload that failed, with a sentence and without a leak. */
static void test_each_allocation(void **state)
{
    char path[] = "/tmp/parley-config-XXXXXX";
    const struct config_flag flag = {"--set", NULL, "threads=2"};
    struct config_sources sources = {.file = path, .flags = &flag, .flag_count = 1};
    int fd = mkstemp(path);
    unsigned refused = 0;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    assert_int_equal(close(fd), 0);
    for (unsigned n = 1;; n++) {
        struct config c;
        struct buf warnings, error;
        buf_init(&warnings, CONFIG_MAX_ERROR);
        buf_init(&error, CONFIG_MAX_ERROR);
        countdown = n;
        bool ok = config_load(&c, &sources, &warnings, &error);
        bool is_last = countdown > 0;
        countdown = 0;
        if (ok) {
            assert_int_equal(config_number(&c, OPTION_THREADS), 2);
            assert_int_equal(config_number(&c, OPTION_LISTEN_HOSTS), 2);
            assert_int_equal(config_number(&c, OPTION_DRAIN), 1000);
            assert_int_equal(error.len, 0);
        } else {
            refused++;
            assert_non_null(memmem(error.data, error.len, "memory", 6));
        }
        config_fini(&c);
        buf_fini(&warnings);
        buf_fini(&error);
        if (is_last) {
            assert_true(ok);
            break;
        }
    }
    /* Each value is one, and the file has some of its own. */
    assert_true(refused > OPTION_COUNT);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
