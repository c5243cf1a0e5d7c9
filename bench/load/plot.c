#include "plot.h"

#include "base/utf8.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 760, HEIGHT = 360, LEFT = 80, RIGHT = 560, TOP = 40, BOTTOM = 310, COLOURS = 8 };

static const char *const colours[COLOURS] = {"#1b6ca8", "#d1495b", "#3a7d44", "#edae49",
                                             "#6f4a8e", "#00798c", "#8d6a43", "#555555"};

/* Lower and upper end of an axis, as powers of ten. */
struct range {
    double low;
    double high;
};

struct panel {
    struct buf *out;
    double top; /* of the panel in the picture */
    struct range x;
    struct range y;
};

static double log_of(double value)
{
    return log10(value > 1e-3 ? value : 1e-3);
}

static void widen(struct range *r, double value)
{
    double at = log_of(value);
    r->low = at < r->low ? at : r->low;
    r->high = at > r->high ? at : r->high;
}

/* To whole decades, at least one. */
static void round_out(struct range *r)
{
    r->low = floor(r->low);
    r->high = ceil(r->high);
    if (r->high - r->low < 1) {
        r->high = r->low + 1;
    }
}

static double place_x(const struct panel *p, double at)
{
    return LEFT + (RIGHT - LEFT) * (at - p->x.low) / (p->x.high - p->x.low);
}

static double place_y(const struct panel *p, double at)
{
    return p->top + BOTTOM - (BOTTOM - TOP) * (at - p->y.low) / (p->y.high - p->y.low);
}

/* Text of others in XML: what has a meaning is written otherwise, what may not stand there is not.
 */
static void append_text(struct buf *out, const char *text)
{
    bool utf8 = utf8_feed(UTF8_COMPLETE, text, strlen(text)) == UTF8_COMPLETE;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'') {
            buf_printf(out, "&#%u;", (unsigned)c);
        } else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8)) {
            buf_append_char(out, '?');
        } else {
            buf_append_char(out, (char)c);
        }
    }
}

static void append_label(struct panel *p, double x, double y, const char *anchor, const char *text)
{
    buf_printf(p->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    append_text(p->out, text);
    buf_append_str(p->out, STR("</text>\n"));
}

static void append_rule(struct panel *p, double x1, double y1, double x2, double y2)
{
    buf_printf(p->out,
               "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#dddddd\"/>\n", x1,
               y1, x2, y2);
}

/* 10^power nanoseconds as people say it. */
static void name_time(double power, char *out, size_t cap)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    double value = pow(10, power);
    unsigned unit = 0;
    while (value > 999.5 && unit < 3) {
        value /= 1000;
        unit++;
    }
    (void)str_format(out, cap, "%g %s", value, units[unit]);
}

static void append_y_axis(struct panel *p, const char *what)
{
    for (int at = (int)p->y.low; at <= (int)p->y.high; at++) {
        char text[32];
        double y = place_y(p, at);
        name_time(at, text, sizeof(text));
        append_rule(p, LEFT, y, RIGHT, y);
        append_label(p, LEFT - 8, y + 4, "end", text);
    }
    append_label(p, LEFT, p->top + TOP - 14, "start", what);
}

static void append_counts_axis(struct panel *p, const char *what)
{
    for (int at = (int)p->x.low; at <= (int)p->x.high; at++) {
        char text[32];
        double x = place_x(p, at);
        (void)str_format(text, sizeof(text), "%.0f", pow(10, at));
        append_rule(p, x, p->top + TOP, x, p->top + BOTTOM);
        append_label(p, x, p->top + BOTTOM + 18, "middle", text);
    }
    append_label(p, (LEFT + RIGHT) / 2.0, p->top + BOTTOM + 38, "middle", what);
}

static void append_percent_axis(struct panel *p)
{
    static const char *const names[] = {"0", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]) && i <= p->x.high + 0.01; i++) {
        double x = place_x(p, i);
        append_rule(p, x, p->top + TOP, x, p->top + BOTTOM);
        append_label(p, x, p->top + BOTTOM + 18, "middle", names[i]);
    }
    append_label(p, (LEFT + RIGHT) / 2.0, p->top + BOTTOM + 38, "middle", "percentile");
}

static void append_legend(struct panel *p, unsigned line, const char *label)
{
    double y = p->top + TOP + 14 + 20 * line;
    buf_printf(p->out,
               "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"%s\" "
               "stroke-width=\"2\"/>\n",
               RIGHT + 16, y - 4, RIGHT + 36, y - 4, colours[line % COLOURS]);
    append_label(p, RIGHT + 42, y, "start", label);
}

static void begin_line(struct panel *p)
{
    buf_append_str(p->out, STR("<polyline points=\""));
}

