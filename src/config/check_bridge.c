#include "config/config.h"
#include "config/internal.h"
#include "config/syntax.h"

/* config_check of the Matrix bridge. */

/* Has to be set, for a bridge can do nothing without. */
static bool need(const struct config *c, enum option_id id, const char *what, struct buf *error)
{
    if (config_is_set(c, id)) {
        return true;
    }
    buf_printf(error, "%s is not set: %s", option_table[id].key, what);
    return false;
}

/* "@local:server", as the specification has them: nothing in it can be mistaken. */
static bool is_user_id(struct str id)
{
    size_t colon = str_find(id, ':');

    if (id.len > 255 || id.len == 0 || id.ptr[0] != '@' || colon < 2 || colon + 1 >= id.len) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        if ((unsigned char)id.ptr[i] <= ' ' || id.ptr[i] == '"' || id.ptr[i] == '\\') {
            return false;
        }
    }
    return true;
}

static bool check_user(const struct config *c, struct buf *error)
{
    struct str id = str_from_z(config_text(c, OPTION_MATRIX_USER_ID));

    if (!need(c, OPTION_MATRIX_USER_ID, "say who the bridge is, like @bot:example.org", error)) {
        return false;
    }
    return is_user_id(id) || config_refuse(c, OPTION_MATRIX_USER_ID, id,
                                           "is no user id; one is like @bot:example.org", error);
}

static bool check_admins(const struct config *c, struct buf *error)
{
    struct str one, rest = str_from_z(config_text(c, OPTION_MATRIX_ADMINS));

    while (config_next_element(&rest, &one)) {
        if (!is_user_id(one)) {
            return config_refuse(c, OPTION_MATRIX_ADMINS, one,
                                 "is no user id; one is like @ann:example.org", error);
        }
    }
    return true;
}

static bool check_room(const struct config *c, enum option_id id, struct str room,
                       struct buf *error)
{
    if ((room.ptr[0] == '!' || room.ptr[0] == '#') && room.len > 1 && room.len <= 255) {
        return true;
    }
    return config_refuse(c, id, room,
                         "is no room; one is an id like !abc:example.org or an alias like "
                         "#help:example.org",
                         error);
}

static bool check_rooms(const struct config *c, struct buf *warnings, struct buf *error)
{
    struct str one, rest = str_from_z(config_text(c, OPTION_MATRIX_ROOMS));
    struct str alone = str_from_z(config_text(c, OPTION_MATRIX_ROOM_ID));
    bool any = alone.len > 0;

    while (config_next_element(&rest, &one)) {
        any = true;
        if (!check_room(c, OPTION_MATRIX_ROOMS, one, error)) {
            return false;
        }
    }
    if (!any && !config_is_set(c, OPTION_MATRIX_INVITES)) {
        config_warn(
            c, OPTION_MATRIX_ROOMS,
            "there is no room, and nobody's invites are taken (matrix.invites): nobody will "
            "ever be answered",
            warnings);
    }
    return alone.len == 0 || check_room(c, OPTION_MATRIX_ROOM_ID, alone, error);
}

static bool has_scheme(struct str url, const char *one, const char *other)
{
    return str_starts_with(url, str_from_z(one)) || str_starts_with(url, str_from_z(other));
}

static bool check_agent(const struct config *c, struct buf *error)
{
    struct str url = str_from_z(config_text(c, OPTION_AGENT_BASE_URL));

    if (config_number(c, OPTION_AGENT_ADAPTER) == AGENT_ADAPTER_GATEWAY) {
        if (url.len > 0 && !has_scheme(url, "ws://", "ws://")) {
            return config_refuse(c, OPTION_AGENT_BASE_URL, url,
                                 "is no address of a gateway; one is like ws://127.0.0.1:8765/ws",
                                 error);
        }
        return need(c, OPTION_AGENT_CAPABILITY, "say what the agent has to be able to do", error);
    }
    if (!need(c, OPTION_AGENT_BASE_URL, "say where the agent is, like https://api.example.org",
              error)) {
        return false;
    }
    if (!has_scheme(url, "https://", "http://")) {
        return config_refuse(c, OPTION_AGENT_BASE_URL, url,
                             "is no address; one is like https://api.example.org", error);
    }
    return config_number(c, OPTION_AGENT_ADAPTER) != AGENT_ADAPTER_OPENAI ||
           need(c, OPTION_AGENT_MODEL, "name the model that is asked", error);
}

/* JSON pointers, and paths: each begins with a slash. */
static bool check_paths(const struct config *c, struct buf *error)
{
    static const enum option_id ids[] = {OPTION_AGENT_CREATE_PATH,  OPTION_AGENT_CREATE_ID,
                                         OPTION_AGENT_ASK_PATH,     OPTION_AGENT_ASK_ID,
                                         OPTION_AGENT_POLL_PATH,    OPTION_AGENT_POLL_STATUS,
                                         OPTION_AGENT_POLL_MESSAGES};

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct str path = str_from_z(config_text(c, ids[i]));
        if (path.len == 0 || path.ptr[0] != '/') {
            return config_refuse(c, ids[i], path, "does not begin with a slash, as it has to",
                                 error);
        }
    }
    return true;
}

bool config_check(const struct config *c, struct buf *warnings, struct buf *error)
{
    return need(c, OPTION_MATRIX_SERVER, "name the homeserver, like example.org", error) &&
           check_user(c, error) &&
           need(c, OPTION_MATRIX_CREDENTIALS_FILE,
                "name a file with the password, or with access_token and refresh_token", error) &&
           need(c, OPTION_MATRIX_DEVICE_ID, "name the device that the bridge logs in as", error) &&
           check_admins(c, error) && check_rooms(c, warnings, error) && check_agent(c, error) &&
           check_paths(c, error) &&
           need(c, OPTION_BRIDGE_STATE_FILE, "name a file to keep the state in", error);
}
