/*
 * What costs much and is sent cheaply once TLS is agreed upon: messages of the handshake that come
 * late, and records of a byte.
 */

#include "secured.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include "net/connection.h"
#include "net/stream_tls.h"

static struct pair pair;

static int setup(void **state)
{
    static struct rig g;

    rig_settings(&g);
    secured_start(&g, &pair);
    *state = &g;
    return 0;
}

static void update_keys(SSL *client)
{
    assert_int_equal(1, SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED));
    assert_int_equal(1, SSL_do_handshake(client));
}

static void test_new_keys(void **state)
{
    struct rig *g = *state;
    SSL *client = secured_open(g);

    for (int i = 0; i < 3; i++) {
        update_keys(client);
        secured_say_frame(g, client, STR("{\"type\":\"a\"}"));
        rig_expect(g, "M:{\"type\":\"a\"}");
    }
    secured_leave(g, client);
}

/* With data in between there is no end of it. */
static void test_new_keys_now_and_then(void **state)
{
    enum { MANY = 60, FRAMES = 180 }; /* of 106 bytes: more than 16 KiB */
    struct rig *g = *state;
    SSL *client = secured_open(g);
    char text[100], frame[120];

    memset(text, 'x', sizeof(text));
    for (int i = 0; i < MANY; i++) {
        update_keys(client);
        for (int j = 0; j < FRAMES; j++) {
            size_t len = rig_frame(frame, 0x8a, str_make(text, sizeof(text))); /* a pong */
            assert_int_equal(len, SSL_write(client, frame, (int)len));
            rig_turn(g);
        }
        rig_settle(g);
        buf_clear(&g->log);
        assert_int_equal(1, g->r->metrics.connections);
    }
    secured_leave(g, client);
}

/* All that is sent at once; then the connection has ended, and little of it was looked at. */
static void expect_end(struct rig *g, int fd)
{
    enum { MOST_BACK = 20 * 1000 }; /* answers to some of them */
    static char back[100000];

    for (int i = 0; i < 4; i++) {
        rig_turn(g);
    }
    assert_int_equal(0, g->r->metrics.connections);
    assert_int_equal(1, g->r->metrics.violations);
    assert_in_range(recv(fd, back, sizeof(back), MSG_DONTWAIT), 0, MOST_BACK);
    buf_clear(&g->log);
}

static void test_too_many_new_keys(void **state)
{
    struct rig *g = *state;
    SSL *client = secured_open(g);

    for (int i = 0; i < 60; i++) {
        update_keys(client);
    }
    expect_end(g, SSL_get_fd(client));
    secured_leave(g, client);
}

/* They come with the end of the handshake itself, in the same read. */
static void test_too_many_new_keys_at_once(void **state)
{
    struct rig *g = *state;
    SSL *client = pair_client(secured_context, rig_connect(g));

    while (!pair_shake(client)) {
        rig_turn(g);
    }
    for (int i = 0; i < 60; i++) {
        update_keys(client);
    }
    expect_end(g, SSL_get_fd(client));
    secured_leave(g, client);
}

/* --- hellos of TLS 1.2 ------------------------------------------------------------------------ */

enum { KEY_BLOCK = 40, RECORD_MAX = 16384 };

/* The keys of a connection by AES-128-GCM (RFC 5246, 6.3, and RFC 5288, 3). */
static void derive_keys(SSL *client, unsigned char ret_keys[KEY_BLOCK])
{
    unsigned char master[48], ours[32], theirs[32];
    char digest[] = "SHA256", label[] = "key expansion";
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);

    (void)SSL_SESSION_get_master_key(SSL_get_session(client), master, sizeof(master));
    (void)SSL_get_client_random(client, ours, sizeof(ours));
    (void)SSL_get_server_random(client, theirs, sizeof(theirs));
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, sizeof(master)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, label, sizeof(label) - 1),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, theirs, sizeof(theirs)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, ours, sizeof(ours)),
        OSSL_PARAM_construct_end()};
    assert_int_equal(1, EVP_KDF_derive(context, ret_keys, KEY_BLOCK, parameters));
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

/* The first record of the client after its handshake, of the type of handshakes. */
static size_t seal(const unsigned char keys[KEY_BLOCK], const unsigned char *plain, int len,
                   unsigned char *out)
{
    enum { SEQUENCE = 1, TAG = 16 };
    const unsigned char extra[13] = {
        [7] = SEQUENCE, SSL3_RT_HANDSHAKE, 3, 3, (unsigned char)(len >> 8), (unsigned char)len};
    int total = 8 + len + TAG, piece;
    unsigned char iv[12];
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

    memcpy(iv, keys + 32, 4);
    memcpy(iv + 4, extra, 8);
    memcpy(out, (const unsigned char[]){SSL3_RT_HANDSHAKE, 3, 3}, 3);
    out[3] = (unsigned char)(total >> 8);
    out[4] = (unsigned char)total;
    memcpy(out + 5, extra, 8);
    assert_int_equal(1, EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, keys, iv));
    assert_int_equal(1, EVP_EncryptUpdate(c, NULL, &piece, extra, sizeof(extra)));
    assert_int_equal(1, EVP_EncryptUpdate(c, out + 13, &piece, plain, len));
    assert_int_equal(1, EVP_EncryptFinal_ex(c, out + 13 + len, &piece));
    assert_int_equal(1, EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, out + 13 + len));
    EVP_CIPHER_CTX_free(c);
    return 5 + (size_t)total;
}

