#include "unit.h"

#include <assert.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "matrix/store.h"
#include "sample.h"

/*
 * The power fails. A layer below SQLite notes every write, truncation, fsync and deletion that the
 * store makes; then the files are made as they are after each prefix of these: as a killed process
 * leaves them (all that was written), as a power cut leaves them at worst (only what was synced),
 * and as it leaves them at random (some of what was not synced, some of it half). Each time the
 * store has to open, and to have exactly the last commit that it had confirmed, or the one that was
 * being made; and to take another one.
 */

enum { FILES = 3, COMMITS = 120, OPS_MAX = 20000, VALUE_BYTES = 9000 };
enum op_kind { OP_WRITE, OP_TRUNCATE, OP_SYNC, OP_DELETE, OP_CONFIRMED };

struct op {
    enum op_kind kind;
    unsigned file;
    int64_t at; /* OP_TRUNCATE: the size; OP_CONFIRMED: how many commits */
    void *bytes;
    int len;
};

static struct op ops[OPS_MAX];
static unsigned op_count;
static bool is_recording;
static char path[64];
static const char *const ends[FILES] = {"", "-wal", "-journal"};

static void note(enum op_kind kind, unsigned file, int64_t at, const void *bytes, int len)
{
    if (is_recording) {
        assert_true(op_count < OPS_MAX);
        ops[op_count] = (struct op){.kind = kind, .file = file, .at = at, .len = len};
        ops[op_count++].bytes = bytes != NULL ? sample_copy(bytes, (size_t)len) : NULL;
    }
}

/* --- the layer -------------------------------------------------------------------------------- */

struct layer_file {
    sqlite3_file base;
    unsigned number;
    sqlite3_file *real; /* behind this struct */
};

static sqlite3_vfs *below;
static sqlite3_vfs layer;

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct layer_file *)(void *)f)->real;
}
static unsigned number_of(sqlite3_file *f)
{
    return ((struct layer_file *)(void *)f)->number;
}
static int layer_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}
static int layer_read(sqlite3_file *f, void *bytes, int len, sqlite3_int64 at)
{
    return real_of(f)->pMethods->xRead(real_of(f), bytes, len, at);
}
static int layer_write(sqlite3_file *f, const void *bytes, int len, sqlite3_int64 at)
{
    note(OP_WRITE, number_of(f), at, bytes, len);
    return real_of(f)->pMethods->xWrite(real_of(f), bytes, len, at);
}
static int layer_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    note(OP_TRUNCATE, number_of(f), size, NULL, 0);
    return real_of(f)->pMethods->xTruncate(real_of(f), size);
}
static int layer_sync(sqlite3_file *f, int flags)
{
    (void)flags; /* the disk itself is not what is tested */
    note(OP_SYNC, number_of(f), 0, NULL, 0);
    return SQLITE_OK;
}
static int layer_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), size);
}
static int layer_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}
static int layer_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}
static int layer_is_reserved(sqlite3_file *f, int *result)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), result);
}
static int layer_control(sqlite3_file *f, int op, void *argument)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, argument);
}
static int layer_sector(sqlite3_file *f)
{
    (void)f;
    return 512;
}
static int layer_device(sqlite3_file *f)
{
    (void)f;
    return 0; /* it promises nothing */
}

/* Version 1: neither shared memory nor mapped files, which the store does not need. */
static const sqlite3_io_methods layer_methods = {
    .iVersion = 1,
    .xClose = layer_close,
    .xRead = layer_read,
    .xWrite = layer_write,
    .xTruncate = layer_truncate,
    .xSync = layer_sync,
    .xFileSize = layer_size,
    .xLock = layer_lock,
    .xUnlock = layer_unlock,
    .xCheckReservedLock = layer_is_reserved,
    .xFileControl = layer_control,
    .xSectorSize = layer_sector,
    .xDeviceCharacteristics = layer_device,
};

static unsigned file_number(const char *name)
{
    size_t len = name != NULL ? strlen(name) : 0;

    for (unsigned i = 1; i < FILES; i++) {
        size_t end = strlen(ends[i]);
        if (len > end && strcmp(name + len - end, ends[i]) == 0) {
            return i;
        }
    }
    return 0;
}

static int layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    struct layer_file *file = (struct layer_file *)(void *)f;

    (void)vfs;
    assert_non_null(name); /* no temporary files */
    file->number = file_number(name);
    file->real = (sqlite3_file *)(void *)(file + 1);
    int code = below->xOpen(below, name, file->real, flags, out);
    f->pMethods = code == SQLITE_OK ? &layer_methods : NULL;
    return code;
}