static void add_point(struct panel *p, double x, double y)
{
    buf_printf(p->out, "%.1f,%.1f ", place_x(p, x), place_y(p, y));
}

static void end_line(struct panel *p, unsigned line)
{
    buf_printf(p->out, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n",
               colours[line % COLOURS]);
}

/* --- runs ------------------------------------------------------------------------------------- */

/* What grows: sessions, where their number differs, else members. */
static bool grows_in_sessions(const struct plot_run *runs, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (runs[i].sessions != runs[0].sessions) {
            return true;
        }
    }
    return false;
}

static double size_of(const struct plot_run *run, bool sessions)
{
    uint64_t size = sessions ? run->sessions : run->clients;
    return size > 0 ? (double)size : 1;
}

/* --- percentiles ------------------------------------------------------------------------------ */

/* How far right a percentile stands: 90 % at 1, 99 % at 2. */
static double place_of(unsigned point)
{
    return -log10(1 - latency_points[point] / 100000.0);
}

/* Of 100 deliveries the 99.9th percentile says nothing. */
static bool has_point(const struct plot_run *run, unsigned point)
{
    double left_out = 1 - latency_points[point] / 100000.0;
    return point < LATENCY_POINTS - 1 && (double)run->latency.count * left_out >= 0.999;
}

static void plot_percentiles(struct panel *p, const struct plot_run *runs, size_t count)
{
    bool sessions = grows_in_sessions(runs, count);
    p->x = (struct range){0, 1};
    p->y = (struct range){INFINITY, -INFINITY};
    for (size_t i = 0; i < count; i++) {
        for (unsigned at = 0; at < LATENCY_POINTS && has_point(&runs[i], at); at++) {
            widen(&p->y, (double)runs[i].latency.values[at]);
            p->x.high = place_of(at) > p->x.high ? place_of(at) : p->x.high;
        }
    }
    round_out(&p->y);
    append_y_axis(p, "a delivery took");
    append_percent_axis(p);
    for (unsigned i = 0; i < count; i++) {
        char label[PLOT_LABEL + 48];
        begin_line(p);
        for (unsigned at = 0; at < LATENCY_POINTS && has_point(&runs[i], at); at++) {
            add_point(p, place_of(at), log_of((double)runs[i].latency.values[at]));
        }
        end_line(p, i);
        (void)str_format(label, sizeof(label), "%s, %.0f", runs[i].label,
                         size_of(&runs[i], sessions));
        append_legend(p, i, label);
    }
}

/* --- cost ------------------------------------------------------------------------------------- */

static bool is_first_of_label(const struct plot_run *runs, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(runs[i].label, runs[at].label) == 0) {
            return false;
        }
    }
    return true;
}

static void plot_cost(struct panel *p, const struct plot_run *runs, size_t count)
{
    bool sessions = grows_in_sessions(runs, count);
    unsigned line = 0;
    p->x = p->y = (struct range){INFINITY, -INFINITY};
    for (size_t i = 0; i < count; i++) {
        widen(&p->x, size_of(&runs[i], sessions));
        widen(&p->y, runs[i].cost_ns);
    }
    round_out(&p->x);
    round_out(&p->y);
    append_y_axis(p, "CPU time of the server for a delivery");
    append_counts_axis(p, sessions ? "sessions" : "members");
    for (size_t i = 0; i < count; i++) {
        if (!is_first_of_label(runs, i)) {
            continue;
        }
        begin_line(p);
        for (size_t j = i; j < count; j++) {
            if (strcmp(runs[j].label, runs[i].label) == 0) {
                add_point(p, log_of(size_of(&runs[j], sessions)), log_of(runs[j].cost_ns));
            }
        }
        end_line(p, line);
        append_legend(p, line, runs[i].label);
        line++;
    }
}

void plot_write(struct buf *out, const struct plot_run *runs, size_t count)
{
    bool has_latency = count > 0 && count <= PLOT_MAX_PERCENTILES;
    bool has_cost = count > 1;
    for (size_t i = 0; i < count; i++) {
        has_latency = has_latency && runs[i].latency.count > 0;
        has_cost = has_cost && runs[i].cost_ns > 0;
    }
    int height = HEIGHT * (has_latency + has_cost > 1 ? 2 : 1);
    buf_printf(out,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
               "height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n"
               "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
               WIDTH, height, WIDTH, height);
    struct panel p = {.out = out};
    if (has_latency) {
        plot_percentiles(&p, runs, count);
        p.top += HEIGHT;
    }
    if (has_cost) {
        plot_cost(&p, runs, count);
    }
    if (!has_latency && !has_cost) {
        append_label(&p, WIDTH / 2.0, HEIGHT / 2.0, "middle", "there is nothing to draw");
    }
    buf_append_str(out, STR("</svg>\n"));
}
