#include "speak.h"

#include "errands.h"
#include "powers.h"

/* --- what is wanted --------------------------------------------------------------------------- */

/* Somebody whose id has been heard of, whether he is still there or not; 0: nobody. */
static uint32_t somebody(const struct model *m, uint64_t *random)
{
    uint32_t serial = m->last_serial > 0 ? 1 + (uint32_t)speak_draw(random, m->last_serial) : 0;

    /* The later ones are more often there. */
    for (int i = 0; i < 3; i++) {
        const struct mclient *c = &m->clients[speak_draw(random, MODEL_CLIENTS)];
        serial = c->used ? c->serial : serial;
    }
    return serial > 0 && m->ids[serial][0] != '\0' ? serial : 0;
}

static enum deed choose_in_world(uint64_t *random)
{
    unsigned dice = (unsigned)speak_draw(random, 100);

    return dice < 70   ? DEED_BROADCAST
           : dice < 82 ? DEED_DIRECT
           : dice < 90 ? DEED_REGISTER
           : dice < 93 ? DEED_SUBSCRIBE
           : dice < 97 ? DEED_PING
                       : DEED_BAD;
}

static enum deed choose_in_gateway(uint64_t *random)
{
    unsigned dice = (unsigned)speak_draw(random, 100);

    return dice < 46   ? DEED_BROADCAST
           : dice < 56 ? DEED_DIRECT
           : dice < 68 ? DEED_JOIN
           : dice < 73 ? DEED_CREATE
           : dice < 78 ? DEED_LEAVE
           : dice < 82 ? DEED_PATCH
           : dice < 88 ? DEED_PRESENCE
           : dice < 91 ? DEED_ALL
           : dice < 93 ? DEED_LIST
           : dice < 97 ? DEED_PING
                       : DEED_BAD;
}

/* Mostly one that it is in, where that is of use; two are the favourites, and have logs. */
static int choose_session(const struct mclient *c, enum deed deed, uint64_t *random)
{
    bool within = deed != DEED_JOIN && deed != DEED_CREATE;

    if (within && c->in_count > 0 && speak_draw(random, 8) > 0) {
        return c->in[speak_draw(random, (uint64_t)c->in_count)];
    }
    if (deed == DEED_PRESENCE && speak_draw(random, 2) == 0) {
        return NO_SESSION;
    }
    if (deed == DEED_CREATE) {
        return MODEL_WORLDS + (int)speak_draw(random, MODEL_SESSIONS - MODEL_WORLDS);
    }
    if (deed == DEED_JOIN && speak_draw(random, 2) == 0) {
        return speak_draw(random, 2) == 0 ? 0 : MODEL_WORLDS;
    }
    return (int)speak_draw(random, MODEL_SESSIONS);
}

/* A signed token is renewed by `auth`, or in the world by a registration. */
static void choose_token(const struct model *m, const struct mclient *c, struct action *a,
                         uint64_t *random)
{
    if (m->access != ACCESS_SIGNED) {
        return;
    }
    if (c->control && speak_draw(random, 25) == 0) {
        a->deed = DEED_RENEW;
    } else if (c->control || a->deed != DEED_REGISTER || speak_draw(random, 2) == 0) {
        return;
    }
    a->end_s = powers_choose_end(m, random);
    a->as_other = speak_draw(random, 8) == 0;
}

/* About requests, or about all the rest. */
static void choose_words(struct model *m, const struct mclient *c, struct action *a,
                         uint64_t *random)
{
    if (speak_draw(random, 100) < m->errand_percent) {
        speak_choose_errand(m, c, a, random);
        return;
    }
    if (a->deed == DEED_REGISTER) {
        speak_describe(m, c, a, random);
    }

    if (a->deed == DEED_SUBSCRIBE && speak_draw(random, 3) == 0) {
        a->mask = MODEL_ALL;
    }
    if (a->deed == DEED_DIRECT && speak_draw(random, 2) == 0) {
        a->to = somebody(m, random);
    }
    if (c->control) {
        a->session = choose_session(c, a->deed, random);
    }
}

struct action speak_choose(struct model *m, const struct mclient *c, uint64_t *random,
                           uint64_t number)
{
    struct action a = {.deed = c->control ? choose_in_gateway(random) : choose_in_world(random),
                       .type = (unsigned)speak_draw(random, MODEL_TYPES),
                       .agent = (unsigned)speak_draw(random, MODEL_AGENTS),
                       .mask = (unsigned)speak_draw(random, MODEL_ALL + 1),
                       .own = (unsigned)speak_draw(random, MODEL_OWN_IDS),
                       .wanted = NO_CAPABILITY,
                       .session = NO_SESSION,
                       .number = number};

    choose_words(m, c, &a, random);
    choose_token(m, c, &a, random);
    return a;
}

/* --- as it is said ---------------------------------------------------------------------------- */

static void write_subscription(struct buf *b, unsigned mask)
{
    buf_append_str(b, STR("{\"type\":\"subscribe\""));
    if (mask != MODEL_ALL) {
        buf_append_str(b, STR(",\"types\":["));
        const char *comma = "";
        for (unsigned i = 0; i <= MODEL_LEFT; i++) {
            if ((mask & 1u << i) == 0) {
                continue;
            }
            if (i < MODEL_TYPES) {
                buf_printf(b, "%s\"t%u\"", comma, i);
            } else {
                buf_printf(b, "%s\"agent_%s*\"", comma, i == MODEL_JOINED ? "joined" : "left");
            }
            comma = ",";
        }
        buf_append_char(b, ']');
    }
    buf_append_char(b, '}');
}

