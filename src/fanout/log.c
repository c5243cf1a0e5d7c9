#include "fanout/log.h"

#include <assert.h>
#include <stdlib.h>

#include "ws/ws.h"

void log_init(struct log *l)
{
    *l = (struct log){.next_size = SEGMENT_SMALLEST};
}

void log_fini(struct log *l)
{
    if (l != NULL) {
        segment_unref(l->segment);
        l->segment = NULL;
    }
}

/* Makes sure that a frame of `len` bytes and its entry fit into l->segment. */
static bool make_room(struct log *l, size_t len, bool *ret_started)
{
    if (l->segment != NULL && segment_room(l->segment, 1) >= len) {
        *ret_started = false;
        return true;
    }
    size_t need = len + sizeof(struct entry);
    /* A log that fills its segments gets larger ones; one that goes idle begins small again. */
    if (l->segment != NULL && l->next_size < SEGMENT_LARGEST) {
        l->next_size *= 2;
    }
    struct segment *fresh = segment_new(need > l->next_size ? need : l->next_size, l->end);
    if (fresh == NULL) {
        return false;
    }
    segment_unref(l->segment);
    l->segment = fresh;
    *ret_started = true;
    return true;
}

static void write_frame(char *at, const char *header, size_t header_len, struct str payload)
{
    memcpy(at, header, header_len);
    if (payload.len > 0) {
        memcpy(at + header_len, payload.ptr, payload.len);
    }
}

bool log_append(struct log *l, const struct log_message *message, bool *ret_started)
{
    char header[WS_MAX_HEADER];
    size_t header_len = ws_write_header(header, WS_TEXT, message->payload.len);
    size_t len = header_len + message->payload.len;

    if (!make_room(l, len, ret_started)) {
        if (message->type != NULL && message->type->id == TYPE_LOOSE) {
            free((void *)(uintptr_t)message->type);
        }
        return false;
    }
    write_frame(segment_extend(l->segment, len), header, header_len, message->payload);
    segment_add_entry(l->segment, (uint32_t)len, message->sender, message->seq, message->type);
    l->end++;
    l->busy = true;
    return true;
}

bool log_idle(struct log *l)
{
    if (l->busy || l->segment == NULL) {
        l->busy = false;
        return false;
    }
    segment_unref(l->segment);
    l->segment = NULL;
    l->next_size = SEGMENT_SMALLEST;
    return true;
}

void turn_fini(struct turn *t)
{
    if (t != NULL) {
        segment_unref(t->segment);
        t->segment = NULL;
    }
}

char *turn_extend(struct turn *t, size_t len, uint32_t *ret_off)
{
    if (t->segment == NULL || segment_room(t->segment, 0) < len) {
        struct segment *fresh = segment_new(len > SEGMENT_LARGEST ? len : SEGMENT_LARGEST, 0);
        if (fresh == NULL) {
            return NULL;
        }
        segment_unref(t->segment);
        t->segment = fresh;
    }
    *ret_off = t->segment->used;
    t->made += len;
    return segment_extend(t->segment, len);
}

static bool add_frame(struct turn *t, enum ws_opcode opcode, struct str payload, uint32_t *ret_off,
                      uint32_t *ret_len)
{
    char header[WS_MAX_HEADER];
    size_t header_len = ws_write_header(header, opcode, payload.len);
    char *at = turn_extend(t, header_len + payload.len, ret_off);

    if (at == NULL) {
        return false;
    }
    write_frame(at, header, header_len, payload);
    *ret_len = (uint32_t)(header_len + payload.len);
    return true;
}

bool turn_frame(struct turn *t, struct str payload, uint32_t *ret_off, uint32_t *ret_len)
{
    return add_frame(t, WS_TEXT, payload, ret_off, ret_len);
}

bool turn_ping(struct turn *t, uint32_t *ret_off, uint32_t *ret_len)
{
    return add_frame(t, WS_PING, STR(""), ret_off, ret_len);
}
