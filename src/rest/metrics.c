#include "rest/metrics.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "rest/routes.h"
#include "rest/state.h"

void metric_append_label(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '\n':
            buf_append_str(out, STR("\\n"));
            break;
        case '\\':
        case '"':
            buf_append_char(out, '\\');
            buf_append_char(out, text.ptr[i]);
            break;
        default:
            buf_append_char(out, text.ptr[i]);
        }
    }
}

static void begin_metric(struct buf *out, enum metric metric)
{
    const struct metric_info *info = &metric_table[metric];

    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", info->name, info->help, info->name, info->type);
}

static void add_sample(struct buf *out, enum metric metric, const char *label, struct str value,
                       uint64_t number)
{
    buf_printf(out, "%s{%s=\"", metric_table[metric].name, label);
    metric_append_label(out, value);
    buf_printf(out, "\"} %" PRIu64 "\n", number);
}

static void write_number(struct buf *out, enum metric metric, uint64_t number)
{
    begin_metric(out, metric);
    buf_printf(out, "%s %" PRIu64 "\n", metric_table[metric].name, number);
}

static void write_seconds(struct buf *out, enum metric metric, uint64_t ms)
{
    begin_metric(out, metric);
    buf_printf(out, "%s %" PRIu64 ".%03u\n", metric_table[metric].name, ms / 1000,
               (unsigned)(ms % 1000));
}

static void write_gateway(struct buf *out, const struct hub *hub)
{
    begin_metric(out, METRIC_BUILD_INFO);
    add_sample(out, METRIC_BUILD_INFO, "version", str_from_z(hub_settings(hub)->version), 1);
    write_seconds(out, METRIC_START_TIME, hub_started(hub).wall_ms);
    write_seconds(out, METRIC_UPTIME, hub_now(hub).mono_ms - hub_started(hub).mono_ms);
    write_number(out, METRIC_DRAINING, hub_draining(hub));
}

/* A metric with one label, whose values are the names of an enum. */
static void write_named(struct buf *out, enum metric metric, const char *label,
                        const uint64_t *numbers, unsigned count, const char *(*name)(unsigned))
{
    begin_metric(out, metric);
    for (unsigned i = 0; i < count; i++) {
        add_sample(out, metric, label, str_from_z(name(i)), numbers[i]);
    }
}

static const char *dialect_name(unsigned i)
{
    static const char *const names[DIALECT_COUNT] = {
        [DIALECT_WORLD] = "world", [DIALECT_GATEWAY] = "gateway"};

    return names[i];
}

static const char *failure_name(unsigned i)
{
    return hub_auth_failure_name((enum hub_auth_failure)i);
}

static const char *limit_name(unsigned i)
{
    return hub_limit_name((enum hub_limit)i);
}

static const char *error_name(unsigned i)
{
    return error_table[i + 1].code; /* without ERROR_NONE */
}

static void write_closes(struct buf *out, const struct hub_counts *counts)
{
    begin_metric(out, METRIC_CLIENT_CLOSES);
    for (unsigned i = 0; i < HUB_CLOSE_CODES; i++) {
        char code[8] = "other";
        if (hub_close_code(i) != 0) {
            (void)snprintf(code, sizeof(code), "%u", hub_close_code(i));
        }
        add_sample(out, METRIC_CLIENT_CLOSES, "code", str_from_z(code), counts->closed_by_code[i]);
    }
}

static void write_requests(struct buf *out, const struct hub_counts *counts)
{
    write_number(out, METRIC_AGENTS_OFFLINE, counts->agents_offline);
    write_number(out, METRIC_REQUESTS, counts->requests);
    write_number(out, METRIC_REQUESTS_QUEUED, counts->requests_queued);
    write_named(out, METRIC_REQUESTS_ENDED, "outcome", counts->requests_ended, HUB_REQUEST_ENDS,
                hub_request_end_name);
    begin_metric(out, METRIC_ANSWERS_DROPPED);
    add_sample(out, METRIC_ANSWERS_DROPPED, "reason", STR("late"), counts->answers_late);
    add_sample(out, METRIC_ANSWERS_DROPPED, "reason", STR("stray"), counts->answers_stray);
}

