#include <assert.h>
#include <stdlib.h>

#include "fanout/internal.h"

struct view *view_find(const struct reader *r, uint32_t log)
{
    return log < r->view_cap ? r->views[log] : NULL;
}

static bool grow_table(struct reader *r, uint32_t log)
{
    uint32_t cap = r->view_cap == 0 ? 8 : r->view_cap;

    if (log < r->view_cap) {
        return true;
    }
    while (cap <= log) {
        cap *= 2;
    }
    struct view **views = realloc(r->views, cap * sizeof(struct view *));
    if (views == NULL) {
        return false;
    }
    memset(views + r->view_cap, 0, (cap - r->view_cap) * sizeof(struct view *));
    r->views = views;
    r->view_cap = cap;
    return true;
}

bool view_open(struct reader *r, uint32_t log, uint64_t end)
{
    struct view *v = grow_table(r, log) ? calloc(1, sizeof(*v)) : NULL;

    if (v == NULL) {
        return false;
    }
    assert(r->views[log] == NULL);
    v->log = log;
    v->end = end;
    v->settled = end;
    v->settling = end;
    v->complete = UINT64_MAX;
    list_init(&v->dirty);
    list_init(&v->members);
    list_init(&v->stalled);
    v->visit = &v->members;
    r->views[log] = v;
    return true;
}

void view_free(struct reader *r, struct view *v)
{
    for (uint32_t i = 0; i < v->segment_count; i++) {
        segment_release(v->segments[i].segment, r->reactor);
    }
    list_remove(&v->dirty);
    if (view_find(r, v->log) == v) {
        r->views[v->log] = NULL;
    }
    free(v->segments);
    free(v);
}

bool view_add_segment(struct reader *r, struct view *v, struct segment *segment)
{
    if (v->segment_count == v->segment_cap) {
        uint32_t cap = v->segment_cap == 0 ? 4 : v->segment_cap * 2;
        struct view_segment *segments = realloc(v->segments, cap * sizeof(*segments));
        if (segments == NULL) {
            return false;
        }
        v->segments = segments;
        v->segment_cap = cap;
    }
    segment_hold_again(segment, r->reactor);
    v->segments[v->segment_count++] =
        (struct view_segment){.segment = segment, .first = segment->first};
    v->complete = UINT64_MAX;
    list_each_safe(link, &v->stalled) {
        outbox_check_backlog(r, list_entry(link, struct membership, link)->owner);
    }
    view_trim(r, v);
    return true;
}

void view_advance(struct reader *r, struct view *v, uint64_t end)
{
    assert(end >= v->end);
    v->end = end;
    v->to_visit = v->member_count;
    if (list_empty(&v->dirty)) {
        list_append(&r->dirty, &v->dirty);
    }
}

/* The first entry that somebody still has to read. What lagging members miss is counted first. */
static uint64_t find_floor(struct view *v)
{
    uint64_t floor = v->to_visit > 0 ? v->settled : v->end;

    list_each(link, &v->stalled) {
        struct membership *m = list_entry(link, struct membership, link);
        if (m->owner->lag != LAG_NONE) {
            m->owner->own->missed += view_count_missed(m, v->end);
            m->pos = m->pos > v->end ? m->pos : v->end;
        } else if (m->pos < floor) {
            floor = m->pos;
        }
    }
    return floor;
}

void view_trim(struct reader *r, struct view *v)
{
    uint64_t floor = find_floor(v);
    uint32_t gone = 0;

    while (gone + 1 < v->segment_count && v->segments[gone + 1].first <= floor) {
        gone++;
    }
    if (gone + 1 == v->segment_count && floor >= v->complete) {
        gone++;
    }
    for (uint32_t i = 0; i < gone; i++) {
        segment_release(v->segments[i].segment, r->reactor);
    }
    if (gone > 0) {
        v->segment_count -= gone;
        memmove(v->segments, v->segments + gone, v->segment_count * sizeof(*v->segments));
    }
}

/* Segments are looked for from the end: nearly everybody reads in the last one. */
static uint32_t segment_index(const struct view *v, uint64_t pos)
{
    uint32_t i = v->segment_count;

    while (i > 0 && v->segments[i - 1].first > pos) {
        i--;
    }
    assert(i > 0);
    return i - 1;
}

