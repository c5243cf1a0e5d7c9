#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <openssl/err.h>

#include "net/peer.h"
#include "net/stream_tls_internal.h"

enum {
    RECORD_SIZE = SSL3_RT_MAX_PLAIN_LENGTH,
    OWED_MAX = 128 * 1024, /* a certificate with its chain, and a record */
    LEAST_READ = 2 * 1024, /* bytes of a receive, of records that may be tiny; */
    LARGE_RECORD = 256,    /* with records of as many, it may be more */
    PLAIN_READS = 8,       /* of as many bytes, of what is no TLS */
    LATE_MAX = 16,         /* messages of the handshake after its end, both ways, and one */
    LATE_BYTES = 8 * 1024  /* more for as many bytes of data in between */
};

struct stream {
    struct tls *tls; /* owned by one reference */
    SSL *ssl;        /* NULL until the peer has said something */
    int fd;
    struct list waiting;    /* for its turn in the handshake, */
    uint64_t conn;          /* and whose it is */
    struct ip_network peer; /* once it is known */
    bool knows_peer;
    bool is_ready;
    bool is_over;   /* the handshake, also in the middle of a receive */
    bool finishes;  /* we do: SHUT_WR comes behind what is owed */
    bool has_ended; /* the peer has said that it does, or TLS has failed: */
    bool has_failed;
    const char *why;   /* it has; a constant text */
    bool holds_byte;   /* the first byte of the next send was encrypted with the last one */
    struct buf owed;   /* encrypted, and not taken by the socket */
    const char *input; /* while receiving: what came, and OpenSSL has not taken yet */
    size_t input_len;
    size_t reach;  /* what a receive takes from the socket at most */
    size_t came;   /* with the last receive */
    unsigned late; /* messages of the handshake since its end, that are not forgiven yet */
    size_t since;  /* bytes of data since one was */
};

/* --- how OpenSSL reads and writes ------------------------------------------------------------- */

static int give_input(BIO *bio, char *bytes, int cap)
{
    struct stream *s = BIO_get_data(bio);
    size_t len = s->input_len < (size_t)cap ? s->input_len : (size_t)cap;

    BIO_clear_retry_flags(bio);
    if (len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(bytes, s->input, len);
    s->input += len;
    s->input_len -= len;
    return (int)len;
}

/* Writes to the socket. Returns how much it took, 0 when it is full, or -1: it is broken. */
static ssize_t write_socket(int fd, const char *bytes, size_t len)
{
    ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

    return sent < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) ? 0 : sent;
}

/* Takes all, so that a write need never be repeated with the same bytes. */
static int take_output(BIO *bio, const char *bytes, int len)
{
    struct stream *s = BIO_get_data(bio);
    ssize_t sent = s->owed.len > 0 ? 0 : write_socket(s->fd, bytes, (size_t)len);

    BIO_clear_retry_flags(bio);
    if (sent < 0) {
        return -1;
    }
    if (sent < len) {
        buf_append(&s->owed, bytes + sent, (size_t)len - (size_t)sent);
    }
    return s->owed.failed ? -1 : len;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *stream_tls_socket(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "parley");

    if (method != NULL && BIO_meth_set_read(method, give_input) == 1 &&
        BIO_meth_set_write(method, take_output) == 1 && BIO_meth_set_ctrl(method, control) == 1) {
        return method;
    }
    BIO_meth_free(method);
    return NULL;
}

/* Writes what is owed. False: it is not all gone (errno EAGAIN), or the socket is broken. */
static bool pay(struct stream *s)
{
    if (s->owed.len == 0) {
        return true;
    }
    ssize_t sent = write_socket(s->fd, s->owed.data, s->owed.len);
    if (sent < 0) {
        return false;
    }
    buf_consume(&s->owed, (size_t)sent);
    if (s->owed.len > 0) {
        errno = EAGAIN;
        return false;
    }
    buf_fini(&s->owed);
    buf_init(&s->owed, OWED_MAX);
    if (s->finishes) {
        (void)shutdown(s->fd, SHUT_WR);
    }
    return true;
}

