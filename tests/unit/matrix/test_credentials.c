/* The credentials file: what is read, who may see it, and that it is never half written. */

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "matrix/credentials.h"

/* The linker puts these before the calls of the module: the nth call from now on fails. */
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);

static int fsyncs_until, renames_until, writes_until;
static unsigned fsyncs;
static bool short_writes;

static bool fails(int *until)
{
    if (*until == 0 || --*until > 0) {
        return false;
    }
    errno = EIO;
    return true;
}

int __wrap_fsync(int fd)
{
    fsyncs++;
    return fails(&fsyncs_until) ? -1 : __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
    return fails(&renames_until) ? -1 : __real_rename(from, to);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
    if (fails(&writes_until)) {
        return -1;
    }
    return __real_write(fd, bytes, short_writes && len > 3 ? 3 : len);
}

struct rig {
    char directory[40], path[64], fresh[72];
    struct credentials c;
    struct buf error;
};

static void write_file(struct rig *r, const char *text)
{
    FILE *file = fopen(r->path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(r->path, 0600), 0);
}

static void assert_file(struct rig *r, const char *text)
{
    char bytes[2000];
    FILE *file = fopen(r->path, "r");

    assert_non_null(file);
    bytes[fread(bytes, 1, sizeof(bytes) - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    assert_string_equal(bytes, text);
}

static int setup(void **state)
{
    static struct rig r;

    memcpy(r.directory, "/tmp/parley-credentials-XXXXXX", sizeof("/tmp/parley-credentials-XXXXXX"));
    assert_non_null(mkdtemp(r.directory));
    (void)snprintf(r.path, sizeof(r.path), "%s/file", r.directory);
    (void)snprintf(r.fresh, sizeof(r.fresh), "%s.new", r.path);
    credentials_init(&r.c);
    buf_init(&r.error, 1000);
    fsyncs_until = renames_until = writes_until = 0;
    fsyncs = 0;
    short_writes = false;
    *state = &r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    credentials_fini(&r->c);
    buf_fini(&r->error);
    (void)unlink(r->path);
    (void)unlink(r->fresh);
    return rmdir(r->directory);
}

static void set(struct buf *b, const char *text)
{
    buf_clear(b);
    buf_append_str(b, str_from_z(text));
}

static void assert_text(const struct buf *b, const char *text)
{
    assert_true(str_equal(buf_str(b), str_from_z(text)));
}

static void assert_refused(struct rig *r, const char *word)
{
    buf_clear(&r->error);
    assert_false(credentials_read(&r->c, r->path, &r->error));
    assert_true(str_starts_with(buf_str(&r->error), str_from_z(r->path)));
    assert_non_null(memmem(r->error.data, r->error.len, word, strlen(word)));
    assert_null(memmem(r->error.data, r->error.len, "s3cret", 6));
}

static void test_read(void **state)
{
    struct rig *r = *state;

    write_file(r, "{\"a\":[1e5,{}], \"password\":\"p\\u00e4\\n\", \"access_token\":\"at\",\n"
                  "\"refresh_token\":\"rt\",\"device_id\":\"D\",\"expires_ms\":12345,\"b\":null}");
    assert_true(credentials_read(&r->c, r->path, &r->error));
    assert_text(&r->c.password, "pä\n");
    assert_text(&r->c.access_token, "at");
    assert_text(&r->c.refresh_token, "rt");
    assert_text(&r->c.device_id, "D");
    assert_int_equal(r->c.expires_ms, 12345);
    assert_text(&r->c.others, "\"a\":[1e5,{}],\"b\":null");
    /* Nothing of it is left by the next one. */
    write_file(r, "{\"password\":\"q\"}");
    assert_true(credentials_read(&r->c, r->path, &r->error));
    assert_text(&r->c.password, "q");
    assert_text(&r->c.access_token, "");
    assert_text(&r->c.others, "");
    assert_int_equal(r->c.expires_ms, 0);
}

static void test_refusals(void **state)
{
    struct rig *r = *state;

    assert_refused(r, "cannot be opened");
    write_file(r, "");
    assert_refused(r, "no JSON object");
    write_file(r, "{\"password\":\"s3cret\"");
    assert_refused(r, "no JSON object");
    write_file(r, "[\"s3cret\"]");
    assert_refused(r, "no JSON object");
    write_file(r, "{\"password\":[\"s3cret\"]}");
    assert_refused(r, "strings");
    write_file(r, "{\"password\":\"s3cret\",\"passwor\\u0064\":\"s3cret\"}");
    assert_refused(r, "twice");
    write_file(r, "{\"password\":\"s3cret\",\"expires_ms\":-1}");
    assert_refused(r, "expires_ms");
    write_file(r, "{\"password\":\"\",\"s3cret\":1}");
    assert_refused(r, "neither a password");
}

static void test_length(void **state)
{
    enum { MAX = 64 * 1024 };
    struct rig *r = *state;
    char *text = malloc(MAX + 2);

    assert_non_null(text);
    for (size_t len = MAX; len <= MAX + 1; len++) {
        memset(text, ' ', len);
        memcpy(text, "{\"password\":\"s3cret\"}", 21);
        text[len] = '\0';
        write_file(r, text);
        if (len == MAX) {
            assert_true(credentials_read(&r->c, r->path, &r->error));
        } else {
            assert_refused(r, "too long");
        }
    }
    free(text);
}

static void test_modes(void **state)
{
    static const mode_t open_to_others[] = {0640, 0620, 0610, 0604, 0602, 0601};
    struct rig *r = *state;

    write_file(r, "{\"password\":\"s3cret\"}");
    for (size_t i = 0; i < sizeof(open_to_others) / sizeof(*open_to_others); i++) {
        assert_int_equal(chmod(r->path, open_to_others[i]), 0);
        assert_refused(r, "chmod 600");
    }
    assert_int_equal(chmod(r->path, 0400), 0);
    assert_true(credentials_read(&r->c, r->path, &r->error));
    if (geteuid() == 0) {
        assert_int_equal(chown(r->path, 1, (gid_t)-1), 0);
        assert_refused(r, "another user");
    }
    assert_int_equal(unlink(r->path), 0);
    assert_int_equal(mkfifo(r->path, 0600), 0);
    assert_refused(r, "no regular file");
}

static void test_write(void **state)
{
    struct rig *r = *state;
    struct stat st;

    write_file(r, "{\"x\":1.50,\"password\":\"p\\\"\"}");
    assert_true(credentials_read(&r->c, r->path, &r->error));
    set(&r->c.access_token, "at");
    set(&r->c.refresh_token, "rt");
    set(&r->c.device_id, "D");
    r->c.expires_ms = 7;
    short_writes = true;
    assert_true(credentials_write(&r->c, r->path, &r->error));
    assert_file(r, "{\"password\":\"p\\\"\",\"access_token\":\"at\",\"refresh_token\":\"rt\","
                   "\"device_id\":\"D\",\"expires_ms\":7,\"x\":1.50}\n");
    assert_int_equal(stat(r->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(fsyncs, 2); /* the file and its directory */
    assert_int_not_equal(access(r->fresh, F_OK), 0);
}

static void test_link(void **state)
{
    struct rig *r = *state;
    char link[72];

    write_file(r, "{\"password\":\"p\"}");
    (void)snprintf(link, sizeof(link), "%s/link", r->directory);
    assert_int_equal(symlink(r->path, link), 0);
    assert_true(credentials_read(&r->c, link, &r->error));
    assert_true(credentials_write(&r->c, link, &r->error));
    struct stat st;
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_file(r, "{\"password\":\"p\"}\n");
    assert_int_equal(unlink(link), 0);
}

static void test_failing_writes(void **state)
{
    static const char *const before = "{\"password\":\"p\"}";
    struct rig *r = *state;
    int *const faults[] = {&writes_until, &fsyncs_until, &renames_until};

    write_file(r, before);
    assert_true(credentials_read(&r->c, r->path, &r->error));
    set(&r->c.access_token, "at");
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        *faults[i] = 1;
        buf_clear(&r->error);
        assert_false(credentials_write(&r->c, r->path, &r->error));
        assert_non_null(memmem(r->error.data, r->error.len, "cannot be written: Input/output", 31));
        assert_file(r, before);
        assert_int_not_equal(access(r->fresh, F_OK), 0);
    }
    /* The directory's fsync: it may be there or not, and nobody may count on it. */
    fsyncs_until = 2;
    assert_false(credentials_write(&r->c, r->path, &r->error));
    /* What a kill has left is in nobody's way. */
    assert_int_equal(symlink("/nowhere", r->fresh), 0);
    assert_true(credentials_write(&r->c, r->path, &r->error));
    assert_file(r, "{\"password\":\"p\",\"access_token\":\"at\"}\n");
    assert_int_equal(unlink(r->path), 0);
    assert_false(credentials_write(&r->c, r->path, &r->error)); /* it has been taken away */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_read),  TEST(test_refusals), TEST(test_length),         TEST(test_modes),
        TEST(test_write), TEST(test_link),     TEST(test_failing_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
