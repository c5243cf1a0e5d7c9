#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "model.h"

static bool has(const struct message *msg, const char *words)
{
    return msg->text.len > 0 && memmem(msg->text.data, msg->text.len, words, strlen(words)) != NULL;
}

/* A sentence that says that a question was not taken, or not asked. */
static bool is_refusal(const struct message *msg)
{
    return msg->is_notice && (has(msg, "too much waiting here already, so") ||
                              has(msg, "too long for me") || has(msg, "Stopped, before"));
}

static bool is_question(const struct event *e)
{
    return e->kind == MATRIX_MESSAGE && e->command == NULL;
}

void check_step(struct model *m)
{
    for (unsigned i = 0; i < ROOMS; i++) {
        const struct room_state *r = &m->rooms[i];
        if (r->encryption_notices > 1) {
            model_fail(m, "room %u was told %u times that it is encrypted", i,
                       r->encryption_notices);
        }
        for (unsigned k = 0; k < FLIGHTS; k++) {
            const struct flight *f = &m->flights[k];
            if (f->used && f->room == i && r->is_known_encrypted && !f->is_notice_of_encryption) {
                model_fail(m, "something is still under way to room %u, which is encrypted", i);
            }
        }
        unsigned open = 0;
        for (unsigned t = 0; t < THREADS; t++) {
            open += agent_open(m, i, t);
        }
        if (open > 0 && r->is_joined && m->d.now.mono_ms > r->typing_until_ms) {
            model_fail(m, "the agent is at work, and typing has run out in room %u", i);
        }
        if (open == 0 && r->is_joined && r->is_typing) {
            model_fail(m, "nothing is under way, and we are typing in room %u", i);
        }
    }
}

/* --- the end ---------------------------------------------------------------------------------- */

/* The whole text of an answer: a message and those that go on with it. */
static void whole_text(const struct model *m, uint32_t first, struct buf *out)
{
    const struct message *head = &m->messages[first];

    buf_append_str(out, buf_str(&head->text));
    for (uint32_t i = first + 1; i < m->message_count; i++) {
        const struct message *msg = &m->messages[i];
        if (msg->room != head->room || msg->thread != head->thread ||
            msg->is_notice != head->is_notice) {
            continue;
        }
        if (msg->question != NO_NAME) {
            break;
        }
        buf_append_str(out, buf_str(&msg->text));
    }
}

static bool is_an_answer(const struct model *m, uint32_t question, struct str text)
{
    for (uint32_t i = 0; i < m->keys.count; i++) {
        if (m->asked[i].question == question && str_equal(text, str_from_z(m->asked[i].answer))) {
            return true;
        }
    }
    return false;
}

static void check_answer(struct model *m, uint32_t number)
{
    const struct message *msg = &m->messages[number];
    const struct event *e = &m->events[msg->question];
    struct buf text;

    if (msg->room != e->room || msg->thread != e->thread) {
        model_fail(m, "the answer to %u is in another room or thread", msg->question);
    }
    if (e->command != NULL || is_refusal(msg) || e->is_waived) {
        return;
    }
    buf_init(&text, 1 << 20);
    whole_text(m, number, &text);
    bool is_excused = text.len > 0 && (memmem(text.data, text.len, "Stopped.", 8) != NULL ||
                                       memmem(text.data, text.len, "`/retry`", 8) != NULL);
    if (!is_excused && !is_an_answer(m, msg->question, buf_str(&text))) {
        model_fail(m, "question %u is answered by '%.*s'", msg->question,
                   STR_ARG(str_slice(buf_str(&text), 0, 200)));
    }
    buf_fini(&text);
    m->checks++;
}

/* Whether this message says that the like of a question was not taken. */
static bool stands_for(const struct message *msg, const struct event *e)
{
    return has(msg, "too much waiting here already, so") ||
           (e->is_long && has(msg, "too long for me"));
}

/*
 * Whether a sentence stands for it: one of its thread, or of another one when the room was full: of
 * the FULL that waited then, all were said after it.
 */
static bool is_covered(const struct model *m, uint32_t question)
{
    enum { FULL = 64 };
    const struct event *e = &m->events[question];
    uint32_t said = 0;
    bool is_said = false;

    for (uint32_t i = m->message_count; i-- > 0;) {
        const struct message *msg = &m->messages[i];
        if (msg->room != e->room || msg->stream <= question) {
            continue;
        }
        said++;
        if (stands_for(msg, e)) {
            if (msg->thread == e->thread) {
                return true;
            }
            is_said = true;
        }
    }
    return is_said && said >= FULL;
}

static void check_question(struct model *m, uint32_t number, uint32_t answers, uint32_t refusals)
{
    const struct event *e = &m->events[number];

    if (answers > e->attempts) {
        model_fail(m, "question %u was asked %u times, and has %u answers", number, e->attempts,
                   answers);
    }
    if (e->attempts > 1 + e->retries) {
        model_fail(m, "question %u was asked %u times after %u /retry", number, e->attempts,
                   e->retries);
    }
    if (e->is_waived || e->is_redacted || !e->is_due) {
        return;
    }
    if (answers < e->attempts) {
        model_fail(m, "question %u was asked %u times, and has %u answers", number, e->attempts,
                   answers);
    }
    if (e->attempts == 0 && refusals == 0 && !is_covered(m, number)) {
        model_fail(m, "question %u was dropped without a word", number);
    }
    m->checks++;
}

static void check_order(struct model *m)
{
    uint32_t last[ROOMS][THREADS] = {{0}};

    for (uint32_t i = 0; i < m->message_count; i++) {
        const struct message *msg = &m->messages[i];
        if (msg->question == NO_NAME || !is_question(&m->events[msg->question]) ||
            is_refusal(msg) || m->events[msg->question].retries > 0) {
            continue;
        }
        uint32_t *before = &last[msg->room][msg->thread];
        if (msg->question < *before) {
            model_fail(m, "question %u is answered after %u", msg->question, *before);
        }
        *before = msg->question;
    }
}

static void check_rest(struct model *m)
{
    struct bridge_counts counts;

    bridge_counts(m->d.bridge, &counts);
    if (driver_rows(&m->d, TABLE_SEND) != 0 || driver_rows(&m->d, TABLE_TURN) != 0 ||
        counts.sends_waiting != 0 || counts.turns_open != 0 || counts.questions_waiting != 0) {
        model_fail(m, "at the end there are %llu sends, %llu turns, %llu questions",
                   (unsigned long long)counts.sends_waiting, (unsigned long long)counts.turns_open,
                   (unsigned long long)counts.questions_waiting);
    }
    if (driver_rows(&m->d, TABLE_QUESTION) > 2048 + 400) {
        model_fail(m, "at the end %zu questions are remembered",
                   driver_rows(&m->d, TABLE_QUESTION));
    }
}

void check_end(struct model *m)
{
    uint32_t *answers = calloc(m->event_count + 1, sizeof(*answers));
    uint32_t *refusals = calloc(m->event_count + 1, sizeof(*refusals));

    assert(answers != NULL && refusals != NULL);
    for (uint32_t i = 0; i < m->message_count; i++) {
        const struct message *msg = &m->messages[i];
        if (msg->question != NO_NAME) {
            answers[msg->question] += !is_refusal(msg);
            refusals[msg->question] += is_refusal(msg);
            check_answer(m, i);
        }
    }
    for (uint32_t i = 0; i < m->event_count; i++) {
        if (is_question(&m->events[i])) {
            check_question(m, i, answers[i], refusals[i]);
        }
    }
    check_order(m);
    check_rest(m);
    free(answers);
    free(refusals);
}
