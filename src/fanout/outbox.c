/* What waits for one connection: its private queue. */

#include <assert.h>

#include "fanout/internal.h"
#include "ws/ws.h"

enum {
    LOCAL_SIZE = 16 * 1024,
    PONG_SIZE = 2 + WS_MAX_CONTROL, /* kept for a pong, so that a longer one can replace it */
};

void outbox_init(struct outbox *o, uint64_t conn)
{
    *o = (struct outbox){.conn = conn};
}

struct own *outbox_own(struct reader *r, struct outbox *o)
{
    uint32_t index;

    if (o->own == NULL) {
        o->own = slab_acquire(&r->owns, &index);
        if (o->own != NULL) {
            o->own->outbox = o;
            o->own->index = index;
            list_init(&o->own->ready);
        }
    }
    return o->own;
}

void outbox_tidy(struct reader *r, struct outbox *o)
{
    const struct own *own = o->own;

    if (own == NULL || own->head != NULL || own->filter != NULL || own->rest.segment != NULL ||
        o->stalled || o->lag != LAG_NONE || !list_empty(&own->ready)) {
        return;
    }
    slab_release(&r->owns, own->index);
    o->own = NULL;
}

void item_free(struct reader *r, struct item *item)
{
    if (item->segment != NULL) {
        segment_release(item->segment, r->reactor);
    }
    filter_free(item->filter);
    slab_release(&r->items, item->index);
}

struct item *outbox_pop(struct reader *r, struct own *own)
{
    struct item *item = own->head;

    own->head = item->next;
    if (own->head == NULL) {
        own->tail = NULL;
    }
    if (own->pong == item) {
        own->pong = NULL;
    }
    own->queued_bytes -= item_cost(item);
    r->queued_bytes -= item_cost(item);
    return item;
}

void outbox_drop_rest(struct reader *r, struct own *own)
{
    if (own->rest.segment != NULL) {
        segment_release(own->rest.segment, r->reactor);
        own->rest = (struct rest){0};
    }
}

static void free_own(struct reader *r, struct own *own)
{
    while (own->head != NULL) {
        item_free(r, outbox_pop(r, own));
    }
    r->skipped += own->missed;
    outbox_drop_rest(r, own);
    filter_free(own->filter);
    list_remove(&own->ready);
    slab_release(&r->owns, own->index);
}

void outbox_close(struct reader *r, struct outbox *o)
{
    while (o->joined != NULL) {
        membership_free(r, o->joined);
    }
    if (o->own != NULL) {
        free_own(r, o->own);
    }
    outbox_init(o, NO_CONN);
}

bool outbox_has_private(const struct outbox *o)
{
    return o->own != NULL && o->own->head != NULL;
}

void outbox_make_ready(struct reader *r, struct outbox *o)
{
    if (!o->stalled && list_empty(&o->own->ready)) {
        list_append(&r->ready, &o->own->ready);
    }
}

/* --- the private queue ------------------------------------------------------------------------ */

char *reader_extend(struct reader *r, size_t len, struct segment **ret_segment, uint32_t *ret_off)
{
    if (r->local == NULL || segment_room(r->local, 0) < len) {
        struct segment *fresh = segment_new(len > LOCAL_SIZE ? len : LOCAL_SIZE, 0);
        if (fresh == NULL) {
            return NULL;
        }
        fresh->held[r->reactor] = 1;
        if (r->local != NULL) {
            segment_release(r->local, r->reactor);
        }
        r->local = fresh;
    }
    *ret_off = r->local->used;
    *ret_segment = r->local;
    segment_hold_again(r->local, r->reactor);
    return segment_extend(r->local, len);
}

struct segment *reader_copy(struct reader *r, const char *bytes, size_t len)
{
    struct segment *s = segment_new(len, 0);

    if (s != NULL) {
        memcpy(segment_extend(s, len), bytes, len);
        s->held[r->reactor] = 1;
    }
    return s;
}

struct item *outbox_append(struct reader *r, struct outbox *o, const struct item *what)
{
    uint32_t index;
    struct own *own = outbox_own(r, o);
    struct item *item = own != NULL ? slab_acquire(&r->items, &index) : NULL;

