#include "matrix/health.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/printable.h"
#include "http/head.h"

enum { TIME_MS = 5000, REST_MS = 1000, MAX_ANSWER = 1024 * 1024 };

struct visitor {
    int fd; /* -1: the place is free */
    uint64_t until_ms;
    struct http_head head;
    char request[HTTP_MAX_HEAD];
    size_t len;
    struct buf answer; /* empty while the request is read */
    size_t sent;
};

struct health {
    struct health_ports ports;
    int fd;
    uint64_t rest_ms; /* until when nobody is let in; 0: they are */
    struct visitor visitors[HEALTH_CONNECTIONS];
};

/* --- listening -------------------------------------------------------------------------------- */

static bool refuse(struct str address, const char *what, struct buf *error)
{
    buf_append_str(error, STR("bridge.health: "));
    printable_append(error, address);
    buf_printf(error, " %s", what);
    return false;
}

/* "[::1]:80" as "::1" and "80". */
static bool split(struct str address, char host[128], char port[8])
{
    struct str name, digits;

    if (!http_host_split(address, &name, &digits) || digits.len == 0) {
        return false;
    }
    if (name.ptr[0] == '[') {
        name = str_slice(name, 1, name.len - 1);
    }
    if (name.len >= 128 || digits.len >= 8) {
        return false;
    }
    (void)str_format(host, 128, "%.*s", STR_ARG(name));
    (void)str_format(port, 8, "%.*s", STR_ARG(digits));
    return true;
}

static int listen_at(const struct addrinfo *found)
{
    int on = 1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -errno;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, HEALTH_CONNECTIONS) != 0) {
        int failure = -errno;
        (void)close(fd);
        return failure;
    }
    return fd;
}

static bool open_listener(struct health *h, struct str address, struct buf *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    char host[128], port[8];

    if (!split(address, host, port) || getaddrinfo(host, port, &hints, &found) != 0) {
        return refuse(address, "is no address; one is like 127.0.0.1:8767", error);
    }
    h->fd = listen_at(found);
    freeaddrinfo(found);
    if (h->fd == -EADDRINUSE) {
        return refuse(address, "is taken by another program; choose another port", error);
    }
    return h->fd >= 0 || refuse(address, strerror(-h->fd), error);
}

static void visitor_end(struct visitor *v)
{
    if (v->fd >= 0) {
        (void)close(v->fd);
    }
    v->fd = -1;
    buf_fini(&v->answer);
}

struct health *health_new(struct str address, const struct health_ports *ports, struct buf *error)
{
    struct health *h = calloc(1, sizeof(*h));

    if (h == NULL) {
        buf_append_str(error, STR("out of memory"));
        return NULL;
    }
    h->ports = *ports;
    h->fd = -1;
    for (size_t i = 0; i < HEALTH_CONNECTIONS; i++) {
        h->visitors[i].fd = -1;
        buf_init(&h->visitors[i].answer, MAX_ANSWER);
    }
    if (!open_listener(h, address, error)) {
        health_free(h);
        return NULL;
    }
    return h;
}

void health_free(struct health *h)
{
    if (h == NULL) {
        return;
    }
    for (size_t i = 0; i < HEALTH_CONNECTIONS; i++) {
        visitor_end(&h->visitors[i]);
    }
    if (h->fd >= 0) {
        (void)close(h->fd);
    }
    free(h);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void answer(struct visitor *v, int status, const char *type, struct str body,
                   const char *field)
{
    bool head_only = v->head.done && v->head.method == HTTP_HEAD;

    buf_clear(&v->answer);
    buf_printf(&v->answer,
               "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
               "Cache-Control: no-store\r\nConnection: close\r\n%s\r\n",
               status, http_reason(status), type, body.len, field);
    if (!head_only) {
        buf_append_str(&v->answer, body);
    }
    v->sent = 0;
}

static void answer_text(struct visitor *v, int status, const char *body)
{
    answer(v, status, "text/plain; charset=utf-8", str_from_z(body), "");
}

static void answer_ready(struct health *h, struct visitor *v)
{
    struct buf why;

    buf_init(&why, 4096);
    bool is_ready = h->ports.ready(h->ports.owner, &why);
    buf_append_char(&why, '\n');
    if (is_ready) {
        answer_text(v, 200, "ready\n");
    } else {
        answer(v, 503, "text/plain; charset=utf-8", buf_str(&why), "");
    }
    buf_fini(&why);
}

static void answer_metrics(struct health *h, struct visitor *v)
{
    struct buf text;

    buf_init(&text, MAX_ANSWER / 2);
    h->ports.metrics(h->ports.owner, &text);
    answer(v, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&text), "");
    buf_fini(&text);
}

