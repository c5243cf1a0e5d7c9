#include "matrix/homeserver_internal.h"

#include <stdlib.h>

#include "matrix/sync.h"
#include "json/writer.h"

enum {
    STRANGE_GAP_MS = 60000, /* between two lines about events that are none */
    MAX_EMPTIES = 20,       /* in EMPTY_SPAN_MS; then the next sync waits as long */
    EMPTY_SPAN_MS = 1000,
    MAX_EMPTY_PAGES = 50 /* of a gap, one after the other */
};

/* --- requests -----------------------------------------------------------------------------------
 */

static void write_names(struct json_writer *w, struct str key, const char *const *names,
                        size_t count)
{
    json_key(w, key);
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) {
        json_string(w, str_from_z(names[i]));
    }
    json_end_array(w);
}

/* Not m.room.encrypted: it cannot be read, and anybody may send one into a room that is not. */
static void write_types(struct json_writer *w)
{
    static const char *const types[] = {
        "m.room.message",         "m.room.redaction", "m.room.member",     "m.room.name",
        "m.room.canonical_alias", "m.room.create",    "m.room.encryption",
    };

    write_names(w, STR("types"), types, sizeof(types) / sizeof(*types));
}

static void write_nothing(struct json_writer *w, struct str key)
{
    static const char *const all[] = {"*"};

    json_key(w, key);
    json_begin_object(w);
    write_names(w, STR("not_types"), all, 1);
    json_end_object(w);
}

/* State without the members: it says whether the room is encrypted, and is new to us (sync.h). */
static void write_state(struct json_writer *w)
{
    static const char *const types[] = {"m.room.create", "m.room.encryption", "m.room.name",
                                        "m.room.canonical_alias"};

    json_key(w, STR("state"));
    json_begin_object(w);
    write_names(w, STR("types"), types, sizeof(types) / sizeof(*types));
    json_end_object(w);
}

static void make_filter(const struct homeserver *h, struct buf *out)
{
    bool is_first = h->next_batch.len == 0;
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    write_nothing(&w, STR("presence"));
    write_nothing(&w, STR("account_data"));
    json_key(&w, STR("room"));
    json_begin_object(&w);
    write_nothing(&w, STR("account_data"));
    write_nothing(&w, STR("ephemeral"));
    write_state(&w);
    json_key(&w, STR("timeline"));
    json_begin_object(&w);
    /* What the first sync has is old. */
    json_key_uint(&w, STR("limit"), is_first ? 1 : h->timeline_limit);
    write_types(&w);
    json_end_object(&w);
    json_end_object(&w);
    json_end_object(&w);
}

static void append_number(struct buf *out, const char *name, uint64_t value)
{
    buf_printf(out, "&%s=%llu", name, (unsigned long long)value);
}

static void prepare_page(struct homeserver *h, struct home_call *c)
{
    const struct gap *gap = list_entry(h->gaps.next, struct gap, link);
    struct buf filter;
    struct json_writer w;

    buf_init(&filter, 2000);
    json_writer_init(&w, &filter);
    json_begin_object(&w);
    write_types(&w);
    json_end_object(&w);
    buf_append_str(&c->path, STR("/_matrix/client/v3/rooms/"));
    url_append_part(&c->path, gap->room);
    buf_append_str(&c->path, STR("/messages?dir=f"));
    url_append_query(&c->path, "from", buf_str(&gap->from));
    url_append_query(&c->path, "to", gap->to);
    append_number(&c->path, "limit", h->page_limit);
    url_append_query(&c->path, "filter", buf_str(&filter));
    c->path.failed |= filter.failed;
    buf_fini(&filter);
}

void home_sync_prepare(struct home_call *c)
{
    struct homeserver *h = c->home;
    bool is_quick = h->wants_quick || h->next_batch.len == 0;
    struct buf filter;

    buf_clear(&c->path);
    if (c->kind == CALL_MESSAGES) {
        prepare_page(h, c);
        return;
    }
    buf_init(&filter, 2000);
    make_filter(h, &filter);
    buf_append_str(&c->path, STR("/_matrix/client/v3/sync?set_presence=offline"));
    append_number(&c->path, "timeout", is_quick ? 0 : h->sync_timeout_ms);
    url_append_query(&c->path, "filter", buf_str(&filter));
    if (h->next_batch.len > 0) {
        url_append_query(&c->path, "since", buf_str(&h->next_batch));
    }
    c->path.failed |= filter.failed;
    buf_fini(&filter);
}