struct segment *view_segment_at(const struct view *v, uint64_t pos, uint64_t bound,
                                uint64_t *ret_to)
{
    uint32_t i = segment_index(v, pos);
    uint64_t to = i + 1 < v->segment_count ? v->segments[i + 1].first : bound;

    *ret_to = to < bound ? to : bound;
    return v->segments[i].segment;
}

uint64_t membership_seq(const struct membership *m, uint64_t pos)
{
    uint64_t stop;
    const struct segment *s = view_segment_at(m->view, pos, membership_end(m), &stop);

    return segment_entry(s, (uint32_t)(pos - s->first))->seq;
}

uint64_t view_retained(const struct view *v, uint64_t pos)
{
    uint64_t bytes = 0;

    if (pos >= v->end) {
        return 0;
    }
    for (uint32_t i = segment_index(v, pos); i < v->segment_count; i++) {
        bytes += v->segments[i].segment->cap;
    }
    return bytes;
}

/* The next change of filter in a private queue, from `item` on. */
static const struct item *next_filter(const struct item *item)
{
    while (item != NULL && item->kind != DOWN_FILTER) {
        item = item->next;
    }
    return item;
}

uint64_t view_count_missed(const struct membership *m, uint64_t to)
{
    const struct outbox *o = m->owner;
    const struct item *change = next_filter(o->own != NULL ? o->own->head : NULL);
    struct filter *filter = outbox_filter(o);
    uint64_t limit = membership_limit(m);
    uint64_t bound = to < limit ? to : limit;
    uint64_t count = 0;

    for (uint64_t pos = m->pos; pos < bound;) {
        uint64_t stop;
        const struct segment *s = view_segment_at(m->view, pos, bound, &stop);
        for (; pos < stop; pos++) {
            const struct entry *e = segment_entry(s, (uint32_t)(pos - s->first));
            while (change != NULL && change->seq < e->seq) {
                filter = change->filter;
                change = next_filter(change->next);
            }
            if (e->sender != o->conn && (filter == NULL || filter_wants(filter, e->type))) {
                count++;
            }
        }
    }
    return count;
}

struct membership *membership_new(struct reader *r, struct outbox *o, struct view *v, uint64_t pos)
{
    uint32_t index;
    struct membership *m = slab_acquire(&r->memberships, &index);

    if (m == NULL) {
        return NULL;
    }
    *m = (struct membership){
        .owner = o,
        .view = v,
        .pos = pos,
        .index = index & ((1u << MEMBERSHIP_BITS) - 1),
        .next = o->joined,
    };
    o->joined = m;
    list_init(&m->link);
    membership_place(m);
    return m;
}

/* Takes it out of the list it is in. */
static void unplace(struct membership *m)
{
    struct view *v = m->view;

    if (v->visit == &m->link) {
        v->visit = m->link.next;
    }
    list_remove(&m->link);
    if (m->in_round) {
        m->in_round = false;
        v->member_count--;
    }
    if (v->to_visit > v->member_count) {
        v->to_visit = v->member_count;
    }
    if (v->to_settle > v->member_count) {
        v->to_settle = v->member_count;
    }
}

void membership_place(struct membership *m)
{
    unplace(m);
    if (m->owner->stalled || m->owner->lag != LAG_NONE) {
        list_append(&m->view->stalled, &m->link);
    } else {
        /* Just behind the visitor, so that it comes last and nobody is pushed out of the round. */
        m->in_round = true;
        m->view->member_count++;
        list_insert_before(m->view->visit, &m->link);
    }
}

void membership_free(struct reader *r, struct membership *m)
{
    struct view *v = m->view;
    struct membership **at = &m->owner->joined;

    while (*at != m) {
        at = &(*at)->next;
    }
    *at = m->next;
    unplace(m);
    slab_release(&r->memberships, m->index);
    if (v->closed && list_empty(&v->members) && list_empty(&v->stalled)) {
        view_free(r, v);
    } else {
        view_trim(r, v);
    }
}

struct membership *membership_find(const struct outbox *o, const struct view *v)
{
    for (struct membership *m = o->joined; m != NULL; m = m->next) {
        if (m->view == v && !m->has_left) {
            return m;
        }
    }
    return NULL;
}
