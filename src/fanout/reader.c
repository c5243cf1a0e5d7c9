#include "fanout/reader.h"

#include <assert.h>
#include <stdlib.h>

#include "fanout/internal.h"

enum {
    ROUND_SLICE = 64,             /* members visited before the next dirty view has its turn */
    MAX_ITEMS = 16 * 1024 * 1024, /* more than all backlogs together may hold */
};

void reader_init(struct reader *r, unsigned reactor, const struct reader_ports *ports,
                 uint64_t max_backlog)
{
    assert(reactor < MAX_REACTORS);
    *r = (struct reader){.reactor = reactor, .ports = *ports, .max_backlog = max_backlog};
    list_init(&r->dirty);
    list_init(&r->ready);
    slab_init(&r->owns, sizeof(struct own), MAX_ITEMS);
    slab_init(&r->items, sizeof(struct item), MAX_ITEMS);
    slab_init(&r->memberships, sizeof(struct membership), 1u << MEMBERSHIP_BITS);
}

void reader_fini(struct reader *r)
{
    if (r == NULL) {
        return;
    }
    assert(r->queued_bytes == 0);
    for (uint32_t i = 0; i < r->view_cap; i++) {
        if (r->views[i] != NULL) {
            view_free(r, r->views[i]);
        }
    }
    free(r->views);
    if (r->local != NULL) {
        segment_release(r->local, r->reactor);
    }
    slab_fini(&r->owns);
    slab_fini(&r->items);
    slab_fini(&r->memberships);
    *r = (struct reader){0};
}

/* --- commands --------------------------------------------------------------------------------- */

static bool apply_join(struct reader *r, struct outbox *o, struct view *v, uint64_t position)
{
    struct membership *m = membership_find(o, v);

    if (m == NULL) {
        return membership_new(r, o, v, position) != NULL;
    }
    assert(o->lag != LAG_NONE && position >= m->pos);
    o->own->missed += view_count_missed(m, position);
    m->pos = position;
    return true;
}

static void apply_leave(struct reader *r, struct outbox *o, const struct view *v, uint64_t position)
{
    struct membership *m = membership_find(o, v);

    if (m == NULL) {
        return;
    }
    membership_set_limit(m, position);
    if (m->pos >= position && o->lag == LAG_NONE) {
        membership_free(r, m);
    }
}

/* Commands about one connection. */
static bool apply_to_outbox(struct reader *r, struct outbox *o, const struct down *c)
{
    struct view *v = NULL;

    switch (c->kind) {
    case DOWN_RESUME:
        return outbox_end_lag(r, o, c);
    case DOWN_JOIN:
        v = view_find(r, c->log);
        return v != NULL && apply_join(r, o, v, c->position);
    case DOWN_LEAVE:
        v = view_find(r, c->log);
        if (v != NULL) {
            apply_leave(r, o, v, c->position);
        }
        return true;
    case DOWN_SPOKE:
        o->scan = true;
        return true;
    default:
        return outbox_queue(r, o, c);
    }
}

static void close_log(struct reader *r, struct view *v)
{
    r->views[v->log] = NULL;
    v->closed = true;
    if (list_empty(&v->members) && list_empty(&v->stalled)) {
        view_free(r, v);
    }
}

static void fail_member(struct reader *r, struct membership *m, uint64_t end)
{
    membership_set_limit(m, end);
    if (!m->owner->closing) {
        m->owner->closing = true;
        r->ports.lagged(r->ports.owner, m->owner, true);
    }
}

/*
 * A log that cannot go on for want of memory: its members here would miss what comes, so they are
 * closed, and nobody can join it until the hub opens it anew.
 */
static void fail_log(struct reader *r, struct view *v)
{
    list_each(link, &v->members) {
        fail_member(r, list_entry(link, struct membership, link), v->end);
    }
    list_each(link, &v->stalled) {
        fail_member(r, list_entry(link, struct membership, link), v->end);
    }
    close_log(r, v);
}

