#include "options.h"
#include "report.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/lines.h"
#include "cli/standard.h"

enum { MAX_OUTPUT = 64 << 20 };

/* We are `parley bench` to whoever reads a sentence of ours: "build/parley-bench" -> "build/parley"
 */
static const char *name_of_parley(const char *own)
{
    static char name[4096];
    size_t len = strlen(own);
    static const char suffix[] = "-bench";
    size_t cut = sizeof(suffix) - 1;
    if (len <= cut || len >= sizeof(name) || strcmp(own + len - cut, suffix) != 0) {
        return own;
    }
    memcpy(name, own, len - cut);
    return name;
}

static enum cli_exit write_svg(const char *name, const struct plot_run *runs, size_t count)
{
    struct buf svg;
    buf_init(&svg, MAX_OUTPUT);
    plot_write(&svg, runs, count);
    FILE *file = svg.failed ? NULL : fopen(name, "we");
    bool ok = file != NULL && fwrite(svg.data, 1, svg.len, file) == svg.len;
    if (file != NULL) {
        ok = fclose(file) == 0 && ok;
    }
    buf_fini(&svg);
    if (!ok) {
        complain("--svg %s cannot be written: %s", name, strerror(errno));
    }
    return ok ? CLI_OK : CLI_FAILED;
}

static enum cli_exit say(struct buf *text)
{
    bool ok = !text->failed && fwrite(text->data, 1, text->len, stdout) == text->len &&
              fflush(stdout) == 0;
    buf_fini(text);
    if (!ok) {
        complain("the answer could not be written to stdout");
    }
    return ok ? CLI_OK : CLI_FAILED;
}

static enum cli_exit run_one(const struct bench_options *b, const struct load_options *o,
                             struct plot_run *ret_run)
{
    struct load_result result = {0};
    char error[LOAD_ERROR_SIZE];
    struct buf text;
    if (!load_run(o, &result, error)) {
        complain("%s: %s", o->url, error);
        return CLI_UNAVAILABLE;
    }
    buf_init(&text, MAX_OUTPUT);
    (b->json ? report_json : report_text)(&text, o, &result);
    report_plot(o, &result, ret_run);
    enum cli_exit code = say(&text);
    if (result.wrong == 0 && result.missing == 0) {
        return code;
    }
    if (result.said[0] != '\0') {
        complain("not all was delivered as it should be; the hub's last own words: %s",
                 result.said);
    }
    return CLI_FAILED;
}

static enum cli_exit run_all(const struct bench_options *b)
{
    struct plot_run runs[BENCH_MAX_RUNS];
    enum cli_exit code = CLI_OK;
    unsigned count = bench_run_count(b);
    for (unsigned i = 0; i < count; i++) {
        struct load_options o;
        if (!bench_run_options(b, i, &o)) {
            return CLI_USAGE;
        }
        enum cli_exit one = run_one(b, &o, &runs[i]);
        if (one == CLI_UNAVAILABLE) {
            return one;
        }
        code = one != CLI_OK ? one : code;
    }
    if (b->svg != NULL) {
        enum cli_exit drawn = write_svg(b->svg, runs, count);
        code = code == CLI_OK ? drawn : code;
    }
    return code;
}

/* Lines that --json has printed, perhaps of several hubs. */
static enum cli_exit plot(const struct bench_options *b)
{
    struct plot_run *runs = calloc(PLOT_MAX_RUNS, sizeof(*runs));
    struct buf line;
    size_t count = 0;
    enum cli_exit code = runs != NULL ? CLI_OK : CLI_FAILED;
    buf_init(&line, 1 << 20);
    while (code == CLI_OK && count < PLOT_MAX_RUNS && lines_only(stdin, &line)) {
        if (!report_read(buf_str(&line), &runs[count])) {
            complain("line %zu of standard input is none that --json prints", count + 1);
            code = CLI_FAILED;
        }
        count++;
        buf_clear(&line);
    }
    if (code == CLI_OK && count == 0) {
        complain("standard input is empty; `%s bench ... --json | %s bench plot --svg FILE`",
                 program_path, program_path);
        code = CLI_FAILED;
    }
    if (code == CLI_OK) {
        code = write_svg(b->svg, runs, count);
    }
    buf_fini(&line);
    free(runs);
    return code;
}

static enum cli_exit print_template(const struct bench_options *b)
{
    const char *source = dialect_source(b->load.dialect_name);
    struct buf text;
    buf_init(&text, MAX_OUTPUT);
    buf_append_str(&text, str_from_z(source));
    return say(&text);
}

int main(int argc, char **argv)
{
    struct bench_options b;
    enum cli_exit code;
    if (!standard_hold()) {
        return CLI_FAILED;
    }
    program_path = name_of_parley(argc > 0 ? argv[0] : "parley");
    if (bench_options_read(&b, (const char *const *)(argv + (argc > 0 ? 1 : 0)), &code)) {
        code = b.action == BENCH_PLOT             ? plot(&b)
               : b.action == BENCH_PRINT_TEMPLATE ? print_template(&b)
                                                  : run_all(&b);
    }
    bench_options_fini(&b);
    return (int)code;
}
