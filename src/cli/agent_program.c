#include "cli/agent.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/socket.h"
#include "json/reader.h"

enum {
    READ_SIZE = 64 * 1024,
    MAX_READS = 16, /* at a time, so that one that never stops does not hold up the others */
    MAX_TEXT = 4096,
};

/* --- starting --------------------------------------------------------------------------------- */

void program_keep_text(struct buf *out, struct str raw)
{
    buf_init(out, MAX_TEXT);
    if (json_kind_of(raw) == JSON_STRING) {
        json_unescape(raw, out);
        out->len = strnlen(out->data != NULL ? out->data : "", out->len);
    }
}

/* What a program must not get: our credential, and what else is secret in a configuration. */
static bool is_withheld(const char *variable)
{
    static const char *const prefixes[] = {"PARLEY_TOKEN=", "PARLEY_AUTH__", "PARLEY_SOURCE=",
                                           "PARLEY_REQUEST_ID=", "PARLEY_CAPABILITY="};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* NULL-terminated; its own `own` variables are first. NULL: no memory. Borrows them all. */
static char **make_environment(char *const *own, size_t own_count)
{
    size_t count = 0, used = own_count;

    while (environ[count] != NULL) {
        count++;
    }
    char **all = calloc(own_count + count + 1, sizeof(*all));
    if (all != NULL) {
        memcpy(all, own, own_count * sizeof(*all));
        for (size_t i = 0; i < count; i++) {
            if (!is_withheld(environ[i])) {
                all[used++] = environ[i];
            }
        }
    }
    return all;
}

static void append_variable(struct buf *out, const char *name, struct str value)
{
    buf_init(out, 2 * MAX_TEXT);
    buf_append_str(out, str_from_z(name));
    buf_append_str(out, value);
    buf_append_char(out, '\0');
}

bool program_start(struct agent *a, struct errand *errand, struct buf *error)
{
    struct buf id, variables[3];
    bool ok = false;

    program_keep_text(&id, buf_str(&errand->id));
    append_variable(&variables[0], "PARLEY_REQUEST_ID=", buf_str(&id));
    append_variable(&variables[1], "PARLEY_CAPABILITY=", buf_str(&errand->capability));
    append_variable(&variables[2], "PARLEY_SOURCE=", buf_str(&errand->source));
    char *const own[3] = {variables[0].data, variables[1].data, variables[2].data};
    bool failed = id.failed || variables[0].failed || variables[1].failed || variables[2].failed;
    char **environment = failed ? NULL : make_environment(own, 3);
    if (environment == NULL) {
        buf_append_str(error, STR("the program could not be started: out of memory"));
    } else {
        ok = child_start(&errand->child, a->options.command, environment, buf_str(&errand->request),
                         error);
    }
    free(environment);
    for (size_t i = 0; i < 3; i++) {
        buf_fini(&variables[i]);
    }
    buf_fini(&id);
    return ok;
}

/* --- hearing ---------------------------------------------------------------------------------- */

static void hear_stderr(struct errand *errand)
{
    char bytes[READ_SIZE];
    size_t len;

    for (int i = 0;
         i < MAX_READS && child_read_err(&errand->child, bytes, sizeof(bytes), &len) == CHILD_READ;
         i++) {
        ending_add(&errand->said, str_make(bytes, len));
    }
}

/* Nobody listens to one that is being ended, but it is let finish its sentence. */
static void pass_stdout(struct errand *errand)
{
    char bytes[READ_SIZE];
    size_t len;

    for (int i = 0;
         i < MAX_READS && child_read_out(&errand->child, bytes, sizeof(bytes), &len) == CHILD_READ;
         i++) {
    }
}

/*
 * Who has asked may read more slowly than the program prints, and the gateway ends the connection
 * of one for whom more than its limits.send_queue_bytes waits. Nobody tells how far he is. So of
 * parts a quarter of that goes out at once, and then four times that in a second.
 */
static bool keeps_pace(const struct agent *a, struct errand *errand)
{
    int64_t now = socket_now_ms();
    int64_t most = (int64_t)a->max_queue / 4, each_ms = (int64_t)a->max_queue * 4 / 1000;
    int64_t read = (now - errand->ahead_at) * each_ms;

    if (now < errand->resume_at) {
        return false;
    }
    errand->ahead = errand->ahead > read ? errand->ahead - read : 0;
    errand->ahead_at = now;
    bool ok = errand->ahead < most;
    errand->resume_at = ok ? 0 : now + (errand->ahead - most / 2) / each_ms + 1;
    return ok;
}

void program_pass_turn(struct agent *a, const struct errand *errand)
{
    a->first_errand = (size_t)(errand - a->errands) + 1;
}

/* Sends the lines that are there, while there is room. */
static enum heard send_lines(struct agent *a, struct errand *errand, bool ended)
{
    struct str line;

    while (link_has_room(a) && keeps_pace(a, errand)) {
        if (!output_next_line(&errand->output, ended, &line)) {
            return HEARD_ALL;
        }
        if (!answer_part(a, errand, line)) {
            return HEARD_TOO_MUCH;
        }
        program_pass_turn(a, errand);
    }
    return HEARD_SOME;
}

enum heard program_hear(struct agent *a, struct errand *errand)
{
    char bytes[READ_SIZE];
    size_t len;
    enum heard heard;

    hear_stderr(errand);
    for (int i = 0; i < MAX_READS; i++) {
        heard = a->options.stream ? send_lines(a, errand, errand->child.out < 0) : HEARD_ALL;
        if (heard == HEARD_ALL && output_is_too_long(&errand->output)) {
            heard = HEARD_TOO_MUCH;
        }
        if (heard != HEARD_ALL || errand->child.out < 0) {
            return heard;
        }
        switch (child_read_out(&errand->child, bytes, sizeof(bytes), &len)) {
        case CHILD_READ:
            output_add(&errand->output, str_make(bytes, len));
            break;
        case CHILD_EMPTY:
            return HEARD_SOME;
        case CHILD_CLOSED:
            break;
        }
    }
    return HEARD_SOME;
}

bool program_may_speak(const struct agent *a, const struct errand *errand)
{
    return link_has_room(a) && errand->resume_at == 0;
}

void program_pass(struct errand *errand)
{
    hear_stderr(errand);
    pass_stdout(errand);
}
