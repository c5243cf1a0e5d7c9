#include "crypto/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/secret_file.h"

enum { MAX_LINE = 32 * 1024 /* three pattern texts and the rest */ };

bool token_set_add_file(struct token_set *set, const char *path, struct buf *warnings,
                        struct buf *error)
{
    size_t len = 0;
    char *bytes = secret_file_load(path, TOKEN_SET_MAX_TEXT, &len, warnings, error);

    if (bytes == NULL) {
        return false;
    }
    bool ok = token_set_add_text(set, str_from_z(path), str_make(bytes, len), warnings, error);
    secret_file_free(bytes, len);
    return ok;
}

/* --- appending ----------------------------------------------------------------------------------
 */

/* Whether a token may be added to what the file has: token lines or none, and none of its name. */
static bool may_append(const char *path, struct str text, struct str line, struct buf *error)
{
    struct token_set set;
    struct buf warnings, more;
    bool ok = false;

    token_set_init(&set);
    buf_init(&warnings, MAX_LINE);
    buf_init(&more, TOKEN_SET_MAX_TEXT + MAX_LINE);
    buf_append_str(&more, text);
    buf_append_str(&more, line);
    if (more.failed) {
        errno = ENOMEM;
        (void)secret_file_refuse(path, "lengthened", error);
    } else {
        /* What the file will be is judged as it will be when it is read. */
        ok = token_set_add_text(&set, str_from_z(path), buf_str(&more), &warnings, error);
    }
    if (more.data != NULL) {
        explicit_bzero(more.data, more.len);
    }
    buf_fini(&more);
    buf_fini(&warnings);
    token_set_fini(&set);
    return ok;
}

/* Writes all of it, or leaves the file as it was. */
static bool write_at_end(int fd, size_t end, struct str line)
{
    size_t written = 0;

    while (written < line.len) {
        ssize_t got = write(fd, line.ptr + written, line.len - written);
        if (got > 0) {
            written += (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            break;
        }
    }
    if (written == line.len && fsync(fd) == 0) {
        return true;
    }
    int why = errno;
    if (ftruncate(fd, (off_t)end) != 0) {
        /* The first error is the one to tell; half a line is refused by whoever reads the file. */
    }
    errno = why;
    return false;
}

/* A new file is on the disk only when its directory is. */
static bool sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    int fd = directory == NULL ? -1 : open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0) {
        (void)close(fd);
    }
    free(directory);
    return ok;
}

static bool append_to(int fd, const char *path, const struct token_line *token, struct buf *error)
{
    struct buf line;
    size_t len = 0;
    char *bytes = secret_file_read(fd, TOKEN_SET_MAX_TEXT, &len);

    if (bytes == NULL) {
        return secret_file_refuse(path, "read", error);
    }
    buf_init(&line, MAX_LINE);
    if (len > 0 && bytes[len - 1] != '\n') {
        buf_append_char(&line, '\n');
    }
    token_line_append(&line, token);
    buf_append_char(&line, '\n');
    bool ok = !line.failed && may_append(path, str_make(bytes, len), buf_str(&line), error);
    secret_file_free(bytes, len);
    if (ok && (!write_at_end(fd, len, buf_str(&line)) || (len == 0 && !sync_directory(path)))) {
        ok = secret_file_refuse(path, "written", error);
    }
    buf_fini(&line);
    return ok;
}

bool token_file_append(const char *path, const struct token_line *token, struct buf *error)
{
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR);
    struct stat st;

    if (fd < 0) {
        return secret_file_refuse(path, "opened", error);
    }
    bool ok = false;
    if (fstat(fd, &st) != 0 || flock(fd, LOCK_EX) != 0) {
        (void)secret_file_refuse(path, "locked", error);
    } else if (!S_ISREG(st.st_mode)) {
        buf_printf(error, "%s: is no regular file", path);
    } else {
        ok = append_to(fd, path, token, error);
    }
    (void)close(fd);
    return ok;
}
