#include "matrix/bridge_internal.h"

/*
 * A turn is one attempt at a question. It is asked of the agent; what the agent says so far may be
 * shown in a message, which is edited as the answer grows; at the end the whole is said, as the
 * last edit of that message or as a new one. The message has to be in the room, and its id known,
 * before it can be edited: so an answer that is whole while the first part of it is on its way has
 * to wait (CLOSING).
 *
 *             SHOW      SAID              UNSAID            ENDED             VANISH
 *   ASKED     SHOWING   -                 -                 said, over        over
 *   SHOWING   -         SHOWN             ASKED, mute       CLOSING           over
 *   SHOWN     -         -                 -                 said, over        over
 *   CLOSING   -         said, over        said, over        -                 over
 *
 *   said   the whole text is in the outbox: as an edit when the message is known
 *   over   the question is settled, the next one of the talk may begin
 *   mute   nothing more is shown before the whole is there
 *
 * ENDED in SHOWING: when the first part has not left the outbox it is taken back, and the whole is
 * said in its place, at once. The agent is at work in all states but CLOSING.
 */

enum { NEW_STATE_NONE = 255, OVER = 254, SAY_AND_OVER = 253 };

static const uint8_t table[][TURN_EVENTS] = {
    [TURN_ASKED] = {TURN_SHOWING, NEW_STATE_NONE, NEW_STATE_NONE, SAY_AND_OVER, OVER},
    [TURN_SHOWING] = {NEW_STATE_NONE, TURN_SHOWN, TURN_ASKED, TURN_CLOSING, OVER},
    [TURN_SHOWN] = {NEW_STATE_NONE, NEW_STATE_NONE, NEW_STATE_NONE, SAY_AND_OVER, OVER},
    [TURN_CLOSING] = {NEW_STATE_NONE, SAY_AND_OVER, SAY_AND_OVER, NEW_STATE_NONE, OVER},
};

bool turn_is_working(const struct turn *t)
{
    return t->state != TURN_CLOSING;
}

static void stop_working(struct bridge *b, struct turn *t)
{
    b->working--;
    t->talk->room->working--;
    outbox_wake(b, t->talk->room);
}

/* Its parts that wait in the outbox are overtaken by what comes now. */
static void take_back_part(struct bridge *b, struct turn *t)
{
    if (t->part != NULL && t->talk->room->sending != t->part) {
        outbox_drop(b, t->part);
        t->part = NULL;
    }
}

static void over(struct bridge *b, struct turn *t, bool keep)
{
    struct talk *talk = t->talk;

    take_back_part(b, t);
    inbox_settle(b, t->question, keep);
    b->counts.turns_open--;
    talk->turn = NULL;
    list_remove(&t->link);
    thing_drop(b, &t->thing);
    talk_sort(b, talk);
}

static void show(struct bridge *b, struct turn *t, struct str text)
{
    struct saying saying = {.text = text,
                            .thread = t->talk->thread,
                            .reply_to = t->question_id,
                            .replaces = STR(""),
                            .role = SEND_PART,
                            .turn_number = t->thing.number};

    t->part = outbox_add(b, t->talk->room, &saying);
}

static void note_event(struct bridge *b, struct turn *t, enum turn_event event, struct str text)
{
    switch (event) {
    case TURN_EVENT_SHOW:
        show(b, t, text);
        break;
    case TURN_EVENT_SAID:
        text_set(b, &t->event_id, text);
        break;
    case TURN_EVENT_UNSAID:
        t->is_mute = true;
        break;
    case TURN_EVENT_ENDED:
        text_set(b, &t->text, text);
        break;
    default:
        break;
    }
}

void turn_change(struct bridge *b, struct turn *t, enum turn_event event, struct str text)
{
    bool was_working = turn_is_working(t);
    uint8_t next = table[t->state][event];

    if (event == TURN_EVENT_ENDED && t->state == TURN_SHOWING) {
        take_back_part(b, t);
        next = t->part == NULL ? SAY_AND_OVER : next;
    }
    if (next == NEW_STATE_NONE) {
        return;
    }
    note_event(b, t, event, text);
    thing_touch(b, &t->thing);
    if (was_working && next >= TURN_CLOSING) {
        stop_working(b, t);
    }
    if (next <= TURN_CLOSING) {
        t->state = next;
        return;
    }
    if (event == TURN_EVENT_VANISH && was_working) {
        bridge_act(b, &(struct bridge_action){.kind = ACT_STOP, .turn = t->thing.number});
    }
    if (next == SAY_AND_OVER) {
        take_back_part(b, t);
        speech_end(b, t);
    }
    over(b, t, next == SAY_AND_OVER);
}

