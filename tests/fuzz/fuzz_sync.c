/*
 * Responses of a homeserver, of any bytes. The first byte chooses: a sync, the first one ever, or a
 * page of /messages. What is told has to be what the core may be given.
 */

#include "matrix/sync.h"

#include <assert.h>

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_id(struct str id, char sigil, bool may_be_empty)
{
    assert(id.len <= 255 && (id.len >= 2 || (may_be_empty && id.len == 0)));
    assert(id.len == 0 || id.ptr[0] == sigil);
    assert(utf8_valid(id.ptr, id.len));
    for (size_t i = 0; i < id.len; i++) {
        assert((uint8_t)id.ptr[i] > ' ' && id.ptr[i] != 0x7f);
    }
}

static void on_event(void *owner, const struct bridge_event *e)
{
    bool is_said = e->kind == MATRIX_MESSAGE || e->kind == MATRIX_EDIT;
    bool has_target = e->kind == MATRIX_EDIT || e->kind == MATRIX_REDACTION;

    check_id(e->room, '!', false);
    check_id(e->event_id, '$', !is_said && e->kind != MATRIX_REDACTION);
    check_id(e->sender, '@', !is_said && e->kind != MATRIX_REDACTION && e->kind != MATRIX_INVITED);
    check_id(e->target, '$', !has_target);
    check_id(e->thread, '$', true);
    check_id(e->reply_to, '$', true);
    assert(utf8_valid(e->body.ptr, e->body.len));
    assert(!is_said || !str_equal(e->sender, STR("@bot:x")));
    assert(!*(bool *)owner || e->old || !is_said);
}

static void on_gap(void *owner, struct str room, struct str prev_batch, bool was_joined)
{
    (void)was_joined;
    check_id(room, '!', false);
    assert(prev_batch.len > 0 && !*(bool *)owner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool first = size > 0 && data[0] % 3 == 1, is_joined = true;
    struct sync_reader r = {
        .owner = &first, .user_id = STR("@bot:x"), .event = on_event, .gap = on_gap};
    struct str found = STR("");

    if (size == 0) {
        return 0;
    }
    struct str text = str_make((const char *)data + 1, size - 1);
    if (data[0] % 3 == 2) {
        (void)sync_read_page(&r, STR("!r:x"), text, &is_joined, &found);
    } else if (sync_read(&r, text, first, &found)) {
        assert(found.len > 0);
    }
    return 0;
}
