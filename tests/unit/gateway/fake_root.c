#include "fake_root.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

char fake_root[64];

int fake_root_make(void **state)
{
    (void)state;
    (void)snprintf(fake_root, sizeof(fake_root), "/tmp/parley-root-XXXXXX");
    return mkdtemp(fake_root) == NULL;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

int fake_root_remove(void **state)
{
    (void)state;
    return nftw(fake_root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Makes all directories of a path below the root. */
static void make_directories(const char *path)
{
    char whole[512];

    for (size_t i = 1; i <= strlen(path); i++) {
        if (path[i] == '/') {
            (void)snprintf(whole, sizeof(whole), "%s%.*s", fake_root, (int)i, path);
            (void)mkdir(whole, 0700);
        }
    }
}

void fake_put(const char *path, const char *text)
{
    char whole[512];

    make_directories(path);
    (void)snprintf(whole, sizeof(whole), "%s%s", fake_root, path);
    int fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(strlen(text), write(fd, text, strlen(text)));
    close(fd);
}
