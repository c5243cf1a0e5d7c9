/* What is written next, and what becomes of a write that was taken in part. */

#include <assert.h>

#include "fanout/internal.h"

enum {
    COPY_REST = 4096, /* the rest of a frame up to this is copied, see keep_rest */
};

/* --- planning --------------------------------------------------------------------------------- */

static void add_run(struct plan *plan, struct segment *segment, size_t off, size_t len,
                    const struct run *what)
{
    plan->iov[plan->count] = (struct iovec){.iov_base = segment->data + off, .iov_len = len};
    plan->runs[plan->count] = *what;
    plan->runs[plan->count].segment = segment;
    plan->count++;
    plan->bytes += len;
}

static bool plan_full(const struct plan *plan)
{
    return plan->count == PLAN_RUNS || plan->bytes >= PLAN_BYTES || plan->close || plan->last;
}

static void end_plan(struct plan *plan, bool close, uint8_t flags)
{
    plan->close = close;
    plan->last = (flags & DOWN_LAST) != 0;
    plan->disconnect = (flags & DOWN_DISCONNECT) != 0;
}

static bool wanted(const struct outbox *o, const struct entry *e)
{
    struct filter *filter = outbox_filter(o);

    return e->sender != o->conn && (filter == NULL || filter_wants(filter, e->type));
}

/* The first entry of [from, stop) that is not wanted as given, or not before `bound`. */
static uint64_t skip(const struct outbox *o, const struct segment *s, uint64_t from, uint64_t stop,
                     uint64_t bound, bool as_wanted)
{
    while (from < stop) {
        const struct entry *e = segment_entry(s, (uint32_t)(from - s->first));
        if (e->seq >= bound || wanted(o, e) != as_wanted) {
            break;
        }
        from++;
    }
    return from;
}

/*
 * Plans the next run of a log: entries that lie behind one another in one segment, are wanted, and
 * come before `bound`, the hub sequence at which another source goes on. May plan nothing and only
 * move the cursor over what is not wanted.
 */
static void plan_log(struct outbox *o, struct membership *m, uint64_t bound, struct plan *plan)
{
    uint64_t stop;
    struct segment *s = view_segment_at(m->view, m->pos, membership_end(m), &stop);
    uint64_t from = m->pos;
    uint64_t to = stop;

    if (o->scan || outbox_filter(o) != NULL || bound != UINT64_MAX) {
        from = skip(o, s, from, stop, bound, false);
        to = skip(o, s, from, stop, bound, true);
    }
    m->pos = to;
    if (from < to) {
        const struct entry *first = segment_entry(s, (uint32_t)(from - s->first));
        const struct entry *last = segment_entry(s, (uint32_t)(to - 1 - s->first));
        add_run(plan, s, first->off, last->off + last->len - first->off,
                &(struct run){.member = m, .from = from, .to = to});
    }
}

/* The log whose next entry is the earliest, and the sequence of the earliest other one. */
static struct membership *earliest_log(const struct outbox *o, uint64_t *ret_seq,
                                       uint64_t *ret_other)
{
    struct membership *best = NULL;

    *ret_seq = UINT64_MAX;
    *ret_other = UINT64_MAX;
    if (o->lag != LAG_NONE) {
        return NULL;
    }
    for (struct membership *m = o->joined; m != NULL; m = m->next) {
        if (m->pos >= membership_end(m)) {
            continue;
        }
        uint64_t seq = membership_seq(m, m->pos);
        if (seq < *ret_seq) {
            *ret_other = *ret_seq;
            *ret_seq = seq;
            best = m;
        } else if (seq < *ret_other) {
            *ret_other = seq;
        }
    }
    return best;
}

/* Plans the private item `item`. Returns false when the plan has to be written before it. */
static bool plan_private(struct reader *r, struct outbox *o, struct item **item, struct plan *plan)
{
    struct item *it = *item;

    if (it->kind == DOWN_FILTER) {
        if (plan->count > 0) {
            return false;
        }
        outbox_count_missed(o, it->seq);
        *item = it->next;
        (void)outbox_pop(r, o->own); /* with what its filter costs */
        filter_free(o->own->filter);
        o->own->filter = it->filter;
        it->filter = NULL;
        item_free(r, it);
        return true;
    }
    *item = it->next;
    if (it->len > 0) {
        add_run(plan, it->segment, it->off, it->len, &(struct run){.member = NULL});
    }
    end_plan(plan, it->kind == DOWN_CLOSE, it->flags);
    return true;
}

/*
 * Leaves the logs whose last entry has been read. Not before the outbox is wholly served or out of
 * the round: a view trusts that whoever was visited has read to the end, and may be trimmed here.
 */
static void leave_finished(struct reader *r, struct outbox *o)
{
    for (struct membership *m = o->joined, *next; m != NULL; m = next) {
        next = m->next;
        if (m->pos >= membership_limit(m) && o->lag == LAG_NONE) {
            membership_free(r, m);
        }
    }
}

