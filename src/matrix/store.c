#include "matrix/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * One SQL table for each table of the core, with a key and a value. Numbers are keys of their own
 * kind, so that rows come back in the order of numbers.
 *
 * The journal is a write-ahead log with synchronous=FULL: each commit appends to the log and waits
 * for one fsync of it. With NORMAL the log would be synced at checkpoints only, and a power cut
 * could undo commits whose messages have been sent already; a rollback journal would be as safe and
 * take three fsyncs. The log is part of the state: who copies the file copies both, or stops the
 * bridge first.
 *
 * With locking_mode=EXCLUSIVE the lock is held as long as the file is open, and the log needs no
 * shared memory.
 */

enum { APPLICATION_ID = 0x50614d78, VERSION = 1 };

static const struct {
    const char *name;
    bool is_number;
} tables[BRIDGE_TABLES] = {
    [TABLE_SYNC] = {"sync", false},         [TABLE_ROOM] = {"room", false},
    [TABLE_TALK] = {"talk", false},         [TABLE_SESSION] = {"session", true},
    [TABLE_QUESTION] = {"question", false}, [TABLE_TURN] = {"turn", true},
    [TABLE_SEND] = {"send", true},
};

struct store {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *put[BRIDGE_TABLES];
    sqlite3_stmt *drop[BRIDGE_TABLES];
    bool is_open; /* a transaction is */
    int failure;  /* the first one of this transaction; SQLITE_OK: none */
};

/* --- what went wrong -------------------------------------------------------------------------- */

static const char *advice(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another program has it open: stop the other bridge, or give this one a file of its "
               "own";
    case SQLITE_CORRUPT:
        return "it is damaged: move it and the files beside it with the same beginning away, and "
               "put "
               "a copy back, or start without one; rooms are then synced anew and sessions begin "
               "anew";
    case SQLITE_NOTADB:
        return "it is no state file of a bridge: name another one, or move this one away";
    case SQLITE_FULL:
        return "the disk is full: make room and start again; nothing is lost";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
        return "it cannot be written: let the user of the bridge write the file and its directory";
    case SQLITE_NOMEM:
        return "there is not enough memory";
    case SQLITE_IOERR:
        return "the disk does not take it: look at the log of the system, and start again";
    default:
        return sqlite3_errstr(code);
    }
}

static void explain(struct store *s, int code, struct buf *error)
{
    s->failure = code;
    buf_printf(error, "state file %s: %s", s->path, advice(code));
}

/* --- opening ---------------------------------------------------------------------------------- */

/* fsync of the directory, so that a new file is still there after a power cut. */
static bool sync_directory(const char *path)
{
    char *copy = strdup(path);
    bool is_synced = false;

    if (copy != NULL) {
        char *slash = strrchr(copy, '/');
        if (slash != NULL) {
            slash[slash == copy ? 1 : 0] = '\0';
        }
        int fd = open(slash != NULL ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        is_synced = fd >= 0 && fsync(fd) == 0;
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    free(copy);
    return is_synced;
}

/* Makes it if need be; nobody else may read it. It is closed before SQLite opens it, since closing
 * a descriptor of a file gives up all locks of the process on it. */
static bool prepare(const char *path, int *ret_errno, struct buf *error)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);

    if (fd < 0) {
        *ret_errno = errno;
        buf_printf(error, "state file %s: cannot be opened: %s", path, strerror(*ret_errno));
        return false;
    }
    bool is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (!is_file) {
        buf_printf(error, "state file %s: it is no regular file: name another one", path);
    } else if ((st.st_mode & 077) != 0 && fchmod(fd, 0600) != 0) {
        buf_printf(error, "state file %s: others can read it, and that cannot be changed: %s", path,
                   strerror(errno));
        is_file = false;
    } else if (st.st_size == 0 && (fsync(fd) != 0 || !sync_directory(path))) {
        *ret_errno = errno;
        buf_printf(error, "state file %s: cannot be written: %s", path, strerror(*ret_errno));
        is_file = false;
    }
    (void)close(fd);
    return is_file;
}

static int run(struct store *s, const char *sql)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}

/* The first value of the first row. */
static int ask(struct store *s, const char *sql, int64_t *ret_value)
{
    sqlite3_stmt *stmt;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

    if (code == SQLITE_OK) {
        code = sqlite3_step(stmt);
        if (code == SQLITE_ROW) {
            *ret_value = sqlite3_column_int64(stmt, 0);
            code = SQLITE_OK;
        } else if (code == SQLITE_DONE) {
            code = SQLITE_ERROR;
        }
    }
    (void)sqlite3_finalize(stmt);
    return code;
}

