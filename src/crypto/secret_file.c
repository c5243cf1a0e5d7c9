#include "crypto/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool secret_file_refuse(const char *path, const char *what, struct buf *error)
{
    buf_printf(error, "%s: cannot be %s: %s", path, what, strerror(errno));
    return false;
}

void secret_file_free(char *bytes, size_t len)
{
    if (bytes != NULL) {
        explicit_bzero(bytes, len);
        free(bytes);
    }
}

char *secret_file_read(int fd, size_t max, size_t *ret_len)
{
    const size_t room = max + 1;
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
            secret_file_free(bytes, len);
            errno = why;
            return NULL;
        }
    }
    *ret_len = len;
    return bytes;
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

/*
 * A pipe would be read once, and a reload is to read the same again; without O_NONBLOCK opening one
 * could take for ever. A device will do, and a directory is refused by whoever reads it.
 */
static int open_file(const char *path, struct buf *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;

    if (fd < 0) {
        (void)secret_file_refuse(path, "opened", error);
        return -1;
    }
    if (fstat(fd, &st) != 0) {
        (void)secret_file_refuse(path, "read", error);
    } else if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode) && !S_ISDIR(st.st_mode)) {
        buf_printf(error,
                   "%s: it is no file but a pipe or socket, which cannot be read again at a "
                   "reload; name a file",
                   path);
    } else {
        return fd;
    }
    (void)close(fd);
    return -1;
}

char *secret_file_load(const char *path, size_t max, size_t *ret_len, struct buf *warnings,
                       struct buf *error)
{
    int fd = open_file(path, error);

    if (fd < 0) {
        return NULL;
    }
    char *bytes = secret_file_read(fd, max, ret_len);
    if (bytes == NULL) {
        (void)secret_file_refuse(path, "read", error);
    } else if (warnings != NULL) {
        warn_of_mode(fd, path, warnings);
    }
    (void)close(fd);
    return bytes;
}
