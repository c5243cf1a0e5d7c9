#include "cli/call.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/printable.h"
#include "cli/envelope.h"
#include "cli/print.h"
#include "json/reader.h"

enum { MAX_TALK = 64 * 1024 };

/* --- what comes out --------------------------------------------------------------------------- */

/* A text, as the shell's user wants it; on a terminal nothing in it moves the cursor. */
static void append_text(struct call *c, struct str raw)
{
    struct buf text;

    buf_init(&text, CALL_MAX_ANSWER);
    json_unescape(raw, &text);
    struct str rest = buf_str(&text);
    while (c->terminal && rest.len > 0) {
        size_t end = str_find(rest, '\n');
        printable_append(&c->answer, str_slice(rest, 0, end));
        if (end < rest.len) {
            buf_append_char(&c->answer, '\n');
        }
        rest = str_slice(rest, end + 1, rest.len);
    }
    buf_append_str(&c->answer, rest);
    c->answer.failed = c->answer.failed || text.failed;
    buf_fini(&text);
}

void call_append(struct call *c, struct str raw)
{
    if (!c->json && json_kind_of(raw) == JSON_STRING) {
        append_text(c, raw);
    } else {
        print_raw_message(&c->answer, raw, c->terminal);
    }
    buf_append_char(&c->answer, '\n');
}

size_t call_waiting(const struct call *c)
{
    return c->answer.len - c->printed;
}

/* What is printed is dropped when it is the larger part, so that each byte is moved but once. */
static void drop_printed(struct call *c)
{
    if (c->printed > call_waiting(c) || call_waiting(c) == 0) {
        buf_consume(&c->answer, c->printed);
        c->printed = 0;
    }
}

/* Waits for room in stdout for as long as poll says. False when there is none, or a signal. */
static bool await_stdout(const struct call *c, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = STDOUT_FILENO, .events = POLLOUT},
                            {.fd = c->signals, .events = POLLIN}};
    int ready;

    do {
        ready = poll(fds, 2, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 && fds[1].revents == 0;
}

static enum cli_exit print_waiting(struct call *c, int timeout_ms)
{
    if (c->answer.failed) {
        complain("the answer is too long to be printed");
        return CLI_FAILED;
    }
    while (call_waiting(c) > 0 && await_stdout(c, timeout_ms)) {
        size_t len = call_waiting(c) < CALL_PIECE ? call_waiting(c) : CALL_PIECE;
        ssize_t written = write(STDOUT_FILENO, c->answer.data + c->printed, len);
        if (written < 0 && errno != EINTR && errno != EAGAIN) {
            complain("the answer could not be written to stdout");
            return CLI_FAILED;
        }
        c->printed += written > 0 ? (size_t)written : 0;
        drop_printed(c);
    }
    return CLI_OK;
}

enum cli_exit call_print_some(struct call *c)
{
    enum cli_exit code = print_waiting(c, 0);

    c->refused = call_waiting(c);
    return code;
}

enum cli_exit call_print(struct call *c)
{
    enum cli_exit code = print_waiting(c, -1);

    return code == CLI_OK && call_waiting(c) > 0 ? CLI_INTERRUPTED : code;
}

/* --- what went wrong -------------------------------------------------------------------------- */

/* Lines that a program wrote of its failure. */
static void complain_of(struct str stderr_raw)
{
    struct buf text;

    buf_init(&text, MAX_TALK);
    if (json_kind_of(stderr_raw) == JSON_STRING) {
        json_unescape(stderr_raw, &text);
    }
    struct str rest = buf_str(&text);
    while (rest.len > 0) {
        size_t end = str_find(rest, '\n');
        complain("  %.*s", (int)end, rest.ptr);
        rest = str_slice(rest, end + 1, rest.len);
    }
    buf_fini(&text);
}

void call_complain(struct str error)
{
    struct buf said;
    struct str exit = json_get(error, STR("exit")), number = json_get(error, STR("signal"));

    buf_init(&said, MAX_TALK);
    envelope_append_error(&said, error);
    if (exit.len > 0) {
        buf_append_str(&said, STR("; its exit code was "));
        print_value(&said, exit);
    } else if (number.len > 0) {
        buf_append_str(&said, STR("; the signal was "));
        print_value(&said, number);
    }
    complain("%.*s", STR_ARG(buf_str(&said)));
    buf_fini(&said);
    complain_of(json_get(error, STR("stderr")));
}
