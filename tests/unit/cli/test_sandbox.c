#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/sandbox.h"

/* What a process in the sandbox tries. Each trial has one of its own, since there is no way out. */

static char directory[] = "/tmp/parley-sandbox-XXXXXX";
static char inside[64];  /* beside the token file */
static char outside[64]; /* in the directory above */

static int no_error(bool ok)
{
    return ok ? 0 : errno;
}

static int open_and_close(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    int error = no_error(fd >= 0);

    if (fd >= 0) {
        (void)close(fd);
    }
    return error;
}

static int read_inside(void)
{
    return open_and_close(inside, O_RDONLY);
}

static int read_outside(void)
{
    return open_and_close(outside, O_RDONLY);
}

static int write_inside(void)
{
    return open_and_close(inside, O_WRONLY);
}

static int make_file(void)
{
    return open_and_close("/tmp/parley-sandbox-new", O_WRONLY | O_CREAT);
}

static int remove_inside(void)
{
    return no_error(unlink(inside) == 0);
}

static int open_socket(void)
{
    return no_error(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

static int run_program(void)
{
    char name[] = "/bin/true";
    char *const arguments[] = {name, NULL};

    return no_error(execv(arguments[0], arguments) == 0);
}

static int begin_process(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        _exit(0);
    }
    return no_error(pid > 0);
}

static int kill_another(void)
{
    return no_error(kill(getppid(), 0) == 0);
}

static int kill_a_thread_of_another(void)
{
    return no_error(syscall(SYS_tgkill, getppid(), getppid(), 0) == 0);
}

static int kill_itself(void)
{
    return no_error(raise(0) == 0);
}

static int raise_limit(void)
{
    struct rlimit limit = {.rlim_cur = 100, .rlim_max = 100};

    return no_error(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* By a pointer whose lower half is 0, as that of none is: the first place that nothing else has. */
static int raise_limit_from_afar(void)
{
    struct rlimit *limit = MAP_FAILED;

    for (uintptr_t half = 1; limit == MAP_FAILED && half < 1u << 15; half++) {
        limit = mmap((void *)(half << 32), sizeof(*limit), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    }
    if (limit == MAP_FAILED) {
        return errno;
    }
    *limit = (struct rlimit){.rlim_cur = 100, .rlim_max = 100};
    return no_error(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, limit, NULL) == 0);
}

static int read_limit_of_another(void)
{
    struct rlimit limit;

    return no_error(syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, NULL, &limit) == 0);
}

static int read_limit(void)
{
    struct rlimit limit;

    return no_error(getrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static int type_for_another(void)
{
    char key = 'x';

    return no_error(ioctl(STDIN_FILENO, TIOCSTI, &key) == 0);
}

static void *do_nothing(void *arg)
{
    return arg;
}

static int begin_thread(void)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, do_nothing, NULL);

    return error != 0 ? error : pthread_join(thread, NULL);
}

/* The error that a trial ends with in the sandbox; with `parts`, what holds. */
static int try(int (*trial)(void), const struct config *c, unsigned *ret_parts)
{
    int ends[2];
    int answer[2];

    assert_int_equal(0, pipe(ends));
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        answer[0] = (int)sandbox_enter(c);
        answer[1] = trial();
        _exit(write(ends[1], answer, sizeof(answer)) == sizeof(answer) ? 0 : 1);
    }
    close(ends[1]);
    assert_int_equal(sizeof(answer), read(ends[0], answer, sizeof(answer)));
    assert_int_equal(pid, waitpid(pid, NULL, 0));
    close(ends[0]);
    *ret_parts = (unsigned)answer[0];
    return answer[1];
}

static void test_trials(void **state)
{
    static const struct {
        const char *name;
        int (*trial)(void);
        unsigned part; /* that forbids it; 0: it may be done */
        int error;
    } trials[] = {
        {"reading what a reload reads", read_inside, 0, 0},
        {"reading anything else", read_outside, SANDBOX_LANDLOCK, EACCES},
        {"writing", write_inside, SANDBOX_LANDLOCK, EACCES},
        {"making a file", make_file, SANDBOX_LANDLOCK, EACCES},
        {"removing a file", remove_inside, SANDBOX_LANDLOCK, EACCES},
        {"opening a socket", open_socket, SANDBOX_SECCOMP, EPERM},
        {"running a program", run_program, SANDBOX_SECCOMP, EPERM},
        {"beginning a process", begin_process, SANDBOX_SECCOMP, EPERM},
        {"sending a signal", kill_another, SANDBOX_SECCOMP, EPERM},
        {"sending one to a thread", kill_a_thread_of_another, SANDBOX_SECCOMP, EPERM},
        {"sending one to itself", kill_itself, 0, 0},
        {"setting a limit", raise_limit, SANDBOX_SECCOMP, EPERM},
        {"setting one from afar", raise_limit_from_afar, SANDBOX_SECCOMP, EPERM},
        {"reading another's limit", read_limit_of_another, SANDBOX_SECCOMP, EPERM},
        {"reading a limit", read_limit, 0, 0},
        {"typing for another", type_for_another, SANDBOX_SECCOMP, EPERM},
        {"beginning a thread", begin_thread, 0, 0},
    };
    const struct config *c = *state;
    unsigned has;

    (void)try(read_limit, c, &has);
    for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
        unsigned parts;
        if ((has & trials[i].part) != trials[i].part) {
            continue; /* an old kernel, or valgrind: nothing would keep it from happening */
        }
        int error = try(trials[i].trial, c, &parts);
        if (error != trials[i].error) {
            fail_msg("%s: %s", trials[i].name, strerror(error));
        }
    }
}

static void test_what_the_kernel_has_holds(void **state)
{
    unsigned parts;

    (void)try(read_limit, *state, &parts);
    unsigned always = SANDBOX_DUMPABLE | SANDBOX_PRIVILEGES | SANDBOX_CAPABILITIES;
    assert_int_equal(always, parts & always);
    assert_true(((parts & SANDBOX_LANDLOCK) != 0) == (sandbox_landlock_version() > 0));
    assert_true(((parts & SANDBOX_SECCOMP) != 0) == sandbox_can_filter());
}

static void test_names(void **state)
{
    struct buf names;

    (void)state;
    buf_init(&names, 100);
    sandbox_append(&names, 0);
    buf_append_char(&names, ' ');
    sandbox_append(&names, SANDBOX_PRIVILEGES | SANDBOX_SECCOMP);
    assert_true(str_equal(buf_str(&names), STR("off privileges,seccomp")));
    buf_fini(&names);
}

/* --- the files -------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    static struct config c;
    struct buf error;

    buf_init(&error, CONFIG_MAX_ERROR);
    assert_non_null(mkdtemp(directory));
    (void)snprintf(inside, sizeof(inside), "%s/tokens", directory);
    (void)snprintf(outside, sizeof(outside), "%s.outside", directory);
    assert_int_equal(0, open_and_close(inside, O_WRONLY | O_CREAT | O_EXCL));
    assert_int_equal(0, open_and_close(outside, O_WRONLY | O_CREAT | O_EXCL));
    assert_true(config_init(&c));
    assert_true(
        config_set(&c, STR("auth.token_file"), str_from_z(inside), CONFIG_FLAG, "a test", &error));
    buf_fini(&error);
    *state = &c;
    return 0;
}

static int tear_down(void **state)
{
    config_fini(*state);
    (void)unlink(inside);
    (void)unlink(outside);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trials),
        cmocka_unit_test(test_what_the_kernel_has_holds),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