/* "n" and some spaces: the object that every message carries. */
static void write_body(struct buf *b, const struct action *a, uint64_t *random)
{
    buf_printf(b, "{\"n\":%llu,\"pad\":\"%*s\"}", (unsigned long long)a->number,
               (int)speak_draw(random, speak_draw(random, 50) == 0 ? 3000 : 60), "");
}

/* The member that names the target. */
static void write_target(struct buf *b, const struct model *m, const struct action *a,
                         const char *key)
{
    if (a->deed != DEED_DIRECT) {
        return;
    }
    if (a->to != 0) {
        buf_printf(b, "\"%s\":\"%s\",", key, m->ids[a->to]);
    } else {
        buf_printf(b, "\"%s\":\"a%u\",", key, a->agent);
    }
}

void speak_write_token(struct buf *b, const struct model *m, const struct mclient *c,
                       const struct action *a)
{
    char text[CREDENTIAL_ROOM];

    buf_printf(b, "\"token\":\"%.*s\"",
               STR_ARG(powers_credential(m, c->limited != a->as_other, a->end_s, text)));
}

static void write_in_world(struct buf *b, const struct model *m, const struct action *a,
                           uint64_t *random)
{
    static const char *const bad[] = {"{\"type\":\"t0\"", "[]", "{\"data\":{}}",
                                      "{\"type\":\"pong\"}", "{\"type\":\"agent_register\"}"};

    switch (a->deed) {
    case DEED_BROADCAST:
    case DEED_DIRECT:
        buf_printf(b, "{\"type\":\"t%u\",\"agent_id\":\"x\",", a->type);
        write_target(b, m, a, "target_id");
        buf_append_str(b, STR("\"data\":"));
        write_body(b, a, random);
        buf_append_char(b, '}');
        break;
    case DEED_SUBSCRIBE:
        write_subscription(b, a->mask);
        break;
    case DEED_PING:
        buf_append_str(b, STR("{\"type\":\"ping\"}"));
        break;
    default:
        buf_append_str(b, str_from_z(bad[speak_draw(random, sizeof(bad) / sizeof(bad[0]))]));
    }
}

/* A message that is passed on, with a source that is not to be believed, nor a session that it does
   not go by. */
static void write_envelope(struct buf *b, const struct model *m, const struct action *a,
                           uint64_t *random)
{
    buf_printf(b, "{\"source\":\"forged\",\"id\":\"m-%llu\",", (unsigned long long)a->number);
    write_target(b, m, a, "target");
    if (a->deed == DEED_BROADCAST) {
        buf_printf(b, "\"sessionId\":\"%s\",", model_sessions[a->session]);
    }
    if (a->deed == DEED_ALL) {
        buf_append_str(b, STR("\"type\":\"broadcast\",\"sessionId\":\"forged\",\"payload\":"));
    } else {
        buf_printf(b, "\"type\":\"t%u\",\"payload\":", a->type);
    }
    write_body(b, a, random);
    buf_append_char(b, '}');
}

static void write_presence(struct buf *b, const struct action *a)
{
    buf_printf(b,
               "{\"type\":\"presence\",\"id\":\"m\",\"sessionId\":\"forged\",\"payload\":{"
               "\"deviceId\":\"p\",\"status\":\"away\",\"n\":%llu",
               (unsigned long long)a->number);
    if (a->session != NO_SESSION) {
        buf_printf(b, ",\"sessionKey\":\"%s\"", model_sessions[a->session]);
    }
    buf_append_str(b, STR("}}"));
}

static void write_in_gateway(struct buf *b, const struct model *m, const struct mclient *c,
                             const struct action *a, uint64_t *random)
{
    static const char *const bad[] = {"{\"type\":\"t0\"",
                                      "[]",
                                      "{\"type\":\"t0\"}",
                                      "{\"type\":\"pong\",\"id\":\"x\"}",
                                      "{\"type\":\"t0\",\"id\":\"x\",\"payload\":{}}",
                                      "{\"type\":\"session_join\",\"id\":\"x\"}"};
    const char *session = a->session != NO_SESSION ? model_sessions[a->session] : "";

    switch (a->deed) {
    case DEED_CREATE:
    case DEED_JOIN:
    case DEED_LEAVE:
        buf_printf(b, "{\"type\":\"session_%s\",\"id\":\"m\",\"payload\":{\"sessionId\":\"%s\"}}",
                   a->deed == DEED_CREATE ? "create"
                   : a->deed == DEED_JOIN ? "join"
                                          : "leave",
                   session);
        break;
    case DEED_PATCH:
        buf_printf(b,
                   "{\"type\":\"session_patch\",\"id\":\"m\",\"payload\":{\"sessionKey\":\"%s\","
                   "\"patch\":{\"n\":%llu}}}",
                   session, (unsigned long long)a->number);
        break;
    case DEED_PRESENCE:
        write_presence(b, a);
        break;
    case DEED_LIST:
    case DEED_PING:
        buf_printf(b, "{\"type\":\"%s\",\"id\":\"m\"}",
                   a->deed == DEED_LIST ? "session_list" : "ping");
        break;
    case DEED_RENEW:
        buf_append_str(b, STR("{\"type\":\"auth\",\"id\":\"m\",\"payload\":{"));
        speak_write_token(b, m, c, a);
        buf_append_str(b, STR("}}"));
        break;
    case DEED_BAD:
        buf_append_str(b, str_from_z(bad[speak_draw(random, sizeof(bad) / sizeof(bad[0]))]));
        break;
    default:
        write_envelope(b, m, a, random);
    }
}

void speak_write(struct buf *out, const struct model *m, const struct mclient *c,
                 const struct action *a, uint64_t *random)
{
    if (speak_write_errand(out, m, c, a)) {
        return;
    }
    if (c->control) {
        write_in_gateway(out, m, c, a, random);
    } else {
        write_in_world(out, m, a, random);
    }
}
