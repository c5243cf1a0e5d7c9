#include "engine.h"

static struct parley_problem problem_of(const char *text)
{
    struct parley_problem problem = {.fault = PARLEY_FINE};

    assert_false(check_copy(PARLEY_WORLD, PARLEY_STRICT, text, &problem));
    return problem;
}

static void expect_sentence(const char *text, const char *sentence)
{
    struct parley_problem problem = problem_of(text);
    char out[512];

    assert_int_equal(parley_problem_text(&problem, out, sizeof(out)), strlen(sentence));
    assert_string_equal(out, sentence);
}

static void sentences(void **state)
{
#define STATE(data) "{\"type\":\"agent_state\",\"agent_id\":\"a\",\"data\":{" data "},\"ts\":1}"
    (void)state;
    expect_sentence(STATE("\"state\":\"x\",\"energy\":1.5"),
                    "data.energy: expected a number from 0 to 1, found the number 1.5");
    expect_sentence(STATE("\"state\":\"x\",\"energy\":\"full\""),
                    "data.energy: expected a number from 0 to 1, found a string");
    expect_sentence("{\"type\":\"ping\",\"ts\":1e999}",
                    "ts: expected a number, finite, found the number 1e999");
    expect_sentence(STATE(""),
                    "data.state: expected a string of at most 256 characters, found nothing");
    expect_sentence("{\"type\":\"nope\"}", "type: expected a type of this dialect, found \"nope\"");
    expect_sentence("{\"type\":\"ping\",\"x\":1,\"x\":2}",
                    "x: expected the member once, found it twice");
    expect_sentence("[1]", "expected an object, found another value");
    expect_sentence("{\"type\":\"ping\"",
                    "expected one JSON value in UTF-8, found the end of the text");
    expect_sentence("{\"type\":\"ping\"} {}",
                    "expected one JSON value in UTF-8, found what cannot stand there");
#undef STATE
}

/* Whatever a peer writes, the texts are printable, end in NUL and fit. */
static void texts_of_a_peer(void **state)
{
    char text[4096] = "{\"type\":\"ping\",\"";
    size_t len = strlen(text);
    struct parley_problem problem;

    (void)state;
    problem = problem_of("{\"type\":\"\\u001b[2J\x7f\"}");
    assert_null(strchr(problem.found, '\x7f'));
    problem = problem_of("{\"type\":\"ping\",\"\\u0007\":1,\"\\u0007\":1}");
    assert_string_equal(problem.path, "\\x07");

    /* 1000 characters of two bytes, cut between two of them. */
    memset(text + len, 0, sizeof(text) - len);
    for (int i = 0; i < 1000; i++, len += 2) {
        memcpy(text + len, "\xc3\xa4", 2);
    }
    memcpy(text + len, "\":1,\"", 5);
    memcpy(text + len + 5, text + 16, len - 16);
    memcpy(text + 2 * len - 11, "\":1}", 5);
    problem = problem_of(text);
    assert_int_equal(problem.fault, PARLEY_DUPLICATE);
    assert_int_equal(strlen(problem.path), 126);
}

static void cut_sentences(void **state)
{
    struct parley_problem problem = {.path = "a", .expected = "b", .found = "c"};
    char out[8];

    (void)state;
    assert_int_equal(parley_problem_text(&problem, out, sizeof(out)), 7);
    assert_string_equal(out, "a: expe");
    assert_int_equal(parley_problem_text(&problem, out, 1), 0);
    assert_string_equal(out, "");
}

/* What is not JSON is refused where it breaks off. */
static void broken_text(void **state)
{
    char deep[256] = "{\"type\":\"ping\",\"x\":";

    (void)state;
    refuse("", PARLEY_NOT_JSON, "", "^");
    refuse("{\"type\":\"ping\"} x", PARLEY_NOT_JSON, "", "{\"type\":\"ping\"} ^");
    refuse("{\"type\":\"ping\",\"x\":NaN}", PARLEY_NOT_JSON, "", "{\"type\":\"ping\",\"x\":^");
    refuse("{\"type\":\"ping\",\"x\":\"\\ud800\"}", PARLEY_NOT_JSON, "",
           "{\"type\":\"ping\",\"x\":\"^");
    refuse("{\"type\":\"ping\",\"x\":\"\xff\"}", PARLEY_NOT_JSON, "",
           "{\"type\":\"ping\",\"x\":\"^");
    refuse("\xef\xbb\xbf{}", PARLEY_NOT_JSON, "", "^");
    memset(deep + strlen(deep), '[', 64);
    refuse(deep, PARLEY_TOO_DEEP, "", NULL);
}

static void too_many_members(void **state)
{
    char *text = malloc(20000);
    size_t len = (size_t)snprintf(text, 20000, "{\"type\":\"ping\"");

    (void)state;
    for (int i = 1; i < 1024; i++) {
        len += (size_t)snprintf(text + len, 20000 - len, ",\"%d\":0", i);
    }
    memcpy(text + len, "}", 2);
    accept(text);
    memcpy(text + len, ",\"x\":0}", 8);
    refuse(text, PARLEY_WRONG_LENGTH, "", NULL);
    free(text);
}

/* The same of an object inside; one that nothing is known of may have any number. */
static void too_many_members_inside(void **state)
{
    char text[40000], other[40000];
    size_t len =
        (size_t)snprintf(text, sizeof(text),
                         "{\"type\":\"bark\",\"agent_id\":\"a\",\"ts\":1,\"data\":{\"text\":\"x\"");

    (void)state;
    for (int i = 1; i < 1024; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, ",\"%d\":0", i);
    }
    memcpy(text + len, "}}", 3);
    accept(text);
    memcpy(text + len, ",\"x\":0}}", 9);
    refuse(text, PARLEY_WRONG_LENGTH, "data", NULL);
    (void)snprintf(
        other, sizeof(other),
        "{\"type\":\"bark\",\"agent_id\":\"a\",\"ts\":1,\"data\":{\"text\":\"x\",\"more\":%s}}",
        text);
    accept(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences),        cmocka_unit_test(texts_of_a_peer),
        cmocka_unit_test(cut_sentences),    cmocka_unit_test(broken_text),
        cmocka_unit_test(too_many_members), cmocka_unit_test(too_many_members_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