    if (item == NULL) {
        outbox_tidy(r, o);
        if (what->segment != NULL) {
            segment_release(what->segment, r->reactor);
        }
        filter_free(what->filter);
        return NULL;
    }
    *item = *what;
    item->index = index;
    item->next = NULL;
    if (own->tail != NULL) {
        own->tail->next = item;
    } else {
        own->head = item;
    }
    own->tail = item;
    outbox_charge(r, own, item);
    if (o->stalled) {
        outbox_check_backlog(r, o);
    } else {
        outbox_make_ready(r, o);
    }
    return item;
}

static bool append_close(struct reader *r, struct outbox *o, uint64_t seq, uint16_t code,
                         struct str reason)
{
    char payload[WS_MAX_CONTROL];
    struct item item = {.seq = seq, .kind = DOWN_CLOSE};

    if (code != 0) {
        size_t len = ws_close_payload(payload, code, reason);
        char header[WS_MAX_HEADER];
        size_t header_len = ws_write_header(header, WS_CLOSE, len);
        char *at = reader_extend(r, header_len + len, &item.segment, &item.off);
        if (at == NULL) {
            return false;
        }
        memcpy(at, header, header_len);
        memcpy(at + header_len, payload, len);
        item.len = (uint32_t)(header_len + len);
    }
    if (outbox_append(r, o, &item) == NULL) {
        return false;
    }
    o->closing = true;
    return true;
}

static bool queue_close(struct reader *r, struct outbox *o, const struct down *command)
{
    struct str reason = {NULL, 0};

    if (command->segment != NULL) {
        reason = str_make(command->segment->data + command->off, command->len);
    }
    return append_close(r, o, command->seq, command->code, reason);
}

bool outbox_queue(struct reader *r, struct outbox *o, const struct down *command)
{
    bool skippable = command->kind == DOWN_FRAME && (command->flags & DOWN_BROADCAST) != 0;

    if (o->closing || (command->kind == DOWN_FRAME && command->len == 0)) {
        filter_free(command->filter);
        return true;
    }
    if (skippable && o->lag != LAG_NONE) {
        o->own->missed++;
        return true;
    }
    if (command->kind == DOWN_CLOSE) {
        return queue_close(r, o, command);
    }
    struct item item = {.seq = command->seq,
                        .segment = command->segment,
                        .filter = command->filter,
                        .off = command->off,
                        .len = command->len,
                        .kind = command->kind,
                        .flags = command->flags};
    if (item.segment != NULL && o->stalled) {
        item.segment = reader_copy(r, command->segment->data + command->off, command->len);
        item.off = 0;
        if (item.segment == NULL) {
            return false;
        }
    } else if (item.segment != NULL) {
        segment_hold_again(item.segment, r->reactor);
    }
    return outbox_append(r, o, &item) != NULL;
}

bool outbox_push(struct reader *r, struct outbox *o, const void *bytes, size_t len, uint8_t flags)
{
    struct item item = {.kind = DOWN_FRAME, .flags = flags, .len = (uint32_t)len};

    if (o->closing) {
        return true;
    }
    char *at = reader_extend(r, len, &item.segment, &item.off);
    if (at == NULL) {
        return false;
    }
    memcpy(at, bytes, len);
    return outbox_append(r, o, &item) != NULL;
}

bool outbox_push_close(struct reader *r, struct outbox *o, uint16_t code, struct str reason)
{
    return o->closing || append_close(r, o, 0, code, reason);
}

bool outbox_push_pong(struct reader *r, struct outbox *o, const void *bytes, size_t len)
{
    struct item item = {.kind = DOWN_FRAME, .len = (uint32_t)len};

    assert(len <= PONG_SIZE);
    if (o->closing) {
        return true;
    }
    if (o->own != NULL && o->own->pong != NULL) {
        struct item *pong = o->own->pong;
        memcpy(pong->segment->data + pong->off, bytes, len);
        o->own->queued_bytes += (uint32_t)len - pong->len;
        r->queued_bytes += len - pong->len;
        pong->len = (uint32_t)len;
        return true;
    }
    char *at = reader_extend(r, PONG_SIZE, &item.segment, &item.off);
    if (at == NULL) {
        return false;
    }
    memcpy(at, bytes, len);
    struct item *pong = outbox_append(r, o, &item);
    if (pong != NULL) {
        o->own->pong = pong;
    }
    return pong != NULL;
}
