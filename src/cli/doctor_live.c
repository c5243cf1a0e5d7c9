#include "cli/answer.h"
#include "cli/doctor.h"
#include "cli/print.h"
#include "cli/socket.h"
#include "json/reader.h"

/* Checks that ask a running gateway. */

enum { MAX_BODY = 64 * 1024 * 1024, MAX_TARGET = 4096 };

/* --- who answers ------------------------------------------------------------------------------ */

/* A page of health, or an error as only a gateway words it. */
static bool is_parley(struct str body)
{
    return json_valid(body) &&
           (json_string_is(json_get(body, STR("service")), STR("parley")) ||
            json_kind_of(json_get(json_get(body, STR("error")), STR("code"))) == JSON_STRING);
}

enum doctor_answer doctor_ask(const struct doctor *d, struct buf *said)
{
    enum doctor_answer answer = ANSWER_OTHER;
    struct remote remote;
    struct buf body;
    int status;

    buf_init(&body, MAX_BODY);
    remote_init(&remote);
    remote.timeout_ms = DOCTOR_TIMEOUT_MS;
    enum cli_exit code =
        remote_request(&remote, &d->gateway, STR("/healthz"), STR(""), &body, &status);
    if (code == CLI_OK && is_parley(buf_str(&body))) {
        answer = ANSWER_PARLEY;
    } else if (code == CLI_OK) {
        buf_printf(said, "it answers HTTP %d, and is no Parley gateway", status);
    } else {
        answer = remote.channel.fd < 0   ? ANSWER_NOBODY
                 : code == CLI_TRY_AGAIN ? ANSWER_SILENT
                                         : ANSWER_OTHER;
        buf_append_str(said, answer == ANSWER_SILENT
                                 ? STR("it takes connections and answers nothing")
                                 : buf_str(&remote.error));
    }
    remote_fini(&remote);
    buf_fini(&body);
    return answer;
}

/* A gateway answers at the URL that was given. */
void doctor_gateway(struct doctor *d, struct finding *f)
{
    struct buf said;

    buf_init(&said, MAX_TARGET);
    if (!url_parse(str_from_z(d->url), &d->gateway.url, &said)) {
        doctor_fail(f, "give the address as in --url http://127.0.0.1:8765", "%.*s",
                    STR_ARG(buf_str(&said)));
        buf_fini(&said);
        return;
    }
    switch (doctor_ask(d, &said)) {
    case ANSWER_PARLEY:
        d->is_served = true;
        doctor_ok(f, "%s is a running gateway", d->url);
        break;
    case ANSWER_NOBODY:
        doctor_fail(f, "start it (parley serve), or correct the address and the firewall", "%.*s",
                    STR_ARG(buf_str(&said)));
        break;
    case ANSWER_SILENT:
        doctor_fail(f,
                    "look what it is doing and restart it; if it is no gateway, correct the "
                    "address",
                    "%s: %.*s", d->url, STR_ARG(buf_str(&said)));
        break;
    case ANSWER_OTHER:
        doctor_fail(f, "correct the address; the banner and the log line `ready` name it",
                    "%s: %.*s", d->url, STR_ARG(buf_str(&said)));
        break;
    }
    buf_fini(&said);
}

/* --- the round trip --------------------------------------------------------------------------- */

static const char *fix_of(int http_status)
{
    switch (http_status) {
    case 401:
        return "give a token that the gateway knows: --token-file FILE; `parley token list` names "
               "them";
    case 403:
        return "let the token enter this world (its grant `sessions`), or let the page's origin in "
               "(origins)";
    case 421:
        return "add the name to listen.hosts, or use an address of the gateway's own";
    case 429:
    case 503:
        return "wait; if it goes on, look at /metrics for the limit that was reached";
    case 404:
        return "correct the path, or add it to listen.world_paths";
    default:
        return "a proxy in between has to pass on Upgrade and Connection, and not to buffer";
    }
}

/*
 * The world's path: the first that is configured; of a gateway elsewhere what the address says, or
 * the default.
 */
static void append_path(const struct doctor *d, struct buf *out)
{
    struct str path, rest = STR("");

    if (d->url == NULL) {
        rest = str_from_z(config_text(&d->config, OPTION_LISTEN_WORLD_PATHS));
    }
    if (config_next_element(&rest, &path)) {
        buf_append_str(out, path);
    } else {
        url_append_world(out, &d->gateway.url, STR(""));
    }
}

