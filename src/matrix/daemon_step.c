#include <stdlib.h>

#include "matrix/daemon_internal.h"

/* --- what the core gives ---------------------------------------------------------------------- */

bool step_save(void *owner, const struct bridge_row *row)
{
    struct daemon *d = owner;

    d->has_rows = true;
    return store_put(d->store, row);
}

static struct str put(char **at, struct str text)
{
    struct str copy = {*at, text.len};

    if (text.len > 0) {
        memcpy(*at, text.ptr, text.len);
    }
    *at += text.len;
    return copy;
}

/* The texts of an action, wherever they stand. */
enum { ACTION_TEXTS = 13 };
static void list_texts(struct bridge_action *a, struct str *ret_texts[ACTION_TEXTS])
{
    struct str *texts[ACTION_TEXTS] = {
        &a->room,     &a->event_id,     &a->thread,     &a->type,         &a->txn_id,
        &a->content,  &a->session_name, &a->session_id, &a->conversation, &a->model,
        &a->question, &a->history,      &a->sender};

    memcpy(ret_texts, texts, sizeof(texts));
}

bool step_act(void *owner, const struct bridge_action *action)
{
    struct daemon *d = owner;
    struct bridge_action from = *action;
    struct str *texts[ACTION_TEXTS];
    size_t len = action->idempotency_key.len;

    list_texts(&from, texts);
    for (size_t i = 0; i < ACTION_TEXTS; i++) {
        len += texts[i]->len;
    }
    struct kept_action *kept = malloc(sizeof(*kept) + len + 1);
    if (kept == NULL) {
        return false;
    }
    char *at = kept->texts;
    kept->next = NULL;
    kept->action = from;
    list_texts(&kept->action, texts);
    for (size_t i = 0; i < ACTION_TEXTS; i++) {
        *texts[i] = put(&at, *texts[i]);
    }
    kept->action.idempotency_key = put(&at, action->idempotency_key);
    *d->actions_end = kept;
    d->actions_end = &kept->next;
    return true;
}

/* --- carrying out ----------------------------------------------------------------------------- */

static bool carry_out(struct daemon *d, const struct bridge_action *action)
{
    switch (action->kind) {
    case ACT_ASK:
        return daemon_adapter(d)->ask(d->agent, action);
    case ACT_STOP:
        daemon_adapter(d)->stop(d->agent, action->turn);
        return true;
    default:
        return homeserver_act(d->homeserver, action);
    }
}

static struct kept_action *take_first(struct daemon *d)
{
    struct kept_action *first = d->actions;

    if (first != NULL) {
        d->actions = first->next;
        if (d->actions == NULL) {
            d->actions_end = &d->actions;
        }
    }
    return first;
}

void step_fini(struct daemon *d)
{
    for (struct kept_action *kept = take_first(d); kept != NULL; kept = take_first(d)) {
        free(kept);
    }
}

static void carry_out_all(struct daemon *d)
{
    for (struct kept_action *kept = take_first(d); kept != NULL; kept = take_first(d)) {
        bool taken = d->over || carry_out(d, &kept->action);
        free(kept);
        if (!taken) {
            daemon_end(d, DAEMON_FAILED,
                       "out of memory; what was begun is done again at the start");
        }
    }
}

static bool commit(struct daemon *d)
{
    struct buf error;

    if (!d->has_rows) {
        return true;
    }
    buf_init(&error, CONFIG_MAX_ERROR);
    d->has_rows = false;
    d->commits_total++;
    bool done = store_commit(d->store, &error);
    buf_append_char(&error, '\0');
    if (!done) {
        daemon_end(d, DAEMON_FAILED, error.failed ? "the state cannot be written" : error.data);
    }
    buf_fini(&error);
    return done;
}

void step_end(struct daemon *d)
{
    if (d->over) {
        return;
    }
    if (!bridge_settle(d->bridge)) {
        daemon_end(d, DAEMON_FAILED, "out of memory; what was begun is done again at the start");
    } else if (commit(d)) {
        carry_out_all(d);
    }
}
