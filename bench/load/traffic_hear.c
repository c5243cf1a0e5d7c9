#include "traffic.h"

#include <assert.h>

static size_t expected_index(const struct traffic *t, uint32_t receiver, uint32_t sender)
{
    const struct plan *p = &t->plan;
    return p->mode == LOAD_CHAT ? (size_t)receiver * p->members + sender % p->members : receiver;
}

static bool may_hear(const struct traffic *t, uint32_t receiver, const struct slot *slot)
{
    const struct plan *p = &t->plan;
    switch (p->mode) {
    case LOAD_PAIRS:
        return receiver == slot->stamp.target;
    case LOAD_REQUESTS:
        return slot->left == 2 ? receiver < p->agents : receiver == slot->stamp.sender;
    default:
        return receiver != slot->stamp.sender &&
               receiver / p->members == slot->stamp.sender / p->members;
    }
}

/* What stands behind the dialect's `capture`, up to a quote, a blank or a control character. */
static struct str find_captured(const struct dialect *d, struct str heard)
{
    const char *at = memmem(heard.ptr, heard.len, d->capture.ptr, d->capture.len);
    if (at == NULL) {
        return STR("");
    }
    struct str rest = str_slice(heard, (size_t)(at - heard.ptr) + d->capture.len, heard.len);
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] != '"' && (unsigned char)rest.ptr[len] > ' ') {
        len++;
    }
    return str_slice(rest, 0, len);
}

/* The agent says the same body again. */
static bool answer(struct traffic *t, uint32_t agent, struct str heard, struct str body)
{
    const struct dialect *d = t->options->dialect;
    struct template_values values;
    struct buf out;
    plan_values(&t->plan, agent, &values);
    values.number = t->number++;
    values.size = t->options->size;
    values.body = body;
    values.captured = d->capture.len > 0 ? find_captured(d, heard) : STR("");
    buf_init(&out, TEMPLATE_MAX_EXPANDED);
    template_expand(&d->texts[DIALECT_ANSWER], &values, &out, NULL);
    bool ok = !out.failed && swarm_send(&t->swarm, agent, buf_str(&out));
    buf_fini(&out);
    return ok;
}

static void end_slot(struct traffic *t, uint32_t number)
{
    uint32_t end = (t->free_at + t->free_count) % t->options->window;
    t->free[end] = number;
    t->free_count++;
    t->under_way--;
}

static void check_order(struct traffic *t, uint32_t client, const struct slot *slot)
{
    uint32_t *expected = &t->expected[expected_index(t, client, slot->stamp.sender)];
    if (*expected != (uint32_t)slot->stamp.count) {
        t->result.wrong++;
    }
    *expected = (uint32_t)slot->stamp.count + 1;
}

static void note_other(struct load_result *result, struct str heard)
{
    size_t len = heard.len < LOAD_SAID_SIZE - 1 ? heard.len : LOAD_SAID_SIZE - 1;
    result->others++;
    if (len > 0) {
        memcpy(result->said, heard.ptr, len);
    }
    result->said[len] = '\0';
}

void traffic_hear(void *context, uint32_t client, struct str heard)
{
    struct traffic *t = context;
    struct str body;
    if (!message_find(&t->layout, heard, &body)) {
        note_other(&t->result, heard);
        return;
    }
    uint32_t number = message_slot(body);
    struct slot *slot = number < t->options->window ? &t->slots[number] : NULL;
    if (slot == NULL || slot->left == 0 || !may_hear(t, client, slot) ||
        !message_matches(&t->layout, heard, body, t->sent + (size_t)number * t->layout.size)) {
        t->result.wrong++;
        return;
    }
    if (t->plan.mode != LOAD_REQUESTS) {
        check_order(t, client, slot);
    } else if (slot->left == 2) {
        /* Without an answer the request is missing in the end. */
        slot->left -= answer(t, client, heard, body) ? 1 : 0;
        return;
    }
    uint64_t now_ns = t->swarm.now_ns;
    uint64_t took_ns = now_ns > slot->due_ns ? now_ns - slot->due_ns : 0;
    latency_record(&t->latency, took_ns, 1);
    if (t->on_delivery != NULL) {
        t->on_delivery(t->context, now_ns, took_ns);
    }
    t->result.deliveries++;
    if (--slot->left == 0) {
        end_slot(t, number);
    }
}
