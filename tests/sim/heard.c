#include "heard.h"

#include <stdio.h>
#include <stdlib.h>

#include "errands.h"
#include "follow.h"
#include "ws/ws.h"

enum { SHOWN = 400 }; /* bytes of a message in a complaint */

static const char *const heard_names[] = {
    "ack",    "message", "joined",       "left",     "error",      "pong",
    "slow",   "close",   "session_info", "presence", "agent_info", "request",
    "cancel", "answer",  "watching",     "copy",     "welcome"};

uint64_t heard_number(struct str text, const char *key)
{
    size_t len = strlen(key);

    for (size_t i = 0; i + len < text.len; i++) {
        if (memcmp(text.ptr + i, key, len) == 0) {
            return strtoull(text.ptr + i + len, NULL, 10);
        }
    }
    return UINT64_MAX;
}

bool heard_has(struct str text, const char *part)
{
    return text.len >= strlen(part) && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

bool heard_begins(struct str text, const char *with)
{
    return str_starts_with(text, str_from_z(with));
}

static void read_error(struct expected *e, struct str text)
{
    e->kind = HEARD_ERROR;
    if (heard_has(text, "\"code\":\"SLOW_CLIENT\"")) {
        e->kind = HEARD_SLOW;
        e->number = heard_number(text, "\"dropped\":");
    } else if (heard_has(text, "\"code\":\"SESSION_NOT_FOUND\"")) {
        e->number = ERROR_NO_SESSION;
    } else if (heard_has(text, "\"rule\":\"grant:")) {
        e->number = ERROR_NO_GRANT;
    } else if (heard_has(text, "\"code\":\"NOT_A_MEMBER\"")) {
        e->number = ERROR_NO_MEMBER;
    }
}

static void read_info(const struct mclient *c, struct expected *e, struct str text)
{
    static const char *const words[] = {
        [INFO_LIST] = "\"sessions\":[",
        [INFO_CONNECTED] = "\"status\":\"connected\"",
        [INFO_CREATED] = "\"status\":\"created\"",
        [INFO_JOINED] = "\"status\":\"joined\"",
        [INFO_LEFT] = "\"status\":\"left\"",
        [INFO_PATCHED] = "\"status\":\"patched\"",
    };
    unsigned status = INFO_LIST;

    while (status <= INFO_PATCHED && !heard_has(text, words[status])) {
        status++;
    }
    if (status > INFO_PATCHED) {
        model_fail(c, "heard a session_info of no kind: %.*s", STR_ARG(text));
    }
    /* Of a list, the last total is that of the sessions. */
    const char *total = memmem(text.ptr, text.len, "],\"total\":", 10);
    uint64_t count = total != NULL ? strtoull(total + 10, NULL, 10) : 0;
    e->kind = HEARD_INFO;
    e->number = info_number((enum status)status, count);
    e->note = heard_number(text, "\"n\":");
}

static void read_presence(struct expected *e, struct str text)
{
    e->number = heard_number(text, "\"n\":");
    if (e->number == UINT64_MAX) {
        e->kind = HEARD_PRESENCE;
        e->number = heard_has(text, "\"status\":\"online\"") ? CAME_ONLINE : WENT_OFFLINE;
    }
}

static void read_agent(struct expected *e, struct str text)
{
    static const char *const words[] = {
        [AGENT_REGISTERED] = "\"status\":\"registered\"",
        [AGENT_UNREGISTERED] = "\"status\":\"unregistered\"",
        [AGENT_ONLINE] = "\"status\":\"online\"",
        [AGENT_BUSY] = "\"status\":\"busy\"",
    };

    e->kind = HEARD_AGENT;
    e->number = 0;
    while (e->number < AGENT_BUSY && !heard_has(text, words[e->number])) {
        e->number++;
    }
}

static struct expected read_text(struct model *m, const struct mclient *c, struct str text)
{
    struct expected e = {.kind = HEARD_MESSAGE, .note = NO_NOTE};

    if (errands_read(m, c, &e, text)) {
        return e;
    }
    if (heard_begins(text, "{\"type\":\"t") || heard_begins(text, "{\"type\":\"broadcast\"")) {
        e.number = heard_number(text, "\"n\":");
    } else if (heard_begins(text, "{\"type\":\"connection_ack\"")) {
        e.kind = HEARD_ACK;
    } else if (heard_begins(text, "{\"type\":\"agent_joined\"")) {
        e.kind = HEARD_JOINED;
        e.number = heard_number(text, "\"agent_id\":\"a");
    } else if (heard_begins(text, "{\"type\":\"agent_left\"")) {
        e.kind = HEARD_LEFT;
        e.number = heard_number(text, "\"agent_id\":\"a");
    } else if (heard_begins(text, "{\"type\":\"pong\"")) {
        e.kind = HEARD_PONG;
    } else if (heard_begins(text, "{\"type\":\"error\"")) {
        read_error(&e, text);
    } else if (heard_begins(text, "{\"type\":\"monitor\"")) {
        e.kind = heard_has(text, "\"watching\":true") ? HEARD_WATCHING : HEARD_COPY;
        e.number = e.kind == HEARD_COPY ? heard_number(text, "\"n\":") : 0;
    } else if (heard_begins(text, "{\"type\":\"auth_success\"")) {
        e.kind = HEARD_WELCOME;
    } else if (heard_begins(text, "{\"type\":\"agent_info\"")) {
        read_agent(&e, text);
    } else if (heard_begins(text, "{\"type\":\"session_info\"")) {
        read_info(c, &e, text);
    } else if (heard_begins(text, "{\"type\":\"presence\"")) {
        read_presence(&e, text);
    } else {
        model_fail(c, "heard what nobody can say: %.*s", STR_ARG(text));
    }
    return e;
}

static struct expected read_frame(struct model *m, const struct mclient *c, unsigned opcode,
                                  struct str text)
{
    if (opcode == WS_CLOSE) {
        return (struct expected){.kind = HEARD_CLOSE,
                                 .number =
                                     (uint64_t)(uint8_t)text.ptr[0] << 8 | (uint8_t)text.ptr[1]};
    }
    return read_text(m, c, text);
}

/* --- in which form it was heard --------------------------------------------------------------- */

struct str heard_string(struct str text, const char *key)
{
    const char *at = memmem(text.ptr, text.len, key, strlen(key));
    size_t begin = at != NULL ? (size_t)(at - text.ptr) + strlen(key) : text.len;
    size_t end = begin;

    while (end < text.len && text.ptr[end] != '"') {
        end++;
    }
    return str_slice(text, begin, end);
}

/* A client is called the same by all, always: what the first one has heard counts. */
static void check_id(struct model *m, const struct mclient *c, uint32_t serial, struct str id)
{
    char *known = m->ids[serial];

    if (known[0] == '\0' && id.len == 15 && heard_begins(id, "c-")) {
        memcpy(known, id.ptr, id.len);
        known[id.len] = '\0';
    }
    if (!str_equal(id, str_from_z(known))) {
        model_fail(c, "hears of \"%.*s\", who is \"%s\"", STR_ARG(id), known);
    }
}

void heard_check_name(struct model *m, const struct mclient *c, const struct expected *want,
                      struct str name)
{
    char agent[16];

    if (want->agent < 0) {
        check_id(m, c, want->sender, name);
        return;
    }
    if (!str_equal(name, str_format(agent, sizeof(agent), "a%d", want->agent))) {
        model_fail(c, "hears %.*s instead of a%d", STR_ARG(name), want->agent);
    }
}

/* A message in the world: as it was said, or made of one of the gateway dialect. */
static void check_in_world(struct model *m, const struct mclient *c, const struct expected *want,
                           struct str text)
{
    if (want->kind != HEARD_MESSAGE) {
        return;
    }
    if (want->from_world) {
        if (!heard_has(text, ",\"agent_id\":\"x\",") || heard_has(text, "\"payload\"")) {
            model_fail(c, "hears other bytes than were said: %.*s", STR_ARG(text));
        }
        return;
    }
    heard_check_name(m, c, want, heard_string(text, "\"agent_id\":\""));
    heard_check_name(m, c, want, heard_string(text, "\"agentId\":\""));
    if (!heard_has(text, "\",\"data\":{\"n\":") || heard_has(text, "payload")) {
        model_fail(c, "hears something that is no message of the world: %.*s", STR_ARG(text));
    }
}

/* Whether the frame names the session, where its dialect does so. */
static void check_session(const struct mclient *c, int session, const char *key, struct str text)
{
    struct str name = heard_string(text, key);

    if (!str_equal(name, session == NO_SESSION ? STR("") : str_from_z(model_sessions[session]))) {
        model_fail(c, "hears of session \"%.*s\" instead of %d: %.*s", STR_ARG(name), session,
                   STR_ARG(text));
    }
}

static void check_in_gateway(struct model *m, const struct mclient *c, const struct expected *want,
                             struct str text)
{
    bool converted = heard_has(text, "\"payload\":{\"type\":\"");

    if (!heard_has(text, "\",\"id\":\"") || heard_has(text, "forged")) {
        model_fail(c, "hears no frame of its dialect: %.*s", STR_ARG(text));
    }
    switch (want->kind) {
    case HEARD_MESSAGE:
        if (converted != want->from_world) {
            model_fail(c, "hears a message of the wrong dialect: %.*s", STR_ARG(text));
        }
        heard_check_name(m, c, want, heard_string(text, "\"source\":\""));
        check_session(c, want->session,
                      heard_begins(text, "{\"type\":\"presence\"") ? "\"sessionKey\":\""
                                                                   : "\"sessionId\":\"",
                      text);
        break;
    case HEARD_JOINED:
    case HEARD_LEFT:
        if (!converted || !str_equal(heard_string(text, "\"source\":\""), STR("gateway"))) {
            model_fail(c, "hears a message of the wrong dialect: %.*s", STR_ARG(text));
        }
        check_session(c, want->session, "\"sessionId\":\"", text);
        break;
    case HEARD_COPY:
        follow_check_copy(m, c, want, text);
        break;
    case HEARD_PRESENCE:
        heard_check_name(m, c, want, heard_string(text, "\"deviceId\":\""));
        check_session(c, want->session, "\"sessionKey\":\"", text);
        break;
    case HEARD_INFO:
        if (want->number == info_number(INFO_CONNECTED, 0)) {
            check_id(m, c, c->serial, heard_string(text, "\"sessionId\":\""));
        } else if (want->session != NO_SESSION) {
            check_session(c, want->session, "\"sessionId\":\"", text);
        }
        break;
    default:
        break;
    }
}

static void check_form(struct model *m, const struct mclient *c, const struct expected *want,
                       struct str text)
{
    if (want->kind == HEARD_CLOSE) {
        return;
    }
    errands_check_form(m, c, want, text);
    if (c->control) {
        check_in_gateway(m, c, want, text);
    } else if (want->kind == HEARD_ACK) {
        check_id(m, c, c->serial, heard_string(text, "\"client_id\":\""));
    } else {
        check_in_world(m, c, want, text);
    }
}

/* --- whether it is what was to be heard ------------------------------------------------------- */

static bool same(const struct expected *want, const struct expected *got)
{
    bool any =
        want->kind == HEARD_SLOW || (want->kind == HEARD_CANCEL && got->number == UINT64_MAX);

    return want->kind == got->kind && (any || want->number == got->number) &&
           (want->kind != HEARD_INFO || want->note == got->note);
}

void model_frame(struct model *m, struct mclient *c, unsigned opcode, struct str payload)
{
    if (opcode == WS_PING) {
        return; /* they are the simulator's to answer */
    }
    if (m->lossy) {
        if (heard_begins(payload, "{\"type\":\"route_request\"") ||
            heard_begins(payload, "{\"type\":\"chat\"")) {
            errands_learn(m, c, NULL, payload);
        }
        return;
    }
    if (opcode == WS_TEXT && follow_hears(c, payload)) {
        m->checks++;
        return;
    }
    struct expected got = read_frame(m, c, opcode, payload);
    c->heard++;
    m->checks++;
    while (c->list_from < c->list_count) {
        const struct expected *want = &c->list[c->list_from++];
        if (same(want, &got)) {
            check_form(m, c, want, payload);
            if (got.kind == HEARD_REQUEST) {
                errands_learn(m, c, want, payload);
            }
            if (got.kind == HEARD_SLOW) {
                if (got.number != c->skipped) {
                    model_fail(c, "was told of %llu skipped broadcasts, and missed %llu",
                               (unsigned long long)got.number, (unsigned long long)c->skipped);
                }
                m->slow++;
                m->slow_skipped += c->skipped;
                c->skipped = 0;
            }
            return;
        }
        if (!want->skippable) {
            model_fail(c, "heard %s %llu instead of %s %llu: %.*s", heard_names[got.kind],
                       (unsigned long long)got.number, heard_names[want->kind],
                       (unsigned long long)want->number, STR_ARG(str_slice(payload, 0, SHOWN)));
        }
        c->skipped++;
    }
    model_fail(c, "heard %s %llu, which was not for it (or out of order): %.*s",
               heard_names[got.kind], (unsigned long long)got.number,
               STR_ARG(str_slice(payload, 0, SHOWN)));
}

void model_ended(struct model *m, struct mclient *c, bool in_order)
{
    if (!in_order || m->lossy) {
        return;
    }
    for (; c->list_from < c->list_count; c->list_from++) {
        if (!c->list[c->list_from].skippable) {
            model_fail(c, "was not told of %s %llu before its end",
                       heard_names[c->list[c->list_from].kind],
                       (unsigned long long)c->list[c->list_from].number);
        }
        c->skipped++;
    }
}
