#include "json/members.h"

#include "base/map.h"
#include "json/reader.h"

void json_names_init(struct json_names *names, const uint8_t secret[16])
{
    names->secret = secret;
    names->count = 0;
}

static bool is_one_of(const struct str *words, struct str raw_key)
{
    while (words->len > 0 && !json_string_is(raw_key, *words)) {
        words++;
    }
    return words->len > 0;
}

/* Returns false when it is there already, or there is no room. */
static bool add_name(struct json_names *names, struct str raw_key)
{
    char buffer[256];
    size_t len = json_unescape_to(raw_key, buffer, sizeof(buffer));
    uint64_t hash = hash_bytes(names->secret, buffer, len < sizeof(buffer) ? len : sizeof(buffer));

    for (size_t i = 0; i < names->count; i++) {
        if (names->hashes[i] == hash) {
            return false;
        }
    }
    if (names->count == WIRE_MAX_MEMBERS) {
        return false;
    }
    names->hashes[names->count++] = hash;
    return true;
}

void json_append_members(struct buf *out, struct str object, const struct str *except,
                         struct json_names *names)
{
    struct json_iter it = json_iter_of(object);

    for (struct str key, value; json_next_member(&it, &key, &value);) {
        if (is_one_of(except, key) || !add_name(names, key)) {
            continue;
        }
        buf_append_str(out, names->count > 1 ? STR(",") : STR(""));
        buf_append_str(out, key);
        buf_append_char(out, ':');
        buf_append_str(out, value);
    }
}
