#include "errands.h"
#include "follow.h"
#include "speak.h"

/* --- what is wanted --------------------------------------------------------------------------- */

/* A request that this client has, or (of anybody) that somebody has heard of; NULL: none. */
static struct given *choose_given(struct model *m, const struct mclient *c, bool of_anybody,
                                  uint64_t *random)
{
    uint64_t heard = m->givens_heard < MODEL_GIVENS ? m->givens_heard : MODEL_GIVENS;
    uint64_t back =
        heard > 0 && (of_anybody || speak_draw(random, 4) == 0) ? speak_draw(random, heard) : 0;

    /* Mostly the last one. */
    for (uint64_t i = back + 1; i <= heard; i++) {
        struct given *g = &m->givens[(m->givens_heard - i) % MODEL_GIVENS];
        if (of_anybody || (g->holder == c->serial && g->words > 0)) {
            return g;
        }
    }
    return NULL;
}

static bool choose_answer(struct model *m, const struct mclient *c, bool of_anybody,
                          struct action *a, uint64_t *random)
{
    struct given *g = choose_given(m, c, of_anybody, random);

    if (g == NULL) {
        return false;
    }
    a->deed = DEED_ANSWER;
    a->given = g->number;
    memcpy(a->given_id, g->id, sizeof(a->given_id));
    a->chat = speak_draw(random, 20) == 0 ? !g->chat : g->chat;
    a->failure = speak_draw(random, 8) == 0;
    a->last = a->failure || g->words <= 1 || speak_draw(random, 2) == 0;
    if (g->holder == c->serial && g->words > 0) {
        /* One in five says the last thing twice. */
        g->words = !a->last ? g->words - 1 : speak_draw(random, 5) == 0;
    }
    return true;
}

/* Mostly an agent that somebody is. */
static unsigned some_agent(const struct model *m, uint64_t *random)
{
    unsigned from = (unsigned)speak_draw(random, MODEL_AGENTS);

    for (unsigned i = 0; i < MODEL_AGENTS && speak_draw(random, 8) > 0; i++) {
        if (m->agents[(from + i) % MODEL_AGENTS].client != NULL) {
            return (from + i) % MODEL_AGENTS;
        }
    }
    return from;
}

static void choose_request(const struct model *m, const struct mclient *c, struct action *a,
                           uint64_t *random)
{
    a->deed = DEED_ASK;
    a->wanted = NO_CAPABILITY;
    a->chat = c->control && speak_draw(random, 4) == 0;
    if (a->chat) {
        a->wanted = CAPABILITY_CHAT;
    } else if (speak_draw(random, 4) > 0) {
        a->wanted = (int)speak_draw(random, MODEL_CAPABILITIES);
    } else {
        a->agent = some_agent(m, random);
    }
    if (!a->chat && speak_draw(random, 4) > 0) {
        a->for_ms = 1 + (unsigned)speak_draw(random, speak_draw(random, 6) == 0 ? 300 : 60000);
    }
}

void speak_describe(const struct model *m, const struct mclient *c, struct action *a,
                    uint64_t *random)
{
    a->mask = 0;
    a->slots = 1 + (unsigned)speak_draw(random, 3);
    for (unsigned i = 0; i < MODEL_OFFERS; i++) {
        a->mask |= speak_draw(random, 2) == 0 ? errands_offer_bits(i) : 0;
    }
    if (c->agent >= 0 && speak_draw(random, 8) > 0) {
        a->agent = (unsigned)c->agent; /* it says anew what it can */
    }
    /* Else mostly somebody whom nobody is. */
    for (unsigned i = 0;
         i < 4 && m->agents[a->agent].client != NULL && m->agents[a->agent].client != c; i++) {
        a->agent = (unsigned)speak_draw(random, MODEL_AGENTS);
    }
}

void speak_choose_errand(struct model *m, const struct mclient *c, struct action *a,
                         uint64_t *random)
{
    unsigned dice = (unsigned)speak_draw(random, 100);

    if (dice < 50 && choose_answer(m, c, false, a, random)) {
        return;
    }
    dice = (unsigned)speak_draw(random, 100);
    a->deed = DEED_CANCEL;
    if (dice < (c->agent < 0 ? 25 : 3)) {
        a->deed = DEED_REGISTER;
        speak_describe(m, c, a, random);
    } else if (dice < 35 && c->control && c->agent >= 0) {
        a->deed = dice < 33 ? DEED_HEARTBEAT : DEED_UNREGISTER;
        a->busy = speak_draw(random, 3) == 0;
        a->agent = speak_draw(random, 4) > 0 ? (unsigned)c->agent : a->agent;
    } else if (dice < 37 && c->control && c->serial % 8 < 2) {
        a->deed = c->serial % 8 == 1 ? DEED_FOLLOW : DEED_WATCH;
    } else if (dice < 42 && choose_answer(m, c, true, a, random)) {
        return;
    } else if (dice < 92) {
        choose_request(m, c, a, random);
    }
}

/* --- as it is said ---------------------------------------------------------------------------- */

