#include "base/printable.h"
#include "matrix/daemon_internal.h"

/* Whether it is ready, and its figures. */

enum { SYNC_SLACK_MS = 15000 }; /* that a long poll may be late by */

bool watch_ready(void *owner, struct buf *why)
{
    const struct daemon *d = owner;
    uint64_t synced_ms = homeserver_synced_ms(d->homeserver);
    uint64_t interval_ms = d->setup->homeserver.sync_timeout_ms + SYNC_SLACK_MS;

    if (d->is_stopping) {
        buf_append_str(why, STR("it is stopping"));
    } else if (d->fault != HOMESERVER_FINE) {
        printable_append(why, buf_str(&d->fault_sentence));
    } else if (synced_ms == 0 || d->now.mono_ms - synced_ms > interval_ms) {
        buf_append_str(why, STR("it has not synced with the homeserver, or not for long"));
    } else if (d->reached == 0) {
        printable_append(why, buf_str(&d->reach_sentence));
    } else if (d->reached < 0) {
        buf_append_str(why, STR("nobody knows yet whether the agent can be reached"));
    } else {
        return true;
    }
    return false;
}

static void write_metric(struct buf *out, const char *name, const char *type, const char *help,
                         uint64_t value)
{
    buf_printf(out,
               "# HELP parley_bridge_%s %s\n# TYPE parley_bridge_%s %s\nparley_bridge_%s %llu\n",
               name, help, name, type, name, (unsigned long long)value);
}

static void write_failures(struct buf *out, const struct bridge_counts *counts)
{
    buf_append_str(out, STR("# HELP parley_bridge_failures_total Turns that the agent did not "
                            "answer, by why.\n# TYPE parley_bridge_failures_total counter\n"));
    for (unsigned i = FAILURE_AWAY; i <= FAILURE_BROKEN; i++) {
        buf_printf(out, "parley_bridge_failures_total{reason=\"%s\"} %llu\n",
                   bridge_failure_words[i], (unsigned long long)counts->failures_total[i]);
    }
}

void watch_metrics(void *owner, struct buf *out)
{
    struct daemon *d = owner;
    struct bridge_counts c;
    struct buf why;

    bridge_counts(d->bridge, &c);
    buf_init(&why, 4096);
    write_metric(out, "ready", "gauge", "Whether it is ready.", watch_ready(d, &why));
    buf_fini(&why);
    write_metric(out, "homeserver_up", "gauge", "Whether the homeserver answers.",
                 d->fault == HOMESERVER_FINE && d->has_synced);
    write_metric(out, "agent_up", "gauge", "Whether the agent answers.", d->reached > 0);
    write_metric(out, "rooms", "gauge", "Rooms that the bridge is in.", c.rooms);
    write_metric(out, "encrypted_rooms", "gauge", "Those of them that are encrypted.",
                 c.encrypted_rooms);
    write_metric(out, "questions_waiting", "gauge", "Questions that wait for their turn.",
                 c.questions_waiting);
    write_metric(out, "turns_open", "gauge",
                 "Questions that are with the agent, or being answered.", c.turns_open);
    write_metric(out, "sends_waiting", "gauge", "Messages on their way to the homeserver.",
                 c.sends_waiting);
    write_metric(out, "questions_total", "counter",
                 "Messages that were for the bridge, commands too.", c.questions_total);
    write_metric(out, "answers_total", "counter", "Answers of the agent.", c.answers_total);
    write_failures(out, &c);
    write_metric(out, "events_total", "counter", "Events of the homeserver.", c.events_total);
    write_metric(out, "duplicates_total", "counter", "Those that had come before.",
                 c.duplicates_total);
    write_metric(out, "edits_total", "counter", "Edits that showed an answer on its way.",
                 c.edits_sent_total);
    write_metric(out, "refused_sends_total", "counter", "Messages that a room did not take.",
                 c.refused_sends_total);
    write_metric(out, "commits_total", "counter", "Transactions of the state file.",
                 d->commits_total);
}
