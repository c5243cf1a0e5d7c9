#include "unit.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "matrix/store.h"

static char directory[32];
static char path[64];
static struct buf error;

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/parley-store-XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/bridge.db", directory);
    buf_init(&error, 4096);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const ends[] = {"", "-wal", "-journal"};
    char name[80];

    (void)state;
    (void)chmod(directory, 0700);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        (void)unlink(name);
    }
    (void)rmdir(path);
    assert_int_equal(rmdir(directory), 0);
    buf_fini(&error);
    return 0;
}

/* Why the last one could not be opened. */
static enum store_state kind;

static struct store *must_open(void)
{
    struct store *s = store_open(path, &kind, &error);

    if (s == NULL) {
        fail_msg("%.*s", STR_ARG(buf_str(&error)));
    }
    return s;
}

static void must_not_open(const char *sentence)
{
    buf_clear(&error);
    assert_null(store_open(path, &kind, &error));
    buf_append_char(&error, '\0');
    if (strstr(error.data, sentence) == NULL) {
        fail_msg("'%s' is not in '%s'", sentence, error.data);
    }
    assert_non_null(strstr(error.data, path));
}

static void put(struct store *s, enum bridge_table table, const char *key, const char *value)
{
    struct bridge_row row = {.table = table, .key = str_from_z(key), .value = str_from_z(value)};

    assert_true(store_put(s, &row));
}

static void commit(struct store *s)
{
    if (!store_commit(s, &error)) {
        fail_msg("%.*s", STR_ARG(buf_str(&error)));
    }
}

static bool list_row(void *ctx, const struct bridge_row *row)
{
    buf_printf(ctx, "%d %.*s=%.*s\n", (int)row->table, STR_ARG(row->key), STR_ARG(row->value));
    return true;
}

static bool refuse_row(void *ctx, const struct bridge_row *row)
{
    (void)row;
    return ++*(int *)ctx < 2;
}

static void must_have(struct store *s, const char *rows)
{
    struct buf list;

    buf_init(&list, 1 << 20);
    assert_true(store_each(s, list_row, &list, &kind, &error));
    buf_append_char(&list, '\0');
    assert_string_equal(list.data, rows);
    buf_fini(&list);
}

static void test_rows(void **state)
{
    struct store *s = must_open();
    int seen = 0;

    (void)state;
    must_have(s, "");
    commit(s);
    put(s, TABLE_SEND, "10", "{\"b\":1}");
    put(s, TABLE_SEND, "9", "{\"a\":1}");
    put(s, TABLE_SEND, "9223372036854775807", "{}");
    put(s, TABLE_QUESTION, "$10", "{}");
    put(s, TABLE_QUESTION, "$9", "{}");
    put(s, TABLE_TALK, "!a:b\n$t", "{\"x\":\"\xc3\xa4\"}");
    put(s, TABLE_SYNC, "sync", "{}");
    commit(s);
    put(s, TABLE_QUESTION, "$9", "");
    put(s, TABLE_QUESTION, "$unknown", "");
    put(s, TABLE_SEND, "9", "{\"a\":2}");
    commit(s);
    /* What is not committed is not there the next time. */
    put(s, TABLE_ROOM, "!r", "{}");
    store_close(s);
    s = must_open();
    must_have(s, "0 sync={}\n2 !a:b\n$t={\"x\":\"\xc3\xa4\"}\n4 $10={}\n"
                 "6 9={\"a\":2}\n6 10={\"b\":1}\n6 9223372036854775807={}\n");
    assert_false(store_each(s, refuse_row, &seen, &kind, &error));
    assert_int_equal(seen, 2);
    assert_int_equal(error.len, 0);
    store_close(s);
    store_close(NULL);
}

/* Rows that there is no memory to read are no rows that are wrong. */
static void test_no_memory_for_a_row(void **state)
{
    char *value = malloc(1000001);
    struct store *s = must_open();
    struct buf list;

    (void)state;
    assert_non_null(value);
    memset(value, 'x', 1000000);
    value[1000000] = '\0';
    put(s, TABLE_SYNC, "sync", value);
    commit(s);
    store_close(s);
    free(value);
    s = must_open();
    buf_init(&list, 1 << 20);
    kind = STORE_USABLE;
    (void)sqlite3_hard_heap_limit64(sqlite3_memory_used() + 200000);
    bool ok = store_each(s, list_row, &list, &kind, &error);
    (void)sqlite3_hard_heap_limit64(0);
    assert_false(ok);
    assert_int_equal(kind, STORE_SHORT);
    assert_int_equal(list.len, 0);
    buf_append_char(&error, '\0');
    assert_non_null(strstr(error.data, "there is not enough memory"));
    buf_fini(&list);
    store_close(s);
}

