#include "load.h"

#include <inttypes.h>

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

/* The growth from the first reading to the second, over the connections opened between. */
static double growth_each(const struct load_options *o, uint64_t before, uint64_t after)
{
    return ((double)after - (double)before) / (double)o->clients;
}

void load_print_json(FILE *file, const struct load_options *o, const struct load_result *r)
{
    (void)fprintf(file,
                  "{\"mode\":\"%s\",\"clients\":%" PRIu32 ",\"window\":%" PRIu32
                  ",\"size\":%" PRIu32 ",\"seconds\":%.6f,\"messages\":%" PRIu64
                  ",\"deliveries\":%" PRIu64 ",\"wrong\":%" PRIu64 ",\"missing\":%" PRIu64
                  ",\"others\":%" PRIu64,
                  load_mode_name(o->mode), o->clients, o->window, o->size, r->seconds, r->messages,
                  r->deliveries, r->wrong, r->missing, r->others);
    (void)fprintf(file,
                  ",\"per_second\":%.0f,\"server_cpu_ns\":%" PRIu64 ",\"softirq_cpu_ns\":%" PRIu64
                  ",\"cpu_ns_each\":%.2f,\"own_cpu_ns_each\":%.2f",
                  per_second(r), r->server_cpu_ns, r->softirq_cpu_ns, server_ns_each(r),
                  (double)r->own_cpu_ns / unit_count(r));
    (void)fprintf(
        file,
        ",\"pss_anon_before\":%" PRIu64 ",\"pss_anon_after\":%" PRIu64 ",\"rss_before\":%" PRIu64
        ",\"rss_after\":%" PRIu64 ",\"pss_anon_each\":%.1f,\"rss_each\":%.1f}\n",
        r->pss_before, r->pss_after, r->rss_before, r->rss_after,
        growth_each(o, r->pss_before, r->pss_after), growth_each(o, r->rss_before, r->rss_after));
}

static void print_traffic(FILE *file, const struct load_result *r)
{
    (void)fprintf(file, "%" PRIu64 " messages, %" PRIu64 " deliveries in %.2f s (%.0f a second)\n",
                  r->messages, r->deliveries, r->seconds, per_second(r));
    (void)fprintf(file, "server: %.1f ns of CPU time a delivery, of which ksoftirqd %.1f\n",
                  server_ns_each(r), (double)r->softirq_cpu_ns / unit_count(r));
    (void)fprintf(file, "generator: %.1f ns\n", (double)r->own_cpu_ns / unit_count(r));
    (void)fprintf(file, "checked: %" PRIu64 " wrong, %" PRIu64 " missing\n", r->wrong, r->missing);
}

void load_print_text(FILE *file, const struct load_options *o, const struct load_result *r)
{
    (void)fprintf(file, "%s: %" PRIu32 " clients\n", load_mode_name(o->mode), o->clients);
    if (o->mode == LOAD_IDLE) {
        (void)fprintf(file, "server: %.0f bytes of memory a connection (resident: %.0f)\n",
                      growth_each(o, r->pss_before, r->pss_after),
                      growth_each(o, r->rss_before, r->rss_after));
    } else if (o->mode == LOAD_CONNECT) {
        (void)fprintf(file, "server: %.1f us of CPU time a connection (%.0f opened a second)\n",
                      server_ns_each(r) / 1e3, per_second(r));
    } else {
        (void)fprintf(file, "%" PRIu32 " under way, %" PRIu32 " bytes each\n", o->window, o->size);
        print_traffic(file, r);
    }
}
