#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/token_file.h"

#define HEX_A  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define LINE_A "sha256:" HEX_A " a publish=*"

/* A directory of its own for each test, and the path of a file in it. */
struct room {
    char directory[64], path[80];
    struct buf warnings, error;
};

static int set_up(void **state)
{
    struct room *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    (void)snprintf(r->directory, sizeof(r->directory), "/tmp/parley-token-XXXXXX");
    assert_non_null(mkdtemp(r->directory));
    (void)snprintf(r->path, sizeof(r->path), "%s/tokens", r->directory);
    buf_init(&r->warnings, 10000);
    buf_init(&r->error, 10000);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct room *r = *state;

    (void)unlink(r->path);
    assert_int_equal(rmdir(r->directory), 0);
    buf_fini(&r->warnings);
    buf_fini(&r->error);
    free(r);
    return 0;
}

static void put(struct room *r, struct str text, mode_t mode)
{
    int fd = open(r->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.ptr, text.len), text.len);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void assert_text(struct room *r, const char *expected)
{
    char text[1000];
    int fd = open(r->path, O_RDONLY);

    assert_true(fd >= 0);
    ssize_t len = read(fd, text, sizeof(text));
    assert_int_equal(close(fd), 0);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(text, expected, (size_t)len);
}

static bool contains(const struct buf *text, const char *part)
{
    return text->len > 0 && memmem(text->data, text->len, part, strlen(part)) != NULL;
}

/* Reads the room's file; returns how many tokens it has, or -1. */
static int count_tokens(struct room *r)
{
    struct token_set set;

    buf_clear(&r->warnings);
    buf_clear(&r->error);
    token_set_init(&set);
    bool ok = token_set_add_file(&set, r->path, &r->warnings, &r->error);
    int count = ok ? (int)set.count : -1;
    token_set_fini(&set);
    return count;
}

static bool append(struct room *r, const char *name, const char *token)
{
    struct token_line line = {.name = str_from_z(name), .grants.sessions = STR("*")};

    digest_sha256(token, strlen(token), line.digest);
    buf_clear(&r->error);
    return token_file_append(r->path, &line, &r->error);
}

static void test_read(void **state)
{
    struct room *r = *state;

    put(r, STR(LINE_A "\n"), 0600);
    assert_int_equal(count_tokens(r), 1);
    assert_int_equal(r->warnings.len, 0);
    put(r, STR("sha256:canary a\n"), 0600);
    assert_int_equal(count_tokens(r), -1);
    assert_true(contains(&r->error, r->path) && contains(&r->error, "/tokens:1: "));
    assert_false(contains(&r->error, "canary"));
}

static void test_mode(void **state)
{
    static const mode_t loose[] = {0640, 0604, 0620, 0602, 0644};
    struct room *r = *state;

    for (size_t i = 0; i < sizeof(loose) / sizeof(loose[0]); i++) {
        put(r, STR(LINE_A), loose[i]);
        assert_int_equal(count_tokens(r), 1);
        assert_true(contains(&r->warnings, "chmod 600"));
    }
    /* Both warnings, a line each. */
    put(r, STR("short"), 0644);
    assert_int_equal(count_tokens(r), 1);
    assert_true(contains(&r->warnings, "chmod 600 keeps them out\n"));
    assert_true(contains(&r->warnings, "/tokens:1: the secret"));
}

static void test_unreadable(void **state)
{
    struct room *r = *state;

    assert_int_equal(count_tokens(r), -1);
    assert_true(contains(&r->error, "/tokens: cannot be opened: No such file"));
    assert_int_equal(mkdir(r->path, 0700), 0);
    assert_int_equal(count_tokens(r), -1);
    assert_true(contains(&r->error, "/tokens: cannot be read: Is a directory"));
    assert_false(append(r, "a", "x"));
    assert_true(contains(&r->error, "/tokens: cannot be opened: Is a directory"));
    assert_int_equal(rmdir(r->path), 0);
}

static void test_too_long(void **state)
{
    struct room *r = *state;
    char *text = malloc(TOKEN_SET_MAX_TEXT + 10);

    assert_non_null(text);
    memset(text, '#', TOKEN_SET_MAX_TEXT + 10);
    put(r, str_make(text, TOKEN_SET_MAX_TEXT + 10), 0600);
    assert_int_equal(count_tokens(r), -1);
    assert_true(contains(&r->error, "1 MiB"));
    assert_false(append(r, "a", "x"));
    assert_true(contains(&r->error, "1 MiB"));
    put(r, str_make(text, TOKEN_SET_MAX_TEXT), 0600);
    assert_int_equal(count_tokens(r), 0);
    assert_false(append(r, "a", "x"));
    assert_true(contains(&r->error, "1 MiB"));
    free(text);
}

static void test_append(void **state)
{
    struct room *r = *state;
    struct stat st;

    assert_true(append(r, "first", "abc"));
    assert_text(r, "sha256:" HEX_A " first sessions=*\n");
    assert_int_equal(stat(r->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(append(r, "second", "abd"));
    assert_int_equal(count_tokens(r), 2);
    assert_int_equal(r->warnings.len, 0);
}

/* What stands there stays, and a last line without an end gets one. */
static void test_append_to_text(void **state)
{
    struct room *r = *state;

    put(r,
        STR("# ours\r\n"
            "sha256:" HEX_A " a"),
        0640);
    assert_true(append(r, "b", "x"));
    assert_text(r, "# ours\r\nsha256:" HEX_A " a\n"
                   "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 b "
                   "sessions=*\n");
    assert_int_equal(count_tokens(r), 2);
}

static void test_append_refused(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {LINE_A "\n", "/tokens:2: there is another token of the name \"a\""},
        {"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 b\n",
         "/tokens:2: this is the token of \"b\" again"},
        {"a-secret-of-somebody", "/tokens:2: a secret stands above"},
        {"no tokens here", "/tokens:1: this is neither"},
    };
    struct room *r = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put(r, str_from_z(cases[i].text), 0600);
        assert_false(append(r, "a", "x"));
        assert_true(contains(&r->error, cases[i].says));
        assert_text(r, cases[i].text);
    }
}

/* Neither waited for nor read: what is in it would be gone at a reload. */
static void test_pipe(void **state)
{
    struct room *r = *state;
    char path[40];
    int ends[2];
    struct token_set set;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], LINE_A, strlen(LINE_A)), strlen(LINE_A));
    assert_int_equal(close(ends[1]), 0);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
    token_set_init(&set);
    assert_false(token_set_add_file(&set, path, &r->warnings, &r->error));
    assert_true(contains(&r->error, "cannot be read again at a reload"));
    token_set_fini(&set);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(mkfifo(r->path, 0600), 0);
    assert_int_equal(count_tokens(r), -1);
    assert_true(contains(&r->error, "/tokens: it is no file but a pipe or socket"));
    assert_false(append(r, "a", "x"));
    assert_true(contains(&r->error, "is no regular file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mode, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unreadable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_append, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_append_to_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_append_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pipe, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
