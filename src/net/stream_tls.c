#include "net/stream_tls.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/printable.h"
#include "base/shared.h"

enum {
    RECORD_SIZE = SSL3_RT_MAX_PLAIN_LENGTH,
    OWED_MAX = 128 * 1024, /* a certificate with its chain, and a record */
};

struct tls {
    struct shared shared;
    SSL_CTX *context;
    BIO_METHOD *socket; /* how OpenSSL reads and writes */
};

struct stream {
    struct tls *tls; /* owned by one reference */
    SSL *ssl;        /* NULL until the peer has said something */
    int fd;
    bool is_ready;
    bool has_ended; /* the peer has said that it does, or TLS has failed: */
    bool has_failed;
    bool holds_byte;   /* the first byte of the next send was encrypted with the last one */
    struct buf owed;   /* encrypted, and not taken by the socket */
    const char *input; /* while receiving: what came, and OpenSSL has not taken yet */
    size_t input_len;
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
    return true;
}

/* --- streams ---------------------------------------------------------------------------------- */

struct stream *stream_tls_new(struct tls *tls, int fd)
{
    struct stream *s = calloc(1, sizeof(*s));

    if (s != NULL) {
        s->fd = fd;
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
        SSL_free(s->ssl);
        buf_fini(&s->owed);
        tls_unref(s->tls);
        free(s);
    }
}

bool stream_tls_is_ready(const struct stream *s)
{
    return s->is_ready;
}

bool stream_tls_is_resumed(const struct stream *s)
{
    return s->is_ready && SSL_session_reused(s->ssl) == 1;
}

bool stream_tls_owes(const struct stream *s)
{
    return s->owed.len > 0;
}

/* The first bytes are here. A connection that says nothing costs no more than a plain one. */
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
    SSL_set_accept_state(s->ssl);
    return true;
}

/* Somebody speaks HTTP without TLS: a browser shows this. */
static void answer_plain(int fd)
{
    static const char answer[] =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
        "This port speaks TLS: use https:// or wss://\n";

    (void)write_socket(fd, answer, sizeof(answer) - 1);
}

/* Why a read gave nothing. Returns whether the stream goes on. */
static bool take_failure(struct stream *s, int result)
{
    int error = SSL_get_error(s->ssl, result);

    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return true;
    }
    s->has_ended = true;
    s->has_failed = error != SSL_ERROR_ZERO_RETURN;
    if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST) {
        answer_plain(s->fd);
    }
    ERR_clear_error();
    /* From now on epoll says that there is an end to be read. */
    (void)shutdown(s->fd, SHUT_RD);
    return false;
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

    assert(cap > TLS_HEADROOM);
    if (s->has_ended) {
        return tell_end(s);
    }
    /* One that ends without close_notify has ended all the same: messages say how long they are. */
    ssize_t got = recv(fd, out + TLS_HEADROOM, cap - TLS_HEADROOM, MSG_DONTWAIT);
    if (got <= 0) {
        return got;
    }
    if (s->ssl == NULL && !begin(s)) {
        errno = ENOMEM;
        return -1;
    }
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
    }
    s->input_len = 0;
    s->is_ready = s->is_ready || SSL_is_init_finished(s->ssl) == 1;
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
    (void)shutdown(fd, SHUT_WR);
}

const struct stream_type stream_tls = {
    .receive = receive_tls,
    .send = send_tls,
    .finish = finish_tls,
};

/* --- certificates ----------------------------------------------------------------------------- */

/* OPTION: FILE WHAT. Returns false. */
static bool refuse(struct buf *error, const char *option, const char *file, const char *what)
{
    buf_printf(error, "%s: ", option);
    printable_append(error, str_from_z(file));
    buf_printf(error, " %s", what);
    ERR_clear_error();
    return false;
}

static bool check_readable(const char *option, const char *file, struct buf *error)
{
    if (access(file, R_OK) == 0) {
        return true;
    }
    const char *why = strerror(errno);
    (void)refuse(error, option, file, "cannot be read");
    buf_printf(error, " (%s); name a file that is there, and that the user of the gateway may read",
               why);
    return false;
}

/* Nobody is at hand to be asked. */
static int no_passphrase(char *text, int cap, int writing, void *owner)
{
    (void)text;
    (void)cap;
    (void)writing;
    *(bool *)owner = true;
    return -1;
}

static EVP_PKEY *read_key(const char *file, struct buf *error)
{
    bool was_asked = false;
    BIO *bio = BIO_new_file(file, "r");
    EVP_PKEY *key =
        bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &was_asked) : NULL;

    BIO_free(bio);
    if (key == NULL) {
        (void)refuse(error, "listen.tls_key", file,
                     was_asked ? "is protected by a passphrase, which nobody can give when the "
                                 "gateway starts; write the key without one (openssl pkey -in FILE "
                                 "-out NEW), for the user of the gateway alone"
                               : "holds no private key in PEM (-----BEGIN PRIVATE KEY-----)");
    }
    return key;
}

