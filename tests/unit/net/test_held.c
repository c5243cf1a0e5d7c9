/* What was read and has to wait: compressed frames behind TLS. */

#include "secured.h"

#include <stdio.h>
#include <zlib.h>

#include "net/connection.h"
#include "ws/deflate.h"

/* So many messages that a turn does not take them all. */
enum { MESSAGES = 130, MESSAGE_SIZE = 15000, LONG_MESSAGE = 1000000 };

static struct pair pair;

static bool no_memory; /* for blocks of some size */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return no_memory && size >= INFLATE_SLICE ? NULL : __real_malloc(size);
}

/* Message number `i`, which nearly vanishes when it is compressed. */
static struct str message_text(char text[MESSAGE_SIZE + 1], unsigned i)
{
    int len = snprintf(text, MESSAGE_SIZE + 1, "{\"type\":\"n%03u\",\"x\":\"%0*u\"}", i,
                       MESSAGE_SIZE - 24, 0u);

    return str_make(text, (size_t)len);
}

/* Frames of messages 0 to MESSAGES - 1, as many as go into a record. */
static struct str many_frames(char out[RECEIVE_SIZE])
{
    struct deflater *d = deflater_new();
    size_t len = 0;
    char text[MESSAGE_SIZE + 1];

    assert_non_null(d);
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct buf packed;
        buf_init(&packed, SIZE_MAX);
        assert_true(deflater_pack(d, message_text(text, i), &packed));
        len += rig_frame(out + len, 0xc1, buf_str(&packed));
        buf_fini(&packed);
    }
    deflater_free(d);
    assert_in_range(len, 2 * INFLATE_SLICE + 1, SSL3_RT_MAX_PLAIN_LENGTH);
    return str_make(out, len);
}

static int start(void **state, uint32_t longest)
{
    static struct rig g;

    rig_settings(&g);
    g.policy.compression = true;
    g.policy.max_message_bytes = g.policy.max_frame_bytes = longest;
    secured_start(&g, &pair);
    *state = &g;
    return 0;
}

static int setup(void **state)
{
    return start(state, MESSAGE_SIZE);
}

static int setup_long(void **state)
{
    return start(state, LONG_MESSAGE);
}

#define PACKING(path) HANDSHAKE_TO(path, "Sec-WebSocket-Extensions: permessage-deflate\r\n")

static SSL *open_packing(struct rig *g, struct str handshake)
{
    SSL *client = secured_connect(g);
    char have[1000];
    bool ended;

    secured_say(g, client, handshake);
    have[pair_read(client, have, sizeof(have) - 1, &ended)] = '\0';
    /* Each message alone, in both directions. */
    assert_non_null(strstr(have, "permessage-deflate; server_no_context_takeover; "
                                 "client_no_context_takeover\r\n"));
    buf_clear(&g->log);
    return client;
}

static struct connection *only_connection(struct rig *g)
{
    return slab_at(&g->r->connections, 0);
}

static void expect_messages(struct rig *g, unsigned from, unsigned to)
{
    struct buf want;
    char text[MESSAGE_SIZE + 1];

    buf_init(&want, 1 << 22);
    for (unsigned i = from; i < to; i++) {
        buf_printf(&want, "%sM:%.*s", i > from ? " " : "", STR_ARG(message_text(text, i)));
    }
    buf_append_char(&want, '\0');
    rig_expect(g, want.data);
    buf_fini(&want);
}

/* A record is dealt with in several turns, each message once and in order. */
static void test_a_record_in_slices(void **state)
{
    struct rig *g = *state;
    SSL *client = open_packing(g, STR(PACKING("/ws")));
    static char frames[RECEIVE_SIZE];
    struct str all = many_frames(frames);
    unsigned turns;

    g->mute = true;
    for (unsigned round = 0; round < 3; round++) {
        assert_int_equal(all.len, SSL_write(client, all.ptr, (int)all.len));
        /* A record comes in reads of a slice; the last of them has it whole. */
        while (!held_any(only_connection(g))) {
            rig_turn(g);
        }
        assert_true(reactor_busy(g->r));
        const char *receive = g->r->receive + WS_MAX_REST;
        for (size_t i = INFLATE_SLICE; i < all.len; i++) {
            assert_int_equal(0, receive[i]);
        }
        uint64_t in = g->r->metrics.bytes_in;
        for (turns = 0; held_any(only_connection(g)); turns++) {
            uint64_t before = g->r->metrics.messages;
            rig_turn(g);
            assert_in_range(g->r->metrics.messages - before, 1, READ_BUDGET / MESSAGE_SIZE + 1);
        }
        assert_int_equal(in, g->r->metrics.bytes_in);
        assert_true(turns > 0);
        rig_settle(g);
        expect_messages(g, 0, MESSAGES);
    }
    assert_false(reactor_busy(g->r));
    secured_leave(g, client);
}