/* --- streams ---------------------------------------------------------------------------------- */

struct stream *stream_tls_new(struct tls *tls, int fd)
{
    struct stream *s = calloc(1, sizeof(*s));

    if (s != NULL) {
        s->fd = fd;
        list_init(&s->waiting);
        s->reach = LEAST_READ;
        s->tls = tls;
        (void)shared_ref(&tls->shared);
        buf_init(&s->owed, OWED_MAX);
    }
    return s;
}

/* close_notify, once. */
static void say_goodbye(struct stream *s)
{
    ERR_clear_error();
    if (s->is_ready && !s->has_failed && (SSL_get_shutdown(s->ssl) & SSL_SENT_SHUTDOWN) == 0) {
        (void)SSL_shutdown(s->ssl);
    }
    ERR_clear_error();
}

void stream_tls_free(struct stream *s)
{
    if (s != NULL) {
        /* Who says goodbye may wait for the answer. */
        if (s->has_ended && !s->has_failed) {
            say_goodbye(s);
        }
        list_remove(&s->waiting);
        SSL_free(s->ssl);
        buf_fini(&s->owed);
        tls_unref(s->tls);
        free(s);
    }
}

const struct ip_network *stream_tls_peer(struct stream *s)
{
    if (!s->knows_peer) {
        struct peer peer;
        peer_find(s->fd, &peer);
        s->peer = ip_network_of(peer.address);
        s->knows_peer = true;
    }
    return &s->peer;
}

void stream_tls_queue(struct stream *s, struct list *queue, uint64_t conn)
{
    s->conn = conn;
    if (list_empty(&s->waiting)) {
        list_append(queue, &s->waiting);
    }
}

bool stream_tls_is_queued(const struct stream *s)
{
    return !list_empty(&s->waiting);
}

bool stream_tls_next(struct list *queue, uint64_t *ret_conn)
{
    if (list_empty(queue)) {
        return false;
    }
    struct stream *s = list_entry(queue->next, struct stream, waiting);
    list_remove(&s->waiting);
    *ret_conn = s->conn;
    return true;
}

bool stream_tls_is_ready(const struct stream *s)
{
    return s->is_ready;
}

bool stream_tls_is_resumed(const struct stream *s)
{
    return s->is_ready && SSL_session_reused(s->ssl) == 1;
}

size_t stream_tls_came(const struct stream *s)
{
    return s->came;
}

bool stream_tls_owes(const struct stream *s)
{
    return s->owed.len > 0;
}

/* A server's begins with the first bytes of its peer: who says nothing costs little more than on a
   plain connection. */
static bool begin(struct stream *s)
{
    BIO *bio = BIO_new(s->tls->socket);

    s->ssl = SSL_new(s->tls->context);
    if (bio == NULL || s->ssl == NULL) {
        BIO_free(bio);
        SSL_free(s->ssl);
        s->ssl = NULL;
        ERR_clear_error();
        return false;
    }
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    SSL_set_bio(s->ssl, bio, bio);
    if (s->tls->is_client) {
        SSL_set_connect_state(s->ssl);
    } else {
        SSL_set_accept_state(s->ssl);
    }
    return true;
}

/*
 * Somebody speaks HTTP without TLS. What has come of his request is taken, all of a head: left
 * unread it would make a reset of the end, which may take the answer with it.
 */
static void answer_plain(int fd)
{
    static const char answer[] =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        "{\"error\":{\"code\":\"INVALID_MESSAGE\",\"message\":\"This port speaks TLS: use https:// "
        "or wss://.\",\"details\":{}}}\n";
    char rest[LEAST_READ];

    (void)write_socket(fd, answer, sizeof(answer) - 1);
    for (int i = 0; i < PLAIN_READS && recv(fd, rest, sizeof(rest), MSG_DONTWAIT) > 0; i++) {
    }
    explicit_bzero(rest, sizeof(rest)); /* there may be a credential in it */
}

static const char *name_failure(const struct stream *s)
{
    long verdict = SSL_get_verify_result(s->ssl);
    const char *reason = ERR_reason_error_string(ERR_peek_error());

    return verdict != X509_V_OK ? X509_verify_cert_error_string(verdict)
           : reason != NULL     ? reason
                                : "the connection broke off";
}

