#ifndef PARLEY_GATEWAY_CGROUP_H
#define PARLEY_GATEWAY_CGROUP_H

/* What the control groups of this process, and those above them, leave it. It reads files. */

#include "base/str.h"

/* A limit: where it stands, and how it is read. */
struct cgroup_limit {
    const char *controller; /* of version 1, below whose name its groups are mounted */
    const char *file_v1;    /* NULL: it is not looked for in version 1 */
    const char *file;       /* of version 2 */
    /* The number that the first line of the file says; false: none ("max"). */
    bool (*read)(struct str line, uint64_t *ret_value);
};

/*
 * The least of `least` and of all limits that hold for this process. `root` stands before the paths
 * in /proc and /sys; "" but in tests.
 */
uint64_t cgroup_least(const struct cgroup_limit *limit, const char *root, uint64_t least);

#endif
