#include "cli/log.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/printable.h"
#include "cli/print.h"
#include "json/reader.h"
#include "json/writer.h"

enum { MAX_LINE = PIPE_BUF }; /* so much goes into a pipe in one piece, or not at all */

static const char *const level_names[] = {"debug", "info", "warning", "error"};

/* A line under way: one of the two is used. */
struct line {
    struct buf out;
    struct json_writer json;
    bool is_json;
};

/* Whether a value can stand without quotes. */
static bool is_bare(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') {
            return false;
        }
    }
    return value.len > 0;
}

static void append_quoted(struct buf *out, struct str value)
{
    struct buf printable;
    struct json_writer w;

    buf_init(&printable, MAX_LINE);
    printable_append(&printable, value);
    json_writer_init(&w, out);
    json_string(&w, buf_str(&printable));
    buf_fini(&printable);
}

void log_add(struct buf *details, const char *key, struct str value)
{
    if (details->len > 0) {
        buf_append_char(details, ' ');
    }
    buf_printf(details, "%s=", key);
    if (is_bare(value)) {
        buf_append_str(details, value);
    } else {
        append_quoted(details, value);
    }
}

void log_add_uint(struct buf *details, const char *key, uint64_t value)
{
    if (details->len > 0) {
        buf_append_char(details, ' ');
    }
    buf_printf(details, "%s=", key);
    buf_append_uint(details, value);
}

/* `value` is bare or a JSON string. */
static void put_value(struct line *line, struct str key, struct str value)
{
    uint64_t number;

    if (line->is_json) {
        bool raw = json_kind_of(value) == JSON_STRING || (str_to_uint(value, UINT64_MAX, &number) &&
                                                          (value.len == 1 || value.ptr[0] != '0'));
        json_key(&line->json, key);
        if (raw) {
            json_raw(&line->json, value);
        } else {
            json_string(&line->json, value);
        }
        return;
    }
    if (line->out.len > 0) {
        buf_append_char(&line->out, ' ');
    }
    buf_append_str(&line->out, key);
    buf_append_char(&line->out, '=');
    buf_append_str(&line->out, value);
}

static void put_text(struct line *line, struct str key, struct str text)
{
    struct buf quoted;

    if (is_bare(text)) {
        put_value(line, key, text);
        return;
    }
    buf_init(&quoted, MAX_LINE);
    append_quoted(&quoted, text);
    put_value(line, key, quoted.failed ? STR("\"\"") : buf_str(&quoted));
    buf_fini(&quoted);
}

/* The end of the value at the start of `text`: of a JSON string, or of what is not a space. */
static size_t value_end(struct str text)
{
    if (text.len == 0 || text.ptr[0] != '"') {
        return str_find(text, ' ');
    }
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] == '\\') {
            i++;
        } else if (text.ptr[i] == '"') {
            return i + 1;
        }
    }
    return text.len;
}

static void put_details(struct line *line, struct str details)
{
    while (details.len > 0) {
        size_t equals = str_find(details, '=');
        struct str key = str_slice(details, 0, equals);
        struct str rest = str_slice(details, equals + 1, details.len);
        struct str value = str_slice(rest, 0, value_end(rest));
        bool quoted = value.len > 0 && value.ptr[0] == '"' && json_valid(value);
        if (!is_bare(key) || (!quoted && !is_bare(value))) {
            put_text(line, STR("details"), details);
            return;
        }
        put_value(line, key, value);
        details = str_slice(rest, value.len + 1, rest.len);
    }
}

static void put_time(struct line *line)
{
    struct timespec now;
    struct tm t;
    char text[40];

    (void)clock_gettime(CLOCK_REALTIME, &now);
    size_t len = gmtime_r(&now.tv_sec, &t) == NULL
                     ? 0
                     : strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &t);
    struct buf stamp;
    buf_init(&stamp, sizeof(text) * 2);
    buf_append(&stamp, text, len);
    buf_printf(&stamp, ".%03uZ", (unsigned)(now.tv_nsec / 1000000));
    put_text(line, STR("time"), buf_str(&stamp));
    buf_fini(&stamp);
}

static void write_for_people(struct buf *out, unsigned level, const char *event, struct str client,
                             struct str details)
{
    print_clock(out, time(NULL));
    buf_printf(out, " %s: %s", level_names[level], event);
    if (client.len > 0) {
        buf_append_char(out, ' ');
        printable_append(out, client);
    }
    if (details.len > 0) {
        buf_append_char(out, ' ');
        printable_append(out, details);
    }
}

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Whether a line can be written at once. */
static bool has_room(int fd)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};

    return poll(&room, 1, 0) > 0 && (room.revents & POLLOUT) != 0;
}

static void put_count(struct line *line, const char *key, uint64_t count)
{
    char text[24];

    if (count > 0) {
        (void)snprintf(text, sizeof(text), "%" PRIu64, count);
        put_value(line, str_from_z(key), str_from_z(text));
    }
}

static void write_for_programs(struct line *line, const struct log_sink *sink, unsigned level,
                               const char *event, struct str client, struct str details,
                               uint64_t left_out)
{
    if (line->is_json) {
        json_begin_object(&line->json);
    }
    put_time(line);
    put_text(line, STR("level"), str_from_z(level_names[level]));
    put_text(line, STR("event"), str_from_z(event));
    if (client.len > 0) {
        put_text(line, STR("client"), client);
    }
    put_details(line, details);
    put_count(line, "left_out", left_out);
    put_count(line, "lost_lines", sink->lost);
    if (line->is_json) {
        json_end_object(&line->json);
    }
}

void log_write(struct log_sink *sink, unsigned level, const char *event, struct str client,
               struct str details)
{
    struct line line = {.is_json = sink->style == LOG_AS_JSON};
    bool people = sink->style == LOG_FOR_PEOPLE;
    uint64_t left_out = 0;

    if (level < sink->level || (people && level < LEVEL_WARNING)) {
        return;
    }
    if (level > LEVEL_DEBUG && !log_limit_pass(&sink->limit, event, now_ms(), &left_out)) {
        return;
    }
    if (!has_room(sink->fd)) {
        sink->lost++;
        return;
    }
    buf_init(&line.out, MAX_LINE);
    json_writer_init(&line.json, &line.out);
    if (people) {
        write_for_people(&line.out, level, event, client, details);
    } else {
        write_for_programs(&line, sink, level, event, client, details, left_out);
    }
    buf_append_char(&line.out, '\n');
    if (!line.out.failed) {
        /* A log that cannot be written is no reason to stop. */
        ssize_t written = write(sink->fd, line.out.data, line.out.len);
        (void)written;
        sink->lost = 0;
    }
    buf_fini(&line.out);
}