static void answer_request(struct health *h, struct visitor *v)
{
    struct str path = http_path(&v->head, v->request);

    if (v->head.method != HTTP_GET && v->head.method != HTTP_HEAD) {
        answer(v, 405, "text/plain; charset=utf-8", STR("only GET\n"), "Allow: GET, HEAD\r\n");
    } else if (str_equal(path, STR("/healthz"))) {
        answer_text(v, 200, "ok\n");
    } else if (str_equal(path, STR("/readyz"))) {
        answer_ready(h, v);
    } else if (str_equal(path, STR("/metrics"))) {
        answer_metrics(h, v);
    } else {
        answer_text(v, 404, "there are /healthz, /readyz and /metrics\n");
    }
}

/* --- sockets ---------------------------------------------------------------------------------- */

/* Without a descriptor who knocks goes on to knock, and would be looked at again and again. */
static void accept_visitor(struct health *h, uint64_t now_ms)
{
    int fd = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        h->rest_ms = now_ms + REST_MS;
    }
    for (size_t i = 0; fd >= 0 && i < HEALTH_CONNECTIONS; i++) {
        struct visitor *v = &h->visitors[i];
        if (v->fd < 0) {
            v->fd = fd;
            v->len = 0;
            v->until_ms = now_ms + TIME_MS;
            buf_init(&v->answer, MAX_ANSWER);
            http_request_init(&v->head);
            return;
        }
    }
    if (fd >= 0) {
        (void)close(fd); /* there are as many as there may be */
    }
}

static void read_request(struct health *h, struct visitor *v)
{
    const char *reason;
    ssize_t got = recv(v->fd, v->request + v->len, sizeof(v->request) - v->len, 0);

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        visitor_end(v);
        return;
    }
    v->len += (size_t)got;
    int done = http_parse_head(&v->head, v->request, v->len, &reason);
    if (done > 0) {
        answer_request(h, v);
    } else if (done < 0) {
        answer_text(v, -done, reason);
    } else if (v->len == sizeof(v->request)) {
        answer_text(v, 431, "the head of the request is too long\n");
    }
}

static void write_answer(struct visitor *v)
{
    ssize_t sent = v->answer.failed ? -1
                                    : send(v->fd, v->answer.data + v->sent, v->answer.len - v->sent,
                                           MSG_NOSIGNAL);

    if (sent < 0 && !v->answer.failed && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (sent < 0) {
        visitor_end(v);
        return;
    }
    v->sent += (size_t)sent;
    if (v->sent == v->answer.len) {
        (void)shutdown(v->fd, SHUT_WR);
        visitor_end(v);
    }
}

size_t health_watch(const struct health *h, struct http_watch watches[HEALTH_WATCHES])
{
    size_t count = 0;

    if (h == NULL) {
        return 0;
    }
    watches[count++] = (struct http_watch){.fd = h->fd, .events = h->rest_ms == 0 ? POLLIN : 0};
    for (size_t i = 0; i < HEALTH_CONNECTIONS; i++) {
        const struct visitor *v = &h->visitors[i];
        if (v->fd >= 0) {
            watches[count++] =
                (struct http_watch){.fd = v->fd, .events = v->answer.len > 0 ? POLLOUT : POLLIN};
        }
    }
    return count;
}

static void serve(struct health *h, struct visitor *v)
{
    if (v->answer.len == 0 && !v->answer.failed) {
        read_request(h, v);
    }
    if (v->fd >= 0 && (v->answer.len > 0 || v->answer.failed)) {
        write_answer(v);
    }
}

void health_ready(struct health *h, const struct http_watch *watches, size_t count, uint64_t now_ms)
{
    if (h == NULL) {
        return;
    }
    for (size_t i = 0; i < HEALTH_CONNECTIONS; i++) {
        struct visitor *v = &h->visitors[i];
        for (size_t w = 0; v->fd >= 0 && w < count; w++) {
            if (watches[w].fd == v->fd && watches[w].revents != 0) {
                serve(h, v);
            }
        }
        if (v->fd >= 0 && now_ms >= v->until_ms) {
            visitor_end(v);
        }
    }
    if (now_ms >= h->rest_ms) {
        h->rest_ms = 0;
    }
    if (count > 0 && watches[0].revents != 0) {
        accept_visitor(h, now_ms);
    }
}

uint64_t health_deadline(const struct health *h)
{
    uint64_t deadline = h != NULL && h->rest_ms > 0 ? h->rest_ms : UINT64_MAX;

    for (size_t i = 0; h != NULL && i < HEALTH_CONNECTIONS; i++) {
        if (h->visitors[i].fd >= 0 && h->visitors[i].until_ms < deadline) {
            deadline = h->visitors[i].until_ms;
        }
    }
    return deadline;
}
