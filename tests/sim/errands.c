#include "errands.h"

#include <string.h>

#include "follow.h"
#include "speak.h"

const char *const model_capabilities[MODEL_CAPABILITIES] = {
    "chat", "t1", "tools:t1", "t2", "tools:t2", "m3", "modes:m3", "unheard-of"};

enum mstate { WAITING, ASKED, ANSWERED };

struct mrequest {
    uint64_t number;       /* of the message that asked */
    struct mclient *asker; /* NULL: it has gone */
    uint32_t serial;       /* the asker's */
    struct mclient *agent; /* who has it; NULL: nobody */
    unsigned own;
    int target; /* the agent that alone is to answer, or -1 */
    int wanted;
    enum mstate state;
    bool chat;
    bool again; /* an agent was lost before */
    uint64_t deadline_ms;
    uint64_t given;  /* to `agent`, as a number */
    uint64_t loose;  /* since when it is to be decided upon, as a stamp; 0: it is not */
    uint64_t ending; /* the same, of what is decided, and it is to end */
};

unsigned errands_offer_bits(unsigned offer)
{
    return offer == CAPABILITY_CHAT ? 1u : 3u << (2 * offer - 1);
}

/* --- who may have it -------------------------------------------------------------------------- */

static unsigned load_of(const struct model *m, unsigned agent)
{
    unsigned load = 0;

    for (size_t i = 0; i < m->request_count; i++) {
        load += m->requests[i].agent != NULL && m->requests[i].agent == m->agents[agent].client;
    }
    return load;
}

static bool takes(const struct model *m, unsigned agent)
{
    const struct magent *a = &m->agents[agent];

    return a->client != NULL && !a->busy && load_of(m, agent) < a->slots;
}

/* Whether the agent is connected, and one of those that the request is for. */
static bool is_for(const struct model *m, const struct mrequest *r, unsigned agent)
{
    const struct mclient *c = m->agents[agent].client;

    if (c == NULL || (!c->control && !model_may_enter(m, r->asker, (int)c->world))) {
        return false;
    }
    return r->target >= 0 ? r->target == (int)agent
                          : (m->agents[agent].offers & 1u << r->wanted) != 0;
}

static bool anybody_for(const struct model *m, const struct mrequest *r)
{
    for (unsigned i = 0; i < MODEL_AGENTS; i++) {
        if (is_for(m, r, i)) {
            return true;
        }
    }
    return false;
}

static bool is_better(const struct model *m, unsigned a, unsigned b)
{
    const struct magent *one = &m->agents[a], *other = &m->agents[b];
    unsigned load = load_of(m, a) * other->slots, than = load_of(m, b) * one->slots;

    if (load != than) {
        return load < than;
    }
    return one->used != other->used ? one->used < other->used : one->described < other->described;
}

/* The agent that is to have it, or -1. */
static int choose(const struct model *m, const struct mrequest *r)
{
    int best = -1;

    for (unsigned i = 0; i < MODEL_AGENTS; i++) {
        if (is_for(m, r, i) && takes(m, i) && (best < 0 || is_better(m, i, (unsigned)best))) {
            best = (int)i;
        }
    }
    return best;
}

/* --- what is told ----------------------------------------------------------------------------- */

static struct expected about(const struct mrequest *r, enum heard kind, uint64_t number)
{
    return (struct expected){.kind = kind,
                             .number = number,
                             .session = NO_SESSION,
                             .agent = -1,
                             .note = NO_NOTE,
                             .chat = r->chat,
                             .wanted = r->wanted,
                             .own = r->own,
                             .given = r->given,
                             .deadline_ms = r->deadline_ms};
}

/* Who watches gets a copy of what is said to the agent, with its asker's name, … */
static void copy_to_agent(struct model *m, const struct mrequest *r, uint64_t number)
{
    follow_copy(m,
                &(struct expected){.number = number,
                                   .session = NO_SESSION,
                                   .from_world = !r->agent->control,
                                   .sender = r->serial,
                                   .agent = r->asker != NULL ? r->asker->agent : -1},
                NULL);
}

