#include "chaos.h"

/* Mostly small, sometimes as large as what has limits of its own. */
static uint32_t choose_size(struct choices *c)
{
    switch (choose(c, 16)) {
    case 0:
        return RIG_SMALLEST + choose(c, 3000);
    case 1:
        return choose(c, 8) == 0 ? 60000 + choose(c, 20000) : 1000;
    default:
        return RIG_SMALLEST + choose(c, 150);
    }
}

static size_t choose_room(struct choices *c)
{
    switch (choose(c, 4)) {
    case 0:
        return choose(c, 12);
    case 1:
        return choose(c, 500);
    case 2:
        return choose(c, 20000);
    default:
        return SIZE_MAX;
    }
}

static void say(struct rig *r, struct choices *c, int conn, int log)
{
    uint32_t size = choose_size(c);
    uint32_t count = size < 200 && choose(c, 8) == 0 ? 1 + choose(c, 100) : 1;
    bool as_member = r->conns[conn].known && r->conns[conn].member[log] && choose(c, 4) != 0;

    for (uint32_t i = 0; i < count; i++) {
        rig_say(r, log, as_member ? conn : RIG_NOBODY, choose(c, RIG_TYPES), size);
    }
}

static void serve_some(struct rig *r, struct choices *c)
{
    for (uint32_t left = 1 + choose(c, 6); left > 0 && rig_serve(r); left--) {
    }
}

/* Deeds that are seldom. */
static void step_seldom(struct rig *r, struct choices *c, int conn, int log)
{
    switch (choose(c, 8)) {
    case 0:
        rig_abort(r, conn);
        break;
    case 1:
        rig_close(r, conn, 1001);
        break;
    case 2:
        rig_end_log(r, log);
        break;
    case 3:
        rig_idle(r, log);
        break;
    case 4:
        rig_run(r);
        break;
    case 5:
        rig_filter(r, conn, choose(c, 3) == 0 ? RIG_ALL : choose(c, RIG_ALL));
        break;
    default:
        rig_gone(r, conn);
        break;
    }
}

static void step(struct rig *r, struct choices *c)
{
    int conn = (int)choose(c, RIG_CONNS);
    int log = (int)choose(c, RIG_LOGS);

    switch (choose(c, 16)) {
    case 0:
        (void)rig_open(r);
        break;
    case 1:
    case 2:
        rig_join(r, conn, log);
        break;
    case 3:
        rig_leave(r, conn, log);
        break;
    case 4:
    case 5:
    case 6:
        say(r, c, conn, log);
        break;
    case 7:
        rig_send(r, conn, choose(c, 3) == 0 ? 0 : DOWN_BROADCAST, choose_size(c));
        break;
    case 8:
    case 9:
        rig_turn(r);
        break;
    case 10:
        (void)rig_apply(r);
        break;
    case 11:
        serve_some(r, c);
        break;
    case 12:
        rig_room(r, conn, choose_room(c));
        break;
    case 13:
        (void)rig_answer_room(r, conn);
        break;
    case 14:
        rig_pong(r, conn);
        break;
    default:
        step_seldom(r, c, conn, log);
    }
}

static void add_totals(const struct rig *r, struct chaos_totals *totals)
{
    totals->compared += r->compared;
    totals->fatal += r->fatal;
    for (int i = 0; i < RIG_CONNS; i++) {
        totals->lags += r->conns[i].lags;
        totals->told += r->conns[i].told;
        totals->heard += r->conns[i].heard;
    }
}

void chaos_run(struct choices *c, uint32_t steps, struct chaos_totals *totals)
{
    static const uint64_t backlogs[] = {3000, 20000, 300000, 4000000};
    struct rig *r = rig_new(backlogs[choose(c, 4)]);

    for (uint32_t i = 1 + choose(c, RIG_CONNS); i > 0; i--) {
        (void)rig_open(r);
    }
    for (uint32_t i = 0; i < steps && !choices_over(c); i++) {
        step(r, c);
    }
    rig_settle(r);
    add_totals(r, totals);
    rig_free(r);
}
