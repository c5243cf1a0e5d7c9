#include "traffic.h"

#include <stdlib.h>

static const uint64_t stall_ns = UINT64_C(5000000000);

/* Who speaks next in a free slot: in a pair, the one who heard its last message. */
static uint32_t choose_sender(struct traffic *t, const struct slot *slot)
{
    if (t->plan.mode == LOAD_PAIRS) {
        return slot->stamp.target;
    }
    uint32_t sender = t->first_speaker + t->next_speaker;
    t->next_speaker = t->next_speaker + 1 < t->speakers ? t->next_speaker + 1 : 0;
    return sender;
}

static uint32_t count_hearers(const struct traffic *t)
{
    switch (t->plan.mode) {
    case LOAD_PAIRS:
        return 1;
    case LOAD_REQUESTS:
        return 2;
    default:
        return plan_hearers(&t->plan);
    }
}

static bool send_in_slot(struct traffic *t, uint32_t number, uint64_t due_ns)
{
    struct slot *slot = &t->slots[number];
    char *bytes = t->sent + (size_t)number * t->layout.size;
    uint32_t sender = choose_sender(t, slot);
    uint64_t count = t->counts[sender]++;
    slot->stamp = (struct message_stamp){
        .sender = sender,
        .target = plan_peer(&t->plan, sender),
        .session = plan_session(&t->plan, sender, (uint32_t)(count % t->plan.joins)),
        .slot = number,
        .count = count,
        .number = t->number++,
    };
    slot->due_ns = due_ns;
    slot->left = count_hearers(t);
    t->under_way++;
    t->result.messages++;
    message_write(&t->layout, &slot->stamp, bytes);
    return swarm_send(&t->swarm, sender, str_make(bytes, t->layout.size));
}

/* When the next message of an open loop is due; 0 in a closed one: at once. */
static uint64_t next_due(const struct traffic *t)
{
    double rate = t->options->rate;
    return rate > 0 ? t->start_ns + (uint64_t)((double)t->result.messages * 1e9 / rate) : 0;
}

/* All messages that are due, as far as there are free slots; what waits for one gets late. */
static bool send_due(struct traffic *t)
{
    uint64_t now_ns = gauge_now_ns();
    while (t->free_count > 0 && t->result.messages < t->limit) {
        uint64_t due_ns = next_due(t);
        if (due_ns > now_ns) {
            break;
        }
        uint32_t number = t->free[t->free_at];
        t->free_at = t->free_at + 1 < t->options->window ? t->free_at + 1 : 0;
        t->free_count--;
        if (!send_in_slot(t, number, due_ns != 0 ? due_ns : now_ns)) {
            return false;
        }
    }
    return swarm_flush(&t->swarm);
}

static bool is_over(const struct traffic *t, uint64_t now_ns, uint64_t end_ns)
{
    return t->swarm.told_to_stop ||
           (t->limit != UINT64_MAX ? t->result.messages >= t->limit : now_ns >= end_ns);
}

/* How long a turn may wait: until something is to be sent or done. */
static uint64_t wait_ns(struct traffic *t, bool over, uint64_t end_ns)
{
    uint64_t now_ns = t->swarm.now_ns;
    uint64_t until = now_ns + stall_ns;
    if (t->on_turn != NULL) {
        uint64_t asked = t->on_turn(t->context, now_ns);
        until = asked < until ? asked : until;
    }
    if (!over && t->limit == UINT64_MAX && end_ns < until) {
        until = end_ns;
    }
    if (!over && t->free_count > 0 && next_due(t) != 0 && next_due(t) < until) {
        until = next_due(t);
    }
    return until > now_ns ? until - now_ns : 0;
}

/*
 * Sends for so long, or so many, and waits until all has arrived. When nothing comes for stall_ns
 * what is still under way is missing.
 */
