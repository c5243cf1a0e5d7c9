/*
 * A gateway with a message type of its own: `sum` adds numbers.
 *
 *     handler [PORT]
 *
 * A client of the gateway dialect (ws://127.0.0.1:PORT/ws) sends
 *     {"type":"sum","id":"1","payload":{"numbers":[1,2,3.5]}}
 * and is answered
 *     {"type":"sum_result",...,"payload":{"sum":6.5},...,"replyTo":"1"}
 * What is no list of numbers is answered with an error; `sum` in a world passes as any message
 * does.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <parley/parley.h>

static struct parley *running;

static void on_signal(int number)
{
    (void)number;
    parley_stop(running); /* may be called here. NOLINT(bugprone-signal-handler,cert-sig30-c) */
}

/* Adds what stands in the brackets of "numbers". A real program would use a JSON library. */
static bool add(struct parley_text payload, double *ret_sum)
{
    char text[1024], *at, *end;
    double sum = 0;

    if (payload.len == 0 || payload.len >= sizeof(text)) {
        return false;
    }
    memcpy(text, payload.ptr, payload.len);
    text[payload.len] = '\0';
    at = strstr(text, "\"numbers\"");
    at = at != NULL ? strchr(at, '[') : NULL;
    if (at == NULL) {
        return false;
    }
    for (at++; *at != ']'; at = *end == ',' ? end + 1 : end) {
        double number = strtod(at, &end);
        if (end == at || (*end != ',' && *end != ']')) {
            return false;
        }
        sum += number;
    }
    *ret_sum = sum;
    return true;
}

static enum parley_handling on_sum(struct parley *p, const struct parley_heard *message, void *ctx)
{
    double sum;
    char payload[64];

    (void)ctx;
    if (!add(message->payload, &sum)) {
        (void)parley_send_error(p, message->client, message->id, "INVALID_MESSAGE",
                                parley_text("`sum` wants a list of numbers: send `numbers`."),
                                parley_text("{\"path\":\"payload.numbers\"}"));
        return PARLEY_DONE;
    }
    (void)snprintf(payload, sizeof(payload), "{\"sum\":%.15g}", sum);
    struct parley_message answer = {.type = parley_text("sum_result"),
                                    .payload = parley_text(payload),
                                    .reply_to = message->id};
    return parley_send(p, message->client, &answer) == PARLEY_OK ? PARLEY_DONE : PARLEY_FAIL;
}

static void on_started(struct parley *p, void *ctx)
{
    (void)ctx;
    printf("ws://127.0.0.1:%u/ws\n", (unsigned)parley_port(p));
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    static const struct parley_events events = {.started = on_started};
    struct parley_options *options = parley_options_new();
    char *error = NULL;
    int code = 1;

    if (options == NULL ||
        parley_options_set(options, "listen.port", argc > 1 ? argv[1] : "8765") != PARLEY_OK) {
        return 1;
    }
    parley_options_events(options, &events, NULL);
    running = parley_new(options, &error);
    parley_options_free(options);
    if (running == NULL) {
        (void)fprintf(stderr, "handler: %s\n", error != NULL ? error : "out of memory");
        free(error);
        return 1;
    }
    if (parley_handle(running, PARLEY_GATEWAY, "sum", on_sum, NULL) == PARLEY_OK) {
        (void)signal(SIGTERM, on_signal);
        (void)signal(SIGINT, on_signal);
        code = parley_run(running) == PARLEY_OK ? 0 : 1;
    }
    parley_free(running);
    return code;
}
