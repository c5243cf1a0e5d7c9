#include "unit.h"

#include "pair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/stream_tls.h"

/* The sockets under test take what the test allows, and then are full. */
static int throttled_fd = -1;
static size_t allowed;

ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    if (fd == throttled_fd) {
        len = len < allowed ? len : allowed;
        allowed -= len;
        if (len == 0) {
            errno = EAGAIN;
            return -1;
        }
    }
    return __real_send(fd, bytes, len, flags);
}

/* A server's stream and OpenSSL's client at the other end. */
struct ends {
    struct pair pair;
    struct tls *tls;
    struct stream *stream;
    SSL_CTX *context;
    SSL *client;
    int fd[2]; /* of the stream, of the client */
    char bytes[64 * 1024];
};

static int set_up(void **state)
{
    struct ends *e = calloc(1, sizeof(*e));
    struct buf said;

    buf_init(&said, 1000);
    pair_make(&e->pair, "localhost", -3600, 3600);
    e->tls = tls_new(e->pair.cert, e->pair.key, &said, &said);
    assert_non_null(e->tls);
    assert_int_equal(0, said.len);
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, e->fd));
    e->stream = stream_tls_new(e->tls, e->fd[0]);
    e->context = SSL_CTX_new(TLS_client_method());
    e->client = pair_client(e->context, e->fd[1]);
    throttled_fd = -1;
    *state = e;
    return 0;
}

static int tear_down(void **state)
{
    struct ends *e = *state;

    stream_tls_free(e->stream);
    tls_unref(e->tls);
    SSL_free(e->client);
    SSL_CTX_free(e->context);
    close(e->fd[0]);
    close(e->fd[1]);
    pair_remove(&e->pair);
    free(e);
    return 0;
}

static ssize_t receive(struct ends *e)
{
    return stream_tls.receive(e->stream, e->fd[0], e->bytes, sizeof(e->bytes));
}

static ssize_t send_bytes(struct ends *e, const void *bytes, size_t len)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};

    return stream_tls.send(e->stream, e->fd[0], &iov, 1);
}

static void expect_nothing(struct ends *e)
{
    assert_int_equal(-1, receive(e));
    assert_int_equal(EAGAIN, errno);
}

static void shake(struct ends *e)
{
    while (!pair_shake(e->client) || !stream_tls_is_ready(e->stream)) {
        expect_nothing(e);
    }
}

static void test_both_ways(void **state)
{
    struct ends *e = *state;
    char have[100];
    bool ended;

    assert_false(stream_tls_is_ready(e->stream));
    expect_nothing(e);
    shake(e);
    assert_string_equal("TLSv1.3", SSL_get_version(e->client));
    assert_int_equal(5, SSL_write(e->client, "hello", 5));
    assert_int_equal(5, receive(e));
    assert_memory_equal("hello", e->bytes, 5);
    expect_nothing(e);
    assert_int_equal(3, send_bytes(e, "you", 3));
    assert_false(stream_tls_owes(e->stream));
    assert_int_equal(3, pair_read(e->client, have, sizeof(have), &ended));
    assert_memory_equal("you", have, 3);
    assert_false(ended);
}

/* Everything that the client says comes a byte at a time; the answers go when they can. */
static void test_bytes_one_by_one(void **state)
{
    struct ends *e = *state;
    BIO *out = BIO_new(BIO_s_mem());
    BIO *in = BIO_new(BIO_s_mem());
    char byte;
    char back[64 * 1024];
    size_t said = 0;
    size_t heard = 0;

    SSL_set_bio(e->client, in, out);
    for (int turn = 0; turn < 20000 && heard < 5; turn++) {
        if (pair_shake(e->client) && said == 0) {
            said = (size_t)SSL_write(e->client, "hello", 5);
        }
        if (BIO_read(out, &byte, 1) == 1) {
            assert_int_equal(1, send(e->fd[1], &byte, 1, 0));
        }
        ssize_t got = receive(e);
        assert_true(got > 0 || errno == EAGAIN);
        heard += got > 0 ? (size_t)got : 0;
        ssize_t len = recv(e->fd[1], back, sizeof(back), 0);
        if (len > 0) {
            assert_int_equal(len, BIO_write(in, back, (int)len));
        }
    }
    assert_int_equal(5, heard);
    assert_memory_equal("hello", e->bytes, 5);
}

