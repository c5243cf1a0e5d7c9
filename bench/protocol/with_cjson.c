#include "contender.h"

#include <cjson/cJSON.h>
#include <string.h>

static bool is_string_or_absent(const cJSON *value)
{
    return value == NULL || cJSON_IsString(value);
}

static bool is_bark(const cJSON *message, const cJSON *data)
{
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "type"));
    const cJSON *agent_id = cJSON_GetObjectItemCaseSensitive(message, "agent_id");
    const cJSON *ttl = cJSON_GetObjectItemCaseSensitive(data, "ttl_seconds");

    return type != NULL && strcmp(type, "bark") == 0 &&
           (cJSON_IsString(agent_id) || cJSON_IsNull(agent_id)) && cJSON_IsObject(data) &&
           cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(message, "ts")) &&
           cJSON_IsString(cJSON_GetObjectItemCaseSensitive(data, "text")) &&
           is_string_or_absent(cJSON_GetObjectItemCaseSensitive(data, "emotion")) &&
           is_string_or_absent(cJSON_GetObjectItemCaseSensitive(data, "animation")) &&
           (ttl == NULL || (cJSON_IsNumber(ttl) && ttl->valuedouble >= 0));
}

static size_t length_of(const cJSON *data, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(data, name));

    return text != NULL ? strlen(text) : 0;
}

bool read_with_cjson(const char *text, size_t len, struct bark_summary *ret_summary)
{
    cJSON *message = cJSON_ParseWithLength(text, len);
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(message, "data");
    bool ok = is_bark(message, data);

    if (ok) {
        const cJSON *ttl = cJSON_GetObjectItemCaseSensitive(data, "ttl_seconds");
        *ret_summary = (struct bark_summary){
            .text_len = length_of(data, "text"),
            .emotion_len = length_of(data, "emotion"),
            .ttl_seconds = ttl != NULL ? ttl->valuedouble : 0,
            .ts = cJSON_GetObjectItemCaseSensitive(message, "ts")->valuedouble,
        };
    }
    cJSON_Delete(message);
    return ok;
}
