/*
 * An adapter of an agent at the end of a pipe, with the real HTTP client.
 *
 * usage: agent-driver ADAPTER BASE_URL [KEY [TIMEOUT_MS]]
 *
 * Commands are lines with fields between tabs: ask TURN SESSION QUESTION, stop TURN, probe, person
 * ROOM USER, gone ROOM USER. What the adapter says are lines of JSON: [event, turn or null, text,
 * failure, sentence].
 */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "matrix/agent.h"
#include "json/writer.h"

enum { MAX_LINE = 1024 * 1024, MAX_FIELDS = 4 };

static struct bridge_time now(void)
{
    struct timespec mono, wall;

    (void)clock_gettime(CLOCK_MONOTONIC, &mono);
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    return (struct bridge_time){(uint64_t)mono.tv_sec * 1000 + (uint64_t)mono.tv_nsec / 1000000,
                                (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000};
}

static void say(const char *event, uint64_t turn, struct str text, const char *failure,
                struct str sentence)
{
    struct json_writer w;
    struct buf line;

    buf_init(&line, 16 * MAX_LINE);
    json_writer_init(&w, &line);
    json_begin_array(&w);
    json_string(&w, str_from_z(event));
    json_uint(&w, turn);
    json_string(&w, text);
    json_string(&w, str_from_z(failure));
    json_string(&w, sentence);
    json_end_array(&w);
    printf("%.*s\n", STR_ARG(buf_str(&line)));
    (void)fflush(stdout);
    buf_fini(&line);
}

static void opened(void *owner, uint64_t turn, struct str session_id)
{
    (void)owner;
    say("session", turn, session_id, "", STR(""));
}

static void answering(void *owner, uint64_t turn, struct str text)
{
    (void)owner;
    say("answering", turn, text, "", STR(""));
}

static void answered(void *owner, uint64_t turn, struct str text, enum bridge_failure failure,
                     struct str error)
{
    static const char *const names[] = {"", "away", "timeout", "refused", "broken"};

    (void)owner;
    say("answered", turn, text, names[failure], error);
}

static void reachable(void *owner, bool is_reachable, const char *sentence)
{
    (void)owner;
    say(is_reachable ? "reachable" : "away", 0, STR(""), "", str_from_z(sentence));
}

static void write_log(void *owner, unsigned level, const char *event, struct str about,
                      struct str details)
{
    (void)owner;
    fprintf(stderr, "%u %s %.*s %.*s\n", level, event, STR_ARG(about), STR_ARG(details));
}

static void obey(const struct agent_adapter *adapter, struct agent *a, struct str line)
{
    struct str fields[MAX_FIELDS] = {{0}};

    for (size_t i = 0; i < MAX_FIELDS; i++) {
        fields[i] = str_slice(line, 0, str_find(line, '\t'));
        line = str_slice(line, fields[i].len + 1, line.len);
    }
    uint64_t turn = 0;
    (void)str_to_uint(fields[1], UINT64_MAX, &turn);
    if (str_equal(fields[0], STR("ask"))) {
        char key[32];
        const struct bridge_action action = {.kind = ACT_ASK,
                                             .turn = turn,
                                             .idempotency_key =
                                                 str_format(key, sizeof(key), "key-%d", (int)turn),
                                             .session_name = STR("matrix:room"),
                                             .conversation = STR("!room:test//7"),
                                             .session_id = fields[2],
                                             .question = fields[3],
                                             .sender = STR("@alice:test")};
        if (!adapter->ask(a, &action)) {
            exit(1);
        }
    } else if (str_equal(fields[0], STR("stop"))) {
        adapter->stop(a, turn);
    } else if (str_equal(fields[0], STR("probe"))) {
        adapter->probe(a);
    } else if (adapter->people != NULL) {
        adapter->people(a, fields[1], fields[2], str_equal(fields[0], STR("person")));
    }
}

/* Reads what is there and obeys whole lines. False at the end. */
static bool hear(struct buf *in, const struct agent_adapter *adapter, struct agent *a)
{
    char bytes[65536];
    ssize_t len = read(STDIN_FILENO, bytes, sizeof(bytes));

    if (len <= 0) {
        return false;
    }
    buf_append(in, bytes, (size_t)len);
    for (size_t end; (end = str_find(buf_str(in), '\n')) < in->len;) {
        obey(adapter, a, str_slice(buf_str(in), 0, end));
        buf_consume(in, end + 1);
    }
    return true;
}

static void serve(struct http_client *http, const struct agent_adapter *adapter, struct agent *a)
{
    struct buf in;
    bool open = true;

    buf_init(&in, MAX_LINE);
    while (open) {
        struct http_watch watches[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, adapter->watch(a)};
        uint64_t due = adapter->deadline(a), at = now().mono_ms;
        uint64_t wait = due > at ? due - at : 0;
        http_wait(http, watches, 2, wait > 1000 ? 1000 : (int)wait);
        adapter->tick(a, now());
        if (watches[1].revents != 0) {
            adapter->ready(a, watches[1].revents);
        }
        open = watches[0].revents == 0 || hear(&in, adapter, a);
    }
    buf_fini(&in);
}

int main(int argc, char **argv)
{
    static const struct agent_adapter *const adapters[] = {&agent_aiagent, &agent_openai,
                                                           &agent_gateway};
    const struct agent_ports ports = {NULL, opened, answering, answered, reachable, write_log};
    struct agent_settings settings = {
        .model = STR("test-model"),
        .capability = STR("demo.x"),
        .user_id = STR("@bot:test"),
        .timeout_ms = argc > 4 ? strtoull(argv[4], NULL, 10) : 60000,
        .poll_interval_ms = 20,
        .max_answer_bytes = MAX_LINE,
        .paths = {STR("/api/sessions"), STR("/id"), STR("/api/sessions/{session}/messages"),
                  STR("/message_id"), STR("/api/sessions/{session}/messages?after={message}"),
                  STR("/status"), STR("/messages"), STR("name"), STR("content"),
                  STR("idempotency_key")},
    };

    for (size_t i = 0; argc > 2 && i < sizeof(adapters) / sizeof(adapters[0]); i++) {
        if (strcmp(argv[1], adapters[i]->name) != 0) {
            continue;
        }
        struct http_client *http = http_client_new();
        settings.base_url = str_from_z(argv[2]);
        settings.api_key = str_from_z(argc > 3 ? argv[3] : "");
        struct agent *a = adapters[i]->new (&settings, &ports, http, now());
        serve(http, adapters[i], a);
        adapters[i]->free(a);
        http_client_free(http);
        return 0;
    }
    fprintf(stderr, "usage: agent-driver ADAPTER BASE_URL [KEY [TIMEOUT_MS]]\n");
    return 2;
}
