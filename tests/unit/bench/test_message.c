#include "unit.h"

#include "message.h"

static char error[TEMPLATE_ERROR_SIZE];

static const struct message_stamp stamp = {
    .sender = 42, .target = 43, .session = 5, .slot = 17, .count = 1234, .number = 99};

static void init(struct message_layout *l, const char *text, uint32_t size, bool whole)
{
    struct template t;
    assert_true(template_parse(&t, str_from_z(text), error));
    if (!message_layout_init(l, &t, "bench", size, whole, error)) {
        fail_msg("%s", error);
    }
}

static void test_write(void **state)
{
    struct message_layout l;
    char out[100];
    (void)state;
    init(&l, "[{id},{peer},{session},{number}]{body}!", 90, true);
    assert_int_equal(l.size, 90);
    message_write(&l, &stamp, out);
    assert_memory_equal(out,
                        "[bench-00042,bench-00043,bench-s00005,0000000099]"
                        "bench:00042:0000001234:00017:...........!",
                        90);
    message_layout_fini(&l);
}

/* With {json} the size is that of the object, whatever stands around it. */
static void test_json_size(void **state)
{
    struct message_layout l;
    (void)state;
    init(&l, "PUB x {size}\r\n{json}\r\n", 64, false);
    assert_int_equal(l.size, 10 + 64 + 2); /* "PUB x 64", two line ends */
    assert_int_equal(l.body_len, 64 - MESSAGE_JSON_EXTRA);
    assert_memory_equal(l.bytes.data, "PUB x 64\r\n{\"text\":\"bench:", 25);
    assert_memory_equal(l.bytes.data + l.size - 5, ".\"}\r\n", 5);
    message_layout_fini(&l);
}

static void test_no_room(void **state)
{
    struct template t;
    struct message_layout l;
    (void)state;
    assert_true(template_parse(&t, STR("ab{body}"), error));
    assert_true(message_layout_init(&l, &t, "bench", 2 + MESSAGE_BODY_MIN, true, error));
    message_layout_fini(&l);
    assert_false(message_layout_init(&l, &t, "bench", 1 + MESSAGE_BODY_MIN, true, error));
    assert_non_null(strstr(error, "--size 30 has no room"));
    message_layout_fini(&l);
}

static void test_find(void **state)
{
    struct message_layout l;
    struct str body;
    char sent[64];
    char heard[128] = "something in front ";
    size_t at = strlen(heard);
    (void)state;
    init(&l, "{body}", 40, false);
    message_write(&l, &stamp, sent);
    memcpy(heard + at, sent, 40);
    memcpy(heard + at + 40, " behind", 7);
    struct str all = str_make(heard, at + 47);
    assert_true(message_find(&l, all, &body));
    assert_ptr_equal(body.ptr, heard + at);
    assert_int_equal(message_slot(body), 17);
    assert_true(message_matches(&l, all, body, sent));
    assert_int_equal(l.hint, at);
    /* Elsewhere the next time, cut off, not there at all, and of another load. */
    assert_true(message_find(&l, str_make(sent, 40), &body));
    assert_false(message_find(&l, str_make(sent, 39), &body));
    assert_false(message_find(&l, STR("hello"), &body));
    assert_false(message_find(&l, STR(""), &body));
    memcpy(sent, "probe", 5);
    assert_false(message_find(&l, str_make(sent, 40), &body));
    message_layout_fini(&l);
}

static void test_changed(void **state)
{
    struct message_layout l;
    struct str body;
    char sent[64], heard[64];
    (void)state;
    init(&l, "<{body}>", 42, true);
    message_write(&l, &stamp, sent);
    memcpy(heard, sent, 42);
    heard[41] = ')';
    assert_true(message_find(&l, str_make(heard, 42), &body));
    assert_false(message_matches(&l, str_make(heard, 42), body, sent));
    l.whole = false;
    assert_true(message_matches(&l, str_make(heard, 42), body, sent));
    l.whole = true;
    assert_false(message_find(&l, str_make(heard, 43), &body)); /* another length */
    heard[1 + 6 + 6 + 11] = 'x';
    assert_int_equal(message_slot(body), UINT32_MAX);
    message_layout_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write),   cmocka_unit_test(test_json_size),
        cmocka_unit_test(test_no_room), cmocka_unit_test(test_find),
        cmocka_unit_test(test_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
