#include "rest/rest.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "rest/gate.h"
#include "rest/routes.h"
#include "rest/state.h"

struct rest_state *rest_state_new(void)
{
    uint8_t secret[32];
    struct rest_state *state = calloc(1, sizeof(*state));

    /* So few bytes come whole, and no signal ends that (getrandom(2)). */
    if (state == NULL || getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret)) {
        free(state);
        return NULL;
    }
    replays_init(&state->replays, secret);
    return state;
}

void rest_state_free(struct rest_state *state)
{
    if (state != NULL) {
        replays_fini(&state->replays);
        free(state);
    }
}

/* The head of a request that the reactor has read before. */
static void parse(struct http_head *head, struct str request, size_t head_len)
{
    const char *reason;

    assert(head_len <= request.len);
    http_request_init(head);
    int len = http_parse_head(head, request.ptr, head_len, &reason);
    assert(len > 0 && (size_t)len == head_len);
}

static void respond(struct call *call, uint64_t conn)
{
    struct buf answer;
    bool close = call->head->connection_close;

    if (call->out.failed || call->fields.failed) {
        buf_clear(&call->fields);
        call_refuse_about(call, ERROR_LIMIT_REACHED, STR(""), STR("limit"), STR("memory"));
    }
    call->rest->state->errors[call->refused]++;
    buf_init(&answer, CALL_MAX_BODY + HTTP_MAX_HEAD);
    answer.secret = call->out.secret;
    call_write(call, &answer);
    /* Half an answer would be taken for a whole one. */
    if (answer.failed) {
        hub_respond(call->hub, conn,
                    STR("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                        "Connection: close\r\n\r\n"),
                    true, true);
    } else {
        hub_respond(call->hub, conn, buf_str(&answer), true, close);
    }
    if (call->out.secret) {
        hub_hide_response(call->hub);
    }
    buf_fini(&answer);
}

void rest_judged(const struct rest *rest, struct hub *hub, uint64_t conn,
                 const struct hub_asker *asker, struct str request, size_t head_len)
{
    struct http_head head;
    struct str parameter;
    struct call call;

    parse(&head, request, head_len);
    call_init(&call, rest, hub, &head, request);
    call.body = str_slice(request, head_len, request.len);
    call.asker = asker;
    const struct handler *handler = route_find(http_path(&head, request.ptr), &parameter);
    if (handler == NULL) {
        call_refuse_about(&call, ERROR_NOT_FOUND, STR(""), STR("path"),
                          http_path(&head, request.ptr));
    } else if (gate_pass(&call, handler, parameter)) {
        handler->run(&call);
    }
    respond(&call, conn);
    call_fini(&call);
}

/* Whether it matters who asks. Paths that there are not are answered to everybody. */
static bool is_judged(const struct rest *rest, struct str request, size_t head_len)
{
    struct http_head head;
    struct str parameter;

    parse(&head, request, head_len);
    const struct handler *handler = route_find(http_path(&head, request.ptr), &parameter);
    return handler != NULL && handler->access != ACCESS_PUBLIC &&
           !(handler->access == ACCESS_METRICS && rest->public_metrics);
}

void rest_handle(const struct rest *rest, struct hub *hub, uint64_t conn,
                 const struct evidence *evidence, struct str request, size_t head_len)
{
    struct hub_asker asker;

    if (!is_judged(rest, request, head_len)) {
        rest_judged(rest, hub, conn, NULL, request, head_len);
    } else if (hub_judge(hub, conn, evidence, request, head_len, &asker)) {
        rest_judged(rest, hub, conn, &asker, request, head_len);
    }
}
