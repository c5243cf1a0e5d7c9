#include "crypto/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_LINE = 32 * 1024 /* three pattern texts and the rest */ };

/* Says what could not be done to a file, with the system's reason; always false. */
static bool refuse_file(const char *path, const char *what, struct buf *error)
{
    buf_printf(error, "%s: cannot be %s: %s", path, what, strerror(errno));
    return false;
}

/*
 * Reads all of a file, one byte more than is allowed at most, into memory that is not moved, so
 * that there is one copy to wipe. Returns owned bytes, or NULL with errno.
 */
static char *read_whole(int fd, size_t *ret_len)
{
    const size_t room = TOKEN_SET_MAX_TEXT + 1;
    char *bytes = malloc(room);
    size_t len = 0;

    while (bytes != NULL && len < room) {
        ssize_t got = read(fd, bytes + len, room - len);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            len += (size_t)got;
        } else if (errno != EINTR) {
            int why = errno;
            explicit_bzero(bytes, len);
            free(bytes);
            errno = why;
            return NULL;
        }
    }
    *ret_len = len;
    return bytes;
}

static void wipe_and_free(char *bytes, size_t len)
{
    explicit_bzero(bytes, len);
    free(bytes);
}

static void warn_of_mode(int fd, const char *path, struct buf *warnings)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        buf_printf(warnings,
                   "%s%s: others than its owner may use this file (mode %04o); chmod 600 "
                   "keeps them out",
                   warnings->len > 0 ? "\n" : "", path, (unsigned)st.st_mode & 07777u);
    }
}

bool token_set_add_file(struct token_set *set, const char *path, struct buf *warnings,
                        struct buf *error)
{
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0) {
        return refuse_file(path, "opened", error);
    }
    char *bytes = read_whole(fd, &len);
    if (bytes == NULL) {
        (void)refuse_file(path, "read", error);
        (void)close(fd);
        return false;
    }
    warn_of_mode(fd, path, warnings);
    bool ok = token_set_add_text(set, str_from_z(path), str_make(bytes, len), warnings, error);
    wipe_and_free(bytes, len);
    (void)close(fd);
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
        (void)refuse_file(path, "lengthened", error);
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
    char *bytes = read_whole(fd, &len);

    if (bytes == NULL) {
        return refuse_file(path, "read", error);
    }
    buf_init(&line, MAX_LINE);
    if (len > 0 && bytes[len - 1] != '\n') {
        buf_append_char(&line, '\n');
    }
    token_line_append(&line, token);
    buf_append_char(&line, '\n');
    bool ok = !line.failed && may_append(path, str_make(bytes, len), buf_str(&line), error);
    wipe_and_free(bytes, len);
    if (ok && (!write_at_end(fd, len, buf_str(&line)) || (len == 0 && !sync_directory(path)))) {
        ok = refuse_file(path, "written", error);
    }
    buf_fini(&line);
    return ok;
}

bool token_file_append(const char *path, const struct token_line *token, struct buf *error)
{
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR);
    struct stat st;

    if (fd < 0) {
        return refuse_file(path, "opened", error);
    }
    bool ok = false;
    if (fstat(fd, &st) != 0 || flock(fd, LOCK_EX) != 0) {
        (void)refuse_file(path, "locked", error);
    } else if (!S_ISREG(st.st_mode)) {
        buf_printf(error, "%s: is no regular file", path);
    } else {
        ok = append_to(fd, path, token, error);
    }
    (void)close(fd);
    return ok;
}
