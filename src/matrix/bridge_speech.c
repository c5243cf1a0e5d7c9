#include "matrix/bridge_internal.h"

#include "matrix/markup.h"

/*
 * An answer on its way. The first text of it is shown soon; then the message is edited, at most
 * EDITS_MAX times with the last edit, and less and less often: the n-th edit waits edit_ms times
 * (1 + n * n / 16), so that the budget of one message lasts ten minutes. The server limits the rate
 * of all our messages together, so edit_ms is one for all rooms: it doubles when a server made us
 * wait, and shrinks slowly when it did not.
 */

void speech_take(struct bridge *b, struct turn *t, struct str text)
{
    /* As much as one message can show; what is behind that comes with the whole. */
    text = text_cut(text, outbox_limit(b));
    if (t->is_mute || text_is_blank(text) || str_equal(text, buf_str(&t->partial))) {
        return;
    }
    buf_clear(&t->partial);
    buf_append_str(&t->partial, text);
    b->failed |= t->partial.failed;
    if (t->state == TURN_ASKED && t->show_ms == UINT64_MAX) {
        t->show_ms = b->now.mono_ms + FIRST_TEXT_MS;
    }
    if (t->state == TURN_SHOWN && t->show_ms == UINT64_MAX) {
        /* Restored: nothing is known of when it was edited last. */
        t->show_ms = b->now.mono_ms + b->edit_ms;
    }
    t->is_news = true;
}

uint64_t speech_due(const struct turn *t)
{
    bool may = t->state == TURN_ASKED || (t->state == TURN_SHOWN && t->edits + 1 < EDITS_MAX);

    return t->is_news && !t->is_mute && t->part == NULL && may ? t->show_ms : UINT64_MAX;
}

void speech_send(struct bridge *b, struct turn *t)
{
    struct markup_split split = {.rest = buf_str(&t->partial)};
    struct saying saying = {.thread = t->talk->thread,
                            .reply_to = STR(""),
                            .replaces = t->event_id,
                            .role = SEND_PART,
                            .turn_number = t->thing.number};

    t->is_news = false;
    buf_clear(&b->piece);
    (void)markup_split_next(&split, outbox_limit(b), &b->piece);
    b->failed |= b->piece.failed;
    saying.text = buf_str(&b->piece);
    if (t->state == TURN_ASKED) {
        turn_change(b, t, TURN_EVENT_SHOW, saying.text);
        return;
    }
    t->edits++;
    thing_touch(b, &t->thing);
    b->counts.edits_sent_total++;
    t->part = outbox_add(b, t->talk->room, &saying);
}

void speech_sent(struct bridge *b, struct turn *t)
{
    t->show_ms = b->now.mono_ms + b->edit_ms * (16 + t->edits * t->edits) / 16;
}

void speech_learn(struct bridge *b, uint64_t slowed_ms)
{
    if (slowed_ms > 0) {
        b->edit_ms = b->edit_ms * 2 > slowed_ms ? b->edit_ms * 2 : slowed_ms;
        b->edit_ms = b->edit_ms < EDIT_MAX_MS ? b->edit_ms : EDIT_MAX_MS;
    } else {
        b->edit_ms -= b->edit_ms / 16;
        b->edit_ms = b->edit_ms > EDIT_MIN_MS ? b->edit_ms : EDIT_MIN_MS;
    }
}

void speech_end(struct bridge *b, struct turn *t)
{
    bool is_edit = t->event_id.len > 0;
    struct saying saying = {.text = t->text,
                            .thread = t->talk->thread,
                            .reply_to = is_edit ? STR("") : t->question_id,
                            .replaces = t->event_id,
                            .role = SEND_TEXT,
                            .is_notice = t->is_notice && !is_edit};

    b->counts.edits_sent_total += is_edit;
    (void)outbox_add(b, t->talk->room, &saying);
}

struct str speech_failure(struct bridge *b, enum bridge_failure failure, struct str error)
{
    static const char *const sentences[] = {
        [FAILURE_NONE] = "",
        [FAILURE_AWAY] = "The agent cannot be reached at the moment",
        [FAILURE_TIMEOUT] = "The agent has not answered in time",
        [FAILURE_REFUSED] = "The agent has not taken the question",
        [FAILURE_BROKEN] = "What the agent said was no answer",
    };
    struct str whom = b->settings.values.whom_to_ask;
    struct buf *out = &b->scratch;

    buf_clear(out);
    buf_append_str(out, str_from_z(sentences[failure]));
    if (error.len > 0) {
        buf_append_str(out, STR(": "));
        buf_append_str(out, text_cut(error, 1024));
    }
    buf_append_str(out, STR(".\n\nTry again in a while with `/retry`"));
    buf_append_str(out, failure == FAILURE_REFUSED || failure == FAILURE_BROKEN
                            ? STR(", or begin anew with `/new_session`")
                            : STR(""));
    if (whom.len > 0) {
        buf_append_str(out, STR(". If it stays so, ask "));
        buf_append_str(out, whom);
    }
    buf_append_char(out, '.');
    b->failed |= out->failed;
    return buf_str(out);
}