/* Why a read gave nothing. Returns whether the stream goes on. */
static bool take_failure(struct stream *s, int result)
{
    int error = SSL_get_error(s->ssl, result);

    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return true;
    }
    s->has_ended = true;
    s->has_failed = error != SSL_ERROR_ZERO_RETURN || s->late > LATE_MAX;
    s->why = s->has_failed ? name_failure(s) : NULL;
    if (!s->tls->is_client && ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST) {
        answer_plain(s->fd);
    }
    ERR_clear_error();
    /* From now on epoll says that there is an end to be read. */
    (void)shutdown(s->fd, SHUT_RD);
    return false;
}

struct stream *stream_tls_connect(struct tls *tls, int fd, const char *host)
{
    struct stream *s = stream_tls_new(tls, fd);
    struct in6_addr address;

    if (s == NULL || !begin(s)) {
        stream_tls_free(s);
        return NULL;
    }
    /* An address is in no SNI, and stands in a certificate as one. */
    bool is_address =
        inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
    bool is_named = is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s->ssl), host) == 1
                               : SSL_set1_host(s->ssl, host) == 1 &&
                                     SSL_set_tlsext_host_name(s->ssl, host) == 1;
    ERR_clear_error();
    int result = is_named ? SSL_do_handshake(s->ssl) : -1;
    if (!is_named || !take_failure(s, result)) {
        stream_tls_free(s);
        return NULL;
    }
    return s;
}

const char *stream_tls_failure(const struct stream *s)
{
    return s->why;
}

/*
 * A message of the handshake after its end takes OpenSSL through its states again (1.3; twice, when
 * the answer is one as well), or is answered with a warning (1.2). After too many of them the
 * stream is told that its peer has ended, which is the one thing that lets OpenSSL stop in the
 * middle of what it was given.
 */
void stream_tls_notice(const SSL *ssl, int where, int value)
{
    struct stream *s = BIO_get_data(SSL_get_rbio(ssl));

    (void)value;
    s->is_over = s->is_over || where == SSL_CB_HANDSHAKE_DONE;
    if (s->is_over && (where == SSL_CB_ACCEPT_EXIT || where == SSL_CB_WRITE_ALERT) &&
        ++s->late > LATE_MAX) {
        SSL_set_shutdown(s->ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);
    }
}

static void forgive(struct stream *s, size_t len)
{
    s->since += len;
    if (s->since >= LATE_BYTES) {
        size_t most = s->since / LATE_BYTES;
        s->late -= s->late < most ? s->late : (unsigned)most;
        s->since %= LATE_BYTES;
    }
}

/*
 * How much the next receive takes. A record costs some microseconds however short it is, so of one
 * who sends tiny ones little is read at a time, and others have their turn in between.
 */
static void set_reach(struct stream *s, unsigned records)
{
    bool is_large = records == 0 || s->came / records >= LARGE_RECORD;

    if (!is_large) {
        s->reach = LEAST_READ;
    } else if (s->came == s->reach && s->reach < RECORD_SIZE * 4) {
        s->reach *= 4;
    }
}

/* What a read says when there are no bytes. */
static ssize_t tell_end(const struct stream *s)
{
    if (!s->has_ended) {
        errno = EAGAIN;
        return -1;
    }
    errno = EPROTO;
    return s->has_failed ? -1 : 0;
}

/*
 * What comes from the socket goes to the end of `bytes`, and what it means to the front: at most a
 * record that was here in part before, and what has come, so neither overtakes the other.
 */
