#include "cli/envelope.h"

#include <time.h>

#include "cli/print.h"
#include "json/reader.h"
#include "json/wire.h"

bool envelope_read(struct str text, struct envelope *ret_envelope)
{
    struct wire wire;

    wire_scan(text.ptr, text.len, WIRE_GATEWAY, &wire);
    struct envelope e = {
        .text = text,
        .type = wire_raw(&wire, text.ptr, WIRE_TYPE),
        .id = wire_raw(&wire, text.ptr, WIRE_ID),
        .session = wire_raw(&wire, text.ptr, WIRE_SESSION_ID),
        .reply_to = wire_raw(&wire, text.ptr, WIRE_REPLY_TO),
        .payload = wire_raw(&wire, text.ptr, WIRE_PAYLOAD),
    };
    if (wire.status != WIRE_OK || json_kind_of(e.type) != JSON_STRING) {
        return false;
    }
    *ret_envelope = e;
    return true;
}

bool envelope_is(const struct envelope *e, struct str type)
{
    return json_string_is(e->type, type);
}

bool envelope_answers(const struct envelope *e, struct str id)
{
    return json_kind_of(e->reply_to) == JSON_STRING && json_string_is(e->reply_to, id);
}

void envelope_open(struct json_writer *w, struct buf *out, const char *type, struct str id)
{
    json_writer_init(w, out);
    json_begin_object(w);
    json_key_string(w, STR("type"), str_from_z(type));
    json_key_string(w, STR("id"), id);
    json_key(w, STR("payload"));
    json_begin_object(w);
}

static void write_timestamp(struct json_writer *w)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    json_key_uint(w, STR("timestamp"),
                  (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

void envelope_write(struct buf *out, struct str type, struct str id, struct str session,
                    struct str target, struct str payload)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key_string(&w, STR("type"), type);
    json_key_string(&w, STR("id"), id);
    if (session.len > 0) {
        json_key_string(&w, STR("sessionId"), session);
    }
    json_key_raw(&w, STR("payload"), payload);
    write_timestamp(&w);
    if (target.len > 0) {
        json_key_string(&w, STR("target"), target);
    }
    json_end_object(&w);
}

void envelope_close(struct json_writer *w, struct str reply_to)
{
    envelope_close_to(w, STR(""), reply_to);
}

void envelope_close_to(struct json_writer *w, struct str target, struct str reply_to)
{
    json_end_object(w);
    write_timestamp(w);
    if (target.len > 0) {
        json_key_string(w, STR("target"), target);
    }
    if (reply_to.len > 0) {
        json_key_raw(w, STR("replyTo"), reply_to);
    }
    json_end_object(w);
}

/* What is not here has failed, and would fail again. */
static const struct {
    struct str error;
    enum cli_exit code;
} exits[] = {
    {{"NO_AGENT", 8}, CLI_UNAVAILABLE},           {{"AGENT_GONE", 10}, CLI_UNAVAILABLE},
    {{"TARGET_OFFLINE", 14}, CLI_UNAVAILABLE},    {{"TARGET_NOT_FOUND", 16}, CLI_UNAVAILABLE},
    {{"SESSION_NOT_FOUND", 17}, CLI_UNAVAILABLE}, {{"SESSION_FULL", 12}, CLI_TRY_AGAIN},
    {{"ROUTE_TIMEOUT", 13}, CLI_TRY_AGAIN},       {{"QUEUE_FULL", 10}, CLI_TRY_AGAIN},
    {{"RATE_LIMITED", 12}, CLI_TRY_AGAIN},        {{"LIMIT_REACHED", 13}, CLI_TRY_AGAIN},
    {{"SHUTTING_DOWN", 13}, CLI_TRY_AGAIN},       {{"AUTH_REQUIRED", 13}, CLI_REFUSED},
    {{"AUTH_FAILED", 11}, CLI_REFUSED},           {{"FORBIDDEN", 9}, CLI_REFUSED},
    {{"AGENT_ID_TAKEN", 14}, CLI_REFUSED},
};

enum cli_exit envelope_error_exit(struct str error)
{
    struct str code = json_get(error, STR("code"));

    for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
        if (json_string_is(code, exits[i].error)) {
            return exits[i].code;
        }
    }
    return CLI_FAILED;
}

void envelope_append_error(struct buf *out, struct str error)
{
    struct str code = json_get(error, STR("code"));
    struct str message = json_get(error, STR("message"));

    if (json_kind_of(code) == JSON_STRING && json_kind_of(message) == JSON_STRING) {
        print_message_refusal(out, error);
    } else {
        print_value(out, error.len > 0 ? error : STR("\"it failed without a word\""));
    }
    if (json_string_is(code, STR("AUTH_REQUIRED"))) {
        buf_append_str(out, STR("; a token is taken from --token-file FILE or PARLEY_TOKEN"));
    } else if (json_string_is(code, STR("SESSION_NOT_FOUND"))) {
        buf_append_str(out, STR("; `parley sessions` lists those that are there"));
    }
}
