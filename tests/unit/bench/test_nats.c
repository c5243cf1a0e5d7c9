#include "unit.h"

#include "nats.h"

static void expect(const char *in, enum nats_kind kind, size_t len)
{
    struct str op = {0};
    assert_int_equal(nats_next(str_from_z(in), &op), kind);
    if (kind != NATS_PARTIAL && kind != NATS_REFUSED) {
        assert_int_equal(op.len, len);
        assert_ptr_equal(op.ptr, in);
    }
}

static void test_operations(void **state)
{
    (void)state;
    expect("PING\r\nrest", NATS_PING, 6);
    expect("INFO {\"a\":1}\r\n", NATS_OTHER, 14);
    expect("PONG\r\n+OK\r\n", NATS_OTHER, 6);
    expect("+OK\r\n", NATS_OTHER, 5);
    expect("MSG a 1 3\r\nabc\r\nMSG", NATS_MESSAGE, 16);
    expect("MSG a 1 reply.to 3\r\nabc\r\n", NATS_MESSAGE, 25);
    expect("MSG a 1 0\r\n\r\n", NATS_MESSAGE, 13);
}

static void test_partial(void **state)
{
    static const char whole[] = "MSG a 1 3\r\nabc\r\n";
    (void)state;
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        struct str op;
        assert_int_equal(nats_next(str_make(whole, len), &op), NATS_PARTIAL);
    }
}

static void test_refused(void **state)
{
    (void)state;
    expect("-ERR 'no'\r\n", NATS_REFUSED, 0);
    expect("HELLO\r\n", NATS_REFUSED, 0);
    expect("MSG a 1 x\r\nabc\r\n", NATS_REFUSED, 0);
    expect("MSG a 1 99999999999\r\nabc\r\n", NATS_REFUSED, 0);
    expect("\r\n", NATS_REFUSED, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_partial),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