/* … and to its asker, by the agent or by the gateway, of which the asker itself needs no copy. */
static void copy_to_asker(struct model *m, const struct mrequest *r, uint64_t number, int agent)
{
    follow_copy(m,
                &(struct expected){.number = number,
                                   .session = NO_SESSION,
                                   .from_world = !r->asker->control,
                                   .agent = agent},
                agent < 0 ? r->asker : NULL);
}

static void give(struct model *m, struct mrequest *r, unsigned agent)
{
    struct expected what;

    r->state = ASKED;
    r->agent = m->agents[agent].client;
    r->given = ++m->given;
    m->agents[agent].used = ++m->stamp;
    what = about(r, HEARD_REQUEST, r->number);
    what.sender = r->asker->serial;
    what.agent = r->asker->agent;
    copy_to_agent(m, r, r->number);
    model_expect(r->agent, &what);
}

static void tell_error(struct mclient *c, const struct mrequest *r, enum error_code code)
{
    struct expected what = about(r, HEARD_ERROR, (uint64_t)ERROR_OF_REQUEST + (uint64_t)code);

    model_expect(c, &what);
}

/* --- its life --------------------------------------------------------------------------------- */

static void forget(struct model *m, struct mrequest *r)
{
    size_t index = (size_t)(r - m->requests);

    memmove(r, r + 1, (--m->request_count - index) * sizeof(*r));
}

/* `code` is for the asker; ERROR_NONE: the agent's own words have told. */
static void end(struct model *m, struct mrequest *r, enum hub_request_end how, enum error_code code)
{
    struct mclient *agent = r->agent;

    if (agent != NULL && (how == REQUEST_END_TIMEOUT || how == REQUEST_END_CANCELLED ||
                          how == REQUEST_END_ASKER_GONE)) {
        struct expected what = about(r, HEARD_CANCEL, r->given);
        copy_to_agent(m, r, NO_NUMBER);
        model_expect(agent, &what);
    }
    if (r->asker != NULL && code != ERROR_NONE) {
        tell_error(r->asker, r, code);
        copy_to_asker(m, r, NO_NUMBER, -1);
    }
    m->ended[how]++;
    forget(m, r);
    if (agent != NULL && agent->agent >= 0) {
        errands_agent_free(m, (unsigned)agent->agent);
    }
}

static struct mrequest *find_own(const struct model *m, const struct mclient *c, unsigned own)
{
    for (size_t i = 0; i < m->request_count; i++) {
        if (m->requests[i].asker == c && m->requests[i].own == own) {
            return &m->requests[i];
        }
    }
    return NULL;
}

struct mclient *errands_some_agent(const struct model *m, uint64_t *random)
{
    return m->request_count > 0 ? m->requests[speak_draw(random, m->request_count)].agent : NULL;
}

bool errands_busy(const struct model *m, const struct mclient *c)
{
    for (size_t i = 0; i < m->request_count && c != NULL; i++) {
        if (m->requests[i].asker == c || m->requests[i].agent == c) {
            return true;
        }
    }
    return false;
}

uint64_t errands_waiting(const struct model *m)
{
    uint64_t count = 0;

    for (size_t i = 0; i < m->request_count; i++) {
        count += m->requests[i].state == WAITING;
    }
    return count;
}

/* Why it is not taken, or ERROR_NONE. */
static enum error_code refusal(const struct model *m, const struct mrequest *r)
{
    if (r->target < 0 && !anybody_for(m, r)) {
        return ERROR_NO_AGENT;
    }
    if (r->target >= 0 && !is_for(m, r, (unsigned)r->target)) {
        const struct magent *a = &m->agents[r->target];
        bool was_there = a->client == NULL && a->known && model_may_enter(m, r->asker, a->world);
        return was_there ? ERROR_TARGET_OFFLINE : ERROR_TARGET_NOT_FOUND;
    }
    if (choose(m, r) < 0 && errands_waiting(m) >= m->max_queue) {
        return ERROR_QUEUE_FULL;
    }
    return ERROR_NONE;
}

