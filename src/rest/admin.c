/* What an administrator does to the hub: kick, drain, tickets. */

#include "core/admin.h"

#include "rest/body.h"
#include "rest/routes.h"
#include "rest/state.h"
#include "json/writer.h"

enum { REASON_MAX = 123 }; /* RFC 6455 section 5.5: what a close frame has room for */

void run_kick(struct call *call)
{
    static const struct body_member members[] = {{{"reason", 6}, BODY_TEXT, false, REASON_MAX}};
    struct body_value reason = {.given = false};
    struct buf texts;
    struct json_writer w;

    buf_init(&texts, call->body.len + 2);
    if (!body_read(call, members, 1, &reason, &texts)) {
        goto done;
    }
    if (!hub_kick(call->hub, call->parameter,
                  reason.given ? reason.text : STR("closed by an administrator"))) {
        call_refuse_about(call, ERROR_TARGET_NOT_FOUND,
                          STR("No client and no agent has this id; /api/gateway/clients lists who "
                              "is connected."),
                          STR("id"), call->parameter);
        goto done;
    }
    json_writer_init(&w, &call->out);
    json_begin_object(&w);
    json_key_string(&w, STR("kicked"), call->parameter);
    json_end_object(&w);
done:
    buf_fini(&texts);
}

void run_drain(struct call *call)
{
    struct buf texts;
    struct rest_state *state = call->rest->state;
    struct body_value none[1];
    struct json_writer w;

    buf_init(&texts, call->body.len + 2);
    if (body_read(call, NULL, 0, none, &texts)) {
        /* A second stop would end the gateway at once, as a second signal does. */
        if (!state->stopped && !hub_draining(call->hub)) {
            state->stopped = true;
            call->rest->stop(call->rest->owner);
        }
        json_writer_init(&w, &call->out);
        json_begin_object(&w);
        json_key_string(&w, STR("status"), STR("draining"));
        json_end_object(&w);
        call->status = 202;
    }
    buf_fini(&texts);
}

/* --- tickets ---------------------------------------------------------------------------------- */

enum { PUBLISH, SESSIONS, ACT_AS, AGENT_ID, BROADCAST, ADMIN, TTL_MS, TICKET_MEMBERS };

static const struct body_member ticket_members[TICKET_MEMBERS] = {
    [PUBLISH] = {{"publish", 7}, BODY_PATTERNS, false, 0},
    [SESSIONS] = {{"sessions", 8}, BODY_PATTERNS, false, 0},
    [ACT_AS] = {{"act_as", 6}, BODY_PATTERNS, false, 0},
    [AGENT_ID] = {{"agent_id", 8}, BODY_TEXT, false, CALL_MAX_PARAMETER},
    [BROADCAST] = {{"broadcast", 9}, BODY_FLAG, false, 0},
    [ADMIN] = {{"admin", 5}, BODY_FLAG, false, 0},
    [TTL_MS] = {{"ttl_ms", 6}, BODY_COUNT, false, TICKET_MAX_MS},
};

/* Whether any grant is named; without, a ticket is for speaking and hearing anywhere. */
static bool names_grants(const struct body_value *values)
{
    return values[PUBLISH].given || values[SESSIONS].given || values[ACT_AS].given ||
           values[BROADCAST].given || values[ADMIN].given;
}

static void refuse_ticket(struct call *call, enum error_code code)
{
    switch (code) {
    case ERROR_FORBIDDEN:
        call_refuse_about(call, code,
                          STR("A ticket may not do more than the credential that it is made with; "
                              "say what it is for in `publish`, `sessions`, `act_as` and "
                              "`agent_id`."),
                          STR("rule"), STR("ticket:within"));
        break;
    case ERROR_LIMIT_REACHED:
        call_refuse_about(call, code,
                          STR("Too many tickets wait to be used; try again when some have run "
                              "out."),
                          STR("limit"), STR("tickets"));
        break;
    default:
        call_refuse(call, code, STR(""), STR(""));
    }
}

static void make_ticket(struct call *call, const struct body_value *values)
{
    bool named = names_grants(values);
    struct hub_ticket_request request = {
        .grants = {.publish = named ? values[PUBLISH].text : STR("*"),
                   .sessions = named ? values[SESSIONS].text : STR("*"),
                   .act_as = values[ACT_AS].text,
                   .broadcast = values[BROADCAST].flag,
                   .admin = values[ADMIN].flag},
        .agent_id = values[AGENT_ID].text,
        .ttl_ms = values[TTL_MS].given ? values[TTL_MS].number : TICKET_MAX_MS,
    };
    char ticket[TICKET_SIZE];
    uint64_t until_ms;
    struct json_writer w;
    enum error_code code =
        hub_ticket_new(call->hub, call->asker->principal, &request, ticket, &until_ms);

    if (code != ERROR_NONE) {
        refuse_ticket(call, code);
        return;
    }
    call->out.secret = true;
    json_writer_init(&w, &call->out);
    json_begin_object(&w);
    json_key_string(&w, STR("ticket"), str_make(ticket, sizeof(ticket)));
    explicit_bzero(ticket, sizeof(ticket));
    json_key(&w, STR("expires_at"));
    json_seconds(&w, until_ms);
    json_end_object(&w);
    call->status = 201;
}

void run_ticket(struct call *call)
{
    struct body_value values[TICKET_MEMBERS];
    struct buf texts;

    buf_init(&texts, call->body.len + 2);
    if (body_read(call, ticket_members, TICKET_MEMBERS, values, &texts)) {
        make_ticket(call, values);
    }
    buf_fini(&texts);
}
