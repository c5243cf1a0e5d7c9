#include <stdlib.h>

#include "matrix/bridge_internal.h"

/* Copies a text to *at, and moves that on. */
static struct str put(char **at, struct str text)
{
    struct str copy = str_make(*at, text.len);

    if (text.len > 0) {
        memcpy(*at, text.ptr, text.len);
        *at += text.len;
    }
    return copy;
}

static size_t total(const struct str *list, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += list[i].len;
    }
    return bytes;
}

static const struct str *put_list(char **at, struct str **list, const struct str *from,
                                  size_t count)
{
    struct str *copy = *list;

    for (size_t i = 0; i < count; i++) {
        copy[i] = put(at, from[i]);
    }
    *list += count;
    return copy;
}

bool settings_copy(struct settings *ret_copy, const struct bridge_settings *from)
{
    size_t count = from->room_count + from->invite_count + from->admin_count;
    size_t bytes = from->user_id.len + from->session_name.len + from->model.len +
                   from->whom_to_ask.len + total(from->rooms, from->room_count) +
                   total(from->invites, from->invite_count) +
                   total(from->admins, from->admin_count);
    struct settings s = {.values = *from,
                         .texts = malloc(bytes + 1),
                         .lists = malloc((count + 1) * sizeof(struct str)),
                         .homes = calloc(from->room_count + 1, sizeof(struct home))};

    if (s.texts == NULL || s.lists == NULL || s.homes == NULL) {
        settings_fini(&s);
        return false;
    }
    char *at = s.texts;
    struct str *list = s.lists;
    s.values.user_id = put(&at, from->user_id);
    s.values.session_name = put(&at, from->session_name);
    s.values.model = put(&at, from->model);
    s.values.whom_to_ask = put(&at, from->whom_to_ask);
    s.values.rooms = put_list(&at, &list, from->rooms, from->room_count);
    s.values.invites = put_list(&at, &list, from->invites, from->invite_count);
    s.values.admins = put_list(&at, &list, from->admins, from->admin_count);
    for (size_t i = 0; i < from->room_count; i++) {
        s.homes[i] = (struct home){.name = s.values.rooms[i]};
    }
    *ret_copy = s;
    return true;
}

void settings_fini(struct settings *s)
{
    free(s->texts);
    free(s->lists);
    free(s->homes);
    *s = (struct settings){0};
}
