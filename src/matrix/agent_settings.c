#include "matrix/agent_settings.h"

static void keep(struct buf *texts, struct str *text)
{
    size_t start = texts->len;

    buf_append_str(texts, *text);
    *text = str_make(texts->data + start, text->len);
}

/* Room for all is made first, so nothing moves while they are put down. */
bool agent_settings_keep(struct agent_settings *s, const struct agent_settings *settings,
                         struct buf *texts)
{
    struct agent_paths *p = &s->paths;
    struct str *const members[] = {
        &s->base_url,    &s->api_key,       &s->model,      &s->capability,    &s->user_id,
        &p->create_path, &p->create_id,     &p->ask_path,   &p->ask_id,        &p->poll_path,
        &p->poll_status, &p->poll_messages, &p->name_field, &p->content_field, &p->key_field,
    };
    size_t total = 1;

    *s = *settings;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        total += members[i]->len;
    }
    buf_init(texts, total);
    texts->secret = true;
    if (!buf_reserve(texts, total)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        keep(texts, members[i]);
    }
    while (s->base_url.len > 0 && s->base_url.ptr[s->base_url.len - 1] == '/') {
        s->base_url.len--;
    }
    return true;
}

uint64_t agent_backoff(unsigned failures)
{
    enum { FIRST_WAIT_MS = 250, LONGEST_WAIT_MS = 4000, MAX_SHIFT = 4 };

    return failures <= MAX_SHIFT ? (uint64_t)FIRST_WAIT_MS << failures : LONGEST_WAIT_MS;
}