void outbox_plan(struct reader *r, struct outbox *o, struct plan *plan)
{
    struct item *item = o->own != NULL ? o->own->head : NULL;

    plan->count = 0;
    plan->bytes = 0;
    end_plan(plan, false, 0);
    assert(!o->stalled);
    if (o->own != NULL && o->own->rest.segment != NULL) {
        const struct rest *rest = &o->own->rest;
        add_run(plan, rest->segment, rest->off, rest->len, &(struct run){.rest = true});
        end_plan(plan, rest->close, rest->flags);
    }
    while (!plan_full(plan)) {
        uint64_t seq;
        uint64_t other;
        struct membership *m = earliest_log(o, &seq, &other);
        if (item != NULL && (m == NULL || item->seq < seq)) {
            if (!plan_private(r, o, &item, plan)) {
                break;
            }
        } else if (m != NULL) {
            plan_log(o, m, item != NULL && item->seq < other ? item->seq : other, plan);
        } else {
            o->scan = false;
            break;
        }
    }
    if (plan->count == 0) {
        leave_finished(r, o);
        outbox_tidy(r, o);
    }
}

/* --- what became of a plan -------------------------------------------------------------------- */

static void finish_item(struct reader *r, struct outbox *o)
{
    struct item *item = outbox_pop(r, o->own);

    if ((item->flags & (DOWN_BROADCAST | DOWN_MESSAGE)) != 0) {
        r->delivered++;
    }
    item_free(r, item);
}

static void finish_run(struct reader *r, struct outbox *o, const struct run *run)
{
    if (run->rest) {
        outbox_drop_rest(r, o->own);
    } else if (run->member != NULL) {
        r->delivered += run->to - run->from;
    } else {
        finish_item(r, o);
    }
}

/*
 * Remembers bytes [off, off + len) of a segment as the rest of a frame. A short rest is copied,
 * so that one slow reader does not keep a whole segment alive for it.
 */
static bool keep_rest(struct reader *r, struct outbox *o, struct segment *s, uint32_t off,
                      uint32_t len)
{
    if (len <= COPY_REST) {
        s = reader_copy(r, s->data + off, len);
        off = 0;
    } else {
        segment_hold_again(s, r->reactor);
    }
    o->own->rest =
        s != NULL ? (struct rest){.segment = s, .off = off, .len = len} : (struct rest){0};
    return s != NULL;
}

/* The socket took `sent` bytes of this log run, fewer than all. */
static bool cut_log_run(struct reader *r, struct outbox *o, const struct run *run, size_t sent)
{
    struct segment *s = run->segment;
    uint32_t low = (uint32_t)(run->from - s->first);
    uint32_t high = (uint32_t)(run->to - s->first);
    size_t cut = segment_entry(s, low)->off + sent;

    /* The last entry that begins at or before the cut. */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (segment_entry(s, middle)->off <= cut) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const struct entry *e = segment_entry(s, low);
    run->member->pos = s->first + low + (cut > e->off ? 1 : 0);
    r->delivered += run->member->pos - run->from;
    return cut == e->off || keep_rest(r, o, s, (uint32_t)cut, (uint32_t)(e->off + e->len - cut));
}

static bool cut_run(struct reader *r, struct outbox *o, const struct run *run, size_t sent)
{
    if (run->rest) {
        o->own->rest.off += (uint32_t)sent;
        o->own->rest.len -= (uint32_t)sent;
        return true;
    }
    if (run->member != NULL) {
        return cut_log_run(r, o, run, sent);
    }
    if (sent == 0) {
        return true;
    }
    const struct item *item = o->own->head;
    if (!keep_rest(r, o, item->segment, item->off + (uint32_t)sent, item->len - (uint32_t)sent)) {
        return false;
    }
    o->own->rest.close = item->kind == DOWN_CLOSE;
    o->own->rest.flags = item->flags;
    finish_item(r, o);
    return true;
}

/* Undoes the runs from `i` on: the cursors go back to where the first of them began. */
static void rewind_runs(const struct plan *plan, int i)
{
    for (int j = plan->count - 1; j >= i; j--) {
        if (plan->runs[j].member != NULL) {
            plan->runs[j].member->pos = plan->runs[j].from;
        }
    }
}

static bool stall(struct reader *r, struct outbox *o, const struct plan *plan, int i, size_t sent)
{
    if (outbox_own(r, o) == NULL) {
        return false;
    }
    rewind_runs(plan, i + 1);
    if (!cut_run(r, o, &plan->runs[i], sent)) {
        return false;
    }
    o->stalled = true;
    o->scan = true; /* what was undone may hold entries of its own again */
    list_remove(&o->own->ready);
    for (struct membership *m = o->joined; m != NULL; m = m->next) {
        membership_place(m);
    }
    leave_finished(r, o);
    outbox_check_backlog(r, o);
    return true;
}

bool outbox_sent(struct reader *r, struct outbox *o, const struct plan *plan, size_t sent)
{
    assert(sent <= plan->bytes);
    for (int i = 0; i < plan->count; i++) {
        size_t len = plan->iov[i].iov_len;
        if (sent < len) {
            return stall(r, o, plan, i, sent);
        }
        sent -= len;
        finish_run(r, o, &plan->runs[i]);
    }
    outbox_tidy(r, o);
    return true;
}

void outbox_resume(struct reader *r, struct outbox *o)
{
    assert(o->stalled);
    o->stalled = false;
    for (struct membership *m = o->joined; m != NULL; m = m->next) {
        membership_place(m);
    }
    outbox_make_ready(r, o);
}
