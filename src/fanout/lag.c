/* Readers that fall behind: what they miss is counted, and told when they have caught up. */

#include <assert.h>

#include "fanout/internal.h"

/* Drops what may be skipped from the private queue, and counts it. */
static void drop_broadcasts(struct reader *r, struct outbox *o)
{
    struct own *own = o->own;
    struct item *kept_head = NULL;
    struct item *kept_tail = NULL;

    while (own->head != NULL) {
        bool is_pong = own->pong == own->head;
        struct item *item = outbox_pop(r, own);
        if ((item->flags & DOWN_BROADCAST) != 0) {
            own->missed++;
            item_free(r, item);
            continue;
        }
        own->pong = is_pong ? item : own->pong;
        item->next = NULL;
        if (kept_tail != NULL) {
            kept_tail->next = item;
        } else {
            kept_head = item;
        }
        kept_tail = item;
    }
    own->head = kept_head;
    own->tail = kept_tail;
    for (struct item *item = kept_head; item != NULL; item = item->next) {
        outbox_charge(r, own, item);
    }
}

/*
 * An HTTP response is there whole from the start, and the next one comes only when it is written,
 * so its length says nothing about its reader.
 */
static bool is_response(const struct outbox *o)
{
    const struct own *own = o->own;

    return ((own->rest.flags | (own->tail != NULL ? own->tail->flags : 0)) & DOWN_LAST) != 0;
}

static uint64_t own_bytes(const struct outbox *o)
{
    return (uint64_t)o->own->queued_bytes + o->own->rest.len;
}

uint64_t outbox_backlog(const struct outbox *o)
{
    if (!o->stalled) {
        return 0;
    }
    uint64_t total = own_bytes(o);
    if (o->lag == LAG_NONE) {
        for (const struct membership *m = o->joined; m != NULL; m = m->next) {
            total += view_retained(m->view, m->pos);
        }
    }
    return total;
}

void outbox_check_backlog(struct reader *r, struct outbox *o)
{
    if (!o->stalled || o->unlimited || (o->closing && o->lag != LAG_NONE) || is_response(o)) {
        return;
    }
    if (outbox_backlog(o) <= r->max_backlog) {
        return;
    }
    /* One whose close does not get through has no use for another chance. */
    bool fatal = o->closing;
    if (o->lag == LAG_NONE) {
        /* From here on view_trim counts what its logs hold, and lets go of it. */
        o->lag = LAG_SKIPPING;
        drop_broadcasts(r, o);
        if (!fatal) {
            r->ports.lagged(r->ports.owner, o, false);
        }
    }
    if (fatal || own_bytes(o) > r->max_backlog) {
        o->closing = true;
        r->ports.lagged(r->ports.owner, o, true);
    }
}

bool outbox_has_room(struct reader *r, struct outbox *o)
{
    (void)r;
    if (o->lag != LAG_SKIPPING || o->stalled || o->own->head != NULL) {
        return false;
    }
    o->lag = LAG_ASKED;
    return true;
}

uint64_t outbox_missed(const struct outbox *o)
{
    uint64_t missed = o->own != NULL ? o->own->missed : 0;

    for (const struct membership *m = o->joined; m != NULL && o->lag != LAG_NONE; m = m->next) {
        missed += view_count_missed(m, membership_end(m));
    }
    return missed;
}

/* The logs that it left while it lagged are over for it, with all that it missed in them. */
static void leave_missed(struct reader *r, struct outbox *o)
{
    for (struct membership *m = o->joined, *next; m != NULL; m = next) {
        next = m->next;
        if (m->has_left) {
            o->own->missed += view_count_missed(m, membership_limit(m));
            membership_free(r, m);
        }
    }
}

bool outbox_end_lag(struct reader *r, struct outbox *o, const struct down *command)
{
    struct item item = {.seq = command->seq, .kind = DOWN_FRAME, .len = command->len};

    if (o->closing) {
        return true;
    }
    assert(o->lag == LAG_ASKED);
    char *at = reader_extend(r, command->len, &item.segment, &item.off);
    if (at == NULL) {
        return false;
    }
    assert(command->mark + COUNT_SLOT <= command->len);
    memcpy(at, command->segment->data + command->off, command->len);
    leave_missed(r, o);
    (void)str_write_uint(at + command->mark, o->own->missed); /* over the spaces of the slot */
    r->skipped += o->own->missed;
    o->own->missed = 0;
    o->lag = LAG_NONE;
    for (struct membership *m = o->joined; m != NULL; m = m->next) {
        membership_place(m);
    }
    return outbox_append(r, o, &item) != NULL;
}

/* What a lagging outbox missed before hub sequence `seq` is counted, by the filter it had. */
void outbox_count_missed(struct outbox *o, uint64_t seq)
{
    for (struct membership *m = o->joined; m != NULL && o->lag != LAG_NONE; m = m->next) {
        uint64_t to = m->pos;
        while (to < membership_end(m) && membership_seq(m, to) < seq) {
            to++;
        }
        o->own->missed += view_count_missed(m, to);
        m->pos = to;
    }
}
