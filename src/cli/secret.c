#include "cli/secret.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* --- a terminal without an echo -----------------------------------------------------------------
 */

/*
 * While a terminal has no echo, signals that would end the program wait in `signals`, so that it
 * gets its echo back first; then they have their way.
 */
struct hush {
    int fd;
    int signals; /* a signalfd; -1 when `fd` is no terminal */
    struct termios before;
    sigset_t unblocked;
};

static bool hush_begin(struct hush *h, int fd)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    sigset_t blocked;

    *h = (struct hush){.fd = fd, .signals = -1};
    if (!isatty(fd)) {
        return true;
    }
    (void)sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        (void)sigaddset(&blocked, ending[i]);
    }
    int signals = signalfd(-1, &blocked, SFD_CLOEXEC);
    if (signals < 0 || tcgetattr(fd, &h->before) != 0) {
        return false;
    }
    h->signals = signals;
    /* Nor must the shell come back to a terminal that is mute. */
    (void)sigaddset(&blocked, SIGTSTP);
    (void)sigprocmask(SIG_BLOCK, &blocked, &h->unblocked);
    struct termios mute = h->before;
    mute.c_lflag &= ~(tcflag_t)ECHO;
    mute.c_lflag |= ECHONL;
    return tcsetattr(fd, TCSAFLUSH, &mute) == 0;
}

static void hush_end(struct hush *h)
{
    if (h->signals >= 0) {
        /* What was typed too much is no command for the shell. */
        (void)tcsetattr(h->fd, TCSAFLUSH, &h->before);
        (void)close(h->signals);
        (void)sigprocmask(SIG_SETMASK, &h->unblocked, NULL);
    }
}

/* --- reading ------------------------------------------------------------------------------------
 */

static bool refuse(struct secret *s, struct buf *error, const char *sentence)
{
    secret_wipe(s);
    buf_append_str(error, str_from_z(sentence));
    return false;
}

/* Waits until there is something to read. False when a signal wants the program to end. */
static bool wait_for_input(const struct hush *h)
{
    struct pollfd fds[2] = {{.fd = h->fd, .events = POLLIN}, {.fd = h->signals, .events = POLLIN}};
    int ready;

    do {
        ready = poll(fds, 2, -1);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 && fds[1].revents == 0;
}

/* Fills `s` up to the end of the input, or of the line on a terminal, or until it is full. */
static bool fill(struct secret *s, const struct hush *h, struct buf *error)
{
    bool line_ended = false;

    s->len = 0;
    while (s->len < sizeof(s->bytes) && !line_ended) {
        if (!wait_for_input(h)) {
            return refuse(s, error, "nothing was read");
        }
        ssize_t got = read(h->fd, s->bytes + s->len, sizeof(s->bytes) - s->len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return refuse(s, error, "standard input cannot be read");
        }
        s->len += (size_t)got;
        line_ended = got == 0 || (h->signals >= 0 && s->bytes[s->len - 1] == '\n');
    }
    return true;
}

static bool read_one(struct secret *s, const struct hush *h, struct buf *error)
{
    if (!fill(s, h, error)) {
        return false;
    }
    struct str text = secret_str(s);
    if (text.len > 0 && text.ptr[text.len - 1] == '\n') {
        text.len--;
        if (text.len > 0 && text.ptr[text.len - 1] == '\r') {
            text.len--;
        }
    }
    if (text.len == 0) {
        return refuse(s, error, "there is nothing; give it on standard input, as one line");
    }
    if (str_find(text, '\n') < text.len) {
        return refuse(s, error, "there is more than one line; give one alone");
    }
    if (text.len > SECRET_MAX) {
        return refuse(s, error, "it is too long to be one");
    }
    s->len = text.len;
    return true;
}

static bool ask(struct secret *s, const struct hush *h, const char *what, bool twice,
                struct buf *error)
{
    struct secret again;

    if (h->signals >= 0) {
        (void)fprintf(stderr, "%s: ", what);
    }
    if (!read_one(s, h, error)) {
        return false;
    }
    if (h->signals < 0 || !twice) {
        return true;
    }
    (void)fprintf(stderr, "%s again: ", what);
    if (!read_one(&again, h, error)) {
        secret_wipe(s);
        return false;
    }
    bool same = str_equal(secret_str(s), secret_str(&again));
    secret_wipe(&again);
    return same || refuse(s, error, "these two are not the same; try again");
}

bool secret_read(struct secret *ret_secret, int fd, const char *what, bool twice, struct buf *error)
{
    struct hush hush;

    bool ok = hush_begin(&hush, fd)
                  ? ask(ret_secret, &hush, what, twice, error)
                  : refuse(ret_secret, error, "the terminal's echo cannot be turned off");
    hush_end(&hush);
    return ok;
}
