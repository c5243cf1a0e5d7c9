#include "matrix/setup.h"

#include <stdlib.h>

#include "crypto/secret_file.h"

enum { MAX_KEY = 4096 };

static struct str text(const struct setup *s, enum option_id id)
{
    return str_from_z(config_text(&s->config, id));
}

static uint64_t number(const struct setup *s, enum option_id id)
{
    return config_number(&s->config, id);
}

/* --- lists ------------------------------------------------------------------------------------ */

/* Appends the elements of a list behind *at. */
static void take_list(struct str list, struct str **at)
{
    while (config_next_element(&list, *at)) {
        (*at)++;
    }
}

static bool make_lists(struct setup *s)
{
    uint64_t count = number(s, OPTION_MATRIX_ROOMS) + number(s, OPTION_MATRIX_INVITES) +
                     number(s, OPTION_MATRIX_ADMINS);
    struct str *at = calloc((size_t)count + 2, sizeof(*at)); /* and matrix.room_id */

    s->lists = at;
    if (at == NULL) {
        return false;
    }
    s->bridge.rooms = at;
    take_list(text(s, OPTION_MATRIX_ROOMS), &at);
    if (text(s, OPTION_MATRIX_ROOM_ID).len > 0) {
        *at++ = text(s, OPTION_MATRIX_ROOM_ID);
    }
    s->bridge.room_count = (size_t)(at - s->bridge.rooms);
    s->bridge.invites = at;
    take_list(text(s, OPTION_MATRIX_INVITES), &at);
    s->bridge.invite_count = (size_t)(at - s->bridge.invites);
    s->bridge.admins = at;
    take_list(text(s, OPTION_MATRIX_ADMINS), &at);
    s->bridge.admin_count = (size_t)(at - s->bridge.admins);
    return true;
}

/* --- the API key ------------------------------------------------------------------------------ */

/* The first line of the file; what a header cannot hold is no key. */
static bool read_key(struct setup *s, struct buf *error)
{
    const char *path = config_text(&s->config, OPTION_AGENT_API_KEY_FILE);

    if (path[0] == '\0') {
        return true;
    }
    s->api_key = secret_file_load(path, MAX_KEY, &s->api_key_len, &s->warnings, error);
    if (s->api_key == NULL) {
        return false;
    }
    struct str line = str_make(s->api_key, s->api_key_len);
    line = str_trim(str_slice(line, 0, str_find(line, '\n')));
    line = str_slice(line, 0, str_find(line, '\r'));
    for (size_t i = 0; i < line.len; i++) {
        if ((unsigned char)line.ptr[i] < ' ' || line.ptr[i] == '\x7f') {
            buf_printf(error,
                       "%s: its first line is no key: there is a control character in "
                       "it",
                       path);
            return false;
        }
    }
    if (line.len == 0 || s->api_key_len > MAX_KEY) {
        buf_printf(error, "%s: there is no key in its first line, or it is too long", path);
        return false;
    }
    s->agent.api_key = line;
    return true;
}

/* --- settings --------------------------------------------------------------------------------- */

static void make_bridge(struct setup *s)
{
    struct bridge_settings *b = &s->bridge;

    b->user_id = text(s, OPTION_MATRIX_USER_ID);
    b->session_name = text(s, OPTION_BRIDGE_SESSION_NAME);
    b->model = text(s, OPTION_AGENT_MODEL);
    b->max_message_bytes = (uint32_t)number(s, OPTION_BRIDGE_MAX_MESSAGE_BYTES);
    b->max_turns_in_flight = (uint32_t)number(s, OPTION_BRIDGE_MAX_TURNS_IN_FLIGHT);
    b->max_waiting = (uint32_t)number(s, OPTION_BRIDGE_MAX_WAITING);
    b->history_bytes =
        s->adapter->keeps_history ? 0 : (uint32_t)number(s, OPTION_BRIDGE_HISTORY_BYTES);
    b->turn_timeout_ms = number(s, OPTION_AGENT_TIMEOUT);
    b->whom_to_ask = b->admin_count > 0 ? b->admins[0] : STR("");
}

static void make_homeserver(struct setup *s)
{
    s->homeserver = (struct homeserver_settings){
        .server = text(s, OPTION_MATRIX_SERVER),
        .user_id = text(s, OPTION_MATRIX_USER_ID),
        .device_id = text(s, OPTION_MATRIX_DEVICE_ID),
        .credentials_file = config_text(&s->config, OPTION_MATRIX_CREDENTIALS_FILE),
        .sync_timeout_ms = number(s, OPTION_BRIDGE_TIMEOUT),
        .rooms = s->bridge.rooms,
        .room_count = s->bridge.room_count,
    };
}

static void make_agent(struct setup *s)
{
    struct agent_settings *a = &s->agent;

    a->base_url = text(s, OPTION_AGENT_BASE_URL);
    if (a->base_url.len == 0) {
        a->base_url = STR("ws://127.0.0.1:8765/ws");
    }
    a->model = text(s, OPTION_AGENT_MODEL);
    a->capability = text(s, OPTION_AGENT_CAPABILITY);
    a->user_id = text(s, OPTION_MATRIX_USER_ID);
    a->timeout_ms = number(s, OPTION_AGENT_TIMEOUT);
    a->poll_interval_ms = number(s, OPTION_BRIDGE_POLL_INTERVAL);
    a->max_answer_bytes = (size_t)number(s, OPTION_AGENT_MAX_ANSWER_BYTES);
    a->paths = (struct agent_paths){
        .create_path = text(s, OPTION_AGENT_CREATE_PATH),
        .create_id = text(s, OPTION_AGENT_CREATE_ID),
        .ask_path = text(s, OPTION_AGENT_ASK_PATH),
        .ask_id = text(s, OPTION_AGENT_ASK_ID),
        .poll_path = text(s, OPTION_AGENT_POLL_PATH),
        .poll_status = text(s, OPTION_AGENT_POLL_STATUS),
        .poll_messages = text(s, OPTION_AGENT_POLL_MESSAGES),
        .name_field = text(s, OPTION_AGENT_NAME_FIELD),
        .content_field = text(s, OPTION_AGENT_CONTENT_FIELD),
        .key_field = text(s, OPTION_AGENT_KEY_FIELD),
    };
}

bool setup_init(struct setup *s, const struct config_sources *sources, struct buf *error)
{
    static const struct agent_adapter *const adapters[] = {
        [AGENT_ADAPTER_AIAGENT] = &agent_aiagent,
        [AGENT_ADAPTER_OPENAI] = &agent_openai,
        [AGENT_ADAPTER_GATEWAY] = &agent_gateway,
    };

    *s = (struct setup){.lists = NULL};
    buf_init(&s->warnings, CONFIG_MAX_ERROR);
    if (!config_load(&s->config, sources, &s->warnings, error)) {
        return false;
    }
    s->adapter = adapters[number(s, OPTION_AGENT_ADAPTER)];
    if (!make_lists(s)) {
        buf_append_str(error, STR("out of memory"));
        return false;
    }
    make_bridge(s);
    make_homeserver(s);
    make_agent(s);
    return read_key(s, error);
}

void setup_fini(struct setup *s)
{
    if (s == NULL) {
        return;
    }
    secret_file_free(s->api_key, s->api_key_len);
    free(s->lists);
    buf_fini(&s->warnings);
    config_fini(&s->config);
    *s = (struct setup){.lists = NULL};
}