void errands_ask(struct model *m, struct mclient *c, const struct action *a)
{
    struct mrequest r = {.number = a->number,
                         .asker = c,
                         .serial = c->serial,
                         .own = a->own,
                         .target = a->wanted == NO_CAPABILITY ? (int)a->agent : -1,
                         .wanted = a->wanted,
                         .chat = a->chat,
                         .deadline_ms = m->now_ms + (a->for_ms > 0 ? a->for_ms : m->request_ms)};
    enum error_code code = m->draining ? ERROR_SHUTTING_DOWN : ERROR_NONE;

    if (code == ERROR_NONE && find_own(m, c, a->own) != NULL) {
        model_answer(c, HEARD_ERROR, ERROR_OTHER);
        return;
    }
    code = code != ERROR_NONE ? code : refusal(m, &r);
    if (code != ERROR_NONE) {
        tell_error(c, &r, code);
        return;
    }
    m->requests = model_grown(m->requests, m->request_count, &m->request_cap, sizeof(r));
    m->requests[m->request_count++] = r;
    for (unsigned i = 0; i < MODEL_AGENTS; i++) {
        if (is_for(m, &r, i)) {
            errands_agent_free(m, i);
        }
    }
}

void errands_answer(struct model *m, const struct mclient *c, const struct action *a)
{
    struct mrequest *r = NULL;

    for (size_t i = 0; i < m->request_count; i++) {
        if (m->requests[i].state != WAITING && m->requests[i].given == a->given) {
            r = &m->requests[i];
        }
    }
    if (r == NULL || r->agent != c || (r->chat != a->chat && !a->failure)) {
        m->late += r == NULL && c->agent >= 0;
        m->stray += r != NULL || c->agent < 0;
        return;
    }
    struct expected what = about(r, HEARD_ANSWER, a->number);
    what.agent = c->agent;
    copy_to_asker(m, r, a->number, c->agent);
    model_expect(r->asker, &what);
    r->state = ANSWERED;
    if (a->last) {
        end(m, r, a->failure ? REQUEST_END_FAILED : REQUEST_END_DONE, ERROR_NONE);
    }
}

void errands_cancel(struct model *m, struct mclient *c, const struct action *a)
{
    struct mrequest *r = find_own(m, c, a->own);

    if (r != NULL) {
        end(m, r, REQUEST_END_CANCELLED, ERROR_ROUTE_CANCELLED);
    } else {
        m->stray++;
    }
}

/* --- what others cause ------------------------------------------------------------------------ */

static void loosen(struct model *m, struct mrequest *r)
{
    if (r->loose == 0) {
        r->loose = ++m->stamp;
    }
}

void errands_lose_asker(struct model *m, const struct mclient *c)
{
    for (size_t i = 0; i < m->request_count; i++) {
        if (m->requests[i].asker == c) {
            m->requests[i].asker = NULL;
            loosen(m, &m->requests[i]);
        }
    }
}

void errands_review(struct model *m, const struct mclient *c)
{
    for (size_t i = 0; i < m->request_count; i++) {
        if (m->requests[i].asker == c && m->requests[i].state == WAITING) {
            loosen(m, &m->requests[i]);
        }
    }
}

/* The one that the agent has had longest, or NULL. */
static struct mrequest *oldest_work(const struct model *m, const struct mclient *agent)
{
    struct mrequest *oldest = NULL;

    for (size_t i = 0; i < m->request_count; i++) {
        struct mrequest *r = &m->requests[i];
        if (r->agent == agent && (oldest == NULL || r->given < oldest->given)) {
            oldest = r;
        }
    }
    return oldest;
}

void errands_lose_agent(struct model *m, unsigned agent)
{
    struct mrequest *r;

    while ((r = oldest_work(m, m->agents[agent].client)) != NULL) {
        r->agent = NULL;
        loosen(m, r);
    }
    for (size_t i = 0; i < m->request_count; i++) {
        if (m->requests[i].state == WAITING && m->requests[i].target == (int)agent) {
            loosen(m, &m->requests[i]);
        }
    }
    m->agents[agent].ready = 0;
}

void errands_desert(struct model *m, unsigned offers)
{
    for (int wanted = 0; wanted < MODEL_CAPABILITIES; wanted++) {
        for (size_t i = 0; i < m->request_count && (offers & 1u << wanted) != 0; i++) {
            struct mrequest *r = &m->requests[i];
            if (r->state == WAITING && r->wanted == wanted && r->loose == 0 &&
                (!model_enters_all(m, r->asker) || !anybody_for(m, r))) {
                loosen(m, r);
            }
        }
    }
}

