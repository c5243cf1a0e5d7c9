#include "unit.h"

#include <stdio.h>

#include "desk.h"
#include "rest/metrics.h"

static void test_every_metric(void **state)
{
    struct desk d;
    char line[256];

    (void)state;
    desk_begin(&d);
    struct str body = desk_get(&d, 200, "/metrics");
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric_info *info = &metric_table[i];
        (void)snprintf(line, sizeof(line), "# HELP %s %s\n# TYPE %s %s\n%s", info->name, info->help,
                       info->name, info->type, info->name);
        if (!has_text(body, line)) {
            fail_msg("there is no %s", info->name);
        }
        assert_int_equal(strcmp(info->type, "counter") == 0, strstr(info->name, "_total") != NULL);
    }
    assert_int_equal(body.ptr[body.len - 1], '\n');
    desk_end(&d);
}

static void expect_samples(struct str body, const char *const *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!has_text(body, samples[i])) {
            fail_msg("there is no %s", samples[i]);
        }
    }
}

static void test_samples(void **state)
{
    static const char *const samples[] = {
        "\nparley_build_info{version=\"1.2\\\"3\"} 1\n",
        "\nparley_uptime_seconds 3.500\n",
        "\nparley_clients{dialect=\"world\"} 1\n",
        "\nparley_reactor_connections{reactor=\"1\"} 11\n",
        "\nparley_messages_skipped_total{reactor=\"0\"} 3\n",
        "\nparley_queue_bytes{reactor=\"1\"} 77\n",
        "\nparley_messages_dropped_total{reason=\"slow_client\"} 6\n",
        "\nparley_messages_dropped_total{reason=\"too_large\"} 10\n",
        "\nparley_messages_dropped_total{reason=\"rate\"} 0\n",
        "\nparley_errors_sent_total{code=\"PARSE_ERROR\"} 0\n",
        "\nparley_limits_hit_total{limit=\"memory\"} 0\n",
        "\nparley_tickets 0\n",
    };
    struct desk d;

    (void)state;
    desk_begin(&d);
    (void)desk_client(&d, "");
    expect_samples(desk_get(&d, 200, "/metrics"), samples, sizeof(samples) / sizeof(samples[0]));
    desk_end(&d);
}

/* Buckets add up, and the last one has all. */
static void test_histograms(void **state)
{
    static const char *const samples[] = {
        "\nparley_loop_lag_seconds_bucket{reactor=\"0\",le=\"0.000010\"} 2\n",
        "\nparley_loop_lag_seconds_bucket{reactor=\"0\",le=\"0.000025\"} 2\n",
        "\nparley_loop_lag_seconds_bucket{reactor=\"0\",le=\"0.000050\"} 3\n",
        "\nparley_loop_lag_seconds_bucket{reactor=\"1\",le=\"10.000000\"} 3\n",
        "\nparley_loop_lag_seconds_bucket{reactor=\"1\",le=\"+Inf\"} 7\n",
        "\nparley_loop_lag_seconds_sum{reactor=\"1\"} 1.500007\n",
        "\nparley_loop_lag_seconds_count{reactor=\"1\"} 7\n",
        "\nparley_route_latency_seconds_count{reactor=\"0\"} 7\n",
    };
    struct desk d;

    (void)state;
    desk_begin(&d);
    expect_samples(desk_get(&d, 200, "/metrics"), samples, sizeof(samples) / sizeof(samples[0]));
    desk_end(&d);
}

/* What the interface refused is counted by code; so are failures to authenticate. */
static void test_refusals_count(void **state)
{
    static const char *const samples[] = {
        "\nparley_http_errors_total{code=\"NOT_FOUND\"} 2\n",
        "\nparley_http_errors_total{code=\"AUTH_FAILED\"} 1\n",
        "\nparley_auth_failures_total{reason=\"token\"} 1\n",
    };
    struct desk d;

    (void)state;
    desk_begin(&d);
    desk_lock(&d);
    (void)desk_get(&d, 404, "/no");
    (void)desk_get(&d, 404, "/never");
    d.token = STR("wrong");
    (void)desk_get(&d, 401, "/api/gateway/agents");
    d.token = STR("guest");
    expect_samples(desk_get(&d, 200, "/metrics"), samples, sizeof(samples) / sizeof(samples[0]));
    desk_end(&d);
}

static void test_label(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 64);
    metric_append_label(&out, STR("a\"b\\c\nd"));
    expect_text(buf_str(&out), "a\\\"b\\\\c\\nd");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_metric), cmocka_unit_test(test_samples),
        cmocka_unit_test(test_histograms),   cmocka_unit_test(test_refusals_count),
        cmocka_unit_test(test_label),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