static int layer_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    note(OP_DELETE, file_number(name), 0, NULL, 0);
    return below->xDelete(below, name, sync);
}

/* --- what is kept ----------------------------------------------------------------------------- */

/* Commit n: which n it is, five questions, and a send with much text. */
static void put(struct store *s, enum bridge_table table, const char *key, const char *value)
{
    struct bridge_row row = {.table = table, .key = str_from_z(key), .value = str_from_z(value)};

    assert_true(store_put(s, &row));
}

static void make_commit(struct store *s, unsigned n)
{
    static char value[VALUE_BYTES];
    char key[24], small[40];
    struct buf error;

    buf_init(&error, 4096);
    (void)snprintf(small, sizeof(small), "{\"n\":%u}", n);
    put(s, TABLE_SYNC, "sync", small);
    (void)snprintf(key, sizeof(key), "$%u", n);
    put(s, TABLE_QUESTION, key, small);
    if (n > 5) {
        (void)snprintf(key, sizeof(key), "$%u", n - 5);
        put(s, TABLE_QUESTION, key, "");
    }
    memset(value, (int)('a' + n % 26), sizeof(value) - 1);
    put(s, TABLE_SEND, n % 2 == 0 ? "2" : "1", value);
    if (!store_commit(s, &error)) {
        fail_msg("%.*s", STR_ARG(buf_str(&error)));
    }
    buf_fini(&error);
    note(OP_CONFIRMED, 0, n, NULL, 0);
}

struct found {
    unsigned n;
    unsigned questions;
    bool is_wrong;
};

static bool find_rows(void *ctx, const struct bridge_row *row)
{
    struct found *found = ctx;
    uint64_t n = 0;

    switch (row->table) {
    case TABLE_SYNC:
        found->is_wrong |=
            !str_to_uint(str_slice(row->value, 5, row->value.len - 1), COMMITS + 1, &n);
        found->n = (unsigned)n;
        break;
    case TABLE_QUESTION:
        found->is_wrong |= !str_to_uint(str_slice(row->key, 1, row->key.len), COMMITS + 1, &n) ||
                           n > found->n || n + 5 <= found->n;
        found->questions++;
        break;
    case TABLE_SEND: {
        unsigned of = found->n % 2 == (row->key.ptr[0] == '1') ? found->n : found->n - 1;
        found->is_wrong |= row->value.len != VALUE_BYTES - 1 ||
                           row->value.ptr[0] != (char)('a' + of % 26) ||
                           row->value.ptr[VALUE_BYTES - 2] != (char)('a' + of % 26);
        break;
    }
    default:
        found->is_wrong = true;
    }
    return true;
}

/* --- files as they may be --------------------------------------------------------------------- */

struct image {
    char *bytes;
    size_t len;
    size_t cap;
    bool exists;
};

static void resize(struct image *im, size_t len)
{
    if (len > im->cap) {
        im->cap = len * 2;
        im->bytes = realloc(im->bytes, im->cap);
        assert_non_null(im->bytes);
    }
    if (len > im->len && im->bytes != NULL) {
        memset(im->bytes + im->len, 0, len - im->len);
    }
    im->len = len;
}

static void apply(struct image *im, const struct op *op, int len)
{
    switch (op->kind) {
    case OP_WRITE:
        im->exists = true;
        if (im->len < (size_t)op->at + (size_t)len) {
            resize(im, (size_t)op->at + (size_t)len);
        }
        if (len > 0) {
            memcpy(im->bytes + op->at, op->bytes, (size_t)len);
        }
        break;
    case OP_TRUNCATE:
        resize(im, (size_t)op->at);
        break;
    case OP_DELETE:
        im->len = 0;
        im->exists = false;
        break;
    default:
        break;
    }
}

static void copy_image(struct image *to, const struct image *from)
{
    to->len = 0;
    resize(to, from->len);
    if (from->len > 0) {
        memcpy(to->bytes, from->bytes, from->len);
    }
    to->exists = from->exists;
}

static void write_images(const struct image *images)
{
    char name[80];

    for (unsigned i = 0; i < FILES; i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        (void)unlink(name);
        if (i > 0 && !images[i].exists) {
            continue;
        }
        int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, images[i].bytes != NULL ? images[i].bytes : "", images[i].len),
                         (ssize_t)images[i].len);
        (void)close(fd);
    }
}

