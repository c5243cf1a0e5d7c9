/*
 * How long it takes to read a bark: CPU time of one thread, the median of rounds in which the
 * contenders take turns. See README.md.
 */

#include "contender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 15, READS = 200000 };

/* What checking and decoding the first bark may take, in nanoseconds. */
#define TARGET_NS 500.0
enum { TARGET_BARK = 0, TARGET_CONTENDER = 2 };

static const struct {
    const char *name, *text;
} barks[] = {
    {"bark, all members",
     "{\"type\":\"bark\",\"agent_id\":\"timmy\",\"data\":{\"text\":\"Who goes there?\",\"emotion\":"
     "\"curious\",\"animation\":\"wave\",\"ttl_seconds\":4.5},\"ts\":1700000000.123}"},
    {"bark, text alone",
     "{\"type\":\"bark\",\"agent_id\":\"timmy\",\"data\":{\"text\":\"Hello\"},\"ts\":1700000000}"},
    {"bark, escapes and unknown members",
     "{\"type\":\"bark\",\"agent_id\":\"timmy\",\"agentId\":\"timmy\",\"data\":{\"text\":\"He said "
     "\\\"no\\\" \\u2014 "
     "twice\",\"volume\":0.10,\"tags\":[\"loud\",\"short\"]},\"ts\":1700000000.5}"},
};

static const struct {
    const char *name;
    bool (*read)(const char *text, size_t len, struct bark_summary *ret_summary);
} contenders[] = {
    {"parley, route", route_with_parley},
    {"parley, check", check_with_parley},
    {"parley, check and decode", read_with_parley},
    {"jansson", read_with_jansson},
    {"cJSON", read_with_cjson},
};

enum { BARKS = sizeof(barks) / sizeof(barks[0]) };
enum { CONTENDERS = sizeof(contenders) / sizeof(contenders[0]) };

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* The contender reads the text rightly, or the program ends. */
static void require_right(size_t contender, const char *text, const struct bark_summary *wanted)
{
    struct bark_summary got = *wanted;
    bool ok = contenders[contender].read(text, strlen(text), &got);

    if (!ok || got.text_len != wanted->text_len || got.emotion_len != wanted->emotion_len ||
        got.ttl_seconds != wanted->ttl_seconds || got.ts != wanted->ts) {
        fprintf(stderr, "%s reads wrongly: %s\n", contenders[contender].name, text);
        exit(1);
    }
}

static double measure(size_t contender, const char *text)
{
    struct bark_summary summary;
    size_t len = strlen(text);
    size_t right = 0;
    double start = now_ns();

    for (int i = 0; i < READS; i++) {
        right += contenders[contender].read(text, len, &summary);
    }
    double took = now_ns() - start;
    if (right != READS) {
        exit(1);
    }
    return took / READS;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

/* Medians and bests of all contenders for one text. */
static void run(const char *text, double ret_medians[CONTENDERS], double ret_bests[CONTENDERS])
{
    double times[CONTENDERS][ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < CONTENDERS; i++) {
            times[i][round] = measure(i, text);
        }
    }
    for (size_t i = 0; i < CONTENDERS; i++) {
        qsort(times[i], ROUNDS, sizeof(times[i][0]), compare);
        ret_medians[i] = times[i][ROUNDS / 2];
        ret_bests[i] = times[i][0];
    }
}

/* For a profiler: one bark is read by one contender, so many times. */
static int read_only(size_t reads, size_t contender, size_t bark)
{
    struct bark_summary summary;
    size_t right = 0;

    if (contender >= CONTENDERS || bark >= BARKS) {
        return 2;
    }
    for (size_t i = 0; i < reads; i++) {
        const char *text = barks[bark].text;
        right += contenders[contender].read(text, strlen(text), &summary);
    }
    return right == reads ? 0 : 1;
}

static size_t number_of(int argc, char **argv, int place, size_t otherwise)
{
    return argc > place ? strtoul(argv[place], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        return read_only(number_of(argc, argv, 1, 0), number_of(argc, argv, 2, TARGET_CONTENDER),
                         number_of(argc, argv, 3, TARGET_BARK));
    }
    double medians[CONTENDERS], bests[CONTENDERS];
    bool is_fast = true;

    for (size_t i = 0; i < BARKS; i++) {
        struct bark_summary wanted;
        if (!read_with_jansson(barks[i].text, strlen(barks[i].text), &wanted)) {
            return 1;
        }
        for (size_t j = 0; j < CONTENDERS; j++) {
            require_right(j, barks[i].text, &wanted);
        }
        run(barks[i].text, medians, bests);
        printf("%s (%zu bytes)\n", barks[i].name, strlen(barks[i].text));
        for (size_t j = 0; j < CONTENDERS; j++) {
            printf("  %-26s %7.0f ns, best %5.0f\n", contenders[j].name, medians[j], bests[j]);
            is_fast =
                is_fast && (i != TARGET_BARK || j != TARGET_CONTENDER || medians[j] <= TARGET_NS);
        }
    }
    printf("target: %.0f ns, %s\n", TARGET_NS, is_fast ? "met" : "not met");
    return is_fast ? 0 : 1;
}
