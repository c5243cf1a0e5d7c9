#include "matrix/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/secret_file.h"
#include "json/reader.h"
#include "json/writer.h"

enum { MAX_FILE = 64 * 1024 };

#define PASSWORD      STR("password")
#define ACCESS_TOKEN  STR("access_token")
#define REFRESH_TOKEN STR("refresh_token")
#define DEVICE_ID     STR("device_id")
#define EXPIRES_MS    STR("expires_ms")

static void init_secret(struct buf *b)
{
    buf_init(b, MAX_FILE);
    b->secret = true;
}

void credentials_init(struct credentials *c)
{
    init_secret(&c->password);
    init_secret(&c->access_token);
    init_secret(&c->refresh_token);
    init_secret(&c->device_id);
    init_secret(&c->others);
    c->expires_ms = 0;
}

void credentials_fini(struct credentials *c)
{
    if (c != NULL) {
        buf_fini(&c->password);
        buf_fini(&c->access_token);
        buf_fini(&c->refresh_token);
        buf_fini(&c->device_id);
        buf_fini(&c->others);
    }
}

/* --- reading ------------------------------------------------------------------------------------
 */

static bool refuse(const char *path, const char *what, struct buf *error)
{
    buf_printf(error, "%s: %s", path, what);
    return false;
}

static struct buf *text_member(struct credentials *c, struct str key)
{
    return json_string_is(key, PASSWORD)        ? &c->password
           : json_string_is(key, ACCESS_TOKEN)  ? &c->access_token
           : json_string_is(key, REFRESH_TOKEN) ? &c->refresh_token
           : json_string_is(key, DEVICE_ID)     ? &c->device_id
                                                : NULL;
}

static void keep_member(struct buf *others, struct str key, struct str value)
{
    buf_append_str(others, others->len > 0 ? STR(",") : STR(""));
    buf_append_str(others, key);
    buf_append_char(others, ':');
    buf_append_str(others, value);
}

/* Returns NULL, or what is wrong; it has no value in it. */
static const char *take_member(struct credentials *c, struct str key, struct str value)
{
    struct buf *text = text_member(c, key);

    if (text != NULL) {
        if (json_kind_of(value) != JSON_STRING) {
            return "password, access_token, refresh_token and device_id have to be strings";
        }
        if (text->len > 0) {
            return "a member stands there twice";
        }
        json_unescape(value, text);
    } else if (json_string_is(key, EXPIRES_MS)) {
        if (!str_to_uint(value, UINT64_MAX / 2, &c->expires_ms)) {
            return "expires_ms has to be a whole number of milliseconds since 1970";
        }
    } else {
        keep_member(&c->others, key, value);
    }
    return NULL;
}

static const char *take_text(struct credentials *c, struct str text)
{
    struct str key, value;
    const char *wrong = NULL;

    if (!json_valid(text) || json_kind_of(text) != JSON_OBJECT) {
        return "is no JSON object; write {\"password\": \"...\"} into it";
    }
    struct json_iter it = json_iter_of(text);
    while (wrong == NULL && json_next_member(&it, &key, &value)) {
        wrong = take_member(c, key, value);
    }
    if (wrong != NULL) {
        return wrong;
    }
    if (c->password.failed || c->access_token.failed || c->refresh_token.failed ||
        c->device_id.failed || c->others.failed) {
        return "there is no memory to read it";
    }
    if (c->password.len == 0 && c->access_token.len == 0 && c->refresh_token.len == 0) {
        return "has neither a password nor an access_token; write one into it";
    }
    return NULL;
}

/* Whether it is a file that nobody else can read; whoever could, would be the bridge. */
static const char *judge_file(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return "is no regular file";
    }
    if (st.st_uid != geteuid() && st.st_uid != 0) {
        return "belongs to another user; chown it to the one that the bridge runs as";
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return "others than its owner may use it; chmod 600 keeps them out";
    }
    return NULL;
}

bool credentials_read(struct credentials *c, const char *path, struct buf *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    char *bytes = NULL;
    size_t len = 0;

    if (fd < 0) {
        return secret_file_refuse(path, "opened", error);
    }
    const char *wrong = judge_file(fd);
    if (wrong == NULL && (bytes = secret_file_read(fd, MAX_FILE, &len)) == NULL) {
        wrong = "cannot be read";
    }
    (void)close(fd);
    credentials_fini(c);
    credentials_init(c);
    if (wrong == NULL) {
        wrong = len > MAX_FILE ? "is too long" : take_text(c, str_make(bytes, len));
    }
    secret_file_free(bytes, len);
    return wrong == NULL || refuse(path, wrong, error);
}

/* --- writing ------------------------------------------------------------------------------------
 */

static void write_text(struct json_writer *w, struct str key, const struct buf *value)
{
    if (value->len > 0) {
        json_key_string(w, key, buf_str(value));
    }
}

static void make_text(const struct credentials *c, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    write_text(&w, PASSWORD, &c->password);
    write_text(&w, ACCESS_TOKEN, &c->access_token);
    write_text(&w, REFRESH_TOKEN, &c->refresh_token);
    write_text(&w, DEVICE_ID, &c->device_id);
    if (c->expires_ms > 0) {
        json_key_uint(&w, EXPIRES_MS, c->expires_ms);
    }
    if (c->others.len > 0) {
        json_raw_members(&w, buf_str(&c->others));
    }
    json_end_object(&w);
    buf_append_char(out, '\n');
}

static bool write_all(int fd, struct str text)
{
    while (text.len > 0) {
        ssize_t got = write(fd, text.ptr, text.len);
        if (got > 0) {
            text = str_slice(text, (size_t)got, text.len);
        } else if (got == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* The new file at `path`, on the disk; or none. */
static bool write_file(const char *path, struct str text)
{
    if (unlink(path) != 0 && errno != ENOENT) { /* a kill may have left one */
        return false;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return false;
    }
    bool ok = write_all(fd, text) && fsync(fd) == 0;
    int why = errno;
    ok = close(fd) == 0 && ok;
    if (!ok) {
        (void)unlink(path);
        errno = why;
    }
    return ok;
}

/* A new name is on the disk only when its directory is. */
static bool sync_directory_of(char *path)
{
    char *slash = strrchr(path, '/');
    char cut = slash[1];

    slash[1] = '\0';
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    slash[1] = cut;
    bool ok = fd >= 0 && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    errno = why;
    return ok;
}

static bool replace_file(const char *path, struct str text)
{
    char real[PATH_MAX]; /* a link stays one */
    char fresh[PATH_MAX + 8];

    if (realpath(path, real) == NULL) {
        return false;
    }
    (void)str_format(fresh, sizeof(fresh), "%s.new", real);
    if (!write_file(fresh, text)) {
        return false;
    }
    if (rename(fresh, real) != 0) {
        int why = errno;
        (void)unlink(fresh);
        errno = why;
        return false;
    }
    return sync_directory_of(real);
}

bool credentials_write(const struct credentials *c, const char *path, struct buf *error)
{
    struct buf text;

    buf_init(&text, (size_t)8 * MAX_FILE); /* escapes make it longer */
    text.secret = true;
    make_text(c, &text);
    errno = ENOMEM;
    bool ok = !text.failed && replace_file(path, buf_str(&text));
    if (!ok) {
        (void)secret_file_refuse(path, "written", error);
    }
    buf_fini(&text);
    return ok;
}