static bool run_phase(struct traffic *t, double seconds, uint64_t messages)
{
    t->start_ns = t->swarm.now_ns = gauge_now_ns();
    uint64_t end_ns = t->start_ns + (uint64_t)(seconds * 1e9);
    uint64_t heard_ns = t->start_ns;
    t->limit = messages != 0 ? messages : UINT64_MAX;
    bool over = is_over(t, t->start_ns, end_ns);
    while (!over || t->under_way > 0) {
        unsigned events;
        if (!over && !send_due(t)) {
            return false;
        }
        over = over || is_over(t, t->swarm.now_ns, end_ns);
        if (over && t->under_way == 0) {
            break;
        }
        if (!swarm_turn(&t->swarm, wait_ns(t, over, end_ns), &events) || !swarm_flush(&t->swarm)) {
            return false;
        }
        heard_ns = events > 0 || t->under_way == 0 ? t->swarm.now_ns : heard_ns;
        if (t->swarm.now_ns - heard_ns >= stall_ns) {
            break;
        }
        over = over || is_over(t, t->swarm.now_ns, end_ns);
    }
    for (uint32_t i = 0; i < t->options->window; i++) {
        t->result.missing += t->slots[i].left;
    }
    return true;
}

/*
 * A closed loop asks again when it has been answered, so while the server is slow it asks less. How
 * often each slot asks when all is well is the time of the whole over the messages of a slot.
 */
static bool correct(struct traffic *t, uint64_t interval_ns)
{
    struct latency *corrected = malloc(sizeof(*corrected));
    if (corrected == NULL) {
        return swarm_fail(&t->swarm, "not enough memory");
    }
    latency_correct(&t->latency, interval_ns, corrected);
    latency_summarize(corrected, &t->result.corrected);
    t->result.interval_ns = interval_ns;
    free(corrected);
    return true;
}

static bool summarize(struct traffic *t)
{
    uint64_t median_ns = latency_at(&t->latency, 50000);
    latency_summarize(&t->latency, &t->result.latency);
    if (t->options->rate > 0 || median_ns == 0) {
        t->result.corrected = t->result.latency;
        return true;
    }
    return correct(t, median_ns);
}

static void begin_result(struct traffic *t)
{
    struct load_result *r = &t->result;
    r->messages = r->deliveries = 0; /* what was wrong stays */
    latency_clear(&t->latency);
}

bool traffic_measure(struct traffic *t)
{
    const struct load_options *o = t->options;
    struct gauge gauge;
    struct gauge_time before, after;
    if (!gauge_init(&gauge, o->pid)) {
        (void)snprintf(t->error, LOAD_ERROR_SIZE, "no process %d to look at", (int)o->pid);
        return false;
    }
    if (o->warmup_seconds > 0 && !run_phase(t, o->warmup_seconds, 0)) {
        return false;
    }
    if (t->result.missing != 0) {
        return true; /* that is all there is to say of this hub */
    }
    begin_result(t);
    uint64_t start_ns = gauge_now_ns();
    uint64_t own_ns = gauge_own_ns();
    if (!gauge_read_time(&gauge, &before) || !run_phase(t, o->seconds, o->messages) ||
        !gauge_read_time(&gauge, &after)) {
        return false;
    }
    t->result.seconds = (double)(gauge_now_ns() - start_ns) / 1e9;
    t->result.own_cpu_ns = gauge_own_ns() - own_ns;
    t->result.server_cpu_ns = after.process_ns - before.process_ns;
    t->result.softirq_cpu_ns = after.softirq_ns - before.softirq_ns;
    return summarize(t);
}

bool traffic_run(const struct load_options *o, struct load_result *ret_result, char *error)
{
    struct traffic *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        (void)snprintf(error, LOAD_ERROR_SIZE, "not enough memory");
        return false;
    }
    bool ok = traffic_init(t, o) && traffic_measure(t);
    *ret_result = t->result;
    memcpy(error, t->error, LOAD_ERROR_SIZE);
    traffic_fini(t);
    free(t);
    return ok;
}
