#include "invariants.h"

#include "fanout/internal.h"
#include "model.h"

/* Entries that somebody still has to read are in the segments. */
static void check_cursor(const struct view *v, const struct membership *m, const char *where)
{
    if (m->owner->lag != LAG_NONE || m->pos >= membership_end(m)) {
        return;
    }
    if (v->segment_count == 0 || v->segments[0].first > m->pos) {
        model_fail(NULL, "log %u: a %s member is at entry %llu, the segments begin at %llu", v->log,
                   where, (unsigned long long)m->pos,
                   v->segment_count > 0 ? (unsigned long long)v->segments[0].first : ~0ULL);
    }
}

static bool is_ready(const struct outbox *o)
{
    return o->own != NULL && !list_empty(&o->own->ready);
}

/* Whoever has something to get is among the next `to_visit` of the round, or waits in `ready`. */
static void check_round(const struct view *v)
{
    const struct list *link = v->visit;
    uint32_t seen = 0;
    uint32_t ahead = 0;

    while (seen < v->member_count) {
        if (link == &v->members) {
            link = link->next;
            continue;
        }
        const struct membership *m = list_entry(link, const struct membership, link);
        check_cursor(v, m, "round");
        if (!m->in_round || m->owner->stalled || m->owner->lag != LAG_NONE) {
            model_fail(NULL, "log %u: a member that is stalled or lags is in the round", v->log);
        }
        if (ahead >= v->to_visit && m->pos < membership_end(m) && !is_ready(m->owner)) {
            model_fail(NULL, "log %u: a member at entry %llu of %llu will not be visited", v->log,
                       (unsigned long long)m->pos, (unsigned long long)v->end);
        }
        ahead++;
        seen++;
        link = link->next;
    }
    if (v->to_visit > v->member_count || (v->to_visit > 0 && list_empty(&v->dirty))) {
        model_fail(NULL, "log %u: %u of %u members to visit", v->log, v->to_visit, v->member_count);
    }
}

void invariants_check(const struct reader *r)
{
    for (uint32_t i = 0; i < r->view_cap; i++) {
        const struct view *v = r->views[i];
        if (v == NULL) {
            continue;
        }
        check_round(v);
        list_each(link, &v->stalled) {
            check_cursor(v, list_entry(link, const struct membership, link), "stalled");
        }
    }
}