static bool is_sound(struct store *s, int *ret_code)
{
    sqlite3_stmt *stmt;
    bool is_ok = false;

    *ret_code = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    if (*ret_code == SQLITE_OK) {
        *ret_code = sqlite3_step(stmt);
        if (*ret_code == SQLITE_ROW) {
            const char *text = (const char *)sqlite3_column_text(stmt, 0);
            is_ok = text != NULL && strcmp(text, "ok") == 0;
            *ret_code = is_ok ? SQLITE_OK : SQLITE_CORRUPT;
        }
    }
    (void)sqlite3_finalize(stmt);
    return is_ok;
}

static int make_tables(struct store *s)
{
    char sql[200];
    int code = run(s, "BEGIN EXCLUSIVE");

    for (unsigned i = 0; i < BRIDGE_TABLES && code == SQLITE_OK; i++) {
        (void)str_format(sql, sizeof(sql),
                         "CREATE TABLE %s (key %s PRIMARY KEY, value TEXT NOT NULL)%s",
                         tables[i].name, tables[i].is_number ? "INTEGER" : "TEXT NOT NULL",
                         tables[i].is_number ? "" : " WITHOUT ROWID");
        code = run(s, sql);
    }
    if (code == SQLITE_OK) {
        (void)str_format(sql, sizeof(sql),
                         "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", APPLICATION_ID,
                         VERSION);
        code = run(s, sql);
    }
    return code;
}

static int prepare_statements(struct store *s)
{
    char sql[200];
    int code = SQLITE_OK;

    for (unsigned i = 0; i < BRIDGE_TABLES && code == SQLITE_OK; i++) {
        (void)str_format(sql, sizeof(sql), "REPLACE INTO %s (key, value) VALUES (?1, ?2)",
                         tables[i].name);
        code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->put[i], NULL);
        if (code == SQLITE_OK) {
            (void)str_format(sql, sizeof(sql), "DELETE FROM %s WHERE key = ?1", tables[i].name);
            code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->drop[i], NULL);
        }
    }
    return code;
}

/* Whose file it is: makes the tables of a new one. False, with a sentence. */
static bool identify(struct store *s, struct buf *error)
{
    int64_t id = 0;
    int64_t version = 0;
    int64_t objects = 0;
    int code = ask(s, "PRAGMA application_id", &id);

    code = code == SQLITE_OK ? ask(s, "PRAGMA user_version", &version) : code;
    code = code == SQLITE_OK ? ask(s, "SELECT count(*) FROM sqlite_master", &objects) : code;
    if (code == SQLITE_OK && id == 0 && version == 0 && objects == 0) {
        code = make_tables(s);
    } else if (code == SQLITE_OK && id != APPLICATION_ID) {
        code = SQLITE_NOTADB;
    } else if (code == SQLITE_OK && version > VERSION) {
        buf_printf(
            error,
            "state file %s: it is of a newer version of Parley (its format is %lld, this one "
            "knows %d): start that version, or name another file",
            s->path, (long long)version, VERSION);
        return false;
    } else if (code == SQLITE_OK) {
        (void)is_sound(s, &code);
    }
    code = code == SQLITE_OK ? prepare_statements(s) : code;
    if (code != SQLITE_OK) {
        /* One of our tables is not there. */
        explain(s, code == SQLITE_ERROR ? SQLITE_CORRUPT : code, error);
    }
    return code == SQLITE_OK;
}

static int configure(struct store *s)
{
    /* The cache is small: rows are read once, at start. */
    int code = run(s, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-256;"
                      "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF");

    if (code == SQLITE_OK) {
        /* A log of 1 MiB, then it is written into the file: that bounds its index in memory, too.
         */
        code = run(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                      "PRAGMA wal_autocheckpoint=256");
    }
    /* Takes the lock, and keeps it. */
    return code == SQLITE_OK ? run(s, "BEGIN EXCLUSIVE; COMMIT") : code;
}

/* What a failure of SQLite, or of the system, says of the file. */
static enum store_state state_of(int code, int number)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return STORE_IN_USE;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
        return STORE_SHORT;
    default:
        return number == ENOSPC || number == EDQUOT || number == EIO || number == ENOMEM ||
                       number == EMFILE || number == ENFILE
                   ? STORE_SHORT
                   : STORE_WRONG;
    }
}

struct store *store_open(const char *path, enum store_state *ret_state, struct buf *error)
{
    struct store *s = calloc(1, sizeof(*s));
    int number = 0;
    int code;

    if (s == NULL || (s->path = strdup(path)) == NULL) {
        buf_printf(error, "state file %s: %s", path, advice(SQLITE_NOMEM));
        number = ENOMEM;
        goto fail;
    }
    if (!prepare(path, &number, error)) {
        goto fail;
    }
    code = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        (void)sqlite3_extended_result_codes(s->db, 1);
        code = configure(s);
    }
    if (code != SQLITE_OK) {
        explain(s, code, error);
        goto fail;
    }
    if (!identify(s, error)) {
        goto fail;
    }
    return s;
