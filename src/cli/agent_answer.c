#include "cli/agent.h"

#include <sys/wait.h>

#include "json/reader.h"

enum { MAX_FAILURE = 64 * 1024, MAX_ID = 64 };

/* The frames of an answer have ids that tell whose it is: "a-17-3", of errand 3. */
uint64_t answer_errand(struct str id)
{
    uint64_t number = UINT64_MAX;
    struct str text;

    if (json_kind_of(id) != JSON_STRING || !json_string_plain(id, &text) ||
        !str_starts_with(text, STR("a-"))) {
        return UINT64_MAX;
    }
    text = str_slice(text, 2, text.len);
    text = str_slice(text, str_find(text, '-') + 1, text.len);
    return str_to_uint(text, UINT64_MAX, &number) ? number : UINT64_MAX;
}

/* Begins a frame about a request. An answer to `chat` has a type of its own for each purpose. */
static void open_answer(struct agent *a, struct errand *errand, struct json_writer *w,
                        struct buf *frame, const char *chat_type)
{
    char id[MAX_ID];

    struct str text = str_format(id, sizeof(id), "a-%llu-%llu", (unsigned long long)++a->answers,
                                 (unsigned long long)errand->number);
    envelope_open(w, frame, errand->chat ? chat_type : "route_response", text);
    if (!errand->chat) {
        json_key_raw(w, STR("requestId"), buf_str(&errand->id));
    }
}

/*
 * The gateway knows who asked what it has chosen us for, by the id that it gave the request. A chat
 * that was sent to us alone has its sender's id, and is answered to that one.
 */
static struct str target_of(const struct errand *errand)
{
    return errand->is_direct ? buf_str(&errand->source) : STR("");
}

static void close_answer(struct errand *errand, struct json_writer *w, bool done)
{
    if (!errand->chat) {
        json_key_bool(w, STR("done"), done);
    }
    envelope_close_to(w, target_of(errand), errand->chat ? buf_str(&errand->id) : STR(""));
}

/* `text` may be NULL. */
static void write_answer(struct agent *a, struct errand *errand, struct buf *frame,
                         const struct str *text, bool done, bool as_text)
{
    struct json_writer w;

    open_answer(a, errand, &w, frame, done ? "chat_complete" : "chat_stream");
    if (!errand->chat) {
        json_key_bool(&w, STR("ok"), true);
    }
    if (text != NULL) {
        json_key(&w, errand->chat ? STR("content") : STR("result"));
        output_write(&w, *text, as_text);
    }
    if (errand->chat && !done) {
        json_key_bool(&w, STR("done"), false);
        json_key_uint(&w, STR("index"), errand->parts);
    }
    close_answer(errand, &w, done);
}

/*
 * JSON that is nested so deeply that it would be too deep inside of a message is sent as the text
 * that it is as well.
 */
static bool send_answer(struct agent *a, struct errand *errand, const struct str *text, bool done)
{
    struct buf frame;

    buf_init(&frame, REMOTE_MAX_MESSAGE);
    write_answer(a, errand, &frame, text, done, errand->chat);
    if (!errand->chat && text != NULL && !frame.failed && !json_valid(buf_str(&frame))) {
        buf_clear(&frame);
        write_answer(a, errand, &frame, text, done, true);
    }
    if (frame.failed || frame.len > a->max_frame) {
        buf_fini(&frame);
        return false;
    }
    errand->parts++;
    errand->ahead += (int64_t)frame.len;
    link_send(a, &frame);
    return true;
}

bool answer_part(struct agent *a, struct errand *errand, struct str text)
{
    return send_answer(a, errand, &text, false);
}

bool answer_end(struct agent *a, struct errand *errand, const struct str *text)
{
    return send_answer(a, errand, text, true);
}

/* How the program has ended, and what it said of it. */
static void write_ending(struct json_writer *w, const struct errand *errand, bool with_stderr)
{
    int status = errand->child.status;

    if (WIFEXITED(status)) {
        json_key_uint(w, STR("exit"), (uint64_t)WEXITSTATUS(status));
    } else if (WIFSIGNALED(status)) {
        json_key_uint(w, STR("signal"), (uint64_t)WTERMSIG(status));
    }
    if (with_stderr) {
        json_key_string(w, STR("stderr"), ending_text(&errand->said));
    }
}

/* From an agent an `error` is taken about requests alone, so here it is the answer that says it. */
static void write_direct_failure(struct agent *a, struct errand *errand, struct buf *frame,
                                 const struct failure *failure)
{
    struct json_writer w;
    struct buf content;

    buf_init(&content, MAX_FAILURE);
    buf_printf(&content, "%s: %.*s", failure->code, STR_ARG(failure->sentence));
    open_answer(a, errand, &w, frame, "chat_complete");
    json_key_string(&w, STR("content"), buf_str(&content));
    close_answer(errand, &w, true);
    buf_fini(&content);
}

static void write_failure(struct agent *a, struct errand *errand, struct buf *frame,
                          const struct failure *failure, bool with_stderr)
{
    struct json_writer w;

    if (errand->is_direct) {
        write_direct_failure(a, errand, frame, failure);
        return;
    }
    open_answer(a, errand, &w, frame, "error");
    if (!errand->chat) {
        json_key_bool(&w, STR("ok"), false);
        json_key(&w, STR("error"));
        json_begin_object(&w);
    }
    json_key_string(&w, STR("code"), str_from_z(failure->code));
    json_key_string(&w, STR("message"), failure->sentence);
    if (errand->chat) {
        json_key(&w, STR("details"));
        json_begin_object(&w);
    }
    if (failure->ended != NULL) {
        write_ending(&w, failure->ended, with_stderr);
    }
    json_end_object(&w);
    close_answer(errand, &w, true);
}

void answer_failure(struct agent *a, struct errand *errand, const struct failure *failure)
{
    struct buf frame;

    buf_init(&frame, MAX_FAILURE);
    write_failure(a, errand, &frame, failure, true);
    if (frame.len > a->max_frame) {
        buf_clear(&frame);
        write_failure(a, errand, &frame, failure, false);
    }
    link_send(a, &frame);
}
