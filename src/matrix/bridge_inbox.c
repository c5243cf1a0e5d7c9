#include <stdlib.h>

#include "matrix/bridge_internal.h"

/*
 * Messages, and what becomes of them. Each message that is for us is a question with a row, under
 * its event id, by which a repeat is known; a command, and what is refused, is settled at once.
 *
 *   SETTLED ◄── a command, or refused with a sentence
 *   WAITING ──► RUNNING ──► SETTLED      a turn of the talk begins, and ends
 *   WAITING ──► SETTLED                  redacted, or the room is closed
 *   SETTLED ──► WAITING                  /retry
 *
 * The settled ones are forgotten, the oldest first, when there are more than SETTLED_MAX: but not
 * those that a sync which starts at next_batch would tell again.
 */

static void refuse(struct bridge *b, const struct bridge_event *event, struct room *room,
                   enum send_role role, const char *sentence)
{
    struct saying saying = {.text = str_from_z(sentence),
                            .thread = event->thread,
                            .reply_to = event->event_id,
                            .replaces = STR(""),
                            .role = role,
                            .is_notice = true};

    (void)outbox_add(b, room, &saying);
}

/*
 * Questions come in faster than answers go out. One sentence of a kind stands for all of its thread
 * until it is sent; for all of the room when that is full, since anybody can begin threads.
 */
static bool is_refused_already(const struct room *room, struct str thread, enum send_role role)
{
    bool is_full = room->send_count >= SENDS_MAX;

    list_each(link, &room->sends) {
        const struct send *s = list_entry(link, struct send, of_room);
        if (s->role == role && s != room->sending && (is_full || str_equal(s->thread, thread))) {
            return true;
        }
    }
    return false;
}

static void refuse_full(struct bridge *b, const struct bridge_event *event, struct room *room)
{
    if (!is_refused_already(room, event->thread, SEND_FULL)) {
        refuse(b, event, room, SEND_FULL,
               "There is too much waiting here already, so I have not taken this, nor what may "
               "have been said since. Please say it again when I have answered.");
    }
}

static void refuse_too_long(struct bridge *b, const struct bridge_event *event, struct room *room)
{
    if (is_refused_already(room, event->thread, SEND_TOO_LONG)) {
        return;
    }
    buf_clear(&b->scratch);
    buf_printf(&b->scratch,
               "This message is too long for me: it has %zu bytes, and I take at most %u. "
               "Please send it in parts, and so what may have been as long since.",
               event->body.len, b->settings.values.max_message_bytes);
    buf_append_char(&b->scratch, '\0');
    b->failed |= b->scratch.failed;
    refuse(b, event, room, SEND_TOO_LONG, b->scratch.failed ? "" : b->scratch.data);
}

/* --- settled questions ------------------------------------------------------------------------ */

static void drop_text(struct bridge *b, struct question *q)
{
    b->kept_text -= q->text.len;
    text_clear(&q->text);
    thing_touch(b, &q->thing);
}

void inbox_let_go(struct bridge *b, struct question *q)
{
    if (q->talk != NULL && q->talk->last == q) {
        q->talk->last = NULL;
        text_clear(&q->talk->last_id);
        thing_touch(b, &q->talk->thing);
    }
    q->talk = NULL;
    drop_text(b, q);
}

static void forget(struct bridge *b, struct question *q)
{
    inbox_let_go(b, q);
    list_remove(&q->link);
    thing_drop(b, &q->thing);
}

static void forget_old(struct bridge *b)
{
    uint32_t open = (uint32_t)b->counts.questions_waiting + (uint32_t)b->counts.turns_open;

    while (!list_empty(&b->settled)) {
        struct question *q = list_entry(b->settled.next, struct question, link);
        uint64_t count = b->tables[TABLE_QUESTION].map.count;
        count -= count < open ? count : open;
        if (count <= SETTLED_MAX || (q->order >= b->synced_order && count <= SETTLED_HARD_MAX)) {
            return;
        }
        forget(b, q);
    }
}

/* The texts that were kept for longest go, when they are too many. */
static void let_go_old(struct bridge *b)
{
    list_each(link, &b->settled) {
        struct question *q = list_entry(link, struct question, link);
        if (b->kept_text <= KEPT_TEXT_MAX) {
            return;
        }
        if (q->text.len > 0) {
            inbox_let_go(b, q);
        }
    }
}