static void test_large_records_fill_no_buffer(void **state)
{
    struct ends *e = *state;
    char *sent = malloc(400 * 1000);
    char *heard = malloc(400 * 1000);
    size_t out = 0;
    size_t in = 0;

    for (size_t i = 0; i < 400 * 1000; i++) {
        sent[i] = (char)(i * 7 + i / 251);
    }
    shake(e);
    SSL_set_mode(e->client, SSL_MODE_ENABLE_PARTIAL_WRITE);
    while (in < 400 * 1000) {
        int written = SSL_write(e->client, sent + out, (int)(400 * 1000 - out));
        out += written > 0 ? (size_t)written : 0;
        ssize_t got = receive(e);
        if (got > 0) {
            memcpy(heard + in, e->bytes, (size_t)got);
            in += (size_t)got;
        }
    }
    assert_memory_equal(sent, heard, 400 * 1000);
    free(sent);
    free(heard);
}

/* What a reactor does: it gives the rest, and what is new behind it. */
static size_t send_pieces(struct ends *e, const char *all, size_t from, size_t to, size_t piece)
{
    struct iovec iov[64];
    int count = 0;
    size_t at = from;

    while (at < to && count < 64) {
        size_t len = piece < to - at ? piece : to - at;
        iov[count++] = (struct iovec){(void *)(uintptr_t)(all + at), len};
        at += len;
    }
    ssize_t sent = stream_tls.send(e->stream, e->fd[0], iov, count);
    if (sent < 0) {
        assert_int_equal(EAGAIN, errno);
        return 0;
    }
    assert_in_range(sent, 0, at - from);
    /* All was taken only when all of it is in the socket. */
    if ((size_t)sent == at - from) {
        assert_false(stream_tls_owes(e->stream));
    }
    return (size_t)sent;
}

static void check_writes(struct ends *e, size_t room, size_t piece)
{
    enum { TOTAL = 40000 };
    static char all[TOTAL], have[TOTAL];
    size_t sent = 0, heard = 0;
    bool ended;

    for (size_t i = 0; i < TOTAL; i++) {
        all[i] = (char)(i * 13 + i / 256 + room);
    }
    throttled_fd = e->fd[0];
    while (heard < TOTAL) {
        allowed = room;
        sent += send_pieces(e, all, sent, TOTAL, piece);
        heard += pair_read(e->client, have + heard, TOTAL - heard, &ended);
        assert_true(heard <= sent + 1);
        assert_false(ended);
    }
    throttled_fd = -1;
    (void)stream_tls.send(e->stream, e->fd[0], NULL, 0);
    assert_memory_equal(all, have, TOTAL);
    assert_false(stream_tls_owes(e->stream));
    /* A byte may be held that has gone; the next send begins with it. */
    if (sent < TOTAL) {
        assert_int_equal(TOTAL - 1, sent);
        assert_int_equal(1, send_bytes(e, all + sent, 1));
    }
    assert_int_equal(0, pair_read(e->client, have, TOTAL, &ended));
}

static void test_short_writes(void **state)
{
    static const size_t rooms[] = {1, 5, 6, 21, 22, 23, 1000, 16383, 16384, 16405, 16406, 20000};
    static const size_t pieces[] = {2, 3, 700, 16384, 16385, 40000};
    struct ends *e = *state;

    shake(e);
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
            check_writes(e, rooms[i], pieces[k]);
        }
    }
}

/* A record whose ciphertext is cut at every place, the last byte held until it is through. */
static void test_a_frame_cut_everywhere(void **state)
{
    struct ends *e = *state;
    char have[100];
    bool ended;

    shake(e);
    for (size_t room = 0; room < 60; room++) {
        throttled_fd = e->fd[0];
        allowed = room;
        ssize_t sent = send_bytes(e, "0123456789", 10);
        assert_int_equal(stream_tls_owes(e->stream) ? 9 : 10, sent);
        assert_int_equal(sent == 10 ? 10 : 0, pair_read(e->client, have, sizeof(have), &ended));
        if (sent == 9) {
            allowed = 0;
            assert_int_equal(-1, send_bytes(e, "9abc", 4));
            assert_int_equal(EAGAIN, errno);
            allowed = 1000;
            assert_int_equal(4, send_bytes(e, "9abc", 4));
            assert_int_equal(13, pair_read(e->client, have, sizeof(have), &ended));
            assert_memory_equal("0123456789abc", have, 13);
        }
    }
    throttled_fd = -1;
}

/* A client that does not take its part of the handshake leaves it owed. */
static void test_handshake_waits_for_room(void **state)
{
    struct ends *e = *state;

    throttled_fd = e->fd[0];
    allowed = 0;
    assert_false(pair_shake(e->client));
    expect_nothing(e);
    assert_true(stream_tls_owes(e->stream));
    while (stream_tls_owes(e->stream)) {
        allowed = 7;
        ssize_t sent = stream_tls.send(e->stream, e->fd[0], NULL, 0);
        assert_true(sent == 0 || errno == EAGAIN);
    }
    allowed = 100000;
    shake(e);
}

