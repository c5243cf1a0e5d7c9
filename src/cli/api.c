#include "cli/api.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/answer.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "json/reader.h"

enum { MAX_SENTENCE = 64 * 1024 };

/* Judges an answer; a sentence is on stderr when it is not what was asked for. */
static enum cli_exit judge(int status, struct str answer)
{
    struct buf error;

    if (status >= 200 && status < 300) {
        if (json_valid(answer) && json_kind_of(answer) == JSON_OBJECT) {
            return CLI_OK;
        }
        complain("the answer is no JSON object; is this the address of a Parley gateway?");
        return CLI_PROTOCOL;
    }
    buf_init(&error, MAX_SENTENCE);
    enum cli_exit code = answer_judge(status, answer, &error);
    complain("%.*s", STR_ARG(buf_str(&error)));
    buf_fini(&error);
    return code;
}

/* As api_ask, of a gateway that has been found. */
static enum cli_exit ask(const struct address *to, struct str path, struct str json,
                         struct buf *answer)
{
    struct remote remote;
    int status;

    remote_init(&remote);
    enum cli_exit code = remote_request(&remote, to, path, json, answer, &status);
    if (code == CLI_OK) {
        code = judge(status, buf_str(answer));
    } else {
        complain("%.*s", STR_ARG(buf_str(&remote.error)));
    }
    remote_fini(&remote);
    return code;
}

enum cli_exit api_ask(const struct address_flags *flags, struct str path, struct str json,
                      struct buf *answer)
{
    struct address address;

    enum cli_exit code = address_find(flags, &address);
    if (code == CLI_OK) {
        code = ask(&address, path, json, answer);
        address_fini(&address);
    }
    return code;
}

void api_write_text(struct json_writer *w, struct str key, const char *text)
{
    if (text != NULL) {
        json_key_string(w, key, str_from_z(text));
    }
}

enum cli_exit api_print(const struct buf *out)
{
    if (!out->failed && (out->len == 0 || fwrite(out->data, 1, out->len, stdout) == out->len) &&
        fflush(stdout) == 0) {
        return CLI_OK;
    }
    complain("the answer could not be written to stdout");
    return CLI_FAILED;
}

enum cli_exit api_print_json(struct str raw)
{
    struct buf out;

    buf_init(&out, 2 * API_MAX_ANSWER);
    print_raw_message(&out, raw, isatty(STDOUT_FILENO));
    buf_append_char(&out, '\n');
    enum cli_exit code = api_print(&out);
    buf_fini(&out);
    return code;
}

/* --- lists ------------------------------------------------------------------------------------ */

static void append_titles(struct buf *rows, const struct listing *listing)
{
    for (const char *const *title = listing->titles; *title != NULL; title++) {
        table_text(rows, str_from_z(*title));
    }
    table_end_row(rows);
}

/* Appends a row for each element of the answer's list. Returns how many. */
static uint64_t append_rows(struct buf *rows, const struct listing *listing, struct str answer)
{
    struct json_iter it = json_iter_of(json_get(answer, str_from_z(listing->member)));
    time_t now = time(NULL);
    struct str element;
    uint64_t count = 0;

    for (; json_next_element(&it, &element); count++) {
        listing->row(rows, element, now);
        table_end_row(rows);
    }
    return count;
}

static void append_table(struct buf *out, const struct listing *listing, const struct buf *rows,
                         uint64_t count)
{
    if (count == 0) {
        buf_printf(out, "  %s\n", listing->nothing);
    } else {
        table_layout(out, buf_str(rows), print_in_colour(STDOUT_FILENO));
    }
    out->failed = out->failed || rows->failed;
}

void listing_append(struct buf *out, const struct listing *listing, struct str answer)
{
    uint64_t total = print_whole(json_get(answer, STR("total")));
    struct buf rows;

    buf_init(&rows, 2 * API_MAX_ANSWER);
    append_titles(&rows, listing);
    uint64_t count = append_rows(&rows, listing, answer);
    append_table(out, listing, &rows, count);
    if (total > count) {
        buf_printf(out, "  and %llu more\n", (unsigned long long)(total - count));
    }
    buf_fini(&rows);
}

/* A list on its way from pages to stdout. */
struct walk {
    const struct listing *listing;
    bool json; /* printed at once, one object a line; else gathered in `rows` */
    struct buf rows;
    uint64_t count;
    struct buf path;  /* of the first page */
    struct buf after; /* what the next page begins behind; empty for the first, and at the end */
};

static enum cli_exit print_lines(struct walk *w, struct str answer)
{
    struct json_iter it = json_iter_of(json_get(answer, str_from_z(w->listing->member)));
    enum cli_exit code = CLI_OK;
    struct str element;

    for (; code == CLI_OK && json_next_element(&it, &element); w->count++) {
        code = api_print_json(element);
    }
    return code;
}

static enum cli_exit take_page(struct walk *w, struct str answer)
{
    struct str list = json_get(answer, str_from_z(w->listing->member));
    uint64_t before = w->count;
    enum cli_exit code = CLI_OK;

    if (json_kind_of(list) != JSON_ARRAY) {
        complain("the answer has no list of %s; is this the address of a Parley gateway?",
                 w->listing->member);
        return CLI_PROTOCOL;
    }
    if (w->json) {
        code = print_lines(w, answer);
    } else {
        w->count += append_rows(&w->rows, w->listing, answer);
    }
    buf_clear(&w->after);
    json_unescape(json_get(answer, STR("next")), &w->after);
    if (code == CLI_OK && w->after.len > 0 && w->count == before) {
        complain("the gateway goes on with a list and has nothing more in it");
        code = CLI_PROTOCOL;
    }
    return code;
}

static enum cli_exit take_pages(struct walk *w, const struct address *to)
{
    size_t first_len = w->path.len;
    struct buf answer;
    enum cli_exit code;

    buf_init(&answer, API_MAX_ANSWER);
    do {
        buf_clear(&answer);
        w->path.len = first_len;
        if (w->after.len > 0) {
            url_append_query(&w->path, STR("after"), buf_str(&w->after));
        }
        code = ask(to, buf_str(&w->path), STR(""), &answer);
        if (code == CLI_OK) {
            code = take_page(w, buf_str(&answer));
        }
    } while (code == CLI_OK && w->after.len > 0 && !w->rows.failed);
    buf_fini(&answer);
    return code;
}

static enum cli_exit print_table(const struct walk *w)
{
    struct buf out;

    buf_init(&out, 2 * API_MAX_ANSWER);
    append_table(&out, w->listing, &w->rows, w->count);
    enum cli_exit code = api_print(&out);
    buf_fini(&out);
    return code;
}

enum cli_exit listing_show(const struct listing *listing, const struct address_flags *flags,
                           struct str path, bool json)
{
    struct walk w = {.listing = listing, .json = json};
    struct address address;

    enum cli_exit code = address_find(flags, &address);
    if (code != CLI_OK) {
        return code;
    }
    buf_init(&w.rows, 2 * API_MAX_ANSWER);
    buf_init(&w.path, MAX_SENTENCE);
    buf_init(&w.after, MAX_SENTENCE);
    buf_append_str(&w.path, path);
    append_titles(&w.rows, listing);
    code = take_pages(&w, &address);
    if (code == CLI_OK && !json) {
        code = print_table(&w);
    }
    buf_fini(&w.after);
    buf_fini(&w.path);
    buf_fini(&w.rows);
    address_fini(&address);
    return code;
}
