#include "report.h"

#include "json/fields.h"
#include "json/reader.h"
#include "json/writer.h"

#include <inttypes.h>
#include <stdlib.h>

/* What the figures are divided by: deliveries, or connections opened; at least 1. */
static double unit_count(const struct load_result *r)
{
    return r->deliveries > 0 ? (double)r->deliveries : 1.0;
}

static double server_ns_each(const struct load_result *r)
{
    return (double)(r->server_cpu_ns + r->softirq_cpu_ns) / unit_count(r);
}

static double per_second(const struct load_result *r)
{
    return r->seconds > 0 ? (double)r->deliveries / r->seconds : 0;
}

/* Over what was opened, or joined, between the readings. */
static double growth_each(const struct load_result *r, uint64_t before, uint64_t after)
{
    double count = r->joined > 0 ? (double)r->joined : unit_count(r);
    return ((double)after - (double)before) / count;
}

static const char *label_of(const struct load_options *o)
{
    return o->label != NULL ? o->label : o->dialect_name;
}

/* --- for programs ----------------------------------------------------------------------------- */

static void add_real(struct json_writer *w, struct str key, double value, int decimals)
{
    char text[64];
    json_key_raw(w, key, str_format(text, sizeof(text), "%.*f", decimals, value));
}

static void add_latency(struct json_writer *w, struct str key, const struct latency_summary *s)
{
    json_key(w, key);
    json_begin_object(w);
    json_key_uint(w, STR("count"), s->count);
    for (unsigned i = 0; i < LATENCY_POINTS; i++) {
        json_key_uint(w, str_from_z(latency_names[i]), s->values[i]);
    }
    json_end_object(w);
}

static void add_options(struct json_writer *w, const struct load_options *o)
{
    json_key_string(w, STR("mode"), str_from_z(load_mode_name(o->mode)));
    json_key_string(w, STR("label"), str_from_z(label_of(o)));
    json_key_string(w, STR("dialect"), str_from_z(o->dialect_name));
    json_key_string(w, STR("loop"), o->rate > 0 ? STR("open") : STR("closed"));
    json_key_uint(w, STR("clients"), o->clients);
    json_key_uint(w, STR("sessions"), o->sessions);
    json_key_uint(w, STR("joins"), o->joins);
    json_key_uint(w, STR("agents"), o->agents);
    json_key_uint(w, STR("window"), o->window);
    json_key_uint(w, STR("size"), o->size);
    add_real(w, STR("rate"), o->rate, 3);
}

static void add_memory(struct json_writer *w, const struct load_result *r)
{
    json_key_uint(w, STR("joined"), r->joined);
    json_key_uint(w, STR("pss_anon_before"), r->pss_before);
    json_key_uint(w, STR("pss_anon_after"), r->pss_after);
    json_key_uint(w, STR("rss_before"), r->rss_before);
    json_key_uint(w, STR("rss_after"), r->rss_after);
    add_real(w, STR("pss_anon_growth"), (double)r->pss_after - (double)r->pss_before, 0);
    add_real(w, STR("pss_anon_each"), growth_each(r, r->pss_before, r->pss_after), 1);
    add_real(w, STR("rss_each"), growth_each(r, r->rss_before, r->rss_after), 1);
}

void report_json(struct buf *out, const struct load_options *o, const struct load_result *r)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    add_options(&w, o);
    add_real(&w, STR("seconds"), r->seconds, 6);
    json_key_uint(&w, STR("messages"), r->messages);
    json_key_uint(&w, STR("deliveries"), r->deliveries);
    json_key_uint(&w, STR("wrong"), r->wrong);
    json_key_uint(&w, STR("missing"), r->missing);
    json_key_uint(&w, STR("others"), r->others);
    add_real(&w, STR("per_second"), per_second(r), 0);
    json_key_uint(&w, STR("server_cpu_ns"), r->server_cpu_ns);
    json_key_uint(&w, STR("softirq_cpu_ns"), r->softirq_cpu_ns);
    add_real(&w, STR("cpu_ns_each"), server_ns_each(r), 2);
    add_real(&w, STR("own_cpu_ns_each"), (double)r->own_cpu_ns / unit_count(r), 2);
    add_memory(&w, r);
    json_key_uint(&w, STR("probed"), r->probed);
    json_key_uint(&w, STR("lag_ns"), r->lag_ns);
    json_key_uint(&w, STR("recovered_ns"), r->recovered_ns);
    add_latency(&w, STR("latency_ns"), &r->latency);
    json_key_uint(&w, STR("expected_interval_ns"), r->interval_ns);
    add_latency(&w, STR("corrected_ns"), &r->corrected);
    json_end_object(&w);
    buf_append_char(out, '\n');
}

/* --- for a plot ------------------------------------------------------------------------------- */

static void copy_label(struct plot_run *run, struct str label)
{
    size_t len = label.len < PLOT_LABEL - 1 ? label.len : PLOT_LABEL - 1;
    memcpy(run->label, label.ptr, len);
    run->label[len] = '\0';
}

void report_plot(const struct load_options *o, const struct load_result *r,
                 struct plot_run *ret_run)
{
    *ret_run = (struct plot_run){
        .clients = o->clients,
        .sessions = o->sessions,
        .cost_ns = o->mode == LOAD_PROBE ? 0 : server_ns_each(r),
        .latency = r->corrected,
    };
    copy_label(ret_run, str_from_z(label_of(o)));
}

static uint64_t read_uint(struct str object, struct str name)
{
    uint64_t value = 0;
    (void)str_to_uint(json_get(object, name), UINT64_MAX, &value);
    return value;
}

bool report_read(struct str line, struct plot_run *ret_run)
{
    if (!json_valid(line) || json_kind_of(line) != JSON_OBJECT) {
        return false;
    }
    struct str label = json_get(line, STR("label"));
    struct str cost = json_get(line, STR("cpu_ns_each"));
    struct str latency = json_get(line, STR("corrected_ns"));
    char number[32] = "";
    char text[PLOT_LABEL];
    size_t len = json_unescape_to(label, text, sizeof(text));
    if (json_kind_of(cost) != JSON_NUMBER || cost.len >= sizeof(number) ||
        json_kind_of(label) != JSON_STRING || json_kind_of(latency) != JSON_OBJECT) {
        return false;
    }
    memcpy(number, cost.ptr, cost.len);
    *ret_run = (struct plot_run){
        .clients = read_uint(line, STR("clients")),
        .sessions = read_uint(line, STR("sessions")),
        .cost_ns = strtod(number, NULL),
        .latency.count = read_uint(latency, STR("count")),
    };
    copy_label(ret_run, str_make(text, len < sizeof(text) ? len : sizeof(text)));
    for (unsigned i = 0; i < LATENCY_POINTS; i++) {
        ret_run->latency.values[i] = read_uint(latency, str_from_z(latency_names[i]));
    }
    return true;
}
