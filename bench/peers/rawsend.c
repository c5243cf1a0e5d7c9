/*
 * The floor: a hub that does nothing but one send() for each delivery. It believes what it reads
 * (a whole frame of text, masked), checks nothing, and waits in send() when a receiver is slow.
 * A client that connects with ?id=A&to=B speaks to B alone. Two other ways to send are here to be
 * measured (decision 0011): with --sendfile, what is FILE_SIZE or longer is written to a file in
 * memory, and each receiver is sent that; with --uring, the sends of a message are handed to the
 * kernel together.
 * Usage: rawsend [--sendfile|--uring] PORT
 */

#include "base/buf.h"
#include "ws/ws.h"

#include <arpa/inet.h>
#include <errno.h>
#ifdef HAVE_LIBURING
#include <liburing.h>
#endif
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_CLIENTS = 65536,
    MAX_MESSAGE = 16 * 1024 * 1024,
    NAME_SIZE = 32,
    RECEIVE_SIZE = 256 * 1024,
    FILE_SIZE = 16 * 1024,
    RING_SIZE = 1024, /* sends that are handed over together, at most */
};

enum way { BY_SEND, BY_FILE, BY_RING };

struct client {
    int fd; /* -1: free */
    bool upgraded;
    uint32_t place; /* its index in `members` */
    struct buf in;  /* a request or frame that is not whole */
    char id[NAME_SIZE];
    char to[NAME_SIZE];
};

static struct client *clients[MAX_CLIENTS]; /* by descriptor */
static int members[MAX_CLIENTS];            /* descriptors of those who are upgraded */
static uint32_t member_count;
static char receive[RECEIVE_SIZE];
static enum way way;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void drop_client(struct client *c)
{
    if (c->upgraded) {
        members[c->place] = members[--member_count];
        clients[members[c->place]]->place = c->place;
    }
    clients[c->fd] = NULL;
    close(c->fd);
    buf_fini(&c->in);
    free(c);
}

/* The value of a query parameter (`key` ends in '='), or the empty text. */
static void copy_parameter(struct str target, struct str key, char ret_value[NAME_SIZE])
{
    const char *at = memmem(target.ptr, target.len, key.ptr, key.len);
    size_t len = 0;
    if (at != NULL) {
        at += key.len;
        size_t room = (size_t)(target.ptr + target.len - at);
        while (len < room && len < NAME_SIZE - 1 && at[len] != '&' && at[len] != ' ') {
            ret_value[len] = at[len];
            len++;
        }
    }
    ret_value[len] = '\0';
}

static size_t take_request(struct client *c, struct str in)
{
    static const char key_field[] = "Sec-WebSocket-Key: ";
    const char *end = memmem(in.ptr, in.len, "\r\n\r\n", 4);
    const char *key = memmem(in.ptr, in.len, key_field, sizeof(key_field) - 1);
    if (end == NULL || key == NULL) {
        return 0;
    }
    char accept[WS_ACCEPT_SIZE];
    ws_accept_key(str_make(key + sizeof(key_field) - 1, 24), accept);
    char answer[256];
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Accept: %.*s\r\n\r\n",
                       WS_ACCEPT_SIZE, accept);
    if (send(c->fd, answer, (size_t)len, MSG_NOSIGNAL) != len) {
        return 0;
    }
    struct str line = str_slice(in, 0, str_find(in, '\r'));
    copy_parameter(line, STR("?id="), c->id);
    copy_parameter(line, STR("&to="), c->to);
    c->upgraded = true;
    c->place = member_count;
    members[member_count++] = c->fd;
    return (size_t)(end - in.ptr) + 4;
}

/* --- by a ring -------------------------------------------------------------------------------- */

#ifdef HAVE_LIBURING

static struct io_uring ring;
static unsigned queued;

