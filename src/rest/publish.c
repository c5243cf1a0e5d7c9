/* Sending a message by HTTP, once for each Idempotency-Key. */

#include "core/admin.h"
#include "rest/body.h"
#include "rest/routes.h"
#include "rest/state.h"
#include "json/writer.h"

enum { DIALECT, MESSAGE, TARGET, SESSION, WORLD, PUBLISH_MEMBERS };

static const struct body_member publish_members[PUBLISH_MEMBERS] = {
    [DIALECT] = {{"dialect", 7}, BODY_TEXT, false, 32},
    [MESSAGE] = {{"message", 7}, BODY_OBJECT, true, 0},
    [TARGET] = {{"target", 6}, BODY_TEXT, false, CALL_MAX_PARAMETER},
    [SESSION] = {{"session", 7}, BODY_TEXT, false, CALL_MAX_PARAMETER},
    [WORLD] = {{"world", 5}, BODY_TEXT, false, CALL_MAX_PARAMETER},
};

static bool check_dialect(struct call *call, const struct body_value *dialect)
{
    if (!dialect->given || str_equal(dialect->text, STR("world"))) {
        return true;
    }
    call_refuse_about(call, ERROR_INVALID_MESSAGE,
                      str_equal(dialect->text, STR("gateway"))
                          ? STR("A message is published as one of a world, and reaches who speaks "
                                "the gateway dialect as well; leave `dialect` out, or say "
                                "\"world\".")
                          : STR("The member `dialect` of the body has to be \"world\"."),
                      STR("path"), STR("dialect"));
    return false;
}

static bool check_receiver(struct call *call, const struct body_value *values)
{
    int given = values[TARGET].given + values[SESSION].given + values[WORLD].given;

    if (given != 1) {
        call_refuse_about(call, ERROR_INVALID_MESSAGE,
                          STR("The body has to have one of `target`, `session` and `world`, which "
                              "says whom the message is for."),
                          STR("path"), given == 0 ? STR("target") : STR("world"));
    }
    return given == 1;
}

static bool check_length(struct call *call, struct str message)
{
    if (message.len <= hub_settings(call->hub)->max_message_bytes) {
        return true;
    }
    call_refuse_about(call, ERROR_MESSAGE_TOO_LARGE, STR(""), STR("path"), STR("message"));
    return false;
}

/* Whether a key is one: RFC 9110 would allow more than can be told apart in a log. */
static bool key_valid(struct str key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] < '!' || key.ptr[i] > '~') {
            return false;
        }
    }
    return key.len > 0 && key.len <= REPLAY_MAX_KEY;
}

static void write_delivered(struct call *call, uint64_t delivered)
{
    struct json_writer w;

    json_writer_init(&w, &call->out);
    json_begin_object(&w);
    json_key_uint(&w, STR("delivered"), delivered);
    json_end_object(&w);
    call->status = 202;
}

/* Returns whether the message is to be published; if not, it is answered. *ret_replay is NULL
   without a key. */
static bool enter_key(struct call *call, struct replay **ret_replay)
{
    struct rest_state *state = call->rest->state;
    struct str key = http_value(call->head, call->text.ptr, HTTP_IDEMPOTENCY_KEY);

    *ret_replay = NULL;
    if (!http_has(call->head, HTTP_IDEMPOTENCY_KEY)) {
        return true;
    }
    if (!key_valid(key)) {
        call_refuse_about(call, ERROR_INVALID_MESSAGE,
                          STR("An Idempotency-Key has 1 to 128 visible ASCII characters."),
                          STR("field"), STR("Idempotency-Key"));
        return false;
    }
    struct str owner = hub_principal_identity(call->hub, call->asker->principal);
    switch (replay_find(&state->replays, owner, key, call->body, hub_now(call->hub).mono_ms,
                        ret_replay)) {
    case REPLAY_NEW:
        return true;
    case REPLAY_AGAIN:
        state->replayed++;
        buf_append_str(&call->fields, STR("Idempotency-Replayed: true\r\n"));
        write_delivered(call, (*ret_replay)->delivered);
        return false;
    case REPLAY_OTHER:
        call_refuse_about(call, ERROR_CONFLICT, STR(""), STR("field"), STR("Idempotency-Key"));
        return false;
    default:
        call_refuse_about(call, ERROR_LIMIT_REACHED,
                          STR("Too many Idempotency-Keys are remembered; try again in a few "
                              "minutes, or publish without one."),
                          STR("limit"), STR("idempotency_keys"));
        return false;
    }
}

static void publish(struct call *call, const struct hub_publication *publication)
{
    struct replay *replay;
    struct buf details;
    uint64_t delivered = 0;

    if (!enter_key(call, &replay)) {
        return;
    }
    buf_init(&details, CALL_MAX_DETAILS);
    enum error_code code =
        hub_publish(call->hub, call->asker->principal, publication, &delivered, &details);
    if (code == ERROR_NONE) {
        write_delivered(call, delivered);
    } else {
        call_refuse(call, code, STR(""), details.failed ? STR("") : buf_str(&details));
    }
    if (replay != NULL && code == ERROR_NONE) {
        replay->delivered = delivered;
    } else if (replay != NULL) {
        /* Nothing was done, so the same may be tried again. */
        replay_forget(&call->rest->state->replays, replay);
    }
    buf_fini(&details);
}

void run_publish(struct call *call)
{
    struct body_value values[PUBLISH_MEMBERS];
    char session[BODY_SESSION_SIZE];
    struct buf texts;

    buf_init(&texts, call->body.len + 2);
    if (body_read(call, publish_members, PUBLISH_MEMBERS, values, &texts) &&
        check_dialect(call, &values[DIALECT]) && check_receiver(call, values) &&
        check_length(call, values[MESSAGE].text)) {
        struct hub_publication publication = {.message = values[MESSAGE].text,
                                              .target = values[TARGET].text,
                                              .session = values[SESSION].text};
        if (values[WORLD].given) {
            publication.session = body_session_of_world(values[WORLD].text, session);
        }
        publish(call, &publication);
    }
    buf_fini(&texts);
}
