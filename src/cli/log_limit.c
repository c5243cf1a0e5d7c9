#include "cli/log_limit.h"

#include <stddef.h>
#include <string.h>

enum { SECOND_MS = 1000 };

static struct log_limit_event *find(struct log_limit *l, const char *event)
{
    for (unsigned i = 0; i < LOG_LIMIT_EVENTS; i++) {
        struct log_limit_event *e = &l->events[i];
        if (e->event == NULL) {
            e->event = event;
        }
        if (e->event == event || strcmp(e->event, event) == 0) {
            return e;
        }
    }
    return NULL;
}

bool log_limit_pass(struct log_limit *l, const char *event, uint64_t now_ms, uint64_t *ret_left_out)
{
    struct log_limit_event *e = find(l, event);

    *ret_left_out = 0;
    if (e == NULL) {
        return true;
    }
    if (e->lines == 0 || now_ms - e->since_ms >= SECOND_MS) {
        e->since_ms = now_ms;
        e->lines = 0;
    }
    if (e->lines == LOG_LIMIT_LINES) {
        e->left_out++;
        return false;
    }
    e->lines++;
    *ret_left_out = e->left_out;
    e->left_out = 0;
    return true;
}
