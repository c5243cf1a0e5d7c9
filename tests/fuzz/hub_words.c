#include "hub_words.h"

#include "core/access.h"

/* --- the world's dialect -----------------------------------------------------------------------
 */

static const char *const types[] = {
    "agent_register", "agent_register", "agent_register", "subscribe", "ping", "bark",
    "scene_add",      "agent_joined",   "error",          "pong",      "",     "bar*k",
    "\\u0062ark",
};
static const char *const ids[] = {"a",       "b",   "c.d", "gateway",
                                  "\\u0061", "x y", "",    "c-aaaaaaaaaaaaa"};
/* Tokens (those of `all_tokens` first), a password, and what is neither. */
static const char *const secrets[] = {"kit", "boss", "den", "wrong", "", "no token"};
static const char *const members[] = {
    "\"types\":[\"bark\",\"scene_*\"]",
    "\"types\":[]",
    "\"types\":[7]",
    "\"types\":null",
    "\"data\":{\"types\":[\"agent_*\"],\"token\":\"x\",\"mood\":1e9}",
    "\"role\":\"guide\"",
    "\"role\":7",
    "\"data\":[1,2,{\"a\":null}]",
    "\"capabilities\":{\"chat\":true}",
    "\"type\":\"twice\"",
    "\"targetId\":null",
    "\"token\":\"kit\"",
    "\"token\":\"wrong\"",
    "\"password\":\"word\"",
};

#define PICK(c, table) (table)[choose(c, sizeof(table) / sizeof((table)[0]))]

/* An id: one of a few, or that of somebody who is there. */
static void append_id(struct buf *b, const struct virtual *v, struct choices *c)
{
    const struct vconn *other = &v->reactor[choose(c, v->reactors)].conns[choose(c, WORDS_SLOTS)];

    if (choose(c, 8) == 0 && other->user != NULL) {
        buf_append_str(b, str_from_z(other->user));
    } else {
        buf_append_str(b, str_from_z(PICK(c, ids)));
    }
}

static void append_raw(struct buf *b, struct choices *c)
{
    for (uint32_t left = choose(c, 64); left > 0; left--) {
        buf_append_char(b, (char)choose(c, 256));
    }
}

static void append_padding(struct buf *b, struct choices *c)
{
    if (choose(c, 6) == 0) {
        buf_printf(b, ",\"padding\":\"%0*d\"", (int)choose(c, 3000), 0);
    }
    if (choose(c, 8) == 0) {
        buf_append_str(b, STR(",\"raw\":\""));
        append_raw(b, c);
        buf_append_char(b, '"');
    }
}

static void make_in_world(struct buf *b, const struct virtual *v, struct choices *c)
{
    buf_printf(b, "{\"type\":\"%s\"", PICK(c, types));
    if (choose(c, 2) == 0) {
        buf_append_str(b, choose(c, 2) == 0 ? STR(",\"agentId\":\"") : STR(",\"agent_id\":\""));
        append_id(b, v, c);
        buf_append_char(b, '"');
    }
    if (choose(c, 3) == 0) {
        buf_append_str(b, STR(",\"target_id\":\""));
        append_id(b, v, c);
        buf_append_char(b, '"');
    }
    for (uint32_t left = choose(c, 3); left > 0; left--) {
        buf_printf(b, ",%s", PICK(c, members));
    }
    append_padding(b, c);
    buf_append_char(b, '}');
}

/* --- the gateway's -----------------------------------------------------------------------------
 */

static const char *const control_types[] = {
    "connect",        "auth",         "auth",         "ping",          "health",
    "session_create", "session_join", "session_join", "session_leave", "session_patch",
    "session_list",   "presence",     "broadcast",    "chat",          "tool_start",
    "route_request",  "agent_info",   "error",        "never*heard",   "",
};
static const char *const session_ids[] = {"den",     "den", "attic",     "world:main",
                                          "world:a", "x y", "$everybody"};
static const char *const payload_members[] = {
    "\"token\":\"kit\"",
    "\"password\":\"word\"",
    "\"clientId\":\"me\"",
    "\"deviceId\":\"lamp\",\"role\":\"node\",\"protocolVersion\":2",
    "\"deviceId\":\"lamp\",\"status\":\"away\"",
    "\"minProtocolVersion\":1",
    "\"name\":\"A\\u0000 name\"",
    "\"metadata\":{\"n\":0.10}",
    "\"patch\":{\"n\":null,\"deep\":{\"a\":[1,{}]}}",
    "\"patch\":7",
    "\"n\":1E2",
};
static const char *const envelope_members[] = {
    "\"timestamp\":12345678901234567890",
    "\"timestamp\":\"now\"",
    "\"replyTo\":\"m\"",
    "\"source\":\"forged\"",
    "\"payload\":[1,null]",
    "\"sessionId\":null",
    "\"i\\u0064\":\"m\"",
};

