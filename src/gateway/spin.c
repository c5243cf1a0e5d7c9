#include "gateway/spin.h"

void spin_init(struct spin *s, bool on)
{
    *s = (struct spin){.on = on};
}

void spin_heard(struct spin *s, uint32_t items, uint32_t runs)
{
    s->many = items / SPIN_MANY >= runs;
}

bool spin_begin(struct spin *s)
{
    if (s->on && s->rest == 0 && !s->many) {
        return true;
    }
    s->rest -= s->rest > 0;
    return false;
}

bool spin_goes_on(struct spin *s, uint64_t us)
{
    if (us < SPIN_US) {
        return true;
    }
    s->pause = s->pause >= SPIN_PAUSE_MAX / 2 ? SPIN_PAUSE_MAX : 2 * s->pause + 1;
    s->rest = s->pause;
    return false;
}

void spin_woken(struct spin *s, uint64_t us)
{
    if (us < SPIN_US) {
        s->pause = 0;
        s->rest = 0;
    }
}