static void open_ring(void)
{
    int error = io_uring_queue_init(RING_SIZE, &ring,
                                    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    if (error < 0) {
        errno = -error;
        die("io_uring");
    }
}

/* Hands over what is queued, and waits until all of it is sent. */
static void end_sends(void)
{
    while (queued > 0) {
        if (io_uring_submit_and_wait(&ring, queued) < 0) {
            die("io_uring_enter");
        }
        unsigned done = io_uring_cq_ready(&ring);
        io_uring_cq_advance(&ring, done); /* who is gone: its own event will say so */
        queued -= done;
    }
}

static void queue_send(int fd, const char *frame, size_t len)
{
    if (queued == RING_SIZE) {
        end_sends();
    }
    io_uring_prep_send(io_uring_get_sqe(&ring), fd, frame, len, MSG_NOSIGNAL | MSG_WAITALL);
    queued++;
}

#else

static void open_ring(void)
{
    (void)fprintf(stderr, "rawsend was built without liburing\n");
    exit(1);
}

static void end_sends(void)
{
}

static void queue_send(int fd, const char *frame, size_t len)
{
    (void)fd, (void)frame, (void)len;
}

#endif

/* --- delivery --------------------------------------------------------------------------------- */

/* `file` holds the frame as well, or is -1. */
static void send_to(const struct client *c, const char *frame, size_t len, int file)
{
    size_t done = 0;
    if (way == BY_RING) {
        queue_send(c->fd, frame, len);
        return;
    }
    while (done < len) {
        off_t from = (off_t)done;
        ssize_t sent = file >= 0 ? sendfile(c->fd, file, &from, len - done)
                                 : send(c->fd, frame + done, len - done, MSG_NOSIGNAL);
        if (sent < 0) {
            return; /* it is gone; its own event will say so */
        }
        done += (size_t)sent;
    }
}

/* A new file each time: receivers may still be reading the pages of the last one. */
static int file_of(const char *frame, size_t len)
{
    if (way != BY_FILE || len < FILE_SIZE) {
        return -1;
    }
    int file = memfd_create("frame", MFD_CLOEXEC);
    if (file < 0 || write(file, frame, len) != (ssize_t)len) {
        die("memfd_create");
    }
    return file;
}

static void deliver(const struct client *from, const char *frame, size_t len)
{
    int file = file_of(frame, len);
    for (uint32_t i = 0; i < member_count; i++) {
        const struct client *c = clients[members[i]];
        if (c != from && (from->to[0] == '\0' || strcmp(c->id, from->to) == 0)) {
            send_to(c, frame, len, file);
            if (from->to[0] != '\0') {
                break;
            }
        }
    }
    end_sends();
    if (file >= 0) {
        close(file);
    }
}

/* Turns the first frame into a server's and delivers it; 0 when it is not whole. */
static size_t take_frame(const struct client *c, char *data, size_t len)
{
    size_t at = 2;
    if (len < 2) {
        return 0;
    }
    uint64_t payload = (unsigned char)data[1] & 0x7f;
    size_t extra = payload < 126 ? 0 : payload == 126 ? 2 : 8;
    if (len < at + extra + 4) {
        return 0;
    }
    for (payload = extra > 0 ? 0 : payload; at < 2 + extra; at++) {
        payload = payload << 8 | (unsigned char)data[at];
    }
    if (len - at - 4 < payload) {
        return 0;
    }
    char *text = data + at + 4;
    uint8_t mask[4];
    memcpy(mask, data + at, 4);
    ws_mask(text, payload, mask, 0);
    char header[WS_MAX_HEADER];
    size_t header_len = ws_write_header(header, WS_TEXT, payload);
    memcpy(text - header_len, header, header_len);
    deliver(c, text - header_len, header_len + payload);
    return at + 4 + payload;
}

static void serve_client(struct client *c)
{
    ssize_t got = recv(c->fd, receive, sizeof(receive), 0);
    if (got <= 0) {
        drop_client(c);
        return;
    }
    char *data = receive;
    size_t len = (size_t)got;
    bool waiting = c->in.len > 0;
    if (waiting) {
        buf_append(&c->in, receive, len);
        data = c->in.data;
        len = c->in.len;
    }
    size_t taken = 0;
    size_t step;
    do {
        step = c->upgraded ? take_frame(c, data + taken, len - taken)
                           : take_request(c, str_make(data + taken, len - taken));
        taken += step;
    } while (step > 0);
    if (waiting) {
        buf_consume(&c->in, taken);
    } else {
        buf_append(&c->in, data + taken, len - taken);
    }
    if (c->in.failed) {
        drop_client(c);
    }
}

static void accept_client(int listener, int epoll)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    struct client *c = calloc(1, sizeof(*c));
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (c == NULL || fd >= MAX_CLIENTS || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(c);
        close(fd);
        return;
    }
    c->fd = fd;
    buf_init(&c->in, MAX_MESSAGE);
    clients[fd] = c;
}

static int open_listener(const char *port)
{
    uint64_t number;
    if (!str_to_uint(str_from_z(port), UINT16_MAX, &number)) {
        (void)fprintf(stderr, "usage: rawsend [--sendfile|--uring] PORT\n");
        exit(2);
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)number),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) != 0 ||
        bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        die("listen");
    }
    printf("port %u\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    (void)signal(SIGPIPE, SIG_IGN); /* sendfile has no MSG_NOSIGNAL */
    if (argc > 1 && strcmp(argv[1], "--sendfile") == 0) {
        way = BY_FILE;
    } else if (argc > 1 && strcmp(argv[1], "--uring") == 0) {
        way = BY_RING;
        open_ring();
    }
    argv += way != BY_SEND;
    argc -= way != BY_SEND;
    int listener = open_listener(argc > 1 ? argv[1] : "0");
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0) {
        die("epoll");
    }
    for (;;) {
        struct epoll_event events[512];
        int count = epoll_wait(epoll, events, 512, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                accept_client(listener, epoll);
            } else if (clients[fd] != NULL) {
                serve_client(clients[fd]);
            }
        }
    }
}