static void append_payload(struct buf *b, const struct virtual *v, struct choices *c)
{
    static const char *const keys[] = {"sessionId", "sessionKey"};
    const char *comma = "";

    buf_append_str(b, STR(",\"payload\":{"));
    if (choose(c, 2) == 0) {
        buf_printf(b, "\"%s\":\"%s\"", PICK(c, keys), PICK(c, session_ids));
        comma = ",";
    }
    if (choose(c, 6) == 0) {
        buf_printf(b, "%s\"token\":\"%s\"", comma, PICK(c, secrets));
        comma = ",";
    }
    for (uint32_t left = choose(c, 4); left > 0; left--) {
        buf_printf(b, "%s%s", comma, PICK(c, payload_members));
        comma = ",";
    }
    if (choose(c, 12) == 0) {
        buf_printf(b, "%s\"deviceId\":\"", comma);
        append_id(b, v, c);
        buf_append_char(b, '"');
    }
    buf_append_char(b, '}');
}

static void make_in_gateway(struct buf *b, const struct virtual *v, struct choices *c)
{
    buf_printf(b, "{\"type\":\"%s\"", PICK(c, control_types));
    if (choose(c, 12) != 1) {
        buf_printf(b, ",\"id\":\"m-%u\"", choose(c, 100));
    }
    if (choose(c, 3) == 0) {
        buf_printf(b, ",\"sessionId\":\"%s\"", PICK(c, session_ids));
    }
    if (choose(c, 4) == 0) {
        buf_append_str(b, STR(",\"target\":\""));
        append_id(b, v, c);
        buf_append_char(b, '"');
    }
    if (choose(c, 5) != 1) {
        append_payload(b, v, c);
    }
    for (uint32_t left = choose(c, 2); left > 0; left--) {
        buf_printf(b, ",%s", PICK(c, envelope_members));
    }
    append_padding(b, c);
    buf_append_char(b, '}');
}

void words_message(struct buf *b, const struct virtual *v, const struct words *words,
                   enum dialect dialect, struct choices *c)
{
    if (choose(c, 12) == 0) {
        append_raw(b, c);
    } else if (choose(c, 2) == 1) {
        words_errand(b, words, choose(c, 30) == 1 ? DIALECT_WORLD : dialect, c);
    } else if (choose(c, 30) == 1 || dialect == DIALECT_WORLD) {
        make_in_world(b, v, c);
    } else {
        make_in_gateway(b, v, c);
    }
}

/* --- who comes ----------------------------------------------------------------------------------
 */

struct evidence words_evidence(struct choices *c, struct str ticket)
{
    static const char *const worlds[] = {"", "", "main", "a", "b", "c", "no world"};
    struct evidence e = {.near = choose(c, 3) != 1, .world = str_from_z(PICK(c, worlds))};

    if (!e.near) {
        e.address[0] = 0x20;
        e.address[1] = (uint8_t)choose(c, 3);
    }
    switch (choose(c, 4)) {
    case 0:
        break;
    case 1:
        e.kind = CREDENTIAL_TICKET;
        e.credential = ticket;
        break;
    default:
        e.kind = CREDENTIAL_BEARER;
        e.credential = str_from_z(PICK(c, secrets));
    }
    if (e.credential.len == 0) {
        e.kind = CREDENTIAL_NONE;
    }
    return e;
}

bool words_set_access(struct hub *hub, struct choices *c)
{
    static const char *const patterns[] = {"*", "", "bark|chat", "world:main", "den"};
    struct hub_credential list[3];
    struct hub_access access = {.mode = (enum hub_auth_mode)choose(c, 3), .credentials = list};

    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        if (choose(c, 4) == 1) {
            continue;
        }
        struct hub_credential *it = &list[access.count++];
        *it = (struct hub_credential){.name = str_from_z(secrets[i]), .agent_id = STR("")};
        virtual_digest(it->name, it->digest);
        it->grants.publish = str_from_z(PICK(c, patterns));
        it->grants.sessions = str_from_z(PICK(c, patterns));
        it->grants.act_as = str_from_z(PICK(c, patterns));
        it->grants.broadcast = choose(c, 2) == 0;
        it->grants.admin = choose(c, 2) == 0;
    }
    access.password_id[0] = (uint8_t)choose(c, 2);
    return hub_set_access(hub, &access);
}
