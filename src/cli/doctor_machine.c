#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/lines.h"
#include "cli/sandbox.h"
#include "cli/socket.h"

/* Checks of the machine that a gateway would run on. */

/* --- clock ------------------------------------------------------------------------------------ */

/* Times in messages, tickets and logs are of use only when the clock is about right. */
void doctor_clock(struct doctor *d, struct finding *f)
{
    enum { FIRST_SANE_YEAR = 2025, LAST_SANE_YEAR = 2100 };
    int64_t before = socket_now_ms();
    time_t now = time(NULL);
    struct tm utc;
    char text[32];

    (void)d;
    if (gmtime_r(&now, &utc) == NULL || utc.tm_year + 1900 < FIRST_SANE_YEAR ||
        utc.tm_year + 1900 > LAST_SANE_YEAR) {
        doctor_fail(f, "set it, best by NTP: timedatectl set-ntp true",
                    "the clock says %lld seconds after 1970, which cannot be", (long long)now);
    } else if (socket_now_ms() < before) {
        doctor_fail(f,
                    "this is a fault of the kernel or of the virtual machine; choose another "
                    "clock source (/sys/devices/system/clocksource)",
                    "the monotonic clock goes back");
    } else {
        (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &utc);
        doctor_ok(f, "%s", text);
    }
}

/* --- descriptors ------------------------------------------------------------------------------ */

/*
 * Each client takes a file descriptor; some more are for listeners, files and threads. The gateway
 * raises its own limit to the hard one.
 */
void doctor_descriptors(struct doctor *d, struct finding *f)
{
    enum { OTHERS = 64, FEWEST = 1024 };
    uint64_t clients = config_number(&d->config, OPTION_LIMITS_CLIENTS);
    struct rlimit limit;
    char fix[256];

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        doctor_fail(f, "see getrlimit(2)", "the limit cannot be read: %s", strerror(errno));
        return;
    }
    (void)snprintf(fix, sizeof(fix),
                   "raise it (LimitNOFILE=%llu in the systemd unit, `ulimit -Hn` in a shell), or "
                   "lower limits.clients",
                   (unsigned long long)clients + OTHERS);
    if (limit.rlim_max >= clients + OTHERS) {
        doctor_ok(f, "at most %llu open files, for limits.clients %llu",
                  (unsigned long long)limit.rlim_max, (unsigned long long)clients);
    } else if (limit.rlim_max < FEWEST) {
        doctor_fail(f, fix, "at most %llu open files, which is too few for %llu clients",
                    (unsigned long long)limit.rlim_max, (unsigned long long)clients);
    } else {
        doctor_warn(f, fix, "at most %llu open files, fewer than limits.clients (%llu)",
                    (unsigned long long)limit.rlim_max, (unsigned long long)clients);
    }
}

/* --- memory ----------------------------------------------------------------------------------- */

/* The number in the line of a file that begins with `key`, or UINT64_MAX. */
static uint64_t read_number(const char *path, const char *key)
{
    FILE *in = fopen(path, "re");
    uint64_t number = UINT64_MAX;
    struct buf line;

    if (in == NULL) {
        return number;
    }
    buf_init(&line, 4096);
    while (number == UINT64_MAX && lines_next(in, &line)) {
        struct str text = buf_str(&line);
        if (str_starts_with(text, str_from_z(key))) {
            text = str_trim(str_slice(text, strlen(key), text.len));
            (void)str_to_uint(str_slice(text, 0, str_find(text, ' ')), UINT64_MAX, &number);
        }
    }
    buf_fini(&line);
    (void)fclose(in);
    return number;
}

/* What the control group of this process may use (version 2), or UINT64_MAX. */
static uint64_t group_memory(void)
{
    FILE *in = fopen("/proc/self/cgroup", "re");
    uint64_t bytes = UINT64_MAX;
    char path[4096 + 64];
    struct buf line;

    if (in == NULL) {
        return bytes;
    }
    buf_init(&line, 4096);
    while (lines_next(in, &line)) {
        if (str_starts_with(buf_str(&line), STR("0::"))) {
            (void)snprintf(path, sizeof(path), "/sys/fs/cgroup%.*s/memory.max", (int)line.len - 3,
                           line.data + 3);
            bytes = read_number(path, "");
        }
    }
    buf_fini(&line);
    (void)fclose(in);
    return bytes;
}

