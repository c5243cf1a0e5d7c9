#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/address.h"
#include "cli/args.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "json/reader.h"

enum { MAX_BODY = 64 * 1024 * 1024, MAX_NUMBER = 32 };

enum { FLAG_JSON };

static const struct flag flags[] = {
    {"--json", NULL, "the gateway's answer as it came, on one line"},
    FLAG_URL,
    {0},
};

/* A raw JSON number, whole. */
static uint64_t whole_number(struct str raw)
{
    char digits[MAX_NUMBER] = "";

    if (json_kind_of(raw) != JSON_NUMBER || raw.len >= sizeof(digits)) {
        return 0;
    }
    memcpy(digits, raw.ptr, raw.len);
    return strtoull(digits, NULL, 10);
}

static void print_head(struct buf *out, struct str status)
{
    struct str messages = json_get(status, STR("messages"));

    buf_append_str(out, STR("parley "));
    print_value(out, json_get(status, STR("version")));
    buf_append_str(out, STR("   "));
    print_value(out, json_get(status, STR("status")));
    buf_append_str(out, STR("   up "));
    print_duration(out, whole_number(json_get(status, STR("uptime_seconds"))));
    buf_append_str(out, STR("\n\n  clients   "));
    print_value(out, json_get(status, STR("connections")));
    buf_append_str(out, STR("\n  sessions  "));
    print_value(out, json_get(status, STR("sessions")));
    buf_append_str(out, STR("\n  messages  "));
    print_value(out, json_get(messages, STR("received")));
    buf_append_str(out, STR(" received, "));
    print_value(out, json_get(messages, STR("delivered")));
    buf_append_str(out, STR(" delivered, "));
    print_value(out, json_get(messages, STR("dropped")));
    buf_append_str(out, STR(" dropped\n\n"));
}

static void print_cell(struct buf *out, struct str raw, size_t width)
{
    size_t start = out->len;

    print_value(out, raw);
    do {
        buf_append_char(out, ' ');
    } while (!out->failed && out->len < start + width);
}

static void print_agents(struct buf *out, struct str status)
{
    struct json_iter it = json_iter_of(json_get(status, STR("agents")));
    struct str agent;
    uint64_t listed = 0, total = whole_number(json_get(status, STR("total")));

    while (json_next_element(&it, &agent)) {
        if (listed == 0) {
            buf_printf(out, "  %-20s %-10s %-12s %-9s %s\n", "AGENT", "ROLE", "WORLD", "SINCE",
                       "CLIENT");
        }
        listed++;
        buf_append_str(out, STR("  "));
        print_cell(out, json_get(agent, STR("agent_id")), 21);
        print_cell(out, json_get(agent, STR("role")), 11);
        print_cell(out, json_get(agent, STR("world")), 13);
        print_clock(out, (time_t)whole_number(json_get(agent, STR("connected_at"))));
        buf_append_str(out, STR("  "));
        print_value(out, json_get(agent, STR("client_id")));
        buf_append_char(out, '\n');
    }
    if (listed == 0) {
        buf_append_str(out, STR("  no agents\n"));
    } else if (total > listed) {
        buf_printf(out, "  and %llu more\n", (unsigned long long)(total - listed));
    }
}

static enum cli_exit show(const struct buf *body, bool json)
{
    struct buf out;
    struct str status = buf_str(body);

    if (!json_valid(status) || json_kind_of(status) != JSON_OBJECT) {
        complain("the answer is no status; is this the address of a Parley gateway?");
        return CLI_PROTOCOL;
    }
    buf_init(&out, MAX_BODY * 2);
    if (json) {
        print_raw_message(&out, status, isatty(STDOUT_FILENO));
        buf_append_char(&out, '\n');
    } else {
        print_head(&out, status);
        print_agents(&out, status);
    }
    bool ok = !out.failed && fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    buf_fini(&out);
    return ok ? CLI_OK : CLI_FAILED;
}

static enum cli_exit fetch(const struct url *url, bool json)
{
    struct remote remote;
    struct buf body;
    int http_status;

    remote_init(&remote);
    buf_init(&body, MAX_BODY);
    enum cli_exit code = remote_get(&remote, url, STR("/api/gateway/status"), &body, &http_status);
    if (code != CLI_OK) {
        complain("%.*s", STR_ARG(buf_str(&remote.error)));
    } else if (http_status != 200) {
        complain("the answer was HTTP %d; is this the address of a Parley gateway?", http_status);
        code = http_status == 401 || http_status == 403 ? CLI_REFUSED
               : http_status == 503                     ? CLI_TRY_AGAIN
                                                        : CLI_PROTOCOL;
    } else {
        code = show(&body, json);
    }
    buf_fini(&body);
    remote_fini(&remote);
    return code;
}

static enum cli_exit run_status(struct args *args)
{
    const char *value, *address = NULL;
    bool json = false;
    struct url url;
    int taken;

    while ((taken = args_next(args, &value)) != ARGS_END) {
        if (taken == ARGS_OPERAND) {
            complain("status takes no operand: %s", value);
            return CLI_USAGE;
        }
        if (taken < 0) {
            return args_exit(taken);
        }
        if (taken == FLAG_JSON) {
            json = true;
        } else {
            address = value;
        }
    }
    return address_find(address, &url) ? fetch(&url, json) : CLI_USAGE;
}

const struct command command_status = {
    .name = "status",
    .summary = "who is connected to the gateway",
    .synopsis = "[--json]",
    .examples = "  % status\n  % status --json\n",
    .about = "Asks a running gateway who is connected and what it has done.\n",
    .flags = flags,
    .run = run_status,
};