fail:
    *ret_state = state_of(s != NULL ? s->failure : SQLITE_OK, number);
    store_close(s);
    return NULL;
}

/* Whether a file could be made there. */
static bool has_room(const char *path, struct buf *error)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    char *directory = strndup(slash == NULL ? "." : path, len);
    bool is_there = directory != NULL && access(directory, W_OK | X_OK) == 0;

    if (!is_there) {
        buf_printf(error, "state file %s: it cannot be made: %s", path,
                   directory != NULL ? strerror(errno) : "no memory");
    }
    free(directory);
    return is_there;
}

enum store_state store_probe(const char *path, struct buf *error)
{
    enum store_state state = STORE_USABLE;

    if (access(path, F_OK) != 0 && errno == ENOENT) {
        return has_room(path, error) ? STORE_USABLE : STORE_WRONG;
    }
    store_close(store_open(path, &state, error));
    return state;
}

void store_close(struct store *s)
{
    if (s == NULL) {
        return;
    }
    for (unsigned i = 0; i < BRIDGE_TABLES; i++) {
        (void)sqlite3_finalize(s->put[i]);
        (void)sqlite3_finalize(s->drop[i]);
    }
    /* What was not committed is rolled back. */
    (void)sqlite3_close(s->db);
    free(s->path);
    free(s);
}

/* --- rows ------------------------------------------------------------------------------------- */

static struct str column(sqlite3_stmt *stmt, int index)
{
    const char *text = (const char *)sqlite3_column_text(stmt, index);

    return str_make(text, text != NULL ? (size_t)sqlite3_column_bytes(stmt, index) : 0);
}

/* Returns SQLITE_DONE, SQLITE_ABORT when `visit` returned false, or what is wrong. */
static int each_of_table(struct store *s, unsigned table,
                         bool (*visit)(void *ctx, const struct bridge_row *row), void *ctx)
{
    char sql[100];
    sqlite3_stmt *stmt;

    (void)str_format(sql, sizeof(sql), "SELECT key, value FROM %s ORDER BY key",
                     tables[table].name);
    int code = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(stmt);
        if (code == SQLITE_ROW) {
            struct bridge_row row = {.table = (enum bridge_table)table,
                                     .key = column(stmt, 0),
                                     .value = column(stmt, 1)};
            if ((row.key.ptr == NULL || row.value.ptr == NULL) &&
                (sqlite3_errcode(s->db) & 0xff) == SQLITE_NOMEM) {
                code = SQLITE_NOMEM;
            } else {
                code = visit(ctx, &row) ? code : SQLITE_ABORT;
            }
        }
    }
    (void)sqlite3_finalize(stmt);
    return code;
}

bool store_each(struct store *s, bool (*visit)(void *ctx, const struct bridge_row *row), void *ctx,
                enum store_state *ret_state, struct buf *error)
{
    for (unsigned i = 0; i < BRIDGE_TABLES; i++) {
        int code = each_of_table(s, i, visit, ctx);
        if (code != SQLITE_DONE) {
            if (code != SQLITE_ABORT) {
                explain(s, code, error);
                *ret_state = state_of(code, 0);
            }
            return false;
        }
    }
    return true;
}

static int bind_text(sqlite3_stmt *stmt, int index, struct str text)
{
    return sqlite3_bind_text64(stmt, index, text.len > 0 ? text.ptr : "", text.len, SQLITE_STATIC,
                               SQLITE_UTF8);
}

static int execute(struct store *s, const struct bridge_row *row)
{
    bool is_put = row->value.len > 0;
    sqlite3_stmt *stmt = is_put ? s->put[row->table] : s->drop[row->table];
    int code = SQLITE_OK;

    if (!s->is_open) {
        code = run(s, "BEGIN");
        s->is_open = code == SQLITE_OK;
    }
    /* A number as text is taken for the number in a column of that kind. */
    code = code == SQLITE_OK ? bind_text(stmt, 1, row->key) : code;
    if (is_put && code == SQLITE_OK) {
        code = bind_text(stmt, 2, row->value);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_step(stmt);
        code = code == SQLITE_DONE ? SQLITE_OK : code;
    }
    (void)sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    return code;
}

bool store_put(struct store *s, const struct bridge_row *row)
{
    if (s->failure == SQLITE_OK) {
        s->failure = execute(s, row);
    }
    return (s->failure & 0xff) != SQLITE_NOMEM;
}

bool store_commit(struct store *s, struct buf *error)
{
    if (s->failure == SQLITE_OK && s->is_open) {
        s->failure = run(s, "COMMIT");
    }
    int code = s->failure;
    if (code != SQLITE_OK) {
        explain(s, code, error);
        if (sqlite3_get_autocommit(s->db) == 0) {
            (void)run(s, "ROLLBACK");
        }
    }
    s->is_open = false;
    s->failure = SQLITE_OK;
    return code == SQLITE_OK;
}