/* The question that /retry is about is this one now. */
static void set_last(struct bridge *b, struct talk *talk, struct question *q)
{
    if (talk->last != NULL && talk->last != q && talk->last->state == QUESTION_SETTLED) {
        inbox_let_go(b, talk->last);
    }
    talk->last = q;
    text_set(b, &talk->last_id, q->thing.key);
    thing_touch(b, &talk->thing);
}

static void leave_waiting(struct bridge *b, struct question *q)
{
    if (q->state == QUESTION_WAITING) {
        q->talk->waiting_count--;
        b->counts.questions_waiting--;
    }
    list_remove(&q->link);
}

void inbox_settle(struct bridge *b, struct question *q, bool keep)
{
    leave_waiting(b, q);
    q->state = QUESTION_SETTLED;
    b->kept_text += q->text.len;
    text_clear(&q->idempotency_key);
    thing_touch(b, &q->thing);
    list_append(&b->settled, &q->link);
    if (keep && !q->is_redacted) {
        set_last(b, q->talk, q);
    } else {
        inbox_let_go(b, q);
    }
    let_go_old(b);
    forget_old(b);
}

/* --- waiting ones ----------------------------------------------------------------------------- */

static void wait_for_turn(struct bridge *b, struct question *q)
{
    char key[2 * KEY_BYTES];

    q->state = QUESTION_WAITING;
    text_set(b, &q->idempotency_key, text_random(b, key));
    thing_touch(b, &q->thing);
    list_append(&q->talk->waiting, &q->link);
    q->talk->waiting_count++;
    b->counts.questions_waiting++;
    talk_sort(b, q->talk);
}

void inbox_again(struct bridge *b, struct question *q)
{
    list_remove(&q->link);
    b->kept_text -= q->text.len;
    q->order = b->next_order++;
    wait_for_turn(b, q);
}

/* --- messages --------------------------------------------------------------------------------- */

static bool is_command(const struct bridge_event *event)
{
    return !event->emote && event->body.len > 0 && event->body.ptr[0] == '/' &&
           !str_starts_with(event->body, STR("//"));
}

/* What the agent is asked. */
static void set_text(struct bridge *b, struct question *q, const struct bridge_event *event)
{
    struct str body = event->body;

    if (!event->emote) {
        /* Two slashes send one. */
        text_set(b, &q->text, str_slice(body, str_starts_with(body, STR("//")) ? 1 : 0, body.len));
        return;
    }
    buf_clear(&b->scratch);
    buf_append_str(&b->scratch, STR("* "));
    buf_append_str(&b->scratch, event->sender);
    buf_append_char(&b->scratch, ' ');
    buf_append_str(&b->scratch, body);
    b->failed |= b->scratch.failed;
    text_set(b, &q->text, buf_str(&b->scratch));
}

static void take(struct bridge *b, struct question *q, struct room *room,
                 const struct bridge_event *event)
{
    bool is_crowded = slab_count(&b->tables[TABLE_TALK].slab) >= 2 * TALKS_MAX;
    bool may_say = room->send_count < SENDS_MAX;
    struct talk *talk = is_crowded ? NULL : talk_get(b, room, event->thread);

    if (talk != NULL) {
        talk->used = q->order;
        list_remove(&talk->by_use);
        list_append(&b->talks, &talk->by_use);
        thing_touch(b, &talk->thing);
    }
    if (may_say && talk != NULL && is_command(event)) {
        inbox_settle(b, q, false);
        command_run(b, talk, event->event_id, event->sender, event->body);
    } else if (may_say && event->body.len > b->settings.values.max_message_bytes) {
        inbox_settle(b, q, false);
        refuse_too_long(b, event, room);
    } else if (!may_say || talk == NULL || talk->waiting_count >= b->settings.values.max_waiting) {
        inbox_settle(b, q, false);
        refuse_full(b, event, room);
    } else {
        q->talk = talk;
        set_text(b, q, event);
        wait_for_turn(b, q);
    }
}