/* Commands about one log. A log that there was no memory to open is not there; see DOWN_JOIN. */
static void apply_to_log(struct reader *r, const struct down *c)
{
    struct view *v = view_find(r, c->log);

    if (c->kind == DOWN_OPEN_LOG) {
        (void)view_open(r, c->log, c->position);
        return;
    }
    if (v == NULL) {
        return;
    }
    switch (c->kind) {
    case DOWN_SEGMENT:
        if (!view_add_segment(r, v, c->segment)) {
            fail_log(r, v);
        }
        break;
    case DOWN_RETIRE:
        v->complete = c->position;
        view_trim(r, v);
        break;
    case DOWN_ADVANCE:
        view_advance(r, v, c->position);
        break;
    case DOWN_CLOSE_LOG:
        close_log(r, v);
        break;
    default:
        break;
    }
}

static void apply(struct reader *r, struct down *c,
                  void (*other)(void *owner, const struct down *item))
{
    if (c->kind >= DOWN_OPEN_LOG && c->kind <= DOWN_CLOSE_LOG) {
        apply_to_log(r, c);
        return;
    }
    if (c->kind <= DOWN_REFUSE) {
        other(r->ports.owner, c);
        c->policy = NULL; /* it was taken */
        return;
    }
    struct outbox *o = r->ports.find(r->ports.owner, c->conn);
    if (o == NULL) {
        filter_free(c->filter);
    } else if (!apply_to_outbox(r, o, c) && !o->closing) {
        o->closing = true;
        r->ports.lagged(r->ports.owner, o, true);
    }
    c->filter = NULL; /* it was taken */
}

void reader_apply(struct reader *r, struct down_batch *batch,
                  void (*other)(void *owner, const struct down *item))
{
    /* A use of each segment for as long as the batch is being taken; with it the reference. */
    for (uint32_t i = 0; i < batch->segment_count; i++) {
        segment_hold(batch->segments[i], r->reactor);
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        apply(r, &batch->items[i], other);
    }
    for (uint32_t i = 0; i < batch->segment_count; i++) {
        segment_release(batch->segments[i], r->reactor);
    }
    batch->segment_count = 0;
}

/* --- whose turn it is ------------------------------------------------------------------------- */

static bool has_news(const struct membership *m)
{
    return m->pos < membership_end(m);
}

/*
 * The visitor has come round: everyone was served once since `settling` was the end. News may keep
 * a round from ever ending, so segments are let go of here as well.
 */
static void begin_lap(struct reader *r, struct view *v)
{
    v->settled = v->settling;
    v->settling = v->end;
    v->to_settle = v->member_count;
    view_trim(r, v);
}

/* The next member of the round that has something to get; NULL when the round is over. */
static struct outbox *visit_next(struct reader *r, struct view *v)
{
    while (v->to_visit > 0) {
        if (v->to_settle == 0) {
            begin_lap(r, v);
        }
        if (v->visit == &v->members) {
            v->visit = v->members.next;
        }
        struct membership *m = list_entry(v->visit, struct membership, link);
        v->visit = v->visit->next;
        v->to_visit--;
        v->to_settle--;
        if (has_news(m)) {
            return m->owner;
        }
    }
    return NULL;
}

static void end_round(struct reader *r, struct view *v)
{
    list_remove(&v->dirty);
    r->visits = 0;
    v->settled = v->end;
    v->settling = v->end;
    v->to_settle = 0;
    view_trim(r, v);
}

struct outbox *reader_next(struct reader *r)
{
    if (!list_empty(&r->ready)) {
        struct list *link = r->ready.next;
        list_remove(link);
        return list_entry(link, struct own, ready)->outbox;
    }
    while (!list_empty(&r->dirty)) {
        struct view *v = list_entry(r->dirty.next, struct view, dirty);
        struct outbox *o = visit_next(r, v);
        if (o == NULL) {
            end_round(r, v);
            continue;
        }
        if (++r->visits >= ROUND_SLICE) {
            r->visits = 0;
            list_remove(&v->dirty);
            list_append(&r->dirty, &v->dirty);
        }
        return o;
    }
    return NULL;
}

bool reader_pending(const struct reader *r)
{
    return !list_empty(&r->ready) || !list_empty(&r->dirty);
}