/* --- beginning -------------------------------------------------------------------------------- */

/* "!room:example.org/$thread/7", in b->scratch. */
static struct str conversation_of(struct bridge *b, const struct session *s)
{
    buf_clear(&b->scratch);
    buf_append_str(&b->scratch, s->room_id);
    buf_append_char(&b->scratch, '/');
    buf_append_str(&b->scratch, s->thread);
    buf_append_char(&b->scratch, '/');
    buf_append_uint(&b->scratch, s->thing.number);
    b->failed |= b->scratch.failed;
    return buf_str(&b->scratch);
}

static void ask(struct bridge *b, struct turn *t)
{
    struct session *s = session_find(b, t->talk, t->session_number);
    struct bridge_action action = {.kind = ACT_RECEIPT,
                                   .room = t->talk->room_id,
                                   .event_id = t->question_id,
                                   .thread = t->talk->thread};

    if (s == NULL) {
        s = talk_session(b, t->talk);
        if (s == NULL) {
            return;
        }
        t->session_number = s->thing.number;
        thing_touch(b, &t->thing);
    }
    t->deadline_ms = b->now.mono_ms + b->settings.values.turn_timeout_ms;
    bridge_act(b, &action);
    action.kind = ACT_ASK;
    action.turn = t->thing.number;
    action.idempotency_key = t->question->idempotency_key;
    action.session_name = s->name;
    action.session_id = s->agent_id;
    action.conversation = conversation_of(b, s);
    action.model = t->talk->model;
    action.question = t->question->text;
    action.history = s->history.len > 0 ? s->history : STR("[]");
    action.sender = t->question->sender;
    bridge_act(b, &action);
}

static void link_turn(struct bridge *b, struct turn *t, struct question *q)
{
    t->question = q;
    t->talk = q->talk;
    t->talk->turn = t;
    t->show_ms = UINT64_MAX;
    buf_init(&t->partial, ROW_MAX_BYTES);
    list_append(&b->turns, &t->link);
    b->counts.turns_open++;
    if (turn_is_working(t)) {
        b->working++;
        t->talk->room->working++;
        outbox_wake(b, t->talk->room);
    }
}

static void begin(struct bridge *b, struct talk *talk)
{
    struct question *q = list_entry(talk->waiting.next, struct question, link);
    struct session *s = talk_session(b, talk);
    struct turn *t = s != NULL ? thing_new_number(b, TABLE_TURN) : NULL;

    if (t == NULL) {
        return;
    }
    list_remove(&q->link);
    talk->waiting_count--;
    b->counts.questions_waiting--;
    q->state = QUESTION_RUNNING;
    thing_touch(b, &q->thing);
    text_set(b, &t->question_id, q->thing.key);
    t->session_number = s->thing.number;
    link_turn(b, t, q);
    talk_sort(b, talk);
    ask(b, t);
}

/*
 * First come, first served, by rooms: one that was served goes to the end, and so does the thread
 * in it, so that neither many questions nor many threads get more than their share. A room that
 * cannot keep up with what is said in it has to wait.
 */
void turn_schedule(struct bridge *b)
{
    struct list *link = b->ready.next;

    while (link != &b->ready && b->working < b->settings.values.max_turns_in_flight && !b->failed) {
        struct room *room = list_entry(link, struct room, ready);
        if (room->send_count >= SENDS_MAX) {
            link = link->next;
            continue;
        }
        list_remove(&room->ready);
        begin(b, list_entry(room->ready_talks.next, struct talk, ready));
        link = b->ready.next;
    }
}

/* --- ending ----------------------------------------------------------------------------------- */

/* Ends it with a sentence, behind what the room has seen of the answer. */
static void end_with(struct bridge *b, struct turn *t, struct str sentence)
{
    buf_clear(&b->content);
    if (t->event_id.len > 0 || t->part != NULL) {
        buf_append_str(&b->content, buf_str(&t->partial));
        buf_append_str(&b->content, t->partial.len > 0 ? STR("\n\n") : STR(""));
    }
    buf_append_str(&b->content, sentence);
    b->failed |= b->content.failed;
    t->is_notice = true;
    turn_change(b, t, TURN_EVENT_ENDED, buf_str(&b->content));
}

void turn_stop(struct bridge *b, struct turn *t, struct str sentence)
{
    if (!turn_is_working(t)) {
        return;
    }
    take_back_part(b, t);
    if (t->event_id.len == 0 && t->part == NULL && sentence.len == 0) {
        turn_change(b, t, TURN_EVENT_VANISH, STR(""));
        return;
    }
    bridge_act(b, &(struct bridge_action){.kind = ACT_STOP, .turn = t->thing.number});
    end_with(b, t, sentence.len > 0 ? sentence : STR("Stopped."));
}