/* A hello is a type and three bytes of its length, so thousands of empty ones are in a record. */
static void test_hellos(void **state)
{
    static unsigned char hellos[RECORD_MAX], record[RECORD_MAX + 100];
    struct rig *g = *state;
    unsigned char keys[KEY_BLOCK];
    int fd = rig_connect(g);
    SSL *client = pair_client(secured_context, fd);

    assert_int_equal(1, SSL_set_max_proto_version(client, TLS1_2_VERSION));
    assert_int_equal(1, SSL_set_cipher_list(client, "ECDHE-ECDSA-AES128-GCM-SHA256"));
    while (!pair_shake(client)) {
        rig_turn(g);
    }
    rig_settle(g);
    assert_int_equal(1, g->r->metrics.connections);
    derive_keys(client, keys);
    for (size_t i = 0; i < sizeof(hellos); i += 4) {
        hellos[i] = SSL3_MT_CLIENT_HELLO;
    }
    size_t len = seal(keys, hellos, sizeof(hellos), record);
    assert_int_equal(len, send(fd, record, len, MSG_NOSIGNAL));
    expect_end(g, fd);
    secured_leave(g, client);
}

/* --- short records ---------------------------------------------------------------------------- */

/* Others have their turn between the records of one who sends them byte by byte. */
static void test_short_records(void **state)
{
    enum { BYTES = 200 };
    struct rig *g = *state;
    SSL *many = secured_open(g), *one = secured_open(g);
    uint64_t before = g->r->metrics.bytes_in;
    char frame[BYTES + 10];
    char text[BYTES];

    memset(text, 'm', sizeof(text));
    size_t len = rig_frame(frame, 0x82, str_make(text, sizeof(text)));
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(1, SSL_write(many, frame + i, 1));
    }
    rig_turn(g);
    assert_in_range(g->r->metrics.bytes_in - before, 1, 100);
    secured_say_frame(g, one, STR("{\"type\":\"b\"}"));
    assert_non_null(strstr(g->log.data, "M:{\"type\":\"b\"}"));
    rig_settle(g);
    assert_true(g->r->metrics.bytes_in - before > len);
    secured_leave(g, many);
    secured_leave(g, one);
}

/* Who sends long ones is soon read in long pieces. */
static void test_long_records(void **state)
{
    enum { RECORDS = 8 };
    static char text[RECORD_MAX];
    struct rig *g = *state;
    SSL *client = secured_open(g);
    uint64_t before = g->r->metrics.reads;

    memset(text, 0, sizeof(text));
    memcpy(text, "\x82\xff\0\0\0\0\0\2\0\0\0\0\0", 14); /* a frame of 128 KiB, and its mask */
    for (int i = 0; i < RECORDS; i++) {
        assert_int_equal(sizeof(text), SSL_write(client, text, sizeof(text)));
        rig_settle(g);
        memset(text, 0, 14);
    }
    assert_true(g->r->metrics.reads - before <= 2 * RECORDS);
    secured_leave(g, client);
}

/* A turn ends after so many bytes, even if they do not make a message. */
static void test_a_turn_has_a_budget(void **state)
{
    enum { CLIENTS = 40, PONGS = 8000 };
    static char pongs[6 * PONGS];
    struct rig *g = *state;
    int fds[CLIENTS];

    for (size_t i = 0; i < sizeof(pongs); i += 6) {
        memcpy(pongs + i, "\x8a\x80\0\0\0", 6);
    }
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = rig_open(g);
    }
    for (int i = 0; i < CLIENTS; i++) {
        rig_send(fds[i], str_make(pongs, sizeof(pongs)));
    }
    uint64_t before = g->r->metrics.bytes_in;
    rig_turn(g);
    assert_in_range(g->r->metrics.bytes_in - before, READ_BUDGET, READ_BUDGET + RECEIVE_SIZE);
    rig_settle(g);
    assert_int_equal(CLIENTS * sizeof(pongs), g->r->metrics.bytes_in - before);
    for (int i = 0; i < CLIENTS; i++) {
        close(fds[i]);
    }
    rig_settle(g);
}

#define CASE(name)  cmocka_unit_test_setup_teardown(name, setup, rig_teardown_empty)
#define PLAIN(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown_empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_new_keys),
        CASE(test_new_keys_now_and_then),
        CASE(test_too_many_new_keys),
        CASE(test_too_many_new_keys_at_once),
        CASE(test_hellos),
        CASE(test_short_records),
        CASE(test_long_records),
        PLAIN(test_a_turn_has_a_budget),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    pair_make(&pair, "first", -3600, 3600);
    secured_context = SSL_CTX_new(TLS_client_method());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    SSL_CTX_free(secured_context);
    pair_remove(&pair);
    return failed;
}
