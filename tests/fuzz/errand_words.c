#include <stdio.h>

#include "hub_words.h"
#include "json/reader.h"

/* What is said about requests to agents. */

static const char *const names[] = {"grep", "grep", "tools:grep", "knit", "chat", "x", "fly"};
static const char *const agents[] = {"a", "a", "b", "b", "c.d", "nobody", "x y"};
static const char *const offers[] = {
    "[\"grep\"]",
    "{\"tools\":[\"grep\"],\"modes\":[\"knit\"]}",
    "{\"chat\":true,\"tools\":[\"grep\",\"knit\"]}",
    "{\"tools\":[\"knit\",\"\\u0067rep\",\"grep\"],\"streaming\":true}",
    "{\"modes\":[\"grep\"],\"custom\":{\"x\":1,\"chat\":\"yes\",\"fly\":0}}",
    "{\"chat\":false}",
    "{}",
    "null",
};
static const char *const asked[] = {"{\"n\":0.10}", "null", "[1E2,{}]", "\"\\u0000\"", "7"};
static const char *const reply_types[] = {"chat_stream", "tool_start",    "tool_update",
                                          "tool_result", "chat_complete", "error"};

#define PICK(c, table) (table)[choose(c, sizeof(table) / sizeof((table)[0]))]

void words_learn(struct words *words, struct str text)
{
    struct str id = json_get(text, STR("id"));
    struct str type = json_get(text, STR("type"));

    if ((json_string_is(type, STR("route_request")) || json_string_is(type, STR("chat"))) &&
        json_kind_of(id) == JSON_STRING && id.len < sizeof(words->requests[0])) {
        char *at = words->requests[words->request_count++ % WORDS_REQUESTS];
        memcpy(at, id.ptr, id.len);
        at[id.len] = '\0';
    }
}

/* The id of a request, with its quotes: as an agent knows it, or as an asker does. */
static void append_request(struct buf *b, const struct words *words, struct choices *c)
{
    uint32_t count = words->request_count < WORDS_REQUESTS ? words->request_count : WORDS_REQUESTS;
    const char *known = words->requests[choose(c, count > 0 ? count : 1)];

    switch (choose(c, 8)) {
    case 0:
        buf_printf(b, "\"m-%u\"", choose(c, WORDS_OWN_IDS));
        break;
    case 1:
        buf_append_str(b, STR("\"msg-1-1\""));
        break;
    default:
        buf_append_str(b, known[0] != '\0' ? str_from_z(known) : STR("\"\""));
    }
}

/* The beginning of a message with an id, up to its payload's brace. */
static void begin(struct buf *b, const char *type, enum dialect dialect, struct choices *c)
{
    buf_printf(b, "{\"type\":\"%s\",\"id\":\"m-%u\",", type, choose(c, WORDS_OWN_IDS));
    buf_append_str(b, dialect == DIALECT_WORLD ? STR("\"data\":{") : STR("\"payload\":{"));
}

void words_registration(struct buf *b, enum dialect dialect, struct choices *c)
{
    if (dialect == DIALECT_WORLD) {
        buf_printf(b, "{\"type\":\"agent_register\",\"agentId\":\"%s\"", PICK(c, agents));
    } else {
        buf_printf(b,
                   "{\"type\":\"agent_register\",\"id\":\"r\",\"payload\":{\"agentId\":\"%s\","
                   "\"name\":\"\",\"type\":\"pi\"",
                   PICK(c, agents));
    }
    buf_printf(b, ",\"capabilities\":%s", PICK(c, offers));
    if (choose(c, 2) == 0) {
        buf_printf(b, ",\"maxConcurrent\":%u", choose(c, 4));
    }
    buf_append_str(b, dialect == DIALECT_WORLD ? STR("}") : STR("}}"));
}

static void make_request(struct buf *b, enum dialect dialect, struct choices *c)
{
    begin(b, "route_request", dialect, c);
    if (choose(c, 8) != 1) {
        buf_printf(b, "\"request\":%s,", PICK(c, asked));
    }
    if (choose(c, 4) == 0) {
        buf_printf(b, "\"agentId\":\"%s\",", PICK(c, agents));
    } else {
        buf_printf(b, "\"capability\":\"%s\",", PICK(c, names));
    }
    if (choose(c, 2) == 0) {
        buf_printf(b, "\"timeoutMs\":%u,", choose(c, 2) == 0 ? choose(c, 500) : choose(c, 100000));
    }
    buf_printf(b, "\"stream\":%s}}", choose(c, 8) == 1 ? "1" : "true");
}

static void make_response(struct buf *b, const struct words *words, enum dialect dialect,
                          struct choices *c)
{
    begin(b, "route_response", dialect, c);
    buf_append_str(b, STR("\"requestId\":"));
    append_request(b, words, c);
    buf_printf(b, ",\"ok\":%s,\"%s\":%s,\"done\":%s}}", choose(c, 4) == 0 ? "false" : "true",
               choose(c, 2) == 0 ? "result" : "error", PICK(c, asked),
               choose(c, 2) == 0 ? "false" : "true");
}

/* What replies to `chat`, perhaps with somebody else to get it. */
static void make_reply(struct buf *b, const struct words *words, enum dialect dialect,
                       struct choices *c)
{
    begin(b, PICK(c, reply_types), dialect, c);
    buf_append_str(b, STR("\"n\":0.10},\"replyTo\":"));
    append_request(b, words, c);
    if (choose(c, 6) == 0) {
        buf_printf(b, ",\"%s\":\"%s\"", dialect == DIALECT_WORLD ? "target_id" : "target",
                   PICK(c, agents));
    }
    if (choose(c, 8) == 1) {
        buf_append_str(b, STR(",\"sessionId\":\"den\""));
    }
    buf_append_char(b, '}');
}

static void make_other(struct buf *b, struct choices *c)
{
    static const char *const others[] = {
        "\"agent_heartbeat\",\"payload\":{\"status\":\"busy\"}",
        "\"agent_heartbeat\",\"payload\":{\"status\":\"online\"}",
        "\"agent_heartbeat\"",
        "\"agent_unregister\",\"payload\":{\"agentId\":\"a\"}",
        "\"agent_unregister\",\"payload\":{\"agentId\":\"b\"}",
        "\"sync_state\",\"payload\":{\"subscribe\":true}",
        "\"sync_state\",\"payload\":{\"subscribe\":false,\"next\":\"1.0.0\"}",
        "\"monitor\",\"payload\":{}",
        "\"monitor\",\"payload\":{\"types\":[\"chat*\"],\"from\":\"a\"}",
    };

    buf_printf(b, "{\"id\":\"o\",\"type\":%s}", PICK(c, others));
}

void words_errand(struct buf *b, const struct words *words, enum dialect dialect, struct choices *c)
{
    switch (choose(c, 12)) {
    case 0:
    case 1:
    case 2:
        words_registration(b, dialect, c);
        break;
    case 3:
    case 4:
    case 5:
        make_request(b, dialect, c);
        break;
    case 6:
    case 7:
    case 8:
        make_response(b, words, dialect, c);
        break;
    case 9:
        make_reply(b, words, dialect, c);
        break;
    case 10:
        begin(b, choose(c, 2) == 0 ? "route_cancel" : "chat", dialect, c);
        buf_append_str(b, STR("\"requestId\":"));
        append_request(b, words, c);
        buf_append_str(b, STR("}}"));
        break;
    default:
        make_other(b, c);
    }
}