/* A long message as small as it gets, by a compression that we do not use. */
static struct str pack_well(char first, char *out, size_t cap)
{
    static char text[LONG_MESSAGE];
    z_stream z = {.next_in = (Bytef *)text, .avail_in = LONG_MESSAGE};

    memset(text, ' ', sizeof(text));
    text[0] = first;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)cap;
    assert_int_equal(Z_OK, deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, -15, 9, 0));
    assert_int_equal(Z_OK, deflate(&z, Z_SYNC_FLUSH));
    assert_int_equal(0, z.avail_in);
    (void)deflateEnd(&z);
    return str_make(out, cap - z.avail_out - 4); /* RFC 7692, 7.2.1: without 00 00 ff ff */
}

/*
 * Of messages that become a thousand times as long a turn takes no more than of others: until it is
 * enough, and one of what is held.
 */
static void test_a_slice_that_is_too_much(void **state)
{
    enum { COUNT = 4, LOGGED = LONG_MESSAGE + 3 };
    struct rig *g = *state;
    char packed[INFLATE_SLICE], frames[2 * INFLATE_SLICE];
    SSL *client = open_packing(g, STR(PACKING("/ws")));
    size_t len = 0;

    for (int i = 0; i < COUNT; i++) {
        len += rig_frame(frames + len, 0xc1, pack_well((char)('0' + i), packed, sizeof(packed)));
    }
    assert_in_range(len, 1, INFLATE_SLICE);
    g->mute = true;
    assert_int_equal(len, SSL_write(client, frames, (int)len));
    while (g->r->metrics.messages < COUNT) {
        uint64_t before = g->r->metrics.messages;
        rig_turn(g);
        assert_in_range(g->r->metrics.messages - before, 0, 2 + READ_BUDGET / LONG_MESSAGE);
    }
    rig_settle(g);
    assert_false(reactor_busy(g->r));
    assert_int_equal(COUNT * LOGGED, g->log.len + 1);
    for (int i = 0; i < COUNT; i++) { /* "M:0     M:1     M:2 ..." */
        assert_int_equal('0' + i, g->log.data[i * LOGGED + 2]);
    }
    buf_clear(&g->log);
    secured_leave(g, client);
}

/*
 * Nobody takes what was read while the hub still answers what it was given before (with one
 * thread). Then it gets no longer than a turn makes it, whatever is held.
 */
static void test_a_hub_that_is_behind(void **state)
{
    enum { COUNT = 8, TURNS = 20 };
    struct rig *g = *state;
    char packed[INFLATE_SLICE], frames[2 * COUNT * INFLATE_SLICE];
    SSL *client = open_packing(g, STR(PACKING("/ws")));
    size_t len = 0;

    for (int i = 0; i < COUNT; i++) {
        len += rig_frame(frames + len, 0xc1, pack_well((char)('0' + i), packed, sizeof(packed)));
    }
    g->mute = true;
    assert_int_equal(len, SSL_write(client, frames, (int)len));
    for (int i = 0; i < TURNS; i++) {
        reactor_wait(g->r, 0);
        reactor_read(g->r, g->now_ms);
        reactor_flush(g->r);
        assert_in_range(up_batch_size(g->r->up), 0, READ_BUDGET + 2 * LONG_MESSAGE);
    }
    while (g->r->metrics.messages < COUNT) {
        rig_turn(g);
        buf_clear(&g->log);
    }
    rig_settle(g);
    assert_false(reactor_busy(g->r));
    buf_clear(&g->log);
    secured_leave(g, client);
}

/* Of what is held behind a violation nothing is read. */
static void test_what_is_held_behind_a_violation(void **state)
{
    struct rig *g = *state;
    SSL *client = open_packing(g, STR(PACKING("/ws")));
    static char frames[RECEIVE_SIZE];
    struct str all = many_frames(frames);
    size_t second_slice = INFLATE_SLICE + 500;

    memset(frames + second_slice, 0xff, 100);
    assert_int_equal(all.len, SSL_write(client, all.ptr, (int)all.len));
    while (g->r->metrics.violations == 0) {
        rig_turn(g);
    }
    rig_settle(g);
    buf_append_char(&g->log, '\0');
    assert_non_null(strstr(g->log.data, " F:1007"));
    assert_null(strstr(g->log.data, "n129"));
    assert_false(reactor_busy(g->r));
    secured_leave(g, client);
}

