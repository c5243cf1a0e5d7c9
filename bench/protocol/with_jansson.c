#include "contender.h"

#include <jansson.h>
#include <string.h>

static bool is_string_or_absent(const json_t *value)
{
    return value == NULL || json_is_string(value);
}

static bool is_bark(const json_t *message, const json_t *data)
{
    const char *type = json_string_value(json_object_get(message, "type"));
    const json_t *agent_id = json_object_get(message, "agent_id");
    const json_t *ttl = json_object_get(data, "ttl_seconds");

    return type != NULL && strcmp(type, "bark") == 0 &&
           (json_is_string(agent_id) || json_is_null(agent_id)) && json_is_object(data) &&
           json_is_number(json_object_get(message, "ts")) &&
           json_is_string(json_object_get(data, "text")) &&
           is_string_or_absent(json_object_get(data, "emotion")) &&
           is_string_or_absent(json_object_get(data, "animation")) &&
           (ttl == NULL || (json_is_number(ttl) && json_number_value(ttl) >= 0));
}

bool read_with_jansson(const char *text, size_t len, struct bark_summary *ret_summary)
{
    json_error_t error;
    json_t *message = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    const json_t *data = json_object_get(message, "data");
    bool ok = is_bark(message, data);

    if (ok) {
        *ret_summary = (struct bark_summary){
            .text_len = json_string_length(json_object_get(data, "text")),
            .emotion_len = json_string_length(json_object_get(data, "emotion")),
            .ttl_seconds = json_number_value(json_object_get(data, "ttl_seconds")),
            .ts = json_number_value(json_object_get(message, "ts")),
        };
    }
    json_decref(message);
    return ok;
}
