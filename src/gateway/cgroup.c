#include "gateway/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum {
    TEXT_MAX = 4096,
    PATH_LEN_MAX = 4096,
};

/* The start of a small file. Empty when it cannot be read, or is not there to the end of a line:
   part of a number would be a very small limit. */
static struct str read_file(const char *path, char text[TEXT_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return STR("");
    }
    ssize_t len = read(fd, text, TEXT_MAX);
    close(fd);
    struct str start = str_make(text, len > 0 ? (size_t)len : 0);
    return str_find(start, '\n') < start.len ? start : STR("");
}

static uint64_t lesser(const struct cgroup_limit *limit, const char *path, uint64_t least)
{
    char text[TEXT_MAX];
    struct str line = read_file(path, text);
    uint64_t value;

    line = str_slice(line, 0, str_find(line, '\n'));
    return limit->read(line, &value) && value < least ? value : least;
}

/* The least limit of a group and all above it. */
static uint64_t least_of_group(const struct cgroup_limit *limit, const char *mount,
                               struct str group, const char *file, uint64_t least)
{
    char path[PATH_LEN_MAX];

    for (;;) {
        while (group.len > 0 && group.ptr[group.len - 1] == '/') {
            group.len--;
        }
        int len = snprintf(path, sizeof(path), "%s%.*s/%s", mount, STR_ARG(group), file);
        if (len > 0 && (size_t)len < sizeof(path)) {
            least = lesser(limit, path, least);
        }
        if (group.len == 0) {
            return least;
        }
        while (group.len > 0 && group.ptr[group.len - 1] != '/') {
            group.len--;
        }
    }
}

/* Whether "a,b,memory" names the controller. */
static bool has_controller(struct str controllers, const char *name)
{
    while (controllers.len > 0) {
        size_t comma = str_find(controllers, ',');
        if (str_equal(str_slice(controllers, 0, comma), str_from_z(name))) {
            return true;
        }
        controllers = str_slice(controllers, comma + 1, controllers.len);
    }
    return false;
}

uint64_t cgroup_least(const struct cgroup_limit *limit, const char *root, uint64_t least)
{
    char text[TEXT_MAX], path[PATH_LEN_MAX];

    (void)snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    struct str rest = read_file(path, text);
    /* Lines are "number:controllers:path"; of version 2 "0::path". */
    while (rest.len > 0) {
        size_t end = str_find(rest, '\n');
        struct str line = str_slice(rest, 0, end);
        rest = str_slice(rest, end + 1, rest.len);
        line = str_slice(line, str_find(line, ':') + 1, line.len);
        size_t colon = str_find(line, ':');
        struct str controllers = str_slice(line, 0, colon);
        struct str group = str_slice(line, colon + 1, line.len);
        if (controllers.len == 0) {
            (void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup", root);
            least = least_of_group(limit, path, group, limit->file, least);
        } else if (limit->file_v1 != NULL && has_controller(controllers, limit->controller)) {
            (void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup/%s", root, limit->controller);
            least = least_of_group(limit, path, group, limit->file_v1, least);
        }
    }
    return least;
}
