/*
 * A word that must not stay in memory: it is put wherever a credential may stand, and each block
 * of memory that is given back is looked through, and so are the buffers that live on.
 */

#include "rig.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECRET "Xq7canaryXq7"

void *__real_malloc(size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static unsigned leaks; /* blocks that were given back with the word in them */

/* Defined bytes, so that all of a block may be looked at. */
void *__wrap_malloc(size_t size)
{
    void *block = __real_malloc(size);

    if (block != NULL) {
        memset(block, 0, malloc_usable_size(block));
    }
    return block;
}

void __wrap_free(void *block)
{
    if (block != NULL && memmem(block, malloc_usable_size(block), SECRET, strlen(SECRET))) {
        leaks++;
    }
    __real_free(block);
}

/* Always moves. */
void *__wrap_realloc(void *block, size_t size)
{
    void *moved = __wrap_malloc(size);

    if (moved != NULL && block != NULL) {
        size_t old = malloc_usable_size(block);
        memcpy(moved, block, old < size ? old : size);
        __wrap_free(block);
    }
    return moved;
}

static bool has_secret(const void *bytes, size_t len)
{
    return len > 0 && memmem(bytes, len, SECRET, strlen(SECRET)) != NULL;
}

static void expect_clean(struct rig *g)
{
    assert_int_equal(0, leaks);
    assert_false(has_secret(g->r->receive, sizeof(g->r->receive)));
    assert_false(has_secret(g->r->up->text.data, g->r->up->text.cap));
    assert_false(has_secret(g->spare->text.data, g->spare->text.cap));
}

/* The test itself can see it. */
static void test_a_leak_is_seen(void **state)
{
    char *volatile block = malloc(64); /* or clang leaves it all out */

    (void)state;
    memcpy(block, SECRET, sizeof(SECRET));
    block = realloc(block, 128);
    free(block);
    assert_int_equal(2, leaks);
    leaks = 0;
}

static void test_requests(void **state)
{
    static const char *const requests[] = {
        "GET /status?a=b&token=" SECRET " HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /status?ticket=" SECRET " HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " SECRET "\r\n\r\n",
        "GET /nope HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " SECRET "\r\n\r\n",
        "GET /status HTTP/1.1\r\nHost: evil\r\nAuthorization: Basic " SECRET "\r\n\r\n",
        "GET /status?token=" SECRET "/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " SECRET "\r\n bad\r\n",
        "POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 12\r\nAuthorization: Bearer " SECRET "\r\n\r\n" SECRET,
        "POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\nc\r\n" SECRET "\r\n0\r\n\r\n",
        "GET /ws?token=" SECRET " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: parley.bearer." SECRET "\r\n\r\n",
    };
    struct rig *g = *state;

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        size_t len = strlen(requests[i]);
        for (size_t cut = 0; cut <= len; cut++) {
            char have[2048];
            bool ended;
            int fd = rig_connect(g);
            rig_send(fd, str_make(requests[i], cut));
            rig_settle(g);
            rig_send(fd, str_make(requests[i] + cut, len - cut));
            rig_settle(g);
            size_t got = rig_read(fd, have, sizeof(have), &ended);
            assert_true(got > 0);
            assert_false(has_secret(have, got));
            expect_clean(g);
            assert_int_equal(0, close(fd));
            rig_settle(g);
            buf_clear(&g->log);
            expect_clean(g);
        }
    }
}

/* Whole, in fragments, and with one that never comes; all of it is to be known as a secret. */
static void give_messages(struct rig *g, uint8_t accept, struct str text)
{
    char frames[512];
    size_t half = text.len / 2;
    size_t len = rig_frame(frames, 0x81, text);

    len += rig_frame(frames + len, 0x01, str_slice(text, 0, half));
    len += rig_frame(frames + len, 0x80, str_slice(text, half, text.len));
    len += rig_frame(frames + len, 0x01, text);
    for (size_t cut = 0; cut <= len; cut++) {
        g->accept = accept;
        int fd = rig_open(g);
        g->mute = true;
        g->secret = false;
        rig_send(fd, str_make(frames, cut));
        rig_settle(g);
        expect_clean(g);
        rig_send(fd, str_make(frames + cut, len - cut));
        rig_settle(g);
        assert_true(g->secret);
        expect_clean(g);
        close(fd);
        rig_settle(g);
        expect_clean(g);
        buf_clear(&g->log);
        g->mute = false;
    }
    g->accept = 0;
}

static void test_messages(void **state)
{
    struct rig *g = *state;

    give_messages(g, DOWN_STRANGER, STR("{\"token\":\"" SECRET SECRET SECRET SECRET "\"}"));
    give_messages(g, 0, STR("{\"type\":\"agent_register\",\"token\":\"" SECRET SECRET "\"}"));
    give_messages(g, 0, STR("{\"type\":\"agent_register\",\"token\":\"" SECRET SECRET "\""));
}

/* The same behind the handshake. */
static void test_early_messages(void **state)
{
    struct rig *g = *state;
    char text[512];
    size_t len = sizeof(HANDSHAKE) - 1;

    memcpy(text, HANDSHAKE, len);
    len += rig_frame(text + len, 0x81, STR(SECRET));
    g->accept = DOWN_STRANGER;
    for (size_t cut = 0; cut <= len; cut++) {
        int fd = rig_connect(g);
        rig_send(fd, str_make(text, cut));
        rig_turn(g);
        g->mute = cut >= sizeof(HANDSHAKE) - 1;
        rig_send(fd, str_make(text + cut, len - cut));
        rig_turn(g);
        g->mute = true;
        rig_settle(g);
        assert_true(has_secret(g->log.data, g->log.len));
        expect_clean(g);
        close(fd);
        rig_settle(g);
        buf_fini(&g->log);
        expect_clean(g);
        g->mute = false;
    }
    g->accept = 0;
}

/* Half a head, and its sender goes. */
static void test_half_requests(void **state)
{
    struct rig *g = *state;
    int fd = rig_connect(g);

    rig_send(fd, STR("GET /status?token=" SECRET " HTTP/1.1\r\nHo"));
    rig_settle(g);
    close(fd);
    rig_settle(g);
    expect_clean(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_leak_is_seen), cmocka_unit_test(test_requests),
        cmocka_unit_test(test_half_requests),  cmocka_unit_test(test_messages),
        cmocka_unit_test(test_early_messages),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown_empty);
}
