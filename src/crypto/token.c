#include "crypto/token.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>

#include "base/base64.h"

static const struct str digest_prefix = {"sha256:", 7};

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (str_lower(c) >= 'a' && str_lower(c) <= 'z');
}

/* Whether `s` has 1 to `max` characters, each a letter, a digit or one of `others`. */
static bool consists_of(struct str s, size_t max, struct str others)
{
    for (size_t i = 0; i < s.len && i < max; i++) {
        if (!is_alnum(s.ptr[i]) && str_find(others, s.ptr[i]) == others.len) {
            return false;
        }
    }
    return s.len >= 1 && s.len <= max;
}

bool token_valid(struct str token)
{
    return consists_of(token, TOKEN_MAX, STR("._~-"));
}

bool token_name_valid(struct str name)
{
    return consists_of(name, TOKEN_NAME_MAX, STR("._@-"));
}

bool token_agent_valid(struct str agent_id)
{
    return consists_of(agent_id, TOKEN_AGENT_MAX, STR("._:@-"));
}

bool token_new(char ret_token[TOKEN_NEW_SIZE])
{
    static const char prefix[7] = "parley_";
    uint8_t random[32];
    char text[44]; /* the last character is padding */
    ssize_t got;

    _Static_assert(sizeof(prefix) + sizeof(text) - 1 == TOKEN_NEW_SIZE, "the size of a token");
    assert(base64_encoded_size(sizeof(random)) == sizeof(text));
    /* Up to 256 bytes come whole or not at all; a signal may come first. */
    do {
        got = getrandom(random, sizeof(random), 0);
    } while (got < 0 && errno == EINTR);
    if (got != sizeof(random)) {
        return false;
    }
    base64_encode(random, sizeof(random), text);
    memcpy(ret_token, prefix, sizeof(prefix));
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        ret_token[sizeof(prefix) + i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    }
    explicit_bzero(random, sizeof(random));
    explicit_bzero(text, sizeof(text));
    return true;
}

/* --- lines --------------------------------------------------------------------------------------
 */

bool token_line_claimed(struct str line)
{
    return str_starts_with(line, digest_prefix);
}

/* The next field of `*rest`, which goes on behind it; false at the end. */
static bool next_field(struct str *rest, struct str *ret_field)
{
    size_t end = 0;

    *rest = str_trim(*rest);
    while (end < rest->len && rest->ptr[end] != ' ' && rest->ptr[end] != '\t') {
        end++;
    }
    *ret_field = str_slice(*rest, 0, end);
    *rest = str_slice(*rest, end, rest->len);
    return end > 0;
}

enum field { AGENT_ID, PUBLISH, SESSIONS, ACT_AS, BROADCAST, ADMIN, FIELDS };

static const struct {
    struct str text; /* with its '=', when it takes a value */
    bool takes_value;
} fields[FIELDS] = {
    [AGENT_ID] = {{"agent_id=", 9}, true},   [PUBLISH] = {{"publish=", 8}, true},
    [SESSIONS] = {{"sessions=", 9}, true},   [ACT_AS] = {{"act_as=", 7}, true},
    [BROADCAST] = {{"broadcast", 9}, false}, [ADMIN] = {{"admin", 5}, false},
};

/* Which field a text is, and its value; FIELDS when it is none. */
static enum field field_of(struct str text, struct str *ret_value)
{
    enum field f = AGENT_ID;

    while (f < FIELDS && !(fields[f].takes_value ? str_starts_with(text, fields[f].text)
                                                 : str_equal(text, fields[f].text))) {
        f++;
    }
    if (f < FIELDS) {
        *ret_value = str_slice(text, fields[f].text.len, text.len);
    }
    return f;
}

/* Puts a field where it belongs. Returns false when its value cannot be that of this field. */
static bool take_field(struct token_line *line, enum field field, struct str value)
{
    struct str *const patterns[FIELDS] = {
        [PUBLISH] = &line->grants.publish,
        [SESSIONS] = &line->grants.sessions,
        [ACT_AS] = &line->grants.act_as,
    };

    switch (field) {
    case AGENT_ID:
        line->agent_id = value;
        return token_agent_valid(value);
    case BROADCAST:
        line->grants.broadcast = true;
        return true;
    case ADMIN:
        line->grants.admin = true;
        return true;
    case PUBLISH:
    case SESSIONS:
    case ACT_AS:
        *patterns[field] = value;
        return value.len > 0 && grants_valid(value);
    case FIELDS:
        break;
    }
    return false;
}

static bool take_fields(struct str rest, struct token_line *line, struct buf *error)
{
    struct str text, value;
    unsigned seen = 0;

    for (unsigned number = 3; next_field(&rest, &text); number++) {
        enum field f = field_of(text, &value);
        if (f == FIELDS) {
            buf_printf(error,
                       "field %u of the line is none of agent_id=ID, publish=PATTERNS, "
                       "sessions=PATTERNS, act_as=PATTERNS, broadcast, admin",
                       number);
            return false;
        }
        if ((seen >> f & 1) != 0) {
            buf_printf(error, "%.*s stands twice in the line; patterns are joined by |",
                       STR_ARG(fields[f].text));
            return false;
        }
        seen |= 1u << f;
        if (!take_field(line, f, value)) {
            buf_printf(error,
                       f == AGENT_ID ? "what follows %.*s is no agent's id: 1 to 128 characters of "
                                       "A-Z a-z 0-9 . _ : @ -"
                                     : "what follows %.*s is not one pattern, or several with one "
                                       "| between them",
                       STR_ARG(fields[f].text));
            return false;
        }
    }
    return true;
}

bool token_line_parse(struct str line, struct token_line *ret_line, struct buf *error)
{
    struct token_line parsed = {.name = STR("")};
    struct str digest = STR("");

    (void)next_field(&line, &digest);
    if (!token_line_claimed(digest) ||
        !digest_from_hex(str_slice(digest, digest_prefix.len, digest.len), parsed.digest)) {
        buf_append_str(error, STR("a token line begins with sha256: and 64 hex digits; parley "
                                  "token new and parley token hash write such lines"));
        return false;
    }
    if (!next_field(&line, &parsed.name)) {
        buf_append_str(error, STR("a name has to follow the digest"));
        return false;
    }
    if (!token_name_valid(parsed.name)) {
        buf_append_str(error, STR("the name behind the digest has to be 1 to 64 characters of "
                                  "A-Z a-z 0-9 . _ @ -"));
        return false;
    }
    if (!take_fields(line, &parsed, error)) {
        return false;
    }
    *ret_line = parsed;
    return true;
}

static void append_field(struct buf *out, enum field field, struct str value)
{
    if (value.len > 0) {
        buf_append_char(out, ' ');
        buf_append_str(out, fields[field].text);
        buf_append_str(out, value);
    }
}

void token_line_append(struct buf *out, const struct token_line *line)
{
    char hex[DIGEST_HEX];

    digest_to_hex(line->digest, hex);
    buf_append_str(out, digest_prefix);
    buf_append(out, hex, sizeof(hex));
    buf_append_char(out, ' ');
    buf_append_str(out, line->name);
    append_field(out, AGENT_ID, line->agent_id);
    append_field(out, PUBLISH, line->grants.publish);
    append_field(out, SESSIONS, line->grants.sessions);
    append_field(out, ACT_AS, line->grants.act_as);
    if (line->grants.broadcast) {
        buf_append_str(out, STR(" broadcast"));
    }
    if (line->grants.admin) {
        buf_append_str(out, STR(" admin"));
    }
}
