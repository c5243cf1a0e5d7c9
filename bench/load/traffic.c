#include "traffic.h"

#include "gauge.h"
#include "message.h"
#include "swarm.h"

#include <stdlib.h>

enum { STALL_MS = 5000 };

/* One of the messages under way. */
struct slot {
    struct message_stamp stamp;
    uint32_t left; /* deliveries still to come; 0: free */
};

/*
 * A message occupies a slot from its sending to its last delivery. Its bytes are kept there, and a
 * delivery must be equal to them; that it is the next of its sender for its receiver is checked
 * with a counter for each two. Thus each message is known to arrive once, in order and unchanged.
 */
struct traffic {
    const struct load_options *options;
    struct swarm swarm;
    struct message_layout layout;
    struct slot *slots; /* owned: options->window of them */
    char *sent;         /* owned: the bytes of each slot, one after the other */
    uint32_t *done;     /* owned: slots that became free in this turn */
    uint32_t done_count;
    uint64_t limit;     /* messages of this phase; UINT64_MAX when it is bound by time */
    uint32_t under_way; /* slots in use */
    uint32_t senders;   /* clients 0 .. senders - 1 speak */
    uint32_t clients;
    uint32_t next_sender; /* of a chat */
    uint64_t *counts;     /* owned: messages sent by each sender */
    uint32_t *expected;   /* owned: the count each receiver awaits, of each of its senders */
    struct load_result result;
};

static size_t expected_index(const struct traffic *t, uint32_t receiver, uint32_t sender)
{
    return t->options->mode == LOAD_CHAT ? (size_t)receiver * t->senders + sender : receiver;
}

static bool may_hear(const struct traffic *t, uint32_t receiver, const struct slot *slot)
{
    return t->options->mode == LOAD_PAIRS ? receiver == slot->stamp.target
                                          : receiver != slot->stamp.sender;
}

static void take_delivery(void *context, uint32_t client, struct str payload)
{
    struct traffic *t = context;
    if (!message_is_ours(&t->layout, payload)) {
        t->result.others++;
        return;
    }
    uint32_t number = message_slot(&t->layout, payload);
    struct slot *slot = number < t->options->window ? &t->slots[number] : NULL;
    if (slot == NULL || slot->left == 0 || !may_hear(t, client, slot) ||
        memcmp(payload.ptr, t->sent + (size_t)number * t->layout.size, t->layout.size) != 0) {
        t->result.wrong++;
        return;
    }
    uint32_t *expected = &t->expected[expected_index(t, client, slot->stamp.sender)];
    if (*expected != (uint32_t)slot->stamp.count) {
        t->result.wrong++;
    }
    *expected = (uint32_t)slot->stamp.count + 1;
    t->result.deliveries++;
    if (--slot->left == 0) {
        t->under_way--;
        t->done[t->done_count++] = number;
    }
}

/* Who speaks next in a slot whose message has arrived: in a pair, the one who heard it. */
static uint32_t choose_sender(struct traffic *t, const struct slot *slot)
{
    if (t->options->mode == LOAD_PAIRS) {
        return slot->stamp.target;
    }
    uint32_t sender = t->next_sender;
    t->next_sender = sender + 1 < t->senders ? sender + 1 : 0;
    return sender;
}

static bool send_in_slot(struct traffic *t, uint32_t number)
{
    struct slot *slot = &t->slots[number];
    char *bytes = t->sent + (size_t)number * t->layout.size;
    uint32_t sender = choose_sender(t, slot);
    slot->stamp = (struct message_stamp){
        .sender = sender, .target = sender ^ 1, .slot = number, .count = t->counts[sender]++};
    slot->left = t->options->mode == LOAD_PAIRS ? 1 : t->clients - 1;
    t->under_way++;
    t->result.messages++;
    message_write(&t->layout, &slot->stamp, bytes);
    return swarm_send(&t->swarm, sender, str_make(bytes, t->layout.size));
}

