#include "cli/sandbox.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/key_line.h"

enum { MAX_PATHS = 16 * 1024 };

/* --- capabilities ----------------------------------------------------------------------------- */

static bool drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

    /* Who has no CAP_SETPCAP has no way to those of the bounding set, either: see privileges. */
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0;
         capability++) {
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    memset(none, 0, sizeof(none));
    if (syscall(SYS_capset, &header, none) == 0) {
        return true;
    }
    /* A service manager that has taken them all may have taken this call, too. */
    return syscall(SYS_capget, &header, none) == 0 && (none[0].permitted | none[1].permitted) == 0;
}

/* --- files ------------------------------------------------------------------------------------ */

/* Rights of the first version, and of the third, which the header may be too old to name. */
#define RIGHTS_1                                                                                   \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |   \
     LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |                                 \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define RIGHT_REFER    (1ULL << 13)
#define RIGHT_TRUNCATE (1ULL << 14)

int sandbox_landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return version > 0 ? (int)version : 0;
}

/* What is not there needs no right. */
static void allow(int rules, const char *path, uint64_t rights)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = rights};
    struct stat st;

    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0) {
        return;
    }
    if (fstat(rule.parent_fd, &st) == 0) {
        (void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    (void)close(rule.parent_fd);
}

/* The directory of a file, so that another one may take its place. */
static void allow_beside(int rules, const char *file, uint64_t rights)
{
    const char *slash = strrchr(file, '/');
    struct buf path;

    buf_init(&path, MAX_PATHS);
    if (slash == NULL) {
        buf_append_char(&path, '.');
    } else {
        buf_append(&path, file, slash == file ? 1 : (size_t)(slash - file));
    }
    buf_append_char(&path, '\0');
    if (!path.failed) {
        allow(rules, path.data, rights);
    }
    buf_fini(&path);
}

/* Where it is, and where it really is. */
static void allow_file(int rules, const char *file)
{
    if (file == NULL || file[0] == '\0') {
        return;
    }
    allow_beside(rules, file, LANDLOCK_ACCESS_FS_READ_FILE);
    char *real = realpath(file, NULL);
    if (real != NULL) {
        allow_beside(rules, real, LANDLOCK_ACCESS_FS_READ_FILE);
    }
    free(real);
}

static void allow_keys(int rules, const struct config *c)
{
    struct str rest = str_from_z(config_text(c, OPTION_AUTH_JWT_KEYS));
    struct key_line line;
    struct buf path;

    buf_init(&path, MAX_PATHS);
    while (rest.len > 0) {
        size_t end = str_find(rest, ',');
        if (key_line_parse(str_slice(rest, 0, end), &line) == NULL) {
            buf_clear(&path);
            buf_append_str(&path, line.file);
            buf_append_char(&path, '\0');
            allow_file(rules, path.failed ? NULL : path.data);
        }
        rest = str_slice(rest, end + 1, rest.len);
    }
    buf_fini(&path);
}

static void allow_all(int rules, const struct config *c)
{
    /* Of the kernel: how much memory there is. Of the libraries: their configuration. */
    static const char *const files[] = {"/proc/meminfo", "/proc/self/cgroup", "/sys/fs/cgroup",
                                        "/dev/null",     "/dev/urandom",      "/etc/ssl",
                                        "/usr/lib/ssl",  "/etc/localtime"};
    const char *local = config_text(c, OPTION_LISTEN_UNIX);

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        allow(rules, files[i], LANDLOCK_ACCESS_FS_READ_FILE);
    }
    allow(rules, "/etc/parley", LANDLOCK_ACCESS_FS_READ_FILE);
    allow_file(rules, c->file);
    allow_file(rules, config_text(c, OPTION_AUTH_TOKEN_FILE));
    allow_file(rules, config_text(c, OPTION_LISTEN_TLS_CERT));
    allow_file(rules, config_text(c, OPTION_LISTEN_TLS_KEY));
    allow_keys(rules, c);
    if (local[0] != '\0') {
        allow_beside(rules, local, LANDLOCK_ACCESS_FS_REMOVE_FILE);
    }
}

static bool restrict_files(const struct config *c)
{
    int version = sandbox_landlock_version();
    struct landlock_ruleset_attr handled = {.handled_access_fs =
                                                RIGHTS_1 | (version >= 2 ? RIGHT_REFER : 0) |
                                                (version >= 3 ? RIGHT_TRUNCATE : 0)};

    if (version == 0) {
        return false;
    }
    int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
    if (rules < 0) {
        return false;
    }
    allow_all(rules, c);
    bool held = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    (void)close(rules);
    return held;
}

/* --- the whole -------------------------------------------------------------------------------- */

unsigned sandbox_enter(const struct config *c)
{
    unsigned parts = 0;

    parts |= prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? SANDBOX_DUMPABLE : 0u;
    if (drop_capabilities()) {
        parts |= SANDBOX_CAPABILITIES;
    }
    /* Without this neither of the others can be had. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return parts;
    }
    parts |= SANDBOX_PRIVILEGES;
    parts |= restrict_files(c) ? SANDBOX_LANDLOCK : 0u;
    parts |= sandbox_filter() ? SANDBOX_SECCOMP : 0u;
    return parts;
}

void sandbox_append(struct buf *out, unsigned parts)
{
    static const char *const names[] = {"dumpable", "privileges", "capabilities", "landlock",
                                        "seccomp"};
    const char *before = "";

    if (parts == 0) {
        buf_append_str(out, STR("off"));
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((parts & 1u << i) != 0) {
            buf_printf(out, "%s%s", before, names[i]);
            before = ",";
        }
    }
}