static void write_offers(struct buf *b, const struct action *a)
{
    static const char *const tools[] = {"\"t1\"", "\"t2\""};
    const char *comma = "";

    buf_printf(b, "\"maxConcurrent\":%u,\"capabilities\":{\"chat\":%s,\"tools\":[", a->slots,
               (a->mask & errands_offer_bits(0)) != 0 ? "true" : "false");
    for (unsigned i = 0; i < 2; i++) {
        if ((a->mask & errands_offer_bits(1 + i)) != 0) {
            buf_printf(b, "%s%s", comma, tools[i]);
            comma = ",";
        }
    }
    buf_printf(b, "],\"streaming\":false,\"custom\":{},\"modes\":[%s]}",
               (a->mask & errands_offer_bits(3)) != 0 ? "\"m3\"" : "");
}

static void write_request(struct buf *b, const struct action *a, const char *inner)
{
    buf_printf(b, "{\"type\":\"%s\",\"id\":\"q%u\",\"%s\":{", a->chat ? "chat" : "route_request",
               a->own, inner);
    if (a->chat) {
        buf_printf(b, "\"n\":%llu,\"message\":\"hi\"}}", (unsigned long long)a->number);
        return;
    }
    if (a->wanted == NO_CAPABILITY) {
        buf_printf(b, "\"agentId\":\"a%u\",", a->agent);
    } else {
        buf_printf(b, "\"capability\":\"%s\",", model_capabilities[a->wanted]);
    }
    if (a->for_ms > 0) {
        buf_printf(b, "\"timeoutMs\":%u,", a->for_ms);
    }
    buf_printf(b, "\"request\":{\"n\":%llu}}}", (unsigned long long)a->number);
}

/* Parts of an answer to `chat` are of several types. */
static const char *answer_type(const struct action *a)
{
    static const char *const parts[] = {"chat_stream", "tool_start", "tool_update", "tool_result"};

    if (a->failure) {
        return "error";
    }
    if (!a->chat) {
        return "route_response";
    }
    return a->last ? "chat_complete" : parts[a->number % 4];
}

static void write_answer(struct buf *b, const struct action *a, const char *inner)
{
    bool is_response = !a->chat && !a->failure;

    buf_printf(b, "{\"type\":\"%s\",\"id\":\"m-%llu\",", answer_type(a),
               (unsigned long long)a->number);
    if (!is_response) {
        buf_printf(b, "\"replyTo\":\"%s\",\"%s\":{\"code\":\"SORRY\",\"n\":%llu}}", a->given_id,
                   inner, (unsigned long long)a->number);
        return;
    }
    buf_printf(b, "\"%s\":{\"requestId\":\"%s\",\"ok\":true,\"result\":{\"n\":%llu},\"done\":%s}}",
               inner, a->given_id, (unsigned long long)a->number, a->last ? "true" : "false");
}

static void write_registration(struct buf *b, const struct model *m, const struct mclient *c,
                               const struct action *a)
{
    if (c->control) {
        buf_printf(b,
                   "{\"type\":\"agent_register\",\"id\":\"m\",\"payload\":{\"agentId\":\"a%u\","
                   "\"name\":\"A\",\"type\":\"pi\",",
                   a->agent);
        write_offers(b, a);
        buf_append_str(b, STR("}}"));
    } else {
        buf_printf(b, "{\"type\":\"agent_register\",\"agentId\":\"a%u\",\"mood\":\"fine\",",
                   a->agent);
        if (a->end_s > 0) {
            speak_write_token(b, m, c, a);
            buf_append_char(b, ',');
        }
        write_offers(b, a);
        buf_append_char(b, '}');
    }
}

bool speak_write_errand(struct buf *b, const struct model *m, const struct mclient *c,
                        const struct action *a)
{
    const char *inner = c->control ? "payload" : "data";

    switch (a->deed) {
    case DEED_REGISTER:
        write_registration(b, m, c, a);
        return true;
    case DEED_ASK:
        write_request(b, a, inner);
        return true;
    case DEED_ANSWER:
        write_answer(b, a, inner);
        return true;
    case DEED_CANCEL:
        buf_printf(b, "{\"type\":\"route_cancel\",\"id\":\"m\",\"%s\":{\"requestId\":\"q%u\"}}",
                   inner, a->own);
        return true;
    case DEED_UNREGISTER:
        buf_printf(b,
                   "{\"type\":\"agent_unregister\",\"id\":\"m\",\"payload\":{\"agentId\":\"a%u\"}}",
                   a->agent);
        return true;
    case DEED_HEARTBEAT:
        buf_printf(b, "{\"type\":\"agent_heartbeat\",\"id\":\"m\",\"payload\":{\"status\":\"%s\"}}",
                   a->busy ? "busy" : "online");
        return true;
    case DEED_FOLLOW:
        follow_write(b, c);
        return true;
    case DEED_WATCH:
        buf_append_str(b, STR("{\"type\":\"monitor\",\"id\":\"m\"}"));
        return true;
    default:
        return false;
    }
}