/* The connection goes while something of it is held, by its peer's end or with the reactor. */
static void test_gone_while_held(void **state)
{
    struct rig *g = *state;
    static char frames[RECEIVE_SIZE];
    struct str all = many_frames(frames);

    for (int round = 0; round < 2; round++) {
        SSL *client = open_packing(g, STR(PACKING("/ws")));
        uint64_t conn = g->last_conn;
        assert_int_equal(all.len, SSL_write(client, all.ptr, (int)all.len));
        while (!held_any(connection_find(g->r, conn))) {
            rig_turn(g);
        }
        if (round == 0) {
            connection_destroy(g->r, connection_find(g->r, conn));
            assert_false(held_go_on(g->r));
        }
        secured_leave(g, client);
    }
}

static void test_no_memory_to_hold(void **state)
{
    struct rig *g = *state;
    SSL *client = open_packing(g, STR(PACKING("/ws")));
    uint64_t conn = g->last_conn;
    static char frames[RECEIVE_SIZE];
    struct str all = many_frames(frames);

    no_memory = true;
    assert_int_equal(all.len, SSL_write(client, all.ptr, (int)all.len));
    while (connection_find(g->r, conn)->state == CONN_OPEN) {
        rig_turn(g);
    }
    no_memory = false;
    assert_int_equal(1, g->r->metrics.out_of_memory);
    assert_int_equal(0, g->r->metrics.messages);
    rig_advance(g, 1000);
    assert_null(connection_find(g->r, conn));
    secured_leave(g, client);
    /* Whoever comes next is served. */
    client = open_packing(g, STR(PACKING("/ws")));
    secured_say_frame(g, client, STR("{\"type\":\"a\"}"));
    rig_expect(g, "M:{\"type\":\"a\"}");
    secured_leave(g, client);
}

/* Who echoes reads nothing while it has to write; what it holds waits as well, and is not lost. */
static void test_an_echo_that_waits(void **state)
{
    struct rig *g = *state;
    SSL *client = open_packing(g, STR(PACKING("/echo")));
    static char frames[RECEIVE_SIZE], have[RECEIVE_SIZE];
    struct str all = many_frames(frames);
    struct deflater *d = deflater_new();
    size_t heard = 0, len = 0;
    bool ended;

    secured_full_fd = only_connection(g)->fd;
    assert_int_equal(all.len, SSL_write(client, all.ptr, (int)all.len));
    while (!echo_waits(only_connection(g))) {
        rig_turn(g);
    }
    rig_settle(g);
    assert_true(held_any(only_connection(g)));
    assert_false(reactor_busy(g->r)); /* it waits for the socket alone */
    assert_true(g->r->metrics.messages < MESSAGES);
    secured_full_fd = -1;
    do {
        rig_turn(g);
        len = pair_read(client, have + heard, sizeof(have) - heard, &ended);
        heard += len;
    } while (len > 0 || held_any(only_connection(g)));
    assert_false(ended);
    const char *at = have;
    for (unsigned i = 0; i < MESSAGES; i++) {
        char text[MESSAGE_SIZE + 1];
        struct buf packed;
        buf_init(&packed, SIZE_MAX);
        assert_true(deflater_pack(d, message_text(text, i), &packed));
        assert_int_equal(0xc1, (unsigned char)at[0]);
        assert_int_equal(packed.len, at[1]);
        assert_memory_equal(packed.data, at + 2, packed.len);
        at += 2 + packed.len;
        buf_fini(&packed);
    }
    deflater_free(d);
    assert_int_equal(heard, at - have);
    secured_leave(g, client);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown_empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_record_in_slices),
        CASE(test_what_is_held_behind_a_violation),
        CASE(test_gone_while_held),
        CASE(test_no_memory_to_hold),
        CASE(test_an_echo_that_waits),
        cmocka_unit_test_setup_teardown(test_a_slice_that_is_too_much, setup_long,
                                        rig_teardown_empty),
        cmocka_unit_test_setup_teardown(test_a_hub_that_is_behind, setup_long, rig_teardown_empty),
    };

    pair_make(&pair, "held", -3600, 3600);
    secured_context = SSL_CTX_new(TLS_client_method());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    SSL_CTX_free(secured_context);
    pair_remove(&pair);
    return failed;
}