static struct turn *find_working(struct bridge *b, uint64_t number)
{
    struct turn *t = thing_find_number(b, TABLE_TURN, number);

    return t != NULL && turn_is_working(t) ? t : NULL;
}

void bridge_session_opened(struct bridge *b, uint64_t turn, struct str session_id)
{
    struct turn *t = find_working(b, turn);
    struct session *s = t != NULL ? session_find(b, t->talk, t->session_number) : NULL;

    if (s != NULL && !b->failed) {
        text_set(b, &s->agent_id, session_id);
        thing_touch(b, &s->thing);
    }
}

void bridge_answering(struct bridge *b, uint64_t turn, struct str text)
{
    struct turn *t = find_working(b, turn);

    if (t != NULL && !b->failed) {
        speech_take(b, t, text);
    }
}

const char *const bridge_failure_words[FAILURE_BROKEN + 1] = {
    [FAILURE_NONE] = "none",       [FAILURE_AWAY] = "away",     [FAILURE_TIMEOUT] = "timeout",
    [FAILURE_REFUSED] = "refused", [FAILURE_BROKEN] = "broken",
};

static void fail(struct bridge *b, struct turn *t, enum bridge_failure failure, struct str error)
{
    b->counts.failures_total[failure]++;
    bridge_log(b, LEVEL_WARNING, "bridge_turn_failed", t->talk->room_id,
               "failure=%s error=\"%.*s\"", bridge_failure_words[failure],
               STR_ARG(text_cut(error, NAME_MAX_BYTES)));
    take_back_part(b, t);
    end_with(b, t, speech_failure(b, failure, error));
}

void bridge_answered(struct bridge *b, uint64_t turn, struct str text, enum bridge_failure failure,
                     struct str error)
{
    struct turn *t = find_working(b, turn);

    if (t == NULL || b->failed) {
        return;
    }
    if (failure == FAILURE_NONE && text_is_blank(text)) {
        failure = FAILURE_BROKEN;
        error = STR("the answer is empty");
    }
    if (failure != FAILURE_NONE) {
        fail(b, t, failure, error);
        return;
    }
    struct session *s = session_find(b, t->talk, t->session_number);
    b->counts.answers_total++;
    if (s != NULL) {
        session_remember(b, s, t->question, text);
    }
    turn_change(b, t, TURN_EVENT_ENDED, text);
}

/* --- time ------------------------------------------------------------------------------------- */

void turn_tick(struct bridge *b)
{
    list_each_safe(link, &b->turns) {
        struct turn *t = list_entry(link, struct turn, link);
        if (!turn_is_working(t)) {
            continue;
        }
        if (b->now.mono_ms >= t->deadline_ms) {
            bridge_act(b, &(struct bridge_action){.kind = ACT_STOP, .turn = t->thing.number});
            fail(b, t, FAILURE_TIMEOUT, STR(""));
            continue;
        }
        if (b->now.mono_ms >= speech_due(t)) {
            speech_send(b, t);
        }
        if (b->now.mono_ms >= t->talk->room->typing_ms) {
            outbox_wake(b, t->talk->room);
        }
    }
}

uint64_t turn_deadline(const struct bridge *b)
{
    uint64_t first = UINT64_MAX;

    list_each(link, &b->turns) {
        const struct turn *t = list_entry(link, struct turn, link);
        if (turn_is_working(t)) {
            const uint64_t dues[] = {t->deadline_ms, speech_due(t), t->talk->room->typing_ms};
            for (size_t i = 0; i < sizeof(dues) / sizeof(dues[0]); i++) {
                first = dues[i] < first ? dues[i] : first;
            }
        }
    }
    return first;
}

/* --- restoring -------------------------------------------------------------------------------- */

bool turn_restored(struct bridge *b, struct turn *t)
{
    struct question *q = thing_find(b, TABLE_QUESTION, t->question_id);

    if (q == NULL || q->state != QUESTION_RUNNING || q->talk->turn != NULL) {
        return false;
    }
    link_turn(b, t, q);
    return true;
}

void turn_start(struct bridge *b)
{
    list_each_safe(link, &b->turns) {
        struct turn *t = list_entry(link, struct turn, link);
        if (turn_is_working(t)) {
            ask(b, t);
        }
        if (t->part == NULL && (t->state == TURN_SHOWING || t->state == TURN_CLOSING)) {
            turn_change(b, t, TURN_EVENT_UNSAID, STR(""));
        }
    }
}