/* A server that answers at once, with nothing, is not to be asked without end. */
static bool is_idle_talk(struct homeserver *h)
{
    if (h->now.mono_ms - h->empty_ms >= EMPTY_SPAN_MS) {
        h->empty_ms = h->now.mono_ms;
        h->empties = 0;
    }
    return h->empties > MAX_EMPTIES;
}

void home_sync_tick(struct homeserver *h)
{
    bool fills = !list_empty(&h->gaps);

    if (h->sync != NULL || h->is_stopping || h->is_checking || h->has_retry ||
        h->retry_at_ms != UINT64_MAX || h->state == LOGIN_IDLE || home_is_over(h->fault)) {
        return;
    }
    struct home_call *c = home_call_new(h, fills ? CALL_MESSAGES : CALL_SYNC, STR(""));
    if (c == NULL || !home_call_add(c)) {
        home_retry(h);
        return;
    }
    h->sync = c;
    if (!fills && is_idle_talk(h)) {
        c->delay_ms = EMPTY_SPAN_MS;
        c->is_delayed = true;
        h->empties = 0;
    }
}

bool home_sync_less(struct home_call *c)
{
    struct homeserver *h = c->home;
    unsigned *limit = c->kind == CALL_SYNC       ? &h->timeline_limit
                      : c->kind == CALL_MESSAGES ? &h->page_limit
                                                 : NULL;

    if (limit == NULL || *limit == 1) {
        return false;
    }
    *limit /= 2;
    home_log(h, LEVEL_INFO, "sync_smaller", buf_str(&h->base), "request=%s limit=%u",
             call_rules[c->kind].name, *limit);
    return true;
}

/* --- answers ------------------------------------------------------------------------------------
 */

static void free_gap(struct gap *gap)
{
    list_remove(&gap->link);
    buf_fini(&gap->from);
    free(gap);
}

void home_sync_end(struct homeserver *h)
{
    list_each_safe(link, &h->gaps) {
        free_gap(list_entry(link, struct gap, link));
    }
    buf_fini(&h->kept); /* it may be large, and is not needed for long */
    h->kept.failed = false;
}

static void on_event(void *owner, const struct bridge_event *event)
{
    struct homeserver *h = owner;

    h->has_told = true;
    h->ports.event(h->ports.owner, event);
}

static void on_gap(void *owner, struct str room, struct str prev_batch, bool was_joined)
{
    enum { MAX_TOKEN = 8192 };
    struct homeserver *h = owner;
    struct gap *gap = calloc(1, sizeof(*gap) + room.len + prev_batch.len);

    if (gap == NULL) {
        h->kept.failed = true;
        return;
    }
    memcpy(gap->texts, room.ptr, room.len);
    memcpy(gap->texts + room.len, prev_batch.ptr, prev_batch.len);
    gap->room = str_make(gap->texts, room.len);
    gap->to = str_make(gap->texts + room.len, prev_batch.len);
    gap->is_joined = was_joined;
    buf_init(&gap->from, MAX_TOKEN);
    buf_append_str(&gap->from, buf_str(&h->next_batch));
    h->kept.failed |= gap->from.failed;
    list_append(&h->gaps, &gap->link);
}

static struct sync_reader reader_of(struct homeserver *h)
{
    return (struct sync_reader){.owner = h, .user_id = h->user_id};
}

/* Somebody may send nonsense as fast as they like. */
static void log_strange(struct homeserver *h, const struct sync_reader *r)
{
    if (r->malformed > 0 &&
        (h->strange_logged_ms == 0 || h->now.mono_ms - h->strange_logged_ms >= STRANGE_GAP_MS)) {
        h->strange_logged_ms = h->now.mono_ms > 0 ? h->now.mono_ms : 1;
        home_log(h, LEVEL_INFO, "sync_malformed", buf_str(&h->base), "events=%zu", r->malformed);
    }
}

static void lack_memory(struct homeserver *h)
{
    home_fault(h, HOMESERVER_NO_MEMORY, "There is no memory for what the homeserver sends");
}

