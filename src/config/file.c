#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/printable.h"

/* --- where it is ------------------------------------------------------------------------------ */

/* The value of a variable; empty when it is not there. */
static struct str look_up(char *const *environment, struct str name)
{
    for (; *environment != NULL; environment++) {
        struct str variable = str_from_z(*environment);
        size_t equals = str_find(variable, '=');
        if (equals < variable.len && str_equal(str_slice(variable, 0, equals), name)) {
            return str_slice(variable, equals + 1, variable.len);
        }
    }
    return STR("");
}

/*
 * Appends the path and a NUL, and takes them back when no file is there. One that may not be looked
 * at is not passed over, since it may say who may come in; but a program that is started in a
 * directory of somebody else's was not meant to find its file there.
 */
static bool try_path(struct str directory, struct str name, struct buf *path)
{
    buf_clear(path);
    buf_append_str(path, directory);
    buf_append_str(path, name);
    buf_append_char(path, '\0');
    if (path->failed || access(path->data, F_OK) == 0) {
        return true;
    }
    if (errno == EACCES && directory.len > 0) {
        return true;
    }
    buf_clear(path);
    return false;
}

void config_find_file(char *const *environment, struct buf *ret_path)
{
    struct str named = look_up(environment, STR(OPTIONS_PREFIX "CONFIG"));
    struct str base = look_up(environment, STR("XDG_CONFIG_HOME"));
    struct str home = look_up(environment, STR("HOME"));

    if (named.len > 0) {
        buf_append_str(ret_path, named);
        buf_append_char(ret_path, '\0');
        return;
    }
    if (try_path(STR(""), STR(OPTIONS_FILE), ret_path)) {
        return;
    }
    /* A relative one does not count (XDG Base Directory Specification). */
    if (base.len > 0 && base.ptr[0] == '/') {
        if (try_path(base, STR("/parley/" OPTIONS_FILE), ret_path)) {
            return;
        }
    } else if (home.len > 0 && try_path(home, STR("/.config/parley/" OPTIONS_FILE), ret_path)) {
        return;
    }
    (void)try_path(STR("/etc"), STR("/parley/" OPTIONS_FILE), ret_path);
}

/* --- what is in it ---------------------------------------------------------------------------- */

/* Returns 0 or an errno; a file that is too long is EFBIG. */
static int read_all(int fd, struct buf *text)
{
    for (;;) {
        if (!buf_reserve(text, 4096)) {
            return text->max - text->len < 4096 ? EFBIG : ENOMEM;
        }
        ssize_t got = read(fd, text->data + text->len, 4096);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? errno : 0;
        }
        text->len += (size_t)got;
    }
}

/*
 * A pipe would be read once, and a reload is to read the same again; without O_NONBLOCK opening one
 * could take for ever. A device will do: /dev/null is a file without options.
 */
static int read_path(const char *path, struct buf *text)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        return errno;
    }
    int failure = fstat(fd, &info) != 0 ? errno : 0;
    if (failure == 0 && S_ISDIR(info.st_mode)) {
        failure = EISDIR;
    } else if (failure == 0 && !S_ISREG(info.st_mode) && !S_ISCHR(info.st_mode)) {
        failure = ESPIPE;
    }
    if (failure == 0) {
        failure = read_all(fd, text);
    }
    (void)close(fd);
    return failure;
}

static bool explain(const char *path, int failure, struct buf *error)
{
    printable_append(error, str_from_z(path));
    switch (failure) {
    case ENOENT:
        buf_append_str(error, STR(": there is no such file; name another with --config FILE"));
        return false;
    case EFBIG:
        buf_printf(error, ": it is longer than a configuration may be (%d KiB)",
                   CONFIG_MAX_FILE / 1024);
        return false;
    case ESPIPE:
        buf_append_str(error,
                       STR(": it is no file but a pipe or socket, which cannot be read again "
                           "at a reload; name a file with --config FILE"));
        return false;
    default:
        buf_printf(error, ": it cannot be read: %s; mend that, or name another with --config FILE",
                   strerror(failure));
        return false;
    }
}

/* Appends the directory of `path`, absolute, and a NUL. Returns 0 or an errno. */
static int append_directory(const char *path, struct buf *out)
{
    const char *slash = strrchr(path, '/');

    if (path[0] != '/') {
        char *here = getcwd(NULL, 0);
        if (here == NULL) {
            return errno;
        }
        buf_append_str(out, str_from_z(here));
        free(here);
        if (slash != NULL) {
            buf_append_char(out, '/');
        }
    }
    if (slash != NULL) {
        buf_append(out, path, (size_t)(slash - path));
    }
    buf_append_char(out, '\0');
    return out->failed ? ENOMEM : 0;
}

bool config_read_file(struct config *c, const char *path, struct buf *error)
{
    struct buf text, directory;

    /* One read more than it may have, to see that it ends. */
    buf_init(&text, CONFIG_MAX_FILE + 4096);
    buf_init(&directory, CONFIG_MAX_FILE);
    int failure = read_path(path, &text);
    if (failure == 0 && text.len > CONFIG_MAX_FILE) {
        failure = EFBIG;
    }
    if (failure == 0) {
        failure = append_directory(path, &directory);
    }
    bool ok = failure == 0 ? config_read_text(c, buf_str(&text), path, directory.data, error)
                           : explain(path, failure, error);
    buf_fini(&text);
    buf_fini(&directory);
    return ok;
}