/* The greeting, and a pong for a ping; an address may name the path of either dialect. */
static enum cli_exit converse(struct remote *r)
{
    int64_t deadline = socket_now_ms() + DOCTOR_TIMEOUT_MS;
    struct str message;

    enum cli_exit code = remote_receive(r, DOCTOR_TIMEOUT_MS, &message);
    struct str type =
        code == CLI_OK && json_valid(message) ? json_get(message, STR("type")) : STR("");
    if (code == CLI_OK && !json_string_is(type, STR("connection_ack")) &&
        !json_string_is(type, STR("session_info"))) {
        buf_clear(&r->error);
        buf_append_str(&r->error, STR("the first message is no connection_ack"));
        code = CLI_PROTOCOL;
    }
    if (code == CLI_OK) {
        code = remote_send(r, STR("{\"type\":\"ping\",\"id\":\"doctor\"}"));
    }
    while (code == CLI_OK) {
        int64_t left = deadline - socket_now_ms();
        code = remote_receive(r, left > 0 ? (int)left : 0, &message);
        if (code == CLI_OK && json_valid(message) &&
            json_string_is(json_get(message, STR("type")), STR("pong"))) {
            return CLI_OK;
        }
    }
    return code;
}

/* A world can be entered, and answers. */
void doctor_upgrade(struct doctor *d, struct finding *f)
{
    int64_t started = socket_now_ms();
    struct remote remote;
    struct buf path;

    buf_init(&path, MAX_TARGET);
    append_path(d, &path);
    remote_init(&remote);
    remote.timeout_ms = DOCTOR_TIMEOUT_MS;
    enum cli_exit code = remote_open(&remote, &d->gateway, buf_str(&path));
    if (code != CLI_OK) {
        doctor_fail(f, fix_of(remote.status), "%.*s cannot be entered: %.*s",
                    STR_ARG(buf_str(&path)), STR_ARG(buf_str(&remote.error)));
    } else if (converse(&remote) != CLI_OK) {
        doctor_fail(f, "look into the gateway's log; a proxy in between must not buffer",
                    "%.*s does not answer as a world: %.*s", STR_ARG(buf_str(&path)),
                    STR_ARG(buf_str(&remote.error)));
    } else {
        doctor_ok(f, "%.*s greets and answers, in %lld ms", STR_ARG(buf_str(&path)),
                  (long long)(socket_now_ms() - started));
    }
    remote_close(&remote);
    remote_fini(&remote);
    buf_fini(&path);
}

/* --- status ----------------------------------------------------------------------------------- */

static void judge_status(struct finding *f, struct str status)
{
    bool is_valid = json_valid(status);
    struct str connections = is_valid ? json_get(status, STR("connections")) : STR("");

    if (json_kind_of(connections) != JSON_NUMBER) {
        doctor_fail(f, "correct the address; /api/gateway/status is not a gateway's",
                    "the answer is no status");
    } else if (json_kind_of(json_get(status, STR("agents"))) != JSON_ARRAY) {
        doctor_warn(f, "give a token to see who is connected: --token-file FILE",
                    "only counts are shown: %llu clients",
                    (unsigned long long)print_whole(connections));
    } else {
        doctor_ok(f, "%llu clients", (unsigned long long)print_whole(connections));
    }
}

/* What the gateway shows to whoever has this credential. */
void doctor_status(struct doctor *d, struct finding *f)
{
    struct remote remote;
    struct buf body, said;
    int status;

    buf_init(&body, MAX_BODY);
    buf_init(&said, MAX_TARGET);
    remote_init(&remote);
    remote.timeout_ms = DOCTOR_TIMEOUT_MS;
    enum cli_exit code =
        remote_request(&remote, &d->gateway, STR("/api/gateway/status"), STR(""), &body, &status);
    if (code != CLI_OK) {
        doctor_fail(f, "look into the gateway's log", "%.*s", STR_ARG(buf_str(&remote.error)));
    } else if (status != 200) {
        (void)answer_judge(status, buf_str(&body), &said);
        doctor_fail(f, fix_of(status), "%.*s", STR_ARG(buf_str(&said)));
    } else {
        judge_status(f, buf_str(&body));
    }
    remote_fini(&remote);
    buf_fini(&said);
    buf_fini(&body);
}