void inbox_message(struct bridge *b, const struct bridge_event *event)
{
    struct room *room = room_find(b, event->room);

    if (room == NULL || !room_is_open(room) || event->old || event->event_id.len == 0 ||
        str_equal(event->sender, b->settings.values.user_id) || text_is_blank(event->body)) {
        return;
    }
    if (thing_find(b, TABLE_QUESTION, event->event_id) != NULL) {
        b->counts.duplicates_total++;
        return;
    }
    struct question *q = thing_new(b, TABLE_QUESTION, event->event_id);
    if (q == NULL) {
        return;
    }
    list_init(&q->link);
    q->order = b->next_order++;
    text_set(b, &q->room_id, event->room);
    text_set(b, &q->thread, event->thread);
    text_set(b, &q->sender, event->sender);
    b->counts.questions_total++;
    take(b, q, room, event);
}

/* --- edits and redactions --------------------------------------------------------------------- */

void inbox_edit(struct bridge *b, const struct bridge_event *event)
{
    struct question *q = thing_find(b, TABLE_QUESTION, event->target);

    if (q != NULL && q->state == QUESTION_WAITING && str_equal(q->sender, event->sender) &&
        !text_is_blank(event->body) && event->body.len <= b->settings.values.max_message_bytes) {
        set_text(b, q, event);
        thing_touch(b, &q->thing);
    }
}

/* What was taken back is not told to the agent again. */
static void forget_answer(struct bridge *b, const struct question *q)
{
    if (q->talk != NULL) {
        list_each(link, &q->talk->sessions) {
            session_forget(b, list_entry(link, struct session, of_talk), q);
        }
    }
}

void inbox_redaction(struct bridge *b, const struct bridge_event *event)
{
    struct question *q = thing_find(b, TABLE_QUESTION, event->target);

    /* The server has asked who may take back what in the room of the redaction, and no other. */
    if (q == NULL || !str_equal(q->room_id, event->room)) {
        return;
    }
    q->is_redacted = true;
    thing_touch(b, &q->thing);
    /* Also of one that runs: its answer may be there, and wait to be said. */
    forget_answer(b, q);
    if (q->state == QUESTION_RUNNING) {
        turn_stop(b, q->talk->turn, STR(""));
    } else if (q->state == QUESTION_WAITING) {
        struct talk *talk = q->talk;
        inbox_settle(b, q, false);
        talk_sort(b, talk);
    }
    if (q->state == QUESTION_SETTLED) {
        inbox_let_go(b, q);
    }
}

/* --- restoring -------------------------------------------------------------------------------- */

bool question_restored(struct bridge *b, struct question *q)
{
    struct room *room = room_find(b, q->room_id);

    list_init(&q->link);
    if (q->order >= b->next_order) {
        b->next_order = q->order + 1;
    }
    if (q->state == QUESTION_SETTLED) {
        return true;
    }
    q->talk = room != NULL ? talk_get(b, room, q->thread) : NULL;
    return q->talk != NULL;
}

static int by_order(const void *a, const void *b)
{
    const struct question *const *left = a;
    const struct question *const *right = b;

    return (*left)->order < (*right)->order ? -1 : (*left)->order > (*right)->order;
}

static void place(struct bridge *b, struct question *q)
{
    if (q->state == QUESTION_SETTLED) {
        b->kept_text += q->text.len;
        list_append(&b->settled, &q->link);
    } else if (q->talk->turn == NULL || q->talk->turn->question != q) {
        q->state = QUESTION_WAITING;
        list_append(&q->talk->waiting, &q->link);
        q->talk->waiting_count++;
        b->counts.questions_waiting++;
        talk_sort(b, q->talk);
    }
}

void inbox_start(struct bridge *b)
{
    uint32_t count = b->tables[TABLE_QUESTION].map.count;
    struct question **all = malloc((count + 1) * sizeof(struct question *));
    uint32_t at = 0;

    if (all == NULL) {
        b->failed = true;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        all[i] = thing_next(b, TABLE_QUESTION, &at);
    }
    qsort(all, count, sizeof(struct question *), by_order);
    for (uint32_t i = 0; i < count; i++) {
        place(b, all[i]);
    }
    free(all);
    at = 0;
    for (struct talk *talk; (talk = thing_next(b, TABLE_TALK, &at)) != NULL;) {
        talk->last = thing_find(b, TABLE_QUESTION, talk->last_id);
        if (talk->last != NULL) {
            talk->last->talk = talk;
        }
    }
}