static void test_nobody_else_reads_it(void **state)
{
    struct stat st;

    (void)state;
    (void)umask(0);
    store_close(must_open());
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(chmod(path, 0644), 0);
    struct store *s = must_open();
    put(s, TABLE_ROOM, "!r", "{}");
    commit(s);
    char log[80];
    (void)snprintf(log, sizeof(log), "%s-wal", path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(log, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    store_close(s);
}

static void test_locked(void **state)
{
    struct store *s = must_open();

    (void)state;
    must_not_open("another program has it open");
    assert_int_equal(kind, STORE_IN_USE);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct store *other = store_open(path, &kind, &error);
        bool is_refused =
            other == NULL && memmem(error.data, error.len, "another program", 15) != NULL;
        /* A new program: what the parent has is no leak of the child. */
        (void)execl("/bin/sh", "sh", "-c", is_refused ? "exit 0" : "exit 1", (char *)NULL);
        _exit(2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    put(s, TABLE_ROOM, "!r", "{}");
    commit(s);
    store_close(s);
    store_close(must_open());
}

static void write_file(const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    (void)close(fd);
}

static void run_sql(const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
}

static void test_not_ours(void **state)
{
    char text[2000];

    (void)state;
    memset(text, 'x', sizeof(text));
    write_file(text, sizeof(text));
    must_not_open("it is no state file of a bridge");
    assert_int_equal(unlink(path), 0);
    run_sql("CREATE TABLE others (a)");
    must_not_open("it is no state file of a bridge");
    assert_int_equal(kind, STORE_WRONG);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    must_not_open("cannot be opened");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    must_not_open("it is no regular file");
    if (getuid() != 0) {
        assert_int_equal(unlink(path), 0);
        assert_int_equal(chmod(directory, 0500), 0);
        must_not_open("cannot be opened");
    }
}

static void test_newer(void **state)
{
    (void)state;
    store_close(must_open());
    run_sql("PRAGMA user_version=2");
    must_not_open("it is of a newer version of Parley (its format is 2, this one knows 1)");
}

static void test_damaged(void **state)
{
    char junk[4096];
    char key[16];
    struct store *s = must_open();

    (void)state;
    for (int i = 0; i < 300; i++) {
        (void)snprintf(key, sizeof(key), "%d", i);
        put(s, TABLE_SEND, key, "{\"text\":\"some text that fills the pages of the file\"}");
    }
    commit(s);
    store_close(s);
    memset(junk, 0xff, sizeof(junk));
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    for (off_t at = 4096; at < st.st_size; at += 4096) {
        assert_int_equal(pwrite(fd, junk, sizeof(junk), at), (ssize_t)sizeof(junk));
    }
    (void)close(fd);
    must_not_open("it is damaged");
    run_sql("SELECT 1");
    assert_int_equal(truncate(path, 4096), 0);
    must_not_open("it is damaged");
    /* One of our tables is missing. */
    assert_int_equal(unlink(path), 0);
    store_close(must_open());
    run_sql("DROP TABLE turn");
    must_not_open("it is damaged");
    assert_int_equal(kind, STORE_WRONG);
}

/* The file cannot grow any more: the commit fails, and the one before it is what is there. */
static void test_no_room(void **state)
{
    struct store *s = must_open();
    struct rlimit old, small;
    char *value = calloc(1, 100001);

    (void)state;
    assert_non_null(value);
    memset(value, 'x', 100000);
    put(s, TABLE_ROOM, "!r", "{}");
    commit(s);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 150000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    bool ok = true;
    for (int i = 0; i < 4 && ok; i++) {
        struct bridge_row row = {
            .table = TABLE_SEND, .key = STR("1"), .value = str_make(value, 100000)};
        assert_true(store_put(s, &row));
        put(s, TABLE_ROOM, "!r", "{\"name\":\"x\"}");
        ok = store_commit(s, &error);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_false(ok);
    assert_non_null(memmem(error.data, error.len, "the disk", 8));
    store_close(s);
    store_close(must_open());
    free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_memory_for_a_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nobody_else_reads_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_locked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_newer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_room, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
