/*
 * A gateway in a program that has a loop of its own: it waits for its terminal and for the gateway
 * at once, in one thread.
 *
 *     loop [PORT]
 *
 * What is typed goes to everybody in the world `main` as a `bark` of the gateway; who comes, goes
 * and barks is printed. `who` lists the clients, an empty line or the end of the input stops it.
 */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <parley/parley.h>

static void on_connected(struct parley *p, struct parley_text client, void *ctx)
{
    (void)p;
    (void)ctx;
    printf("+ %.*s\n", (int)client.len, client.ptr);
}

static void on_disconnected(struct parley *p, struct parley_text client, uint16_t code,
                            struct parley_text reason, void *ctx)
{
    (void)p;
    (void)ctx;
    printf("- %.*s %u %.*s\n", (int)client.len, client.ptr, (unsigned)code, (int)reason.len,
           reason.ptr);
}

/* The typed form of a message: decoded, and checked against the table of messages. */
static enum parley_handling on_bark(struct parley *p, const struct parley_heard *message, void *ctx)
{
    struct parley_bark bark;
    struct parley_problem problem;

    (void)p;
    (void)ctx;
    parley_bark_init(&bark);
    if (parley_bark_from_json(&bark, message->text.ptr, message->text.len, &problem)) {
        printf("  %.*s: %.*s\n", (int)bark.agent_id.len, bark.agent_id.ptr, (int)bark.data.text.len,
               bark.data.text.ptr);
    } else {
        printf("  not a bark: %s\n", problem.path);
    }
    parley_bark_fini(&bark);
    return PARLEY_PASS; /* and on it goes, to the others */
}

static void print_client(const struct parley_client *client, void *ctx)
{
    (void)ctx;
    printf("  %.*s from %s\n", (int)client->id.len, client->id.ptr, client->address);
}

static void say(struct parley *p, const char *line)
{
    struct parley_bark bark;
    size_t len, receivers = 0;
    char *text;

    parley_bark_init(&bark);
    bark.agent_id = (struct parley_string){PARLEY_SET, "gateway", strlen("gateway")};
    bark.data.is = PARLEY_SET;
    bark.data.text = (struct parley_string){PARLEY_SET, line, strlen(line)};
    bark.ts = (struct parley_number){PARLEY_SET, (double)time(NULL)};
    if (parley_bark_to_json(&bark, &text, &len, NULL)) {
        struct parley_message message = {.text = {text, len}, .dialect = PARLEY_WORLD};
        (void)parley_send_session(p, parley_text("world:main"), parley_text(""), &message,
                                  &receivers);
        printf("  heard by %zu\n", receivers);
        free(text);
    }
    parley_bark_fini(&bark);
}

/* False: it is over. */
static bool obey(struct parley *p)
{
    char line[512];

    if (fgets(line, sizeof(line), stdin) == NULL || line[0] == '\n') {
        return false;
    }
    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, "who") == 0) {
        parley_each_client(p, 100, print_client, NULL);
    } else {
        say(p, line);
    }
    return true;
}

static void loop(struct parley *p)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = parley_fd(p), .events = POLLIN}};

    (void)setvbuf(stdin, NULL, _IONBF, 0); /* what was read ahead would not be polled for */
    printf("ws://127.0.0.1:%u/ws/matrix\n", (unsigned)parley_port(p));
    for (;;) {
        (void)fflush(stdout);
        if (poll(fds, 2, -1) < 0) {
            break;
        }
        if (fds[0].revents != 0 && !obey(p)) {
            parley_stop(p);
            fds[0].fd = -1; /* the terminal is done with; the gateway says goodbye first */
        }
        if (fds[1].revents != 0 && !parley_dispatch(p)) {
            break;
        }
    }
}

int main(int argc, char **argv)
{
    static const struct parley_events events = {.client_connected = on_connected,
                                                .client_disconnected = on_disconnected};
    struct parley_options *options = parley_options_new();
    struct parley *p = NULL;
    char *error = NULL;

    if (options != NULL &&
        parley_options_set(options, "listen.port", argc > 1 ? argv[1] : "8765") == PARLEY_OK &&
        parley_options_set(options, "drain", "1s") == PARLEY_OK) {
        parley_options_events(options, &events, NULL);
        p = parley_new(options, &error);
    }
    parley_options_free(options);
    if (p == NULL || parley_handle(p, PARLEY_WORLD, "bark", on_bark, NULL) != PARLEY_OK) {
        (void)fprintf(stderr, "loop: %s\n", error != NULL ? error : "out of memory");
    } else {
        loop(p);
    }
    parley_free(p);
    free(error);
    return p != NULL ? 0 : 1;
}