/* What clients may take, against what there is. */
void doctor_memory(struct doctor *d, struct finding *f)
{
    enum { KIB = 1024, MIB = 1024 * 1024 };
    uint64_t limit = config_number(&d->config, OPTION_LIMITS_MEMORY);
    uint64_t machine = read_number("/proc/meminfo", "MemTotal:"), group = group_memory();

    machine = machine > UINT64_MAX / KIB ? UINT64_MAX : machine * KIB;
    uint64_t there = machine < group ? machine : group;
    if (there == UINT64_MAX) {
        doctor_warn(f, "set limits.memory to a size, so that nothing has to be guessed",
                    "how much memory there is cannot be read from /proc/meminfo");
    } else if (limit > there / 4 * 3) {
        doctor_warn(f, "lower limits.memory, or leave it at auto, which is a quarter",
                    "limits.memory is %s, and there are %llu MiB in all",
                    config_text(&d->config, OPTION_LIMITS_MEMORY),
                    (unsigned long long)(there / MIB));
    } else {
        doctor_ok(f, "limits.memory %s, of %llu MiB", config_text(&d->config, OPTION_LIMITS_MEMORY),
                  (unsigned long long)(there / MIB));
    }
}

/* --- the UNIX socket -------------------------------------------------------------------------- */

static void check_folder(struct finding *f, struct str path)
{
    char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
    size_t slash = 0;

    for (size_t i = 0; i < path.len; i++) {
        slash = path.ptr[i] == '/' ? i + 1 : slash;
    }
    (void)snprintf(folder, sizeof(folder), "%.*s", slash > 0 ? (int)slash : 1,
                   slash > 0 ? path.ptr : ".");
    if (access(folder, W_OK | X_OK) == 0) {
        doctor_ok(f, "%.*s can be made", STR_ARG(path));
    } else {
        doctor_fail(f,
                    "make the directory for the user that the gateway runs as "
                    "(RuntimeDirectory= in the systemd unit), or choose another listen.unix",
                    "nothing can be made in %s: %s", folder, strerror(errno));
    }
}

/* The path can be made, or is one's own. */
void doctor_unix(struct doctor *d, struct finding *f)
{
    struct url url = {.path = str_from_z(config_text(&d->config, OPTION_LISTEN_UNIX))};
    struct channel channel;
    struct buf error;
    struct stat about;

    if (url.path.len == 0) {
        return;
    }
    if (url.path.len >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
        doctor_fail(f, "choose a shorter listen.unix, like /run/parley/parley.sock",
                    "%.*s has %zu characters, and a socket's path at most %zu", STR_ARG(url.path),
                    url.path.len, sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
        return;
    }
    if (lstat(url.path.ptr, &about) != 0) {
        check_folder(f, url.path);
        return;
    }
    if (!S_ISSOCK(about.st_mode)) {
        doctor_fail(f, "move the file away, or choose another listen.unix",
                    "%.*s is there, and is no socket", STR_ARG(url.path));
        return;
    }
    buf_init(&error, 1024);
    if (socket_connect(&url, DOCTOR_TIMEOUT_MS, &channel, &error)) {
        doctor_ok(f, "somebody listens at %.*s", STR_ARG(url.path));
        socket_close(&channel);
    } else {
        doctor_warn(f, "`parley serve` replaces it; nothing has to be done, unless it should run",
                    "%.*s is left over: nobody listens there", STR_ARG(url.path));
    }
    buf_fini(&error);
}

/* --- sandbox ---------------------------------------------------------------------------------- */

/* What a gateway here would lack of its sandbox. It serves without, so nothing of it is a failure.
 */
void doctor_sandbox(struct doctor *d, struct finding *f)
{
    int landlock = sandbox_landlock_version();
    bool filters = sandbox_can_filter();

    if (config_number(&d->config, OPTION_SANDBOX) == SANDBOX_OFF) {
        doctor_warn(f, "set sandbox to auto, which is the default",
                    "it is switched off: a gateway keeps rights that it does not need");
    } else if (landlock == 0 || !filters) {
        doctor_warn(f,
                    "use a kernel with Landlock (5.13; `lsm=landlock` where it is built in and not "
                    "switched on) and seccomp, and let the container have them",
                    "this kernel has %s and %s", landlock == 0 ? "no Landlock" : "Landlock",
                    filters ? "a filter of system calls" : "no filter of system calls");
    } else {
        doctor_ok(f, "Landlock %d and a filter of system calls", landlock);
    }
}
