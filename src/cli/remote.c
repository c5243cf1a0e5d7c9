#include "cli/remote_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/base64.h"
#include "cli/answer.h"
#include "cli/socket.h"
#include "http/body.h"
#include "http/head.h"

enum { MAX_IN = 1024 * 1024, MAX_ERROR = 64 * 1024, MAX_REQUEST = 128 * 1024 };

void remote_init(struct remote *r)
{
    *r = (struct remote){.channel.fd = -1, .timeout_ms = REMOTE_TIMEOUT_MS};
    buf_init(&r->in, MAX_IN);
    buf_init(&r->message, REMOTE_MAX_MESSAGE);
    buf_init(&r->out, REMOTE_MAX_OUT);
    buf_init(&r->error, MAX_ERROR);
}

void remote_fini(struct remote *r)
{
    if (r == NULL) {
        return;
    }
    socket_close(&r->channel);
    buf_fini(&r->in);
    buf_fini(&r->message);
    buf_fini(&r->out);
    buf_fini(&r->error);
}

enum cli_exit remote_fail(struct remote *r, enum cli_exit code, const char *sentence)
{
    buf_clear(&r->error);
    buf_printf(&r->error, "%s", sentence);
    return code;
}

void remote_fill_random(void *bytes, size_t len)
{
    ssize_t got;

    do {
        got = getrandom(bytes, len, 0);
    } while (got < 0 && errno == EINTR);
    assert(got == (ssize_t)len);
}

static enum cli_exit connect_to(struct remote *r, const struct url *url)
{
    assert(r->channel.fd < 0);
    buf_clear(&r->in);
    buf_clear(&r->message);
    buf_clear(&r->out);
    buf_clear(&r->error);
    r->in_taken = 0;
    r->taken = false;
    r->status = 0;
    r->is_closed = false;
    r->is_asked = false;
    return socket_connect(url, r->timeout_ms, &r->channel, &r->error) ? CLI_OK : CLI_UNAVAILABLE;
}

enum cli_exit remote_write_all(struct remote *r, struct str bytes)
{
    switch (socket_write(&r->channel, bytes, r->timeout_ms)) {
    case SOCKET_OK:
        return CLI_OK;
    case SOCKET_TIMEOUT:
        return remote_fail(r, CLI_TRY_AGAIN, "the gateway takes nothing");
    default:
        return remote_fail(r, CLI_UNAVAILABLE, "the gateway has gone away");
    }
}

enum cli_exit remote_read_more(struct remote *r, int64_t deadline)
{
    buf_consume(&r->in, r->in_taken);
    r->in_taken = 0;
    switch (socket_read(&r->channel, &r->in, deadline)) {
    case SOCKET_OK:
        return CLI_OK;
    case SOCKET_TIMEOUT:
        return remote_fail(r, CLI_TRY_AGAIN, "the gateway did not answer in time");
    case SOCKET_FULL:
        return remote_fail(r, CLI_PROTOCOL, "the answer is larger than any that is expected");
    default:
        return remote_fail(r, CLI_UNAVAILABLE, "the gateway ended the connection");
    }
}

/* `fields` are whole lines; a `json` text makes it a POST. */
static enum cli_exit send_request(struct remote *r, const struct address *to, struct str target,
                                  const char *fields, struct str json)
{
    struct buf request;

    buf_init(&request, MAX_REQUEST);
    buf_printf(&request,
               "%s %.*s HTTP/1.1\r\n"
               "Host: %.*s\r\n"
               "User-Agent: parley/" PARLEY_VERSION "\r\n"
               "%s",
               json.len > 0 ? "POST" : "GET", STR_ARG(target), STR_ARG(to->url.authority), fields);
    if (json.len > 0) {
        buf_printf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", json.len);
    }
    if (to->token.len > 0) {
        buf_printf(&request, "Authorization: Bearer %.*s\r\n", STR_ARG(buf_str(&to->token)));
    }
    buf_append_str(&request, STR("\r\n"));
    buf_append_str(&request, json);
    enum cli_exit code = request.failed
                             ? remote_fail(r, CLI_USAGE, "the request is too long to be sent")
                             : remote_write_all(r, buf_str(&request));
    if (request.data != NULL) {
        explicit_bzero(request.data, request.cap);
    }
    buf_fini(&request);
    return code;
}

/* Reads a head into r->in; it stays there, `head` refers to it. */
static enum cli_exit read_head(struct remote *r, struct http_head *head, int64_t deadline)
{
    const char *reason;
    int len;

    http_response_init(head);
    while ((len = http_parse_head(head, r->in.data, r->in.len, &reason)) == 0) {
        enum cli_exit code = remote_read_more(r, deadline);
        if (code != CLI_OK) {
            return code;
        }
    }
    r->status = len > 0 ? head->status : 0;
    return len > 0 ? CLI_OK : remote_fail(r, CLI_PROTOCOL, "the other side does not speak HTTP");
}

