#include "rest/metrics.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "rest/pages.h"

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

static void write_hub(struct buf *out, const struct hub *hub)
{
    struct hub_counts counts;

    hub_counts(hub, &counts);
    begin_metric(out, METRIC_CLIENTS);
    add_sample(out, METRIC_CLIENTS, "dialect", STR("world"),
               counts.clients_by_dialect[DIALECT_WORLD]);
    add_sample(out, METRIC_CLIENTS, "dialect", STR("gateway"),
               counts.clients_by_dialect[DIALECT_GATEWAY]);
    write_number(out, METRIC_AGENTS, counts.agents);
    write_number(out, METRIC_SESSIONS, counts.sessions);
    write_number(out, METRIC_CLIENT_CONNECTIONS, counts.connections_total);
    write_number(out, METRIC_CLIENT_REFUSALS, counts.refused_total);
    write_number(out, METRIC_MESSAGES_RECEIVED, counts.messages_received);
    write_number(out, METRIC_RECEIVED, counts.bytes_received);
    write_number(out, METRIC_MESSAGES_BROADCAST, counts.messages_broadcast);
    write_number(out, METRIC_MESSAGES_DIRECTED, counts.messages_directed);
    write_number(out, METRIC_OUT_OF_MEMORY, counts.out_of_memory);
    begin_metric(out, METRIC_CLIENT_CLOSES);
    for (unsigned i = 0; i < HUB_CLOSE_CODES; i++) {
        char code[8] = "other";
        if (hub_close_code(i) != 0) {
            (void)snprintf(code, sizeof(code), "%u", hub_close_code(i));
        }
        add_sample(out, METRIC_CLIENT_CLOSES, "code", str_from_z(code), counts.closed_by_code[i]);
    }
    begin_metric(out, METRIC_ERRORS_SENT);
    for (size_t i = ERROR_NONE + 1; i < ERROR_COUNT; i++) {
        add_sample(out, METRIC_ERRORS_SENT, "code", str_from_z(error_table[i].code),
                   counts.errors_sent[i]);
    }
}

static void write_reactors(struct buf *out, const struct rest *rest, const struct hub *hub)
{
    static const struct {
        enum metric metric;
        size_t offset;
    } columns[] = {
        {METRIC_REACTOR_CONNECTIONS, offsetof(struct rest_figures, connections)},
        {METRIC_CONNECTIONS_ACCEPTED, offsetof(struct rest_figures, accepted)},
        {METRIC_CONNECTIONS_TURNED_AWAY, offsetof(struct rest_figures, turned_away)},
        {METRIC_ACCEPTS_OUT_OF_FILES, offsetof(struct rest_figures, out_of_files)},
        {METRIC_NETWORK_RECEIVED, offsetof(struct rest_figures, bytes_in)},
        {METRIC_NETWORK_SENT, offsetof(struct rest_figures, bytes_out)},
        {METRIC_MESSAGES_DELIVERED, offsetof(struct rest_figures, delivered)},
        {METRIC_MESSAGES_DROPPED, offsetof(struct rest_figures, skipped)},
        {METRIC_CLIENTS_LAGGED, offsetof(struct rest_figures, lagged)},
        {METRIC_PROTOCOL_VIOLATIONS, offsetof(struct rest_figures, violations)},
        {METRIC_CONNECTION_TIMEOUTS, offsetof(struct rest_figures, timeouts)},
        {METRIC_HTTP_REQUESTS, offsetof(struct rest_figures, requests)},
        {METRIC_HTTP_REFUSALS, offsetof(struct rest_figures, refused)},
    };
    struct rest_figures figures[MAX_REACTORS];
    unsigned count = hub_settings(hub)->reactors;

    for (unsigned i = 0; i < count; i++) {
        rest->figures(rest->owner, i, &figures[i]);
    }
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

int rest_metrics(const struct rest *rest, const struct hub *hub, struct buf *body)
{
    write_gateway(body, hub);
    write_hub(body, hub);
    write_reactors(body, rest, hub);
    return 200;
}
