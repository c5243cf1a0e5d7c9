/*
 * A gap whose pages do not come. The sync waits until it is filled, so that everything is told in
 * its order; a room that the server cannot read, a damaged one say, would stop all others for ever.
 * So it is given up after a while, but only when the server is well otherwise: what is behind a
 * proxy answers 5xx as well when it is away, and then nothing is to be lost. To know that, it is
 * asked who we are, which it has to look up too: behind a page that has failed, since it may have
 * come back only then, and behind the next one that fails.
 */

#include "matrix/homeserver_internal.h"

#include "json/reader.h"

enum {
    TRIES_TO_LOG = 3,
    LOG_SPAN_MS = 300000, /* between two lines about one room */
    TRIES_TO_LOSE = 5,
    PATIENCE_MS = 300000
};

static uint64_t now_or_one(const struct homeserver *h)
{
    return h->now.mono_ms > 0 ? h->now.mono_ms : 1;
}

static struct gap *first_gap(struct homeserver *h)
{
    return list_entry(h->gaps.next, struct gap, link);
}

/* What is wrong with the server as a whole has been logged. */
static void log_stuck(struct homeserver *h, struct gap *gap, unsigned status)
{
    if (gap->failures < TRIES_TO_LOG || h->fault != HOMESERVER_FINE ||
        (gap->logged_ms > 0 && h->now.mono_ms - gap->logged_ms < LOG_SPAN_MS)) {
        return;
    }
    gap->logged_ms = now_or_one(h);
    home_log(h, LEVEL_WARNING, "gap_stuck", gap->room, "tries=%u status=%u look=\"%s\"",
             gap->failures, status, "why, in the log of the homeserver");
}

static bool is_hopeless(const struct homeserver *h, const struct gap *gap)
{
    return gap->failures >= TRIES_TO_LOSE && h->now.mono_ms - gap->failing_ms >= PATIENCE_MS;
}

static void ask_who_we_are(struct homeserver *h, struct str room)
{
    list_each(link, &h->calls) {
        if (list_entry(link, struct home_call, link)->kind == CALL_PROBE) {
            return;
        }
    }
    struct home_call *c = home_call_new(h, CALL_PROBE, room);
    if (c != NULL) { /* else the next failure asks */
        buf_append_str(&c->path, STR("/_matrix/client/v3/account/whoami"));
        (void)home_call_add(c);
    }
}

void home_gap_failed(struct homeserver *h, unsigned status)
{
    struct gap *gap = first_gap(h);

    if (gap->failures++ == 0) {
        gap->failing_ms = h->now.mono_ms;
    }
    log_stuck(h, gap, status);
    if (is_hopeless(h, gap)) {
        ask_who_we_are(h, gap->room);
    }
}

void home_probe_failed(struct homeserver *h)
{
    if (!list_empty(&h->gaps)) {
        first_gap(h)->well_failures = 0;
    }
}

/* Meanwhile it may have been filled, and be another one's turn. */
bool home_answer_probe(struct home_call *c, struct str body)
{
    struct homeserver *h = c->home;

    if (!json_valid(body) || json_kind_of(json_get(body, STR("user_id"))) != JSON_STRING) {
        return false;
    }
    if (list_empty(&h->gaps)) {
        return true;
    }
    struct gap *gap = first_gap(h);
    if (!is_hopeless(h, gap) || !str_equal(gap->room, buf_str(&c->room))) {
        return true;
    }
    if (gap->well_failures == 0) {
        gap->well_failures = gap->failures;
    } else if (gap->failures > gap->well_failures) {
        home_log(h, LEVEL_WARNING, "gap_lost", gap->room, "tries=%u", gap->failures);
        home_call_free(h->sync);
        home_gap_end(h);
        home_sync_tick(h);
    }
    return true;
}