static bool load_pair(SSL_CTX *context, const char *cert_file, const char *key_file,
                      struct buf *error)
{
    if (!check_readable("listen.tls_cert", cert_file, error) ||
        !check_readable("listen.tls_key", key_file, error)) {
        return false;
    }
    if (SSL_CTX_use_certificate_chain_file(context, cert_file) != 1) {
        bool weak = ERR_GET_REASON(ERR_peek_error()) == SSL_R_EE_KEY_TOO_SMALL ||
                    ERR_GET_REASON(ERR_peek_error()) == SSL_R_CA_KEY_TOO_SMALL;
        return refuse(error, "listen.tls_cert", cert_file,
                      weak ? "has a key that is too short to protect anything; have one issued "
                             "for RSA of 2048 bits or more, or for P-256"
                           : "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)");
    }
    EVP_PKEY *key = read_key(key_file, error);
    if (key == NULL) {
        return false;
    }
    bool fits = X509_check_private_key(SSL_CTX_get0_certificate(context), key) == 1 &&
                SSL_CTX_use_PrivateKey(context, key) == 1;
    EVP_PKEY_free(key);
    return fits || refuse(error, "listen.tls_key", key_file,
                          "is not the key of the certificate in listen.tls_cert; name the two that "
                          "were issued together");
}

/* The only protocol spoken here; one that wants others alone is told so. */
static int choose_protocol(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_len,
                           const unsigned char *offered, unsigned len, void *owner)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *name;

    (void)ssl;
    (void)owner;
    if (SSL_select_next_proto(&name, ret_len, ours, sizeof(ours) - 1, offered, len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *ret_name = name;
    return SSL_TLSEXT_ERR_OK;
}

/* What is agreed upon. Names that clients ask for (SNI) are not looked at. */
static bool set_rules(SSL_CTX *context)
{
    (void)SSL_CTX_set_options(
        context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CLEANSE_PLAINTEXT |
                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    /* Buffers of 16 KiB each way go when a connection is idle. */
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
           SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1 &&
           SSL_CTX_set_num_tickets(context, 1) == 1;
}

static bool make_socket(struct tls *tls)
{
    tls->socket = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "parley");
    return tls->socket != NULL && BIO_meth_set_read(tls->socket, give_input) == 1 &&
           BIO_meth_set_write(tls->socket, take_output) == 1 &&
           BIO_meth_set_ctrl(tls->socket, control) == 1;
}

static void free_tls(struct shared *shared)
{
    struct tls *tls = (struct tls *)(void *)shared;

    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->socket);
    free(tls);
}

void tls_unref(struct tls *tls)
{
    shared_unref(tls != NULL ? &tls->shared : NULL);
}

int64_t tls_seconds_left(const struct tls *tls)
{
    const X509 *cert = SSL_CTX_get0_certificate(tls->context);
    int days = 0;
    int seconds = 0;

    /* It fails for a time that cannot be read, with which nobody connects either. */
    (void)ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert));
    ERR_clear_error();
    return (int64_t)days * 86400 + seconds;
}

static void warn_of_dates(const struct tls *tls, const char *file, struct buf *warnings)
{
    const X509 *cert = SSL_CTX_get0_certificate(tls->context);
    bool early = X509_cmp_current_time(X509_get0_notBefore(cert)) > 0;

    if (early || tls_seconds_left(tls) <= 0) {
        (void)refuse(warnings, "listen.tls_cert", file,
                     early ? "does not hold yet, and clients will not connect; is the clock right?"
                           : "has run out, and clients will not connect; renew it, and reload");
        buf_append_char(warnings, '\n');
    }
}

struct tls *tls_new(const char *cert_file, const char *key_file, struct buf *warnings,
                    struct buf *error)
{
    struct tls *tls = calloc(1, sizeof(*tls));

    if (tls == NULL) {
        buf_append_str(error, STR("out of memory"));
        return NULL;
    }
    shared_init(&tls->shared, free_tls);
    ERR_clear_error();
    tls->context = SSL_CTX_new(TLS_server_method());
    if (tls->context == NULL || !make_socket(tls) || !set_rules(tls->context)) {
        buf_append_str(error, STR("TLS cannot be set up: out of memory, or OpenSSL's own "
                                  "configuration forbids what it needs"));
        ERR_clear_error();
        tls_unref(tls);
        return NULL;
    }
    if (!load_pair(tls->context, cert_file, key_file, error)) {
        tls_unref(tls);
        return NULL;
    }
    warn_of_dates(tls, cert_file, warnings);
    return tls;
}
