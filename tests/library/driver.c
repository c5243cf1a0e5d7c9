/*
 * A program that embeds the gateway and does what its input says, a line a call: for
 * test_library.py, which plays the clients. Fields stand between tabs; the answer is one line, and
 * so is each event:
 *
 *     send   c-...   greet   {"a":1}            ->  ok
 *     event  client_connected  c-...
 *
 * `--run`: parley_run, with the lines read by another thread and posted; else a loop of our own
 * with parley_fd. `--login`: credentials are decided by the lines accept and refuse. `--log`: the
 * lines of the log are events, too. Any other argument is KEY=VALUE, an option.
 */

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver.h"

enum { LINE = 65536, ID = 64 };

/* --- events ----------------------------------------------------------------------------------- */

static void on_started(struct parley *p, void *ctx)
{
    char port[16];

    (void)ctx;
    (void)snprintf(port, sizeof(port), "%u", (unsigned)parley_port(p));
    print_event("started", &(struct parley_text){port, strlen(port)}, 1);
}

static void on_stopped(struct parley *p, void *ctx)
{
    (void)p, (void)ctx;
    print_event("stopped", NULL, 0);
}

/* Events that have nothing but texts. */
#define ONE(name)                                                                                  \
    static void on_##name(struct parley *p, struct parley_text a, void *ctx)                       \
    {                                                                                              \
        (void)p, (void)ctx;                                                                        \
        print_event(#name, &a, 1);                                                                 \
    }
#define TWO(name)                                                                                  \
    static void on_##name(struct parley *p, struct parley_text a, struct parley_text b, void *ctx) \
    {                                                                                              \
        (void)p, (void)ctx;                                                                        \
        print_event(#name, (struct parley_text[]){a, b}, 2);                                       \
    }
ONE(client_connected)
TWO(client_authenticated)
ONE(credential_refused)
ONE(session_created)
TWO(session_joined)
TWO(session_left)
ONE(session_ended)
TWO(agent_registered)
TWO(agent_online)
TWO(agent_busy)
ONE(agent_offline)
ONE(agent_unregistered)

static void on_client_disconnected(struct parley *p, struct parley_text client, uint16_t code,
                                   struct parley_text reason, void *ctx)
{
    char number[16];

    (void)p, (void)ctx;
    (void)snprintf(number, sizeof(number), "%u", (unsigned)code);
    print_event("client_disconnected", (struct parley_text[]){client, parley_text(number), reason},
                3);
}

static void on_message(struct parley *p, const struct parley_heard *m, void *ctx)
{
    (void)p, (void)ctx;
    print_event("message",
                (struct parley_text[]){
                    m->client, parley_text(m->dialect == PARLEY_WORLD ? "world" : "gateway"),
                    m->type, m->text},
                4);
}

static void on_error(struct parley *p, struct parley_text client, const char *code, void *ctx)
{
    (void)p, (void)ctx;
    print_event("error", (struct parley_text[]){client, parley_text(code)}, 2);
}

static void on_log(struct parley *p, unsigned level, const char *event, struct parley_text client,
                   struct parley_text details, void *ctx)
{
    char number[16];

    (void)ctx;
    (void)snprintf(number, sizeof(number), "%u", level);
    print_event(
        "log", (struct parley_text[]){parley_text(number), parley_text(event), client, details}, 4);
    obey_log(p, event);
}

static struct parley_events events = {
    .started = on_started,
    .stopped = on_stopped,
    .client_connected = on_client_connected,
    .client_authenticated = on_client_authenticated,
    .client_disconnected = on_client_disconnected,
    .credential_refused = on_credential_refused,
    .session_created = on_session_created,
    .session_joined = on_session_joined,
    .session_left = on_session_left,
    .session_ended = on_session_ended,
    .agent_registered = on_agent_registered,
    .agent_online = on_agent_online,
    .agent_busy = on_agent_busy,
    .agent_offline = on_agent_offline,
    .agent_unregistered = on_agent_unregistered,
    .message = on_message,
    .error = on_error,
};

/* The id of one that has not authenticated. */
static void find_stranger(const struct parley_client *client, void *ctx)
{
    if (!client->authenticated) {
        (void)snprintf(ctx, ID, "%.*s", (int)client->id.len, client->id.ptr);
    }
}

static void kick_stranger(struct parley *p)
{
    char id[ID] = "";

    parley_each_client(p, SIZE_MAX, find_stranger, id);
    enum parley_result result = parley_kick(p, parley_text(id), parley_text("by its check"));
    print_event("kicked", (struct parley_text[]){parley_text(parley_result_text(result))}, 1);
}

static bool is_word(struct parley_text text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static void on_login(struct parley *p, const struct parley_login *login, void *ctx)
{
    static const struct parley_identity now = {
        {"at-once", 7}, .publish = {"*", 1}, .sessions = {"*", 1}};
    char id[32];

    (void)ctx;
    (void)snprintf(id, sizeof(id), "%llu", (unsigned long long)login->id);
    print_event("login",
                (struct parley_text[]){parley_text(id), login->secret,
                                       parley_text(login->is_password ? "password" : "token"),
                                       parley_text(login->address)},
                4);
    if (is_word(login->secret, "now")) {
        (void)parley_accept(p, login->id, &now);
    } else if (is_word(login->secret, "kick")) {
        kick_stranger(p);
    }
}

/* --- running ---------------------------------------------------------------------------------- */

static void obey_posted(struct parley *p, void *ctx)
{
    obey(p, ctx);
    free(ctx);
}

static void *read_lines(void *ctx)
{
    struct parley *p = ctx;
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) > 0) {
        char *copy = strdup(line);
        if (copy == NULL || parley_post(p, obey_posted, copy) != PARLEY_OK) {
            break;
        }
    }
    free(line);
    parley_stop(p);
    return NULL;
}

static int run(struct parley *p)
{
    pthread_t reader;

    if (pthread_create(&reader, NULL, read_lines, p) != 0) {
        return 1;
    }
    int code = parley_run(p) == PARLEY_OK ? 0 : 1;
    (void)pthread_join(reader, NULL);
    return code;
}

static int loop(struct parley *p)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = parley_fd(p), .events = POLLIN}};
    static char line[LINE];

    (void)setvbuf(stdin, NULL, _IONBF, 0);
    while (poll(fds, 2, -1) >= 0) {
        if (fds[0].revents != 0) {
            if (fgets(line, sizeof(line), stdin) != NULL) {
                obey(p, line);
            } else {
                fds[0].fd = -1;
                parley_stop(p);
            }
        }
        if (fds[1].revents != 0 && !parley_dispatch(p)) {
            return 0;
        }
    }
    return 1;
}

