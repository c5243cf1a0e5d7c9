/*
 * OpenSSL's allocations fail one by one, all along the life of a connection and while a certificate
 * is loaded. Whatever fails costs that connection at most, or that load, with the right reason; the
 * next client is served.
 */

#include "secured.h"
#include "valgrind.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

enum {
    NEVER = -1,
    TURNS = 40,
    LARGE = 60000,      /* some records */
    DEADLINES = 11000,  /* ms: longer than a handshake and a head may take */
    GREATEST = 1 << 17, /* allocations of a life: there are fewer */
};

static struct pair pair;
static SSL_SESSION *session; /* what the last client was given to come again with */

/* --- what fails ------------------------------------------------------------------------------- */

static struct {
    bool within; /* calls count */
    int nth;     /* the one that fails, or NEVER */
    int seen;
    bool struck;
} faults;

static bool fails(void)
{
    if (!faults.within || faults.seen++ != faults.nth) {
        return false;
    }
    faults.struck = true;
    return true;
}

static void *give(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return fails() ? NULL : malloc(size);
}

static void *change(void *block, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return fails() ? NULL : realloc(block, size);
}

static void take(void *block, const char *file, int line)
{
    (void)file, (void)line;
    free(block);
}

static void fail_at(int nth)
{
    faults.nth = nth;
    faults.seen = 0;
    faults.struck = false;
}

static void turn(struct rig *g)
{
    faults.within = true;
    rig_turn(g);
    faults.within = false;
}

/* --- a connection ----------------------------------------------------------------------------- */

struct manner {
    int version;
    bool comes_again; /* with the session of the last one */
};

static bool hears(struct rig *g, SSL *client, const char *wanted)
{
    static char have[2 * LARGE];
    size_t len = 0;
    bool ended;

    for (int i = 0; i < TURNS; i++) {
        turn(g);
        len += pair_read(client, have + len, sizeof(have) - len, &ended);
        if (memmem(have, len, wanted, strlen(wanted)) != NULL) {
            return true;
        }
    }
    return false;
}

static bool say(SSL *client, struct str text)
{
    return SSL_write(client, text.ptr, (int)text.len) == (int)text.len;
}

static bool shake_hands(struct rig *g, SSL *client)
{
    for (int i = 0; i < TURNS; i++) {
        if (pair_shake(client)) {
            return true;
        }
        turn(g);
    }
    return false;
}

/* Whether all was said and heard. */
static bool talk(struct rig *g, SSL *client)
{
    static char large[LARGE];
    char frame[100];

    if (!shake_hands(g, client) || !say(client, STR(HANDSHAKE)) || !hears(g, client, "hi") ||
        !say(client, str_make(frame, rig_frame(frame, 0x81, STR("{\"type\":\"a\"}")))) ||
        !hears(g, client, "{\"type\":\"a\"}")) {
        return false;
    }
    memset(large, 'x', sizeof(large));
    memcpy(large + sizeof(large) - 4, "last", 4);
    rig_say_text(g, g->last_conn, str_make(large, sizeof(large)), 0);
    return hears(g, client, "last");
}

/* One comes, talks and goes. Returns whether it was served. */
static bool visit(struct rig *g, const struct manner *manner)
{
    SSL *client = pair_client(secured_context, rig_connect(g));

    assert_int_equal(1, SSL_set_max_proto_version(client, manner->version));
    if (manner->comes_again) {
        assert_int_equal(1, SSL_set_session(client, session));
    }
    bool served = talk(g, client);
    if (served) {
        assert_true(faults.struck || SSL_session_reused(client) == manner->comes_again);
        SSL_SESSION_free(session);
        session = SSL_get1_session(client);
        (void)SSL_shutdown(client);
        turn(g);
    } else {
        /* It is not kept waiting for what is lost. */
        assert_true(faults.struck);
        g->now_ms += DEADLINES;
        for (int i = 0; i < TURNS; i++) {
            turn(g);
        }
        assert_int_equal(0, g->r->metrics.connections);
    }
    close(SSL_get_fd(client));
    SSL_free(client);
    for (int i = 0; i < 2; i++) {
        turn(g);
    }
    buf_clear(&g->log);
    assert_int_equal(0, g->r->metrics.connections);
    return served;
}

static void live_through(struct rig *g, const struct manner *manner)
{
    const struct manner afterwards = {.version = manner->version};
    int lost = 0;
    int nth = 0;

    do {
        fail_at(NEVER);
        assert_true(visit(g, &afterwards));
        fail_at(nth);
        lost += visit(g, manner) ? 0 : 1;
    } while (faults.struck && (nth += fault_step()) < GREATEST);
    assert_true(lost > 0 && nth < GREATEST);
    print_message("%d allocations, %d connections lost\n", nth, lost);
}

static void test_a_handshake(void **state)
{
    const struct manner manner = {.version = TLS1_3_VERSION};

    live_through(*state, &manner);
}

static void test_coming_again(void **state)
{
    const struct manner manner = {.version = TLS1_3_VERSION, .comes_again = true};

    live_through(*state, &manner);
}

static void test_version_1_2(void **state)
{
    const struct manner manner = {.version = TLS1_2_VERSION};

    live_through(*state, &manner);
}

static void test_coming_again_by_1_2(void **state)
{
    const struct manner manner = {.version = TLS1_2_VERSION, .comes_again = true};

    live_through(*state, &manner);
}

/* --- loading ---------------------------------------------------------------------------------- */

/* Whether the load was refused; it may only be for want of memory. */
static bool is_refused(void)
{
    struct buf warnings, error;

    buf_init(&warnings, 1000);
    buf_init(&error, 1000);
    faults.within = true;
    struct tls *tls = tls_new(pair.cert, pair.key, &warnings, &error);
    faults.within = false;
    assert_int_equal(0, warnings.len);
    buf_append_char(&error, '\0');
    if (tls == NULL) {
        /* A key whose length OpenSSL has no memory to tell is a short one to it. */
        assert_true(faults.struck && (strstr(error.data, "memory") != NULL ||
                                      strstr(error.data, "too short") != NULL));
    } else {
        assert_int_equal(1, error.len);
    }
    buf_fini(&warnings);
    buf_fini(&error);
    tls_unref(tls);
    return tls == NULL;
}

static void test_a_certificate(void **state)
{
    int refused = 0;
    int nth = 0;

    (void)state;
    do {
        fail_at(nth);
        refused += is_refused() ? 1 : 0;
    } while (faults.struck && (nth += fault_step()) < GREATEST);
    assert_true(refused > 0 && nth < GREATEST);
    print_message("%d allocations, %d loads refused\n", nth, refused);
}

static int setup(void **state)
{
    static struct rig g;

    rig_settings(&g);
    secured_start(&g, &pair);
    *state = &g;
    return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown_empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_handshake),
        CASE(test_coming_again),
        CASE(test_version_1_2),
        CASE(test_coming_again_by_1_2),
        cmocka_unit_test(test_a_certificate),
    };

    if (CRYPTO_set_mem_functions(give, change, take) != 1) {
        return 1;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    pair_make(&pair, "first", -3600, 3600);
    secured_context = SSL_CTX_new(TLS_client_method());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    SSL_SESSION_free(session);
    SSL_CTX_free(secured_context);
    pair_remove(&pair);
    return failed;
}
