#include "matrix/homeserver_internal.h"

#include <stdlib.h>

enum { LOG_GAP_MS = 10000 /* between two lines about a server that comes and goes */ };

/* --- how it stands ------------------------------------------------------------------------------
 */

void home_log(struct homeserver *h, unsigned level, const char *event, struct str about,
              const char *format, ...)
{
    char details[400];
    bool is_cut;
    va_list args;

    va_start(args, format);
    struct str text = str_vformat(details, sizeof(details), &is_cut, format, args);
    va_end(args);
    h->ports.log(h->ports.owner, level, event, about, text);
}

bool home_is_over(enum homeserver_fault fault)
{
    return fault >= HOMESERVER_WRONG_PASSWORD;
}

/* A server that comes and goes is not to fill the log. */
static void log_fault(struct homeserver *h)
{
    bool is_over = home_is_over(h->fault);
    bool may = h->fault_logged_ms == 0 || h->now.mono_ms - h->fault_logged_ms >= LOG_GAP_MS;

    if (h->fault == HOMESERVER_FINE) {
        if (h->fault_was_logged) {
            home_log(h, LEVEL_INFO, "homeserver_back", buf_str(&h->base), "%s", "");
        }
        h->fault_was_logged = false;
    } else if (is_over || may) {
        if (is_over) {
            home_log(h, LEVEL_ERROR, "homeserver_refused", buf_str(&h->base), "reason=\"%s\"",
                     h->sentence);
        } else {
            home_log(h, LEVEL_WARNING, "homeserver_away", buf_str(&h->base), "reason=\"%s\"",
                     h->sentence);
        }
        h->fault_logged_ms = h->now.mono_ms > 0 ? h->now.mono_ms : 1;
        h->fault_was_logged = true;
    }
}

void home_fault(struct homeserver *h, enum homeserver_fault fault, const char *format, ...)
{
    bool is_cut;
    va_list args;

    if (home_is_over(h->fault)) {
        return;
    }
    bool is_news = fault != h->fault;
    if (is_news || fault != HOMESERVER_FINE) {
        va_start(args, format);
        (void)str_vformat(h->sentence, sizeof(h->sentence), &is_cut, format, args);
        va_end(args);
    }
    if (!is_news) {
        return;
    }
    h->fault = fault;
    h->was_cut = false;
    if (home_is_over(fault)) {
        home_login_stop(h);
    }
    if (!h->is_checking) {
        log_fault(h);
        h->ports.fault(h->ports.owner, fault, h->sentence);
    }
}

void home_retry(struct homeserver *h)
{
    h->has_retry = true;
    h->save_failures++;
}

/* --- life ---------------------------------------------------------------------------------------
 */

/* Copies a text into what was reserved for all of them, so that nothing moves. */
static struct str keep(struct homeserver *h, struct str text)
{
    size_t at = h->texts.len;

    buf_append_str(&h->texts, text);
    return str_make(h->texts.data + at, text.len);
}

static bool keep_settings(struct homeserver *h, const struct homeserver_settings *s)
{
    size_t size = s->server.len + s->user_id.len + s->device_id.len;

    for (size_t i = 0; i < s->room_count; i++) {
        size += s->rooms[i].len;
    }
    buf_init(&h->texts, size + 1);
    h->rooms = calloc(s->room_count + 1, sizeof(*h->rooms));
    if (h->rooms == NULL || !buf_reserve(&h->texts, size + 1)) {
        return false;
    }
    h->server = keep(h, s->server);
    h->user_id = keep(h, s->user_id);
    h->device_id = keep(h, s->device_id);
    for (size_t i = 0; i < s->room_count; i++) {
        h->rooms[i] = keep(h, s->rooms[i]);
    }
    h->room_count = s->room_count;
    h->credentials_file = s->credentials_file;
    h->sync_timeout_ms = s->sync_timeout_ms;
    return true;
}

struct homeserver *homeserver_new(const struct homeserver_settings *settings,
                                  const struct homeserver_ports *ports, struct http_client *http,
                                  struct bridge_time now)
{
    enum { MAX_URL = 2048, MAX_TOKEN = 8192, MAX_KEPT = 1 << 30 };
    struct homeserver *h = calloc(1, sizeof(*h));

    if (h == NULL) {
        return NULL;
    }
    h->ports = *ports;
    h->http = http;
    h->now = now;
    h->refresh_at_ms = UINT64_MAX;
    h->retry_at_ms = UINT64_MAX;
    h->date_ms = -1;
    h->timeline_limit = 20;
    h->page_limit = HOME_PAGE_LIMIT;
    list_init(&h->calls);
    list_init(&h->gaps);
    credentials_init(&h->credentials);
    buf_init(&h->base, MAX_URL);
    buf_init(&h->next_batch, MAX_TOKEN);
    buf_init(&h->kept, MAX_KEPT);
    buf_init(&h->joined, MAX_KEPT);
    buf_init(&h->aliases, MAX_KEPT);
    if (!keep_settings(h, settings)) {
        homeserver_free(h);
        return NULL;
    }
    return h;
}

void homeserver_free(struct homeserver *h)
{
    if (h == NULL) {
        return;
    }
    list_each_safe(link, &h->calls) {
        home_call_free(list_entry(link, struct home_call, link));
    }
    home_sync_end(h);
    credentials_fini(&h->credentials);
    buf_fini(&h->base);
    buf_fini(&h->next_batch);
    buf_fini(&h->kept);
    buf_fini(&h->joined);
    buf_fini(&h->aliases);
    buf_fini(&h->texts);
    free(h->rooms);
    free(h);
}

void homeserver_start(struct homeserver *h, struct str next_batch)
{
    buf_append_str(&h->next_batch, next_batch);
    if (h->next_batch.failed) {
        home_fault(h, HOMESERVER_NO_MEMORY, "There is no memory for where the last sync ended");
        return;
    }
    h->wants_quick = true;
    home_find_start(h);
}

void homeserver_tick(struct homeserver *h, struct bridge_time now)
{
    h->now = now;
    home_calls_tick(h);
    if (h->has_synced) {
        h->synced_ms = now.mono_ms > 0 ? now.mono_ms : 1;
        h->has_synced = false;
    }
    if (h->has_retry) {
        h->retry_at_ms = now.mono_ms + home_backoff(h, h->save_failures);
        h->has_retry = false;
    }
    home_login_tick(h);
    if (h->is_checking) {
        home_check_tick(h);
    } else {
        home_sync_tick(h);
    }
    home_pump(h);
}

uint64_t homeserver_deadline(const struct homeserver *h)
{
    if (h->has_synced || h->has_retry) {
        return 0;
    }
    uint64_t calls = home_calls_deadline(h), login = home_login_deadline(h);
    return calls < login ? calls : login;
}

void homeserver_stop(struct homeserver *h)
{
    h->is_stopping = true;
    home_call_free(h->sync);
    home_sync_end(h);
}

bool homeserver_idle(const struct homeserver *h)
{
    list_each(link, &h->calls) {
        const struct home_call *c = list_entry(link, struct home_call, link);
        if (c->http != NULL) {
            return false;
        }
    }
    return true;
}

uint64_t homeserver_synced_ms(const struct homeserver *h)
{
    return h->synced_ms;
}
