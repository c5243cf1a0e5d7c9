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

enum cli_exit api_ask(const struct address_flags *flags, struct str path, struct str json,
                      struct buf *answer)
{
    struct address address;
    struct remote remote;
    int status;

    enum cli_exit code = address_find(flags, &address);
    if (code != CLI_OK) {
        return code;
    }
    remote_init(&remote);
    code = remote_request(&remote, &address, path, json, answer, &status);
    if (code == CLI_OK) {
        code = judge(status, buf_str(answer));
    } else {
        complain("%.*s", STR_ARG(buf_str(&remote.error)));
    }
    remote_fini(&remote);
    address_fini(&address);
    return code;
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

void listing_append(struct buf *out, const struct listing *listing, struct str answer)
{
    struct json_iter it = json_iter_of(json_get(answer, str_from_z(listing->member)));
    uint64_t total = print_whole(json_get(answer, STR("total"))), listed = 0;
    time_t now = time(NULL);
    struct str element;
    struct buf rows;

    buf_init(&rows, 2 * API_MAX_ANSWER);
    for (const char *const *title = listing->titles; *title != NULL; title++) {
        table_text(&rows, str_from_z(*title));
    }
    table_end_row(&rows);
    for (; json_next_element(&it, &element); listed++) {
        listing->row(&rows, element, now);
        table_end_row(&rows);
    }
    if (listed == 0) {
        buf_printf(out, "  %s\n", listing->nothing);
    } else {
        table_layout(out, buf_str(&rows), print_in_colour(STDOUT_FILENO));
    }
    if (total > listed) {
        buf_printf(out, "  and %llu more\n", (unsigned long long)(total - listed));
    }
    out->failed = out->failed || rows.failed;
    buf_fini(&rows);
}

static enum cli_exit print_lines(const struct listing *listing, struct str answer)
{
    struct json_iter it = json_iter_of(json_get(answer, str_from_z(listing->member)));
    enum cli_exit code = CLI_OK;
    struct str element;

    while (code == CLI_OK && json_next_element(&it, &element)) {
        code = api_print_json(element);
    }
    return code;
}

static enum cli_exit print_table(const struct listing *listing, struct str answer)
{
    struct buf out;

    buf_init(&out, 2 * API_MAX_ANSWER);
    listing_append(&out, listing, answer);
    enum cli_exit code = api_print(&out);
    buf_fini(&out);
    return code;
}

enum cli_exit listing_show(const struct listing *listing, const struct address_flags *flags,
                           struct str path, bool json)
{
    struct buf answer;

    buf_init(&answer, API_MAX_ANSWER);
    enum cli_exit code = api_ask(flags, path, STR(""), &answer);
    if (code == CLI_OK) {
        struct str list = json_get(buf_str(&answer), str_from_z(listing->member));
        if (json_kind_of(list) != JSON_ARRAY) {
            complain("the answer has no list of %s; is this the address of a Parley gateway?",
                     listing->member);
            code = CLI_PROTOCOL;
        } else {
            code = json ? print_lines(listing, buf_str(&answer))
                        : print_table(listing, buf_str(&answer));
        }
    }
    buf_fini(&answer);
    return code;
}
