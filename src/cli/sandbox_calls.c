#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/sandbox.h"

/*
 * The filter of system calls: a list of those that a running gateway makes, by itself and through
 * the C library, OpenSSL and argon2. There is none to open a socket, to connect, to run a program,
 * to begin a process, to trace, to mount, or to change a file.
 *
 * What is not in it gives EPERM, and the kernel logs it where it is told to. It does not kill: a
 * call that was forgotten, or that a newer library makes, is to cost what it was for and not the
 * service, and what is refused is refused as well.
 */

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#else
#define THIS_ARCH 0 /* not tried: there is no filter */
#endif

static const int allowed[] = {
    /* Sockets that are there. */
    SYS_accept4,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_sendto,
    SYS_sendmsg,
    SYS_shutdown,
    SYS_getsockname,
    SYS_getpeername,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_ppoll,
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
    SYS_poll,
#endif
    /* Files: what may be opened is for Landlock to say. */
    SYS_read,
    SYS_readv,
    SYS_pread64,
    SYS_write,
    SYS_writev,
    SYS_openat,
    SYS_close,
    SYS_fstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_lseek,
    SYS_fcntl,
    SYS_faccessat,
    SYS_getcwd,
    SYS_readlinkat,
    SYS_unlinkat,
    SYS_getdents64,
#ifdef SYS_open
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_unlink,
#endif
#ifdef SYS_faccessat2
    SYS_faccessat2,
#endif
    /* Memory. */
    SYS_brk,
    SYS_mmap,
    SYS_munmap,
    SYS_mremap,
    SYS_mprotect,
    SYS_madvise,
    /* Threads, signals and time. */
    SYS_exit,
    SYS_exit_group,
    SYS_futex,
    SYS_set_robust_list,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_getpid,
    SYS_gettid,
    SYS_nanosleep,
    SYS_clock_nanosleep,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_gettimeofday,
    SYS_getrandom,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getrusage,
    SYS_sysinfo,
    SYS_uname,
    SYS_membarrier,
#ifdef SYS_rseq
    SYS_rseq,
#endif
#ifdef SYS_time
    SYS_time,
    SYS_arch_prctl,
#endif
};

enum { ALLOWED = sizeof(allowed) / sizeof(allowed[0]), FIXED = 32 };

struct program {
    struct sock_filter steps[ALLOWED * 2 + FIXED];
    unsigned short count;
};

static void add(struct program *p, struct sock_filter step)
{
    p->steps[p->count++] = step;
}

static void add_load(struct program *p, size_t offset)
{
    add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

static void add_answer(struct program *p, unsigned answer)
{
    add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer));
}

/* The next `count` steps are taken only if what was loaded last is `value`. */
static void add_if(struct program *p, unsigned value, unsigned char count)
{
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count));
}

/* The next `count` steps are for this call alone. */
static void add_case(struct program *p, int call, unsigned char count)
{
    add_if(p, (unsigned)call, count);
}

/*
 * The lower half of an argument; these machines put it first. It is all that the kernel looks at
 * where it takes an int.
 */
static size_t argument(unsigned i)
{
    return offsetof(struct seccomp_data, args) + i * sizeof(uint64_t);
}

static size_t upper_half(unsigned i)
{
    return argument(i) + sizeof(uint32_t);
}

/* Calls that are allowed by what they are given. Each case ends, so that what was loaded is over.
 */
static void write_judged(struct program *p, unsigned refuse)
{
    /* Threads, but no processes. */
    add_case(p, SYS_clone, 4);
    add_load(p, argument(0));
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1));
    add_answer(p, SECCOMP_RET_ALLOW);
    add_answer(p, refuse);
    /* Whether it is a terminal, and nothing that one does with terminals. */
    add_case(p, SYS_ioctl, 4);
    add_load(p, argument(1));
    add_if(p, TCGETS, 1);
    add_answer(p, SECCOMP_RET_ALLOW);
    add_answer(p, refuse);
    /* Its own threads, as abort does, and nobody else's. */
    add_case(p, SYS_tgkill, 4);
    add_load(p, argument(0));
    add_if(p, (unsigned)getpid(), 1);
    add_answer(p, SECCOMP_RET_ALLOW);
    add_answer(p, refuse);
    /* Limits may be read, its own: where the new ones would be is a pointer, with both its halves.
     */
    add_case(p, SYS_prlimit64, 8);
    add_load(p, argument(2));
    add_if(p, 0, 5);
    add_load(p, upper_half(2));
    add_if(p, 0, 3);
    add_load(p, argument(0));
    add_if(p, 0, 1);
    add_answer(p, SECCOMP_RET_ALLOW);
    add_answer(p, refuse);
}

static void write_program(struct program *p, unsigned arch)
{
    const unsigned refuse = SECCOMP_RET_ERRNO | EPERM;

    add_load(p, offsetof(struct seccomp_data, arch));
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0));
    add_answer(p, refuse);
    add_load(p, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < ALLOWED; i++) {
        add_case(p, allowed[i], 1);
        add_answer(p, SECCOMP_RET_ALLOW);
    }
    add_case(p, SYS_clone3, 1); /* see write_clone3 */
    add_answer(p, SECCOMP_RET_ALLOW);
    write_judged(p, refuse);
    add_answer(p, refuse);
}

/*
 * The flags of clone3 are in memory, which a filter cannot see; told that it is not there, the
 * library takes clone. That happens with every thread, so it is a filter of its own, which has
 * nothing logged.
 */
static void write_clone3(struct program *p)
{
    add_load(p, offsetof(struct seccomp_data, nr));
    add_case(p, SYS_clone3, 1);
    add_answer(p, SECCOMP_RET_ERRNO | ENOSYS);
    add_answer(p, SECCOMP_RET_ALLOW);
}

static bool hold(struct program *p, unsigned flags)
{
    struct sock_fprog program = {.len = p->count, .filter = p->steps};

    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0;
}

bool sandbox_can_filter(void)
{
    unsigned action = SECCOMP_RET_ERRNO;

    return THIS_ARCH != 0 && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

bool sandbox_filter(void)
{
    struct program clone3 = {.count = 0};
    struct program all = {.count = 0};

    if (!sandbox_can_filter()) {
        return false;
    }
    write_clone3(&clone3);
    write_program(&all, THIS_ARCH);
    return hold(&clone3, 0) && hold(&all, SECCOMP_FILTER_FLAG_LOG);
}