void errands_agent_free(struct model *m, unsigned agent)
{
    if (m->agents[agent].ready == 0 && takes(m, agent)) {
        m->agents[agent].ready = ++m->stamp;
    }
}

/* Its asker or its agent has gone. */
static void decide(struct model *m, struct mrequest *r)
{
    bool is_first = r->state == WAITING || (r->state == ASKED && !r->again);

    r->loose = 0;
    if (r->asker == NULL) {
        end(m, r, REQUEST_END_ASKER_GONE, ERROR_NONE);
        return;
    }
    if (!is_first || !anybody_for(m, r)) {
        r->ending = ++m->stamp;
        return;
    }
    m->tried_again += r->state == ASKED;
    r->again = r->again || r->state == ASKED;
    r->state = WAITING;
    /* All that could take it, in the order in which they said so. */
    for (uint64_t from = 0;;) {
        int next = -1;
        for (unsigned i = 0; i < MODEL_AGENTS; i++) {
            if (is_for(m, r, i) && m->agents[i].described > from &&
                (next < 0 || m->agents[i].described < m->agents[next].described)) {
                next = (int)i;
            }
        }
        if (next < 0) {
            return;
        }
        errands_agent_free(m, (unsigned)next);
        from = m->agents[next].described;
    }
}

static struct mrequest *first_loose(const struct model *m)
{
    struct mrequest *first = NULL;

    for (size_t i = 0; i < m->request_count; i++) {
        struct mrequest *r = &m->requests[i];
        if (r->loose != 0 && (first == NULL || r->loose < first->loose)) {
            first = r;
        }
    }
    return first;
}

static struct mrequest *first_ending(const struct model *m)
{
    struct mrequest *first = NULL;

    for (size_t i = 0; i < m->request_count; i++) {
        struct mrequest *r = &m->requests[i];
        if (r->ending != 0 && (first == NULL || r->ending < first->ending)) {
            first = r;
        }
    }
    return first;
}

static int first_ready(const struct model *m)
{
    int first = -1;

    for (int i = 0; i < MODEL_AGENTS; i++) {
        uint64_t ready = m->agents[i].ready;
        if (ready != 0 && (first < 0 || ready < m->agents[first].ready)) {
            first = i;
        }
    }
    return first;
}

/* What this agent may have next, given to whoever is to have it; false: there is nothing. */
static bool serve(struct model *m, unsigned agent)
{
    for (size_t i = 0; i < m->request_count && takes(m, agent); i++) {
        struct mrequest *r = &m->requests[i];
        if (r->state == WAITING && is_for(m, r, agent)) {
            give(m, r, (unsigned)choose(m, r));
            return true;
        }
    }
    return false;
}

static void check(const struct model *m)
{
    for (size_t i = 0; i < m->request_count; i++) {
        if (m->requests[i].state == WAITING && choose(m, &m->requests[i]) >= 0) {
            model_fail(NULL, "request %llu waits, though an agent is free",
                       (unsigned long long)m->requests[i].number);
        }
    }
}

void errands_settle(struct model *m)
{
    struct mrequest *r;
    int agent;

    while ((r = first_loose(m)) != NULL) {
        decide(m, r);
    }
    while ((r = first_ending(m)) != NULL) {
        end(m, r, REQUEST_END_AGENT_GONE, ERROR_AGENT_GONE);
    }
    while ((agent = first_ready(m)) >= 0) {
        if (!serve(m, (unsigned)agent)) {
            m->agents[agent].ready = 0;
        }
    }
    check(m);
}

void errands_tick(struct model *m)
{
    for (;;) {
        struct mrequest *due = NULL;
        for (size_t i = 0; i < m->request_count; i++) {
            struct mrequest *r = &m->requests[i];
            if (r->deadline_ms <= m->now_ms && (due == NULL || r->deadline_ms < due->deadline_ms)) {
                due = r;
            }
        }
        if (due == NULL) {
            return;
        }
        due->loose = 0;
        if (due->asker == NULL) {
            end(m, due, REQUEST_END_ASKER_GONE, ERROR_NONE);
        } else {
            end(m, due, REQUEST_END_TIMEOUT, ERROR_ROUTE_TIMEOUT);
        }
    }
}
