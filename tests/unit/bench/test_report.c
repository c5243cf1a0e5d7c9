#include "unit.h"

#include "report.h"

#include <jansson.h>

static struct load_options options(enum load_mode mode)
{
    return (struct load_options){.mode = mode,
                                 .clients = 100,
                                 .sessions = 1,
                                 .joins = 1,
                                 .agents = 1,
                                 .window = 16,
                                 .size = 128,
                                 .pid = 1,
                                 .label = "a \"hub\"",
                                 .dialect_name = "world"};
}

static struct load_result result(void)
{
    struct load_result r = {.seconds = 2,
                            .messages = 10,
                            .deliveries = 1000,
                            .server_cpu_ns = 200000,
                            .softirq_cpu_ns = 50000,
                            .own_cpu_ns = 300000,
                            .pss_before = 2000,
                            .pss_after = 1000,
                            .latency.count = 1000,
                            .corrected.count = 1500};
    for (unsigned i = 0; i < LATENCY_POINTS; i++) {
        r.latency.values[i] = 100 * (i + 1);
        r.corrected.values[i] = 1000 * (i + 1);
    }
    return r;
}

static void test_json(void **state)
{
    struct load_options o = options(LOAD_FANOUT);
    struct load_result r = result();
    struct buf out;
    (void)state;
    buf_init(&out, 65536);
    report_json(&out, &o, &r);
    assert_int_equal(out.data[out.len - 1], '\n');
    json_t *json = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "label")), "a \"hub\"");
    assert_string_equal(json_string_value(json_object_get(json, "loop")), "closed");
    assert_true(json_number_value(json_object_get(json, "cpu_ns_each")) == 250);
    assert_true(json_number_value(json_object_get(json, "per_second")) == 500);
    assert_true(json_number_value(json_object_get(json, "pss_anon_growth")) == -1000);
    assert_true(json_number_value(json_object_get(json, "pss_anon_each")) == -1);
    json_t *latency = json_object_get(json, "latency_ns");
    assert_int_equal(json_integer_value(json_object_get(latency, "p50")), 300);
    assert_int_equal(json_integer_value(json_object_get(latency, "p99.9")), 800);
    assert_int_equal(json_integer_value(json_object_get(latency, "max")), 1100);
    json_decref(json);
    buf_fini(&out);
}

/* What was written is read again for a plot. */
static void test_read(void **state)
{
    struct load_options o = options(LOAD_FANOUT);
    struct load_result r = result();
    struct plot_run run, same;
    struct buf out;
    (void)state;
    buf_init(&out, 65536);
    report_json(&out, &o, &r);
    report_plot(&o, &r, &run);
    assert_true(report_read(buf_str(&out), &same));
    assert_string_equal(same.label, "a \"hub\"");
    assert_string_equal(run.label, same.label);
    assert_int_equal(run.clients, same.clients);
    assert_int_equal(run.sessions, same.sessions);
    assert_true(run.cost_ns == same.cost_ns);
    assert_memory_equal(&run.latency, &same.latency, sizeof(run.latency));
    buf_fini(&out);
}

static void test_read_others(void **state)
{
    static const char *const lines[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"label\":\"a\",\"cpu_ns_each\":\"1\",\"corrected_ns\":{}}",
        "{\"label\":1,\"cpu_ns_each\":1,\"corrected_ns\":{}}",
        "{\"label\":\"a\",\"cpu_ns_each\":1,\"corrected_ns\":[]}",
        "{\"label\":\"a\",\"cpu_ns_each\":100000000000000000000000000000000,\"corrected_ns\":{}}",
    };
    struct plot_run run;
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_false(report_read(str_from_z(lines[i]), &run));
    }
    assert_true(report_read(STR("{\"label\":\"0123456789012345678901234567890123456789012345678901"
                                "2345678901234567890123456789\",\"cpu_ns_each\":1.5,"
                                "\"corrected_ns\":{}}"),
                            &run));
    assert_int_equal(strlen(run.label), PLOT_LABEL - 1);
}

static void expect_text(enum load_mode mode, const struct load_result *r, const char *says)
{
    struct load_options o = options(mode);
    struct buf out;
    buf_init(&out, 65536);
    report_text(&out, &o, r);
    buf_append_char(&out, '\0');
    if (strstr(out.data, says) == NULL) {
        fail_msg("%s does not say %s", out.data, says);
    }
    buf_fini(&out);
}

static void test_text(void **state)
{
    struct load_result r = result();
    (void)state;
    expect_text(LOAD_FANOUT, &r, "10 messages, 1000 deliveries in 2.00 s");
    expect_text(LOAD_FANOUT, &r, "250 ns of CPU time each, of which ksoftirqd 50 ns");
    expect_text(LOAD_FANOUT, &r, "corrected p50 3.00 us");
    expect_text(LOAD_REQUESTS, &r, "1000 answers");
    expect_text(LOAD_CONNECT, &r, "opened    1000 in 2.00 s");
    expect_text(LOAD_STALLED, &r, "for 100 who do not read");
    expect_text(LOAD_IDLE, &r, "-1 bytes a connection");
    r.lag_ns = 120000000;
    r.recovered_ns = 1500000000;
    expect_text(LOAD_STOP, &r, "120.00 ms late, the last late one came 1.50 s after");
    r.joined = 300;
    r.pss_after = 3500;
    expect_text(LOAD_IDLE, &r, "5 bytes a membership, 500 a session");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_read_others),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