static bool send_in_free_slots(struct traffic *t)
{
    while (t->done_count > 0 && t->result.messages < t->limit) {
        if (!send_in_slot(t, t->done[--t->done_count])) {
            return false;
        }
    }
    return swarm_flush(&t->swarm);
}

static bool is_over(const struct traffic *t, uint64_t end_ns)
{
    return t->limit != UINT64_MAX ? t->result.messages >= t->limit : gauge_now_ns() >= end_ns;
}

/*
 * Sends for so long, or so many, and waits until all has arrived. When nothing comes for STALL_MS
 * what is still under way is missing.
 */
static bool run_phase(struct traffic *t, double seconds, uint64_t messages)
{
    uint64_t end_ns = gauge_now_ns() + (uint64_t)(seconds * 1e9);
    unsigned events = 1;
    t->limit = messages != 0 ? messages : UINT64_MAX;
    bool over = is_over(t, end_ns);
    while (events > 0 && (!over || t->under_way > 0)) {
        if ((!over && !send_in_free_slots(t)) || !swarm_turn(&t->swarm, STALL_MS, &events)) {
            return false;
        }
        over = over || is_over(t, end_ns);
    }
    for (uint32_t i = 0; i < t->options->window; i++) {
        t->result.missing += t->slots[i].left;
    }
    return true;
}

static bool allocate(struct traffic *t)
{
    uint32_t window = t->options->window;
    size_t pairings = expected_index(t, t->clients - 1, t->senders - 1) + 1;
    t->slots = calloc(window, sizeof(*t->slots));
    t->done = calloc(window, sizeof(*t->done));
    t->sent = calloc(window, t->options->size);
    t->counts = calloc(t->senders, sizeof(*t->counts));
    t->expected = calloc(pairings, sizeof(*t->expected));
    return t->slots != NULL && t->done != NULL && t->sent != NULL && t->counts != NULL &&
           t->expected != NULL;
}

/* All slots are free; those of pairs belong to the pairs in turn. */
static void free_all_slots(struct traffic *t)
{
    for (uint32_t i = 0; i < t->options->window; i++) {
        t->slots[i].stamp.target = i * 2 % t->senders;
        t->done[i] = i;
    }
    t->done_count = t->options->window;
}

static bool measure(struct traffic *t)
{
    const struct load_options *o = t->options;
    struct gauge gauge;
    struct gauge_time before, after;
    if (!gauge_init(&gauge, o->pid)) {
        (void)snprintf(t->swarm.error, LOAD_ERROR_SIZE, "no process %d to look at", (int)o->pid);
        return false;
    }
    if (!run_phase(t, o->warmup_seconds, 0)) {
        return false;
    }
    if (t->result.missing != 0) {
        return true; /* that is all there is to say of this hub */
    }
    t->result = (struct load_result){.others = t->result.others, .wrong = t->result.wrong};
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
    return true;
}

bool traffic_run(const struct load_options *o, struct load_result *ret_result, char *error)
{
    bool ok = false;
    struct traffic t = {
        .options = o,
        .clients = o->mode == LOAD_FANOUT ? o->clients + 1 : o->clients,
        .senders = o->mode == LOAD_FANOUT ? 1 : o->clients,
    };
    (void)snprintf(error, LOAD_ERROR_SIZE, "not enough memory, or the server is gone");
    if (!message_layout_init(&t.layout, o->size, o->mode == LOAD_PAIRS) ||
        !swarm_init(&t.swarm, o, t.clients, take_delivery, &t, error) || !allocate(&t)) {
        goto done;
    }
    free_all_slots(&t);
    ok = swarm_open(&t.swarm, t.clients) && swarm_settle(&t.swarm) && measure(&t);
    *ret_result = t.result;
done:
    swarm_fini(&t.swarm);
    message_layout_fini(&t.layout);
    free(t.slots);
    free(t.done);
    free(t.sent);
    free(t.counts);
    free(t.expected);
    return ok;
}
