#include "fanout/log.h"

#include <assert.h>
#include <stdlib.h>

#include "ws/deflate.h"

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

static size_t write_text_header(char *header, struct str payload, bool packed)
{
    return packed ? ws_write_deflated_header(header, WS_TEXT, payload.len)
                  : ws_write_header(header, WS_TEXT, payload.len);
}

bool log_append(struct log *l, const struct log_message *message, bool *ret_started)
{
    char header[WS_MAX_HEADER] = {0};
    size_t header_len = write_text_header(header, message->payload, message->packed);
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

static bool add_frame(struct turn *t, const char *header, size_t header_len, struct str payload,
                      uint32_t *ret_off, uint32_t *ret_len)
{
    char *at = turn_extend(t, header_len + payload.len, ret_off);

    if (at == NULL) {
        return false;
    }
    write_frame(at, header, header_len, payload);
    *ret_len = (uint32_t)(header_len + payload.len);
    return true;
}

static bool add_text(struct turn *t, struct str payload, bool packed, uint32_t *ret_off,
                     uint32_t *ret_len)
{
    char header[WS_MAX_HEADER] = {0};

    return add_frame(t, header, write_text_header(header, payload, packed), payload, ret_off,
                     ret_len);
}

bool turn_frame(struct turn *t, struct str payload, uint32_t *ret_off, uint32_t *ret_len)
{
    return add_text(t, payload, false, ret_off, ret_len);
}

bool turn_packed_frame(struct turn *t, struct str payload, uint32_t *ret_off, uint32_t *ret_len)
{
    return add_text(t, payload, true, ret_off, ret_len);
}

bool turn_ping(struct turn *t, uint32_t *ret_off, uint32_t *ret_len)
{
    char header[WS_MAX_HEADER] = {0};

    return add_frame(t, header, ws_write_header(header, WS_PING, 0), STR(""), ret_off, ret_len);
}

/* --- compressing ------------------------------------------------------------------------------ */

void packer_init(struct packer *p)
{
    *p = (struct packer){.deflater = NULL};
    buf_init(&p->bytes, SIZE_MAX);
}

void packer_fini(struct packer *p)
{
    if (p != NULL) {
        deflater_free(p->deflater);
        p->deflater = NULL;
        buf_fini(&p->bytes);
    }
}

bool packer_pack(struct packer *p, struct str message, struct str *ret_packed)
{
    if (message.len < DEFLATE_LEAST) {
        return false;
    }
    if (p->deflater == NULL) {
        p->deflater = deflater_new();
    }
    if (p->bytes.cap > SEGMENT_LARGEST) {
        buf_fini(&p->bytes); /* it was long once */
    }
    buf_clear(&p->bytes);
    if (p->deflater == NULL || !deflater_pack(p->deflater, message, &p->bytes)) {
        return false;
    }
    *ret_packed = buf_str(&p->bytes);
    return true;
}