static ssize_t receive_tls(struct stream *s, int fd, void *bytes, size_t cap)
{
    char *out = bytes;
    size_t len = 0;
    unsigned records = 0;

    s->came = 0;
    assert(cap > TLS_HEADROOM);
    if (s->has_ended) {
        return tell_end(s);
    }
    /* One that ends without close_notify has ended all the same: messages say how long they are. */
    size_t most = cap - TLS_HEADROOM < s->reach ? cap - TLS_HEADROOM : s->reach;
    ssize_t got = recv(fd, out + TLS_HEADROOM, most, MSG_DONTWAIT);
    if (got <= 0) {
        return got;
    }
    if (s->ssl == NULL && !begin(s)) {
        errno = ENOMEM;
        return -1;
    }
    s->came = (size_t)got;
    s->input = out + TLS_HEADROOM;
    s->input_len = (size_t)got;
    for (;;) {
        size_t piece = 0;
        ERR_clear_error();
        int result = SSL_read_ex(s->ssl, out + len, cap - len, &piece);
        if (result != 1) {
            bool goes_on = take_failure(s, result);
            assert(!goes_on || s->input_len == 0);
            break;
        }
        len += piece;
        records++;
    }
    s->input_len = 0;
    set_reach(s, records);
    s->is_ready = s->is_ready || SSL_is_init_finished(s->ssl) == 1;
    forgive(s, len);
    return len > 0 ? (ssize_t)len : tell_end(s);
}

/* The pieces of a send, and how far they have been taken. */
struct pieces {
    const struct iovec *iov;
    int count;
    size_t at; /* in the first */
};

/*
 * The next bytes, at most a record of them, taken off the pieces: where they stand when they stand
 * together, else copied to `room`.
 */
static struct str next_record(struct pieces *p, char room[RECORD_SIZE])
{
    struct str record = {room, 0};

    while (p->count > 0 && record.len < RECORD_SIZE) {
        const char *from = (const char *)p->iov->iov_base + p->at;
        size_t here = p->iov->iov_len - p->at;
        size_t len = here < RECORD_SIZE - record.len ? here : RECORD_SIZE - record.len;
        if (record.len == 0 && (len == RECORD_SIZE || p->count == 1)) {
            record.ptr = from;
        } else if (len > 0) {
            memcpy(room + record.len, from, len);
        }
        record.len += len;
        p->at += len;
        if (p->at == p->iov->iov_len) {
            p->iov++;
            p->count--;
            p->at = 0;
        }
    }
    return record;
}

/* Encrypts and writes until the socket is full. Returns how many bytes were taken, or -1. */
static ssize_t send_records(struct stream *s, struct pieces *p)
{
    char room[RECORD_SIZE];
    size_t taken = 0;

    while (s->owed.len == 0) {
        struct str record = next_record(p, room);
        size_t written = 0;
        if (record.len == 0) {
            break;
        }
        ERR_clear_error();
        if (SSL_write_ex(s->ssl, record.ptr, record.len, &written) != 1) {
            ERR_clear_error();
            errno = EPIPE;
            return -1;
        }
        assert(written == record.len);
        taken += written;
    }
    return (ssize_t)taken;
}

static ssize_t send_tls(struct stream *s, int fd, const struct iovec *iov, int count)
{
    struct pieces p = {iov, count, 0};
    size_t total = 0;

    (void)fd;
    if (!pay(s)) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        total += iov[i].iov_len;
    }
    if (total == 0) {
        return 0;
    }
    if (!s->is_ready || s->has_failed) {
        errno = EPIPE;
        return -1;
    }
    size_t before = s->holds_byte ? 1 : 0;
    s->holds_byte = false;
    p.at = before;
    if (p.at == iov[0].iov_len) {
        p = (struct pieces){iov + 1, count - 1, 0};
    }
    ssize_t taken = send_records(s, &p);
    if (taken < 0) {
        return -1;
    }
    size_t all = before + (size_t)taken;
    s->holds_byte = all == total && s->owed.len > 0;
    return (ssize_t)(all - (s->holds_byte ? 1 : 0));
}

static void finish_tls(struct stream *s, int fd)
{
    say_goodbye(s);
    s->finishes = true;
    /* Behind SHUT_WR nothing is taken any more, and epoll would say for ever that there is room. */
    if (s->owed.len == 0) {
        (void)shutdown(fd, SHUT_WR);
    }
}

const struct stream_type stream_tls = {
    .receive = receive_tls,
    .send = send_tls,
    .finish = finish_tls,
};
