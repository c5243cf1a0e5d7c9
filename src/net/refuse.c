#include "net/connection.h"
#include "json/writer.h"

enum { MAX_ANSWER = 8192 };

static void write_body(struct buf *body, const struct refusal *why)
{
    struct json_writer w;

    json_writer_init(&w, body);
    json_begin_object(&w);
    json_key(&w, STR("error"));
    json_begin_object(&w);
    json_key_string(&w, STR("code"), str_from_z(error_table[why->code].code));
    json_key_string(&w, STR("message"), why->message);
    json_key_raw(&w, STR("details"), why->details.len > 0 ? why->details : STR("{}"));
    json_end_object(&w);
    json_end_object(&w);
    buf_append_char(body, '\n');
}

void connection_refuse(struct reactor *r, struct connection *c, const struct refusal *why)
{
    struct buf body;
    struct buf answer;

    metric_add(&r->metrics.refused, 1);
    buf_init(&body, MAX_ANSWER);
    buf_init(&answer, 2 * MAX_ANSWER);
    write_body(&body, why);
    buf_printf(&answer,
               "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
               "%s%s\r\n",
               why->status, http_reason(why->status), body.len, why->fields,
               why->stays ? "" : "Connection: close\r\n");
    if (!why->is_head) {
        buf_append_str(&answer, buf_str(&body));
    }
    c->ends = !why->stays;
    connection_enter(r, c, why->stays ? CONN_REQUEST : CONN_CLOSING);
    if (body.failed || answer.failed ||
        !outbox_push(&r->reader, &c->outbox, answer.data, answer.len, DOWN_LAST)) {
        metric_add(&r->metrics.out_of_memory, 1);
        connection_doom(r, c);
    }
    buf_fini(&body);
    buf_fini(&answer);
}

/* The code of what HTTP itself refuses; the status says more. */
static enum error_code code_of(int status)
{
    switch (status) {
    case 413:
    case 414:
    case 431:
        return ERROR_MESSAGE_TOO_LARGE;
    case 503:
        return ERROR_LIMIT_REACHED;
    default:
        return ERROR_INVALID_MESSAGE;
    }
}

void connection_refuse_status(struct reactor *r, struct connection *c, int status,
                              const char *message)
{
    connection_refuse(r, c,
                      &(struct refusal){.status = status,
                                        .code = code_of(status),
                                        .message = str_from_z(message),
                                        .fields = ""});
}