static enum cli_exit read_chunks(struct remote *r, struct buf *body, int64_t deadline)
{
    struct http_chunked chunked;
    bool done = false;

    http_chunked_init(&chunked);
    while (!done) {
        int len = http_chunked_feed(&chunked, r->in.data, r->in.len, body, &done);
        if (len == -413) {
            body->failed = true;
            return CLI_OK;
        }
        if (len < 0) {
            return remote_fail(r, CLI_PROTOCOL, "the body of the answer is broken");
        }
        buf_consume(&r->in, (size_t)len);
        enum cli_exit code = done ? CLI_OK : remote_read_more(r, deadline);
        if (code != CLI_OK) {
            return code;
        }
    }
    return CLI_OK;
}

/* Reads a body that is longer than `body` may be no further: it need not have an end. */
static enum cli_exit read_body(struct remote *r, const struct http_head *head, struct buf *body,
                               int64_t deadline)
{
    if (head->chunked) {
        return read_chunks(r, body, deadline);
    }
    uint64_t left = head->until_close ? UINT64_MAX : head->content_length;
    while (left > 0 && !body->failed) {
        size_t len = r->in.len < left ? r->in.len : (size_t)left;
        buf_append(body, r->in.data, len);
        buf_consume(&r->in, len);
        left -= len;
        enum cli_exit code = left > 0 ? remote_read_more(r, deadline) : CLI_OK;
        if (code == CLI_UNAVAILABLE && head->until_close) {
            return CLI_OK;
        }
        if (code != CLI_OK) {
            return code;
        }
    }
    return CLI_OK;
}

enum cli_exit remote_request(struct remote *r, const struct address *to, struct str path,
                             struct str json, struct buf *answer, int *ret_status)
{
    struct http_head head;
    int64_t deadline = socket_now_ms() + r->timeout_ms;

    enum cli_exit code = connect_to(r, &to->url);
    if (code == CLI_OK) {
        code = send_request(r, to, path, "Connection: close\r\n", json);
    }
    if (code == CLI_OK) {
        code = read_head(r, &head, deadline);
    }
    if (code != CLI_OK) {
        return code;
    }
    buf_consume(&r->in, head.scanned);
    code = read_body(r, &head, answer, deadline);
    if (code == CLI_OK && answer->failed) {
        return remote_fail(r, CLI_PROTOCOL, "the answer is larger than any that is expected");
    }
    *ret_status = head.status;
    return code;
}

/* The answer to a handshake was not 101: what it says instead. */
static enum cli_exit hear_refusal(struct remote *r, const struct http_head *head, int64_t deadline)
{
    struct buf body, said;
    int status = head->status;

    buf_init(&body, MAX_ERROR);
    buf_init(&said, MAX_ERROR);
    buf_consume(&r->in, head->scanned);
    (void)read_body(r, head, &body, deadline);
    enum cli_exit code = answer_judge(status, body.failed ? STR("") : buf_str(&body), &said);
    buf_clear(&r->error);
    if (code == CLI_FAILED) {
        buf_append_str(&r->error, STR("no WebSocket is served there: "));
        code = CLI_PROTOCOL;
    }
    buf_append_str(&r->error, buf_str(&said));
    buf_fini(&said);
    buf_fini(&body);
    return code;
}

static enum cli_exit judge_handshake(struct remote *r, const struct http_head *head,
                                     struct str accept, int64_t deadline)
{
    if (head->status != 101) {
        return hear_refusal(r, head, deadline);
    }
    if (head->upgrade_websocket &&
        str_equal(http_value(head, r->in.data, HTTP_WS_ACCEPT), accept)) {
        return CLI_OK;
    }
    return remote_fail(r, CLI_PROTOCOL, "the other side answered the handshake wrongly");
}

enum cli_exit remote_open(struct remote *r, const struct address *to, struct str target)
{
    uint8_t nonce[16];
    char key[24], accept[WS_ACCEPT_SIZE], fields[160];
    struct http_head head;
    int64_t deadline = socket_now_ms() + r->timeout_ms;

    remote_fill_random(nonce, sizeof(nonce));
    base64_encode(nonce, sizeof(nonce), key);
    ws_accept_key(str_make(key, sizeof(key)), accept);
    (void)snprintf(fields, sizeof(fields),
                   "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %.*s\r\n",
                   (int)sizeof(key), key);
    enum cli_exit code = connect_to(r, &to->url);
    if (code == CLI_OK) {
        code = send_request(r, to, target, fields, STR(""));
    }
    if (code == CLI_OK) {
        code = read_head(r, &head, deadline);
    }
    if (code == CLI_OK) {
        code = judge_handshake(r, &head, str_make(accept, sizeof(accept)), deadline);
    }
    if (code == CLI_OK) {
        buf_consume(&r->in, head.scanned);
        ws_parser_init(&r->parser, WS_CLIENT, REMOTE_MAX_MESSAGE);
    }
    return code;
}