/* Tells a response whose gaps have been filled. */
static void tell_sync(struct homeserver *h, struct str body)
{
    struct sync_reader r = reader_of(h);
    struct str next = STR("");
    bool is_first = h->next_batch.len == 0;

    r.event = on_event;
    if (!sync_read(&r, body, is_first, &next)) {
        lack_memory(h); /* it was read before, so nothing else can be wrong with it */
        return;
    }
    buf_clear(&h->next_batch);
    buf_append_str(&h->next_batch, next);
    if (h->next_batch.failed) {
        lack_memory(h);
        return;
    }
    log_strange(h, &r);
    h->empties = h->has_told ? 0 : h->empties + 1;
    h->has_told = false;
    h->wants_quick = false;
    h->has_synced = true;
    h->ports.synced(h->ports.owner, buf_str(&h->next_batch));
}

bool home_answer_sync(struct home_call *c, struct str body)
{
    struct homeserver *h = c->home;
    struct sync_reader r = reader_of(h);
    struct str next;

    r.gap = on_gap;
    if (!sync_read(&r, body, h->next_batch.len == 0, &next)) {
        home_sync_end(h);
        return false;
    }
    if (!list_empty(&h->gaps) && !h->kept.failed) {
        buf_append_str(&h->kept, body);
    }
    if (h->kept.failed) { /* before anything was told, so it can be asked for again */
        home_sync_end(h);
        home_fault(h, HOMESERVER_AWAY, "There is no memory for what the homeserver sends");
        return false;
    }
    if (list_empty(&h->gaps)) {
        tell_sync(h, body);
    }
    home_sync_tick(h);
    return true;
}

void home_gap_end(struct homeserver *h)
{
    h->page_limit = HOME_PAGE_LIMIT; /* what was too much in this room need not be elsewhere */
    free_gap(list_entry(h->gaps.next, struct gap, link));
    if (list_empty(&h->gaps)) {
        tell_sync(h, buf_str(&h->kept));
        home_sync_end(h);
    }
}

/*
 * Whether the page that was read is the last one of its gap: a server may filter all of a page
 * away, so one without events has others behind it, but not without end.
 */
static bool is_last_page(struct homeserver *h, struct gap *gap, size_t events, struct str end)
{
    gap->empty_pages = events == 0 ? gap->empty_pages + 1 : 0;
    if (end.len == 0 || str_equal(end, buf_str(&gap->from)) || str_equal(end, gap->to)) {
        return true;
    }
    if (gap->empty_pages >= MAX_EMPTY_PAGES) {
        home_log(h, LEVEL_WARNING, "gap_lost", gap->room, "empty_pages=%u", gap->empty_pages);
        return true;
    }
    return false;
}

bool home_answer_messages(struct home_call *c, struct str body)
{
    struct homeserver *h = c->home;
    struct gap *gap = list_entry(h->gaps.next, struct gap, link);
    struct sync_reader r = reader_of(h);
    struct str end = STR("");

    r.event = on_event;
    if (!gap->is_told) {
        sync_read_state(&r, buf_str(&h->kept), gap->room);
        gap->is_told = true;
    }
    if (!sync_read_page(&r, gap->room, body, &gap->is_joined, &end)) {
        if (r.failed) {
            lack_memory(h);
        }
        return r.failed;
    }
    log_strange(h, &r);
    gap->failures = gap->well_failures = 0;
    bool is_last = is_last_page(h, gap, r.paged, end);
    buf_clear(&gap->from);
    buf_append_str(&gap->from, end);
    if (gap->from.failed) {
        lack_memory(h);
        return true;
    }
    h->ports.synced(h->ports.owner, STR(""));
    if (is_last) {
        home_gap_end(h);
    }
    home_sync_tick(h);
    return true;
}

/* We may have left meanwhile, or may not see it. */
bool home_refuse_messages(struct home_call *c, unsigned status, struct str code)
{
    struct homeserver *h = c->home;
    const struct gap *gap = list_entry(h->gaps.next, struct gap, link);

    home_log(h, LEVEL_WARNING, "gap_lost", gap->room, "status=%u code=%.*s", status, STR_ARG(code));
    home_gap_end(h);
    home_sync_tick(h);
    return true;
}
