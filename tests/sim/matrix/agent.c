#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "model.h"

static void make_answer(struct model *m, struct asked *a, uint32_t key)
{
    size_t words = model_draw(m, 10) == 0 ? model_draw(m, 1500) : model_draw(m, 30);
    size_t cap = 64 + words * 8;
    size_t len;

    a->answer = malloc(cap);
    assert(a->answer != NULL);
    len = (size_t)snprintf(a->answer, cap, "A%u.%u:", a->question, key);
    for (size_t i = 0; i < words; i++) {
        len += (size_t)snprintf(a->answer + len, cap - len, " w%zu", i % 1000);
    }
    (void)snprintf(a->answer + len, cap - len, " END%u", a->question);
    a->outcome = model_draw(m, 8) == 0 ? 1 + (unsigned)model_draw(m, FAILURE_BROKEN) : FAILURE_NONE;
    a->is_silent = model_draw(m, 30) == 0;
}

static struct asked *asked_of(struct model *m, struct str key, bool *ret_is_new)
{
    uint32_t before = m->keys.count;
    uint32_t number = names_add(&m->keys, key);

    *ret_is_new = m->keys.count > before;
    if (number >= m->asked_cap) {
        size_t cap = (number + 1) * 2;
        m->asked = realloc(m->asked, cap * sizeof(*m->asked));
        assert(m->asked != NULL);
        memset(m->asked + m->asked_cap, 0, (cap - m->asked_cap) * sizeof(*m->asked));
        m->asked_cap = cap;
    }
    return &m->asked[number];
}

unsigned agent_open(const struct model *m, unsigned room, unsigned thread)
{
    unsigned count = 0;

    for (unsigned i = 0; i < m->open_asks; i++) {
        const struct event *e = &m->events[m->asked[m->open[i]].question];
        count += e->room == room && e->thread == thread;
    }
    return count;
}

void agent_ask(struct model *m, const struct bridge_action *action)
{
    bool is_new;
    uint64_t question = 0;
    uint64_t version = 0;
    struct asked *a = asked_of(m, action->idempotency_key, &is_new);

    /* "Q12 v3" */
    size_t space = str_find(action->question, ' ');
    if (!str_to_uint(str_slice(action->question, 1, space), m->event_count, &question) ||
        !str_to_uint(str_slice(action->question, space + 2, SIZE_MAX), UINT32_MAX, &version)) {
        model_fail(m, "the agent is asked '%.*s'", STR_ARG(action->question));
    }
    unsigned number = (unsigned)question;
    struct event *e = &m->events[number];
    if (e->is_redacted) {
        model_fail(m, "question %u was redacted, and is asked", number);
    }
    if (is_new) {
        a->question = number;
        a->version = (uint32_t)version;
        make_answer(m, a, m->keys.count);
        e->attempts++;
        if (e->attempts == 1 && e->retries == 0 && version != e->committed_version) {
            model_fail(m, "question %u is asked as version %u, and %u was told", number,
                       (unsigned)version, e->committed_version);
        }
    } else if (a->question != number || a->version != (unsigned)version) {
        model_fail(m, "one key for question %u version %u and for %u version %u", a->question,
                   a->version, number, (unsigned)version);
    }
    if (e->room != room_of(action->room) || !str_equal(thread_id(e->thread), action->thread)) {
        model_fail(m, "question %u is asked in another room or thread", number);
    }
    if (a->turn != 0 || agent_open(m, e->room, e->thread) > 0) {
        model_fail(m, "two turns at once in room %u, thread %u", e->room, e->thread);
    }
    m->open[m->open_asks] = (uint32_t)(a - m->asked);
    if (++m->open_asks > m->d.settings.max_turns_in_flight) {
        model_fail(m, "%u turns at once", m->open_asks);
    }
    a->turn = action->turn;
    a->said = 0;
    m->checks++;
}

static void close_turn(struct model *m, unsigned place)
{
    m->asked[m->open[place]].turn = 0;
    m->open[place] = m->open[--m->open_asks];
}

void agent_stop(struct model *m, uint64_t turn)
{
    for (unsigned i = 0; i < m->open_asks; i++) {
        if (m->asked[m->open[i]].turn == turn) {
            close_turn(m, i);
            return;
        }
    }
}

static void say(struct model *m, struct asked *a)
{
    size_t len = strlen(a->answer);
    char id[32];

    driver_enter(&m->d);
    if (a->said == 0 && model_draw(m, 2) == 0) {
        (void)snprintf(id, sizeof(id), "session-%llu", (unsigned long long)a->turn);
        bridge_session_opened(m->d.bridge, a->turn, str_from_z(id));
    }
    a->said += 1 + model_draw(m, len);
    a->said = a->said < len ? a->said : len;
    bridge_answering(m->d.bridge, a->turn, str_make(a->answer, a->said));
    driver_leave(&m->d);
}

static void end(struct model *m, unsigned place)
{
    const struct asked *a = &m->asked[m->open[place]];
    struct str text = a->outcome == FAILURE_NONE ? str_from_z(a->answer) : STR("");

    driver_enter(&m->d);
    bridge_answered(m->d.bridge, a->turn, text, (enum bridge_failure)a->outcome,
                    a->outcome == FAILURE_NONE ? STR("") : STR("it was so"));
    driver_leave(&m->d);
    close_turn(m, place);
}

bool agent_go_on(struct model *m)
{
    if (m->open_asks == 0) {
        return false;
    }
    unsigned place = (unsigned)model_draw(m, m->open_asks);
    struct asked *a = &m->asked[m->open[place]];
    if (!m->is_calm && model_draw(m, 5) > 0) {
        say(m, a);
    } else if (!a->is_silent || m->is_calm) {
        end(m, place);
    }
    return true;
}

void agent_killed(struct model *m)
{
    while (m->open_asks > 0) {
        close_turn(m, 0);
    }
}
