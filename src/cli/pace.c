#include "cli/pace.h"

enum { ONE = 1000 * 1000 };

static int64_t most_of(const struct pace *p)
{
    int64_t third = (int64_t)p->rate * ONE / 3;

    return third < ONE ? ONE : third;
}

static int64_t each_ms(const struct pace *p)
{
    return (int64_t)p->rate * (ONE / 1000) * 2 / 3;
}

void pace_init(struct pace *p, uint64_t rate, unsigned sent, int64_t now_ms)
{
    *p = (struct pace){.rate = rate, .credit_at = now_ms};
    p->credit = most_of(p) - (int64_t)sent * ONE;
}

void pace_hold(struct pace *p, uint64_t rate, int64_t until_ms)
{
    *p = (struct pace){.rate = rate, .credit_at = until_ms};
}

bool pace_take(struct pace *p, int64_t now_ms)
{
    if (p->rate == 0) {
        return true;
    }
    int64_t left_ms = (most_of(p) - p->credit) / each_ms(p) + 1;
    int64_t passed_ms = now_ms - p->credit_at;

    p->credit = passed_ms < left_ms ? p->credit + passed_ms * each_ms(p) : most_of(p);
    p->credit_at = now_ms;
    if (p->credit < ONE) {
        return false;
    }
    p->credit -= ONE;
    return true;
}

int64_t pace_due(const struct pace *p)
{
    return p->credit_at + (ONE - p->credit) / each_ms(p) + 1;
}