static void write_hub(struct buf *out, const struct hub_counts *counts)
{
    write_named(out, METRIC_CLIENTS, "dialect", counts->clients_by_dialect, DIALECT_COUNT,
                dialect_name);
    write_number(out, METRIC_AGENTS, counts->agents);
    write_requests(out, counts);
    write_number(out, METRIC_SESSIONS, counts->sessions);
    write_number(out, METRIC_CLIENT_CONNECTIONS, counts->connections_total);
    write_number(out, METRIC_CLIENT_REFUSALS, counts->refused_total);
    write_number(out, METRIC_MESSAGES_RECEIVED, counts->messages_received);
    write_number(out, METRIC_RECEIVED, counts->bytes_received);
    write_number(out, METRIC_MESSAGES_BROADCAST, counts->messages_broadcast);
    write_number(out, METRIC_MESSAGES_DIRECTED, counts->messages_directed);
    write_number(out, METRIC_COMPRESSED_MESSAGES_MADE, counts->packed);
    write_number(out, METRIC_COMPRESSED_MADE_SAVED, counts->packed_saved);
    write_number(out, METRIC_OUT_OF_MEMORY, counts->out_of_memory);
    write_closes(out, counts);
    write_named(out, METRIC_ERRORS_SENT, "code", counts->errors_sent + 1, ERROR_COUNT - 1,
                error_name);
    write_named(out, METRIC_AUTH_FAILURES, "reason", counts->auth_failures, HUB_AUTH_FAILURES,
                failure_name);
    write_named(out, METRIC_LIMITS_HIT, "limit", counts->limits_hit, HUB_LIMITS, limit_name);
    write_number(out, METRIC_TICKETS, counts->tickets);
    write_number(out, METRIC_PASSWORDS_WAITING, counts->passwords_waiting);
    write_number(out, METRIC_MEMORY, counts->memory_bytes);
}

/* What this module counts itself. */
static void write_http(struct buf *out, const struct rest_state *state)
{
    write_named(out, METRIC_HTTP_ERRORS, "code", state->errors + 1, ERROR_COUNT - 1, error_name);
    write_number(out, METRIC_HTTP_REPLAYS, state->replayed);
    write_number(out, METRIC_IDEMPOTENCY_KEYS, slab_count(&state->replays.slab));
}

/* Why messages did not reach those who should have had them. */
static void write_drops(struct buf *out, const struct hub_counts *counts,
                        const struct rest_figures *figures, unsigned count)
{
    uint64_t slow = 0, too_large = 0, no_memory = 0;

    for (unsigned i = 0; i < count; i++) {
        slow += figures[i].skipped;
        too_large += figures[i].too_big;
        no_memory += figures[i].out_of_memory;
    }
    begin_metric(out, METRIC_MESSAGES_DROPPED);
    add_sample(out, METRIC_MESSAGES_DROPPED, "reason", STR("slow_client"), slow);
    add_sample(out, METRIC_MESSAGES_DROPPED, "reason", STR("too_large"), too_large);
    add_sample(out, METRIC_MESSAGES_DROPPED, "reason", STR("rate"), counts->messages_rate_limited);
    add_sample(out, METRIC_MESSAGES_DROPPED, "reason", STR("memory"),
               no_memory + counts->out_of_memory);
}

/* A time in seconds, of microseconds. */
static void append_seconds(struct buf *out, uint64_t us)
{
    buf_printf(out, "%" PRIu64 ".%06u", us / 1000000, (unsigned)(us % 1000000));
}

/* A bucket has all up to its bound, so each one counts those before it as well. */
static void write_histogram(struct buf *out, enum metric metric, unsigned reactor,
                            const struct histogram *h)
{
    const char *name = metric_table[metric].name;
    uint64_t count = 0;

    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++) {
        count += histogram_read(&h->classes[i]);
        buf_printf(out, "%s_bucket{reactor=\"%u\",le=\"", name, reactor);
        if (i < HISTOGRAM_CLASSES - 1) {
            append_seconds(out, histogram_bounds_us[i]);
        } else {
            buf_append_str(out, STR("+Inf"));
        }
        buf_printf(out, "\"} %" PRIu64 "\n", count);
    }
    buf_printf(out, "%s_sum{reactor=\"%u\"} ", name, reactor);
    append_seconds(out, histogram_read(&h->sum_us));
    buf_printf(out, "\n%s_count{reactor=\"%u\"} %" PRIu64 "\n", name, reactor, count);
}