/* Opens what is there: `confirmed` commits, or one more; and takes another one. */
static void check(const struct image *images, unsigned confirmed, unsigned op, const char *how)
{
    struct found found = {0};
    enum store_state kind;
    struct buf error;

    buf_init(&error, 4096);
    write_images(images);
    struct store *s = store_open(path, &kind, &error);
    if (s == NULL || !store_each(s, find_rows, &found, &kind, &error)) {
        fail_msg("after operation %u, %s: %.*s", op, how, STR_ARG(buf_str(&error)));
    }
    unsigned questions = found.n < 5 ? found.n : 5;
    if (found.is_wrong || found.n < confirmed || found.n > confirmed + 1 ||
        found.questions != questions) {
        fail_msg("after operation %u, %s: %u commits were confirmed, and there is number %u with "
                 "%u questions",
                 op, how, confirmed, found.n, found.questions);
    }
    make_commit(s, found.n + 1);
    store_close(s);
    buf_fini(&error);
}

static void record(void)
{
    enum store_state kind;
    struct buf error;

    buf_init(&error, 4096);
    is_recording = true;
    struct store *s = store_open(path, &kind, &error);
    assert_non_null(s);
    for (unsigned n = 1; n <= COMMITS; n++) {
        make_commit(s, n);
    }
    is_recording = false;
    store_close(s);
    buf_fini(&error);
}

/* What a power cut after `end` operations leaves: each that was not synced is there or not. */
static void make_torn(struct image *torn, const struct image *synced, const unsigned *from,
                      unsigned end, uint64_t *seed)
{
    for (unsigned f = 0; f < FILES; f++) {
        copy_image(&torn[f], &synced[f]);
        for (unsigned i = from[f]; i < end; i++) {
            if (ops[i].file != f || ops[i].kind == OP_CONFIRMED || sample_random(seed, 2) == 0) {
                continue;
            }
            bool is_torn = ops[i].kind == OP_WRITE && sample_random(seed, 4) == 0;
            int len = is_torn ? (int)sample_random(seed, (uint32_t)ops[i].len + 1) : ops[i].len;
            apply(&torn[f], &ops[i], is_torn ? len & ~511 : len);
        }
    }
}

static void test_every_moment(void **state)
{
    struct image written[FILES] = {{0}}, synced[FILES] = {{0}}, torn[FILES] = {{0}};
    unsigned from[FILES] = {0};
    unsigned confirmed = 0, checkpoints = 0;
    uint64_t seed = 1;

    (void)state;
    record();
    for (unsigned i = 0; i <= op_count; i++) {
        /* The first and the last ones, checkpoints, and one in seven of the others. */
        bool is_dense = i < 200 || (i < op_count && ops[i].file == 0 && ops[i].kind == OP_WRITE);
        if (is_dense || i % 7 == 0 || i + 20 > op_count) {
            check(written, confirmed, i, "killed");
            check(synced, confirmed, i, "with what was synced");
            make_torn(torn, synced, from, i, &seed);
            check(torn, confirmed, i, "torn");
        }
        if (i == op_count) {
            break;
        }
        checkpoints += confirmed > 0 && ops[i].kind == OP_SYNC && ops[i].file == 0;
        apply(&written[ops[i].file], &ops[i], ops[i].len);
        if (ops[i].kind == OP_SYNC || ops[i].kind == OP_DELETE) {
            copy_image(&synced[ops[i].file], &written[ops[i].file]);
            from[ops[i].file] = i + 1;
        } else if (ops[i].kind == OP_CONFIRMED) {
            confirmed = (unsigned)ops[i].at;
        }
    }
    assert_int_equal(confirmed, COMMITS);
    assert_true(checkpoints >= 1);
    print_message("%u operations, %u checkpoints\n", op_count, checkpoints);
    for (unsigned i = 0; i < FILES; i++) {
        free(written[i].bytes);
        free(synced[i].bytes);
        free(torn[i].bytes);
    }
    for (unsigned i = 0; i < op_count; i++) {
        free(ops[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_moment)};
    char directory[] = "/tmp/parley-power-XXXXXX";
    char name[80];

    below = sqlite3_vfs_find(NULL);
    if (below == NULL || mkdtemp(directory) == NULL) {
        return 1;
    }
    layer = *below;
    layer.szOsFile = (int)sizeof(struct layer_file) + below->szOsFile;
    layer.zName = "layer";
    layer.xOpen = layer_open;
    layer.xDelete = layer_delete;
    if (sqlite3_vfs_register(&layer, 1) != SQLITE_OK) {
        return 1;
    }
    (void)snprintf(path, sizeof(path), "%s/bridge.db", directory);
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    for (unsigned i = 0; i < FILES; i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        (void)unlink(name);
    }
    (void)rmdir(directory);
    return result;
}
