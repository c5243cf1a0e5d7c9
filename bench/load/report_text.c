#include "report.h"

#include <inttypes.h>

static double each(uint64_t ns, const struct load_result *r)
{
    return (double)ns / (r->deliveries > 0 ? (double)r->deliveries : 1.0);
}

/* "347 ns", "12.4 us", "3.21 ms", "1.50 s" */
static void append_time(struct buf *out, double ns)
{
    if (ns < 1e3) {
        buf_printf(out, "%.0f ns", ns);
    } else if (ns < 1e6) {
        buf_printf(out, "%.2f us", ns / 1e3);
    } else if (ns < 1e9) {
        buf_printf(out, "%.2f ms", ns / 1e6);
    } else {
        buf_printf(out, "%.2f s", ns / 1e9);
    }
}

static void append_latency(struct buf *out, const char *what, const struct latency_summary *s)
{
    static const unsigned shown[] = {2, 4, 6, 7, 8, 10};
    buf_printf(out, "  %-10s", what);
    for (unsigned i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        buf_printf(out, "%s%s ", i > 0 ? "   " : "", latency_names[shown[i]]);
        append_time(out, (double)s->values[shown[i]]);
    }
    buf_append_char(out, '\n');
}

static void append_latencies(struct buf *out, const struct load_options *o,
                             const struct load_result *r)
{
    if (r->latency.count == 0) {
        return;
    }
    if (o->rate > 0 || o->mode == LOAD_CONNECT) {
        append_latency(out, "took", &r->latency);
        return;
    }
    append_latency(out, "took", &r->latency);
    append_latency(out, "corrected", &r->corrected);
}

static void append_cost(struct buf *out, const struct load_options *o, const struct load_result *r)
{
    if (o->pid != 0 && o->mode != LOAD_PROBE) {
        buf_append_str(out, STR("  server    "));
        append_time(out, each(r->server_cpu_ns + r->softirq_cpu_ns, r));
        buf_append_str(out, STR(" of CPU time each, of which ksoftirqd "));
        append_time(out, each(r->softirq_cpu_ns, r));
        buf_append_char(out, '\n');
    }
    buf_append_str(out, STR("  generator "));
    append_time(out, each(r->own_cpu_ns, r));
    buf_append_char(out, '\n');
}

static void append_memory(struct buf *out, const struct load_options *o,
                          const struct load_result *r)
{
    double growth = (double)r->pss_after - (double)r->pss_before;
    if (o->mode == LOAD_STALLED) {
        buf_printf(out, "  memory    %.2f MB more than before, for %" PRIu32 " who do not read\n",
                   growth / 1e6, o->clients);
    } else if (r->joined > 0) {
        double sessions = (double)r->joined / (double)o->clients;
        buf_printf(out, "  memory    %.0f bytes a membership, %.0f a session\n",
                   growth / (double)r->joined, growth / sessions);
    } else {
        buf_printf(out, "  memory    %.0f bytes a connection (resident: %.0f)\n",
                   growth / (double)r->deliveries,
                   ((double)r->rss_after - (double)r->rss_before) / (double)r->deliveries);
    }
}

static void append_head(struct buf *out, const struct load_options *o)
{
    buf_printf(out, "%s, %s: %" PRIu32 " %s", load_mode_name(o->mode), o->dialect_name, o->clients,
               o->mode == LOAD_REQUESTS ? "askers" : "clients");
    if (o->mode == LOAD_REQUESTS) {
        buf_printf(out, ", %" PRIu32 " agents", o->agents);
    }
    if (o->sessions > 1 || (o->mode == LOAD_IDLE && o->sessions > 0)) {
        buf_printf(out, " in each of %" PRIu32 " sessions", o->sessions);
    }
    if (o->mode != LOAD_IDLE && o->mode != LOAD_CONNECT) {
        buf_printf(out, ", %" PRIu32 " bytes", o->size);
        if (o->rate > 0) {
            buf_printf(out, ", %g a second", o->rate);
        } else {
            buf_printf(out, ", %" PRIu32 " under way", o->window);
        }
    }
    buf_append_char(out, '\n');
}

static void append_traffic(struct buf *out, const struct load_options *o,
                           const struct load_result *r)
{
    const char *what = o->mode == LOAD_REQUESTS ? "answers" : "deliveries";
    buf_printf(out, "  sent      %" PRIu64 " messages, %" PRIu64 " %s in %.2f s\n", r->messages,
               r->deliveries, what, r->seconds);
    append_cost(out, o, r);
    append_latencies(out, o, r);
    if (o->mode == LOAD_PROBE) {
        buf_printf(out, "            of %" PRIu64 " messages of the pair beside the crowd\n",
                   r->probed);
    }
    if (o->mode == LOAD_STOP) {
        buf_printf(out, "  stopped   for %" PRIu32 " ms: the latest was ", o->pause_ms);
        append_time(out, (double)r->lag_ns);
        buf_append_str(out, STR(" late, the last late one came "));
        append_time(out, (double)r->recovered_ns);
        buf_append_str(out, STR(" after it went on\n"));
    }
    buf_printf(out, "  checked   %" PRIu64 " wrong, %" PRIu64 " missing\n", r->wrong, r->missing);
}

void report_text(struct buf *out, const struct load_options *o, const struct load_result *r)
{
    append_head(out, o);
    if (o->mode == LOAD_CONNECT) {
        buf_printf(out, "  opened    %" PRIu64 " in %.2f s\n", r->deliveries, r->seconds);
        append_cost(out, o, r);
        append_latencies(out, o, r);
        return;
    }
    if (o->mode != LOAD_IDLE) {
        append_traffic(out, o, r);
    }
    if (o->mode == LOAD_IDLE || o->mode == LOAD_STALLED) {
        append_memory(out, o, r);
    }
}