static bool take_option(struct parley_options *options, const char *argument)
{
    char key[256];
    const char *value = strchr(argument, '=');

    if (value == NULL || (size_t)(value - argument) >= sizeof(key)) {
        return false;
    }
    memcpy(key, argument, (size_t)(value - argument));
    key[value - argument] = '\0';
    return parley_options_set(options, key, value + 1) == PARLEY_OK;
}

int main(int argc, char **argv)
{
    struct parley_options *options = parley_options_new();
    bool runs = false, ok = options != NULL;
    char *error = NULL;

    for (int i = 1; ok && i < argc; i++) {
        if (strcmp(argv[i], "--run") == 0) {
            runs = true;
        } else if (strcmp(argv[i], "--login") == 0) {
            parley_options_authenticate(options, on_login, NULL);
        } else if (strcmp(argv[i], "--log") == 0) {
            events.log = on_log;
        } else {
            ok = take_option(options, argv[i]);
        }
    }
    if (!ok) {
        return 2;
    }
    parley_options_events(options, &events, NULL);
    struct parley *p = parley_new(options, &error);
    parley_options_free(options);
    if (p == NULL) {
        printf("error\t%s", error != NULL ? error : "out of memory");
        end_line();
        free(error);
        return 1;
    }
    int code = runs ? run(p) : loop(p);
    parley_free(p);
    return code;
}