static void test_goodbye(void **state)
{
    struct ends *e = *state;
    char have[10];
    bool ended;

    shake(e);
    assert_int_equal(3, SSL_write(e->client, "bye", 3));
    (void)SSL_shutdown(e->client);
    assert_int_equal(3, receive(e));
    /* Told again and again, as of a socket; and what is said may still be heard. */
    assert_int_equal(0, receive(e));
    assert_int_equal(0, receive(e));
    assert_int_equal(0, recv(e->fd[0], have, sizeof(have), MSG_PEEK));
    stream_tls.finish(e->stream, e->fd[0]);
    (void)pair_read(e->client, have, sizeof(have), &ended);
    assert_true(ended);
}

static void test_we_end_first(void **state)
{
    struct ends *e = *state;
    char have[10];
    bool ended;

    shake(e);
    stream_tls.finish(e->stream, e->fd[0]);
    assert_int_equal(0, pair_read(e->client, have, sizeof(have), &ended));
    assert_true(ended);
    assert_int_equal(4, SSL_write(e->client, "more", 4));
    assert_int_equal(4, receive(e));
}

static void test_socket_ends(void **state)
{
    struct ends *e = *state;

    shake(e);
    assert_int_equal(0, shutdown(e->fd[1], SHUT_WR));
    assert_int_equal(0, receive(e));
}

static void expect_failure(struct ends *e, const char *bytes, size_t len)
{
    assert_int_equal(len, send(e->fd[1], bytes, len, 0));
    assert_int_equal(-1, receive(e));
    assert_int_equal(EPROTO, errno);
    assert_int_equal(-1, receive(e));
    assert_int_equal(EPROTO, errno);
    assert_int_equal(-1, send_bytes(e, "no", 2));
    assert_int_equal(EPIPE, errno);
}

static void test_garbage(void **state)
{
    struct ends *e = *state;

    expect_failure(e, "\x80\x01garbage that is no record", 27);
}