static void write_histograms(struct buf *out, const struct rest_figures *figures, unsigned count)
{
    begin_metric(out, METRIC_LOOP_LAG);
    for (unsigned i = 0; i < count; i++) {
        write_histogram(out, METRIC_LOOP_LAG, i, figures[i].loop_lag);
    }
    begin_metric(out, METRIC_ROUTE_LATENCY);
    for (unsigned i = 0; i < count; i++) {
        write_histogram(out, METRIC_ROUTE_LATENCY, i, figures[i].route);
    }
}

static void write_reactors(struct buf *out, const struct rest_figures *figures, unsigned count)
{
    static const struct {
        enum metric metric;
        size_t offset;
    } columns[] = {
        {METRIC_REACTOR_CONNECTIONS, offsetof(struct rest_figures, connections)},
        {METRIC_CONNECTIONS_ACCEPTED, offsetof(struct rest_figures, accepted)},
        {METRIC_CONNECTIONS_TURNED_AWAY, offsetof(struct rest_figures, turned_away)},
        {METRIC_CONNECTIONS_DISPLACED, offsetof(struct rest_figures, displaced)},
        {METRIC_ACCEPTS_OUT_OF_FILES, offsetof(struct rest_figures, out_of_files)},
        {METRIC_NETWORK_RECEIVED, offsetof(struct rest_figures, bytes_in)},
        {METRIC_NETWORK_SENT, offsetof(struct rest_figures, bytes_out)},
        {METRIC_MESSAGES_DELIVERED, offsetof(struct rest_figures, delivered)},
        {METRIC_MESSAGES_SKIPPED, offsetof(struct rest_figures, skipped)},
        {METRIC_CLIENTS_LAGGED, offsetof(struct rest_figures, lagged)},
        {METRIC_QUEUE, offsetof(struct rest_figures, queue_bytes)},
        {METRIC_COMPRESSED_MESSAGES_RECEIVED, offsetof(struct rest_figures, inflated)},
        {METRIC_COMPRESSED_RECEIVED_SAVED, offsetof(struct rest_figures, inflated_saved)},
        {METRIC_PROTOCOL_VIOLATIONS, offsetof(struct rest_figures, violations)},
        {METRIC_CONNECTION_TIMEOUTS, offsetof(struct rest_figures, timeouts)},
        {METRIC_TLS_HANDSHAKES, offsetof(struct rest_figures, tls_handshakes)},
        {METRIC_TLS_HANDSHAKES_RESUMED, offsetof(struct rest_figures, tls_resumed)},
        {METRIC_TLS_HANDSHAKES_FAILED, offsetof(struct rest_figures, tls_failed)},
        {METRIC_HTTP_REQUESTS, offsetof(struct rest_figures, requests)},
        {METRIC_HTTP_REFUSALS, offsetof(struct rest_figures, refused)},
    };

    for (size_t column = 0; column < sizeof(columns) / sizeof(columns[0]); column++) {
        begin_metric(out, columns[column].metric);
        for (unsigned i = 0; i < count; i++) {
            uint64_t number;
            memcpy(&number, (const char *)&figures[i] + columns[column].offset, sizeof(number));
            buf_printf(out, "%s{reactor=\"%u\"} %" PRIu64 "\n",
                       metric_table[columns[column].metric].name, i, number);
        }
    }
}

void run_metrics(struct call *call)
{
    const struct rest *rest = call->rest;
    struct rest_figures figures[MAX_REACTORS];
    struct hub_counts counts;
    unsigned count = hub_settings(call->hub)->reactors;

    for (unsigned i = 0; i < count; i++) {
        rest->figures(rest->owner, i, &figures[i]);
    }
    hub_counts(call->hub, &counts);
    call->content_type = "text/plain; version=0.0.4; charset=utf-8";
    write_gateway(&call->out, call->hub);
    write_hub(&call->out, &counts);
    write_http(&call->out, rest->state);
    write_drops(&call->out, &counts, figures, count);
    write_reactors(&call->out, figures, count);
    write_histograms(&call->out, figures, count);
}