static void test_plain_http(void **state)
{
    struct ends *e = *state;
    char have[1000] = "";

    expect_failure(e, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
    assert_true(recv(e->fd[1], have, sizeof(have) - 1, 0) > 0);
    assert_non_null(strstr(have, "HTTP/1.1 400 "));
    assert_non_null(strstr(have, "https://"));
}

/* The end of a long one is no reset, either. */
static void test_long_plain_http(void **state)
{
    static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\nCookie: ";
    struct ends *e = *state;
    char text[16000];
    char have[1000];

    memset(text, 'c', sizeof(text));
    memcpy(text, head, sizeof(head) - 1);
    expect_failure(e, text, sizeof(text));
    assert_int_equal(0, recv(e->fd[0], have, sizeof(have), 0));
    assert_true(recv(e->fd[1], have, sizeof(have), 0) > 0);
}

static void test_broken_record(void **state)
{
    struct ends *e = *state;

    shake(e);
    assert_int_equal(30, send(e->fd[1],
                              "\x17\x03\x03\x00\x19"
                              "0123456789012345678901234",
                              30, 0));
    assert_int_equal(-1, receive(e));
    assert_int_equal(EPROTO, errno);
}

/* --- what is agreed upon ---------------------------------------------------------------------- */

static void expect_refused(struct ends *e)
{
    for (int i = 0; i < 4; i++) {
        assert_false(pair_shake(e->client));
        if (receive(e) < 0 && errno == EPROTO) {
            return;
        }
    }
    fail_msg("not refused");
}

static void test_old_versions(void **state)
{
    struct ends *e = *state;

    SSL_set_security_level(e->client, 0);
    assert_int_equal(1, SSL_set_max_proto_version(e->client, TLS1_1_VERSION));
    expect_refused(e);
}

static void test_version_1_2(void **state)
{
    struct ends *e = *state;

    assert_int_equal(1, SSL_set_max_proto_version(e->client, TLS1_2_VERSION));
    shake(e);
    assert_string_equal("TLSv1.2", SSL_get_version(e->client));
    /* A second handshake is answered with an alert, and all goes on. */
    assert_int_equal(1, SSL_renegotiate(e->client));
    assert_false(pair_shake(e->client));
    expect_nothing(e);
    assert_int_equal(3, send_bytes(e, "yes", 3));
}

static void test_protocols(void **state)
{
    static const unsigned char both[] = "\x02h2\x08http/1.1";
    struct ends *e = *state;
    const unsigned char *chosen;
    unsigned len;

    assert_int_equal(0, SSL_set_alpn_protos(e->client, both, sizeof(both) - 1));
    shake(e);
    SSL_get0_alpn_selected(e->client, &chosen, &len);
    assert_int_equal(8, len);
    assert_memory_equal("http/1.1", chosen, 8);
}

static void test_other_protocols(void **state)
{
    struct ends *e = *state;

    assert_int_equal(0, SSL_set_alpn_protos(e->client, (const unsigned char *)"\x02h2", 3));
    expect_refused(e);
}

/* --- files ------------------------------------------------------------------------------------ */

static void expect_error(const char *cert, const char *key, const char *what)
{
    struct buf warnings, error;

    buf_init(&warnings, 1000);
    buf_init(&error, 1000);
    assert_null(tls_new(cert, key, &warnings, &error));
    assert_int_equal(0, warnings.len);
    buf_append_char(&error, '\0');
    if (strstr(error.data, what) == NULL) {
        fail_msg("%s", error.data);
    }
    buf_fini(&error);
}

static void expect_warning(long from, long to, const char *what)
{
    struct buf warnings, error;
    struct pair p;

    buf_init(&warnings, 1000);
    buf_init(&error, 1000);
    pair_make(&p, "old", from, to);
    struct tls *tls = tls_new(p.cert, p.key, &warnings, &error);
    assert_non_null(tls);
    assert_in_range(tls_seconds_left(tls) - to + 10, 0, 10);
    buf_append_char(&warnings, '\0');
    if (what == NULL) {
        assert_int_equal(1, warnings.len);
    } else if (strstr(warnings.data, what) == NULL || warnings.data[warnings.len - 2] != '\n') {
        fail_msg("%s", warnings.data);
    }
    tls_unref(tls);
    buf_fini(&warnings);
    pair_remove(&p);
}

/* Where the structure begins, behind the line of the label. */
static void damage(const char *file)
{
    FILE *f = fopen(file, "r+");

    assert_non_null(f);
    assert_int_equal(0, fseek(f, 30, SEEK_SET));
    int byte = fgetc(f);
    assert_int_equal(0, fseek(f, 30, SEEK_SET));
    assert_true(fputc(byte == 'A' ? 'B' : 'A', f) != EOF);
    assert_int_equal(0, fclose(f));
}

/* In place of the file. Whoever opens it waits for one that writes. */
static void make_pipe(const char *file)
{
    assert_int_equal(0, unlink(file));
    assert_int_equal(0, mkfifo(file, 0600));
}

static void test_files(void **state)
{
    struct ends *e = *state;
    struct pair other;

    pair_make(&other, "other", -1, 100);
    expect_error("/nowhere/cert.pem", e->pair.key,
                 "listen.tls_cert: /nowhere/cert.pem cannot be read (No such file");
    expect_error(e->pair.cert, "/nowhere/key.pem", "listen.tls_key: /nowhere/key.pem cannot be");
    expect_error("/dev/null", e->pair.key, "listen.tls_cert: /dev/null holds no certificate");
    expect_error(e->pair.cert, "/dev/null", "listen.tls_key: /dev/null holds no private key");
    expect_error(e->pair.cert, e->pair.cert, "holds no private key");
    expect_error(e->pair.cert, other.key, "is not the key of the certificate");
    expect_error("/", e->pair.key, "listen.tls_cert: / is no file but a directory");
    make_pipe(other.cert);
    make_pipe(other.key);
    expect_error(other.cert, e->pair.key, "is no file but a directory, pipe or socket");
    expect_error(e->pair.cert, other.key, "is no file but a directory, pipe or socket");
    pair_remove(&other);
    pair_make(&other, "other", -1, 100);
    damage(other.key);
    expect_error(e->pair.cert, other.key, "cannot be made sense of: it is damaged");
    damage(other.cert);
    expect_error(other.cert, other.key, "cannot be made sense of: it is damaged");
    expect_warning(-7200, -3600, "has run out");
    expect_warning(3600, 7200, "does not hold yet");
    expect_warning(-3600, 7200, NULL);
    pair_remove(&other);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_both_ways),
        CASE(test_bytes_one_by_one),
        CASE(test_large_records_fill_no_buffer),
        CASE(test_short_writes),
        CASE(test_a_frame_cut_everywhere),
        CASE(test_handshake_waits_for_room),
        CASE(test_goodbye),
        CASE(test_we_end_first),
        CASE(test_socket_ends),
        CASE(test_garbage),
        CASE(test_plain_http),
        CASE(test_long_plain_http),
        CASE(test_broken_record),
        CASE(test_old_versions),
        CASE(test_version_1_2),
        CASE(test_protocols),
        CASE(test_other_protocols),
        CASE(test_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
