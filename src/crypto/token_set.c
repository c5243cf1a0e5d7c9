#include "crypto/token_set.h"

#include <assert.h>
#include <stdlib.h>

/* A copy of a text that was read. */
struct token_text {
    struct token_text *next;
    size_t len;
    char bytes[];
};

/* Where a line stands, and what it came with. */
struct place {
    struct str origin;
    size_t number; /* of the line or the entry, from 1 */
    bool is_list;
};

/* --- the set ------------------------------------------------------------------------------------
 */

/* Who writes a token file owns the gateway, so nobody can gain by a guess at this. */
static const uint8_t no_secret[16];

static uint64_t hash_of_digest(const uint8_t *digest)
{
    return hash_bytes(no_secret, digest, DIGEST_BYTES);
}

static uint64_t hash_of_name(struct str name)
{
    return hash_bytes(no_secret, name.ptr, name.len);
}

static uint64_t digest_hash(const void *owner, uint32_t index)
{
    return hash_of_digest(((const struct token_set *)owner)->tokens[index].digest);
}

static bool digest_is(const void *owner, uint32_t index, const void *key)
{
    return digest_equal(((const struct token_set *)owner)->tokens[index].digest, key);
}

static uint64_t name_hash(const void *owner, uint32_t index)
{
    return hash_of_name(((const struct token_set *)owner)->tokens[index].name);
}

static bool name_is(const void *owner, uint32_t index, const void *key)
{
    return str_equal(((const struct token_set *)owner)->tokens[index].name,
                     *(const struct str *)key);
}

static const struct map_type digests = {digest_hash, digest_is}, names = {name_hash, name_is};

void token_set_init(struct token_set *set)
{
    *set = (struct token_set){.tokens = NULL};
    map_init(&set->by_digest, &digests, set);
    map_init(&set->by_name, &names, set);
}

void token_set_fini(struct token_set *set)
{
    if (set == NULL) {
        return;
    }
    while (set->texts != NULL) {
        struct token_text *text = set->texts;
        set->texts = text->next;
        explicit_bzero(text->bytes, text->len);
        free(text);
    }
    map_fini(&set->by_digest);
    map_fini(&set->by_name);
    free(set->tokens);
    *set = (struct token_set){.tokens = NULL};
}

const struct token_line *token_set_find(const struct token_set *set, struct str name)
{
    uint32_t index = map_find(&set->by_name, hash_of_name(name), &name);

    return index != MAP_NONE ? &set->tokens[index] : NULL;
}

static bool push(struct token_set *set, const struct token_line *token)
{
    if (set->count == set->cap) {
        size_t cap = set->cap == 0 ? 8 : set->cap * 2;
        struct token_line *tokens = reallocarray(set->tokens, cap, sizeof(*tokens));
        if (tokens == NULL) {
            return false;
        }
        set->tokens = tokens;
        set->cap = cap;
    }
    assert(set->tokens != NULL && set->count < set->cap);
    uint32_t index = (uint32_t)set->count++;
    set->tokens[index] = *token;
    return map_insert(&set->by_digest, hash_of_digest(token->digest), index) &&
           map_insert(&set->by_name, hash_of_name(token->name), index);
}

/* --- sentences ----------------------------------------------------------------------------------
 */

static void write_place(struct buf *out, const struct place *at)
{
    buf_append_str(out, at->origin);
    buf_append_str(out, at->is_list ? STR(", entry ") : STR(":"));
    buf_append_uint(out, at->number);
    buf_append_str(out, STR(": "));
}

static bool refuse(const struct place *at, struct buf *error, struct str sentence)
{
    write_place(error, at);
    buf_append_str(error, sentence);
    return false;
}

static bool refuse_memory(struct str origin, struct buf *error)
{
    buf_printf(error, "%.*s: there is not enough memory to read it", STR_ARG(origin));
    return false;
}

static void begin_warning(struct buf *warnings)
{
    if (warnings->len > 0) {
        buf_append_char(warnings, '\n');
    }
}

/* --- reading ------------------------------------------------------------------------------------
 */

static bool add_token(struct token_set *set, const struct place *at, const struct token_line *token,
                      struct buf *error)
{
    uint32_t same = map_find(&set->by_digest, hash_of_digest(token->digest), token->digest);

    if (same != MAP_NONE) {
        write_place(error, at);
        buf_printf(error, "this is the token of \"%.*s\" again; keep one of both lines",
                   STR_ARG(set->tokens[same].name));
        return false;
    }
    if (token_set_find(set, token->name) != NULL) {
        write_place(error, at);
        buf_printf(error, "there is another token of the name \"%.*s\"; give this one its own",
                   STR_ARG(token->name));
        return false;
    }
    return push(set, token) || refuse_memory(at->origin, error);
}

static bool add_line(struct token_set *set, const struct place *at, struct str line,
                     struct buf *error)
{
    struct token_line token;
    size_t start = error->len;

    write_place(error, at);
    if (!token_line_parse(line, &token, error)) {
        return false;
    }
    error->len = start;
    return add_token(set, at, &token, error);
}

static bool add_secret(struct token_set *set, const struct place *at, struct str secret,
                       struct buf *warnings, struct buf *error)
{
    struct token_line token = {.name = STR("shared"), .grants = GRANTS_ALL};

    if (secret.len < TOKEN_SET_SHORT_SECRET) {
        begin_warning(warnings);
        write_place(warnings, at);
        buf_printf(warnings,
                   "the secret has fewer than %d characters and can be guessed; parley token new "
                   "makes a better one",
                   TOKEN_SET_SHORT_SECRET);
    }
    digest_sha256(secret.ptr, secret.len, token.digest);
    return add_token(set, at, &token, error);
}

/* What was read of a file before a line. */
struct progress {
    bool has_lines;  /* token lines */
    bool has_secret; /* a secret; then nothing may follow */
};

static bool take_line(struct token_set *set, struct progress *p, const struct place *at,
                      struct str line, struct buf *warnings, struct buf *error)
{
    if (memchr(line.ptr, '\0', line.len) != NULL) {
        return refuse(at, error,
                      STR("there is a NUL byte; a token file is plain text (ASCII or "
                          "UTF-8)"));
    }
    if (p->has_secret) {
        return refuse(at, error,
                      STR("a secret stands above, and it has to be alone in its file; "
                          "parley token hash makes a token line of it"));
    }
    if (token_line_claimed(line)) {
        p->has_lines = true;
        return add_line(set, at, line, error);
    }
    if (p->has_lines) {
        return refuse(at, error,
                      STR("this is no token line (sha256:DIGEST NAME GRANTS) as those "
                          "above are; parley token new writes such lines"));
    }
    if (!token_valid(line)) {
        return refuse(at, error,
                      STR("this is neither a token line (sha256:DIGEST NAME GRANTS) nor "
                          "a secret, 1 to 512 characters of A-Z a-z 0-9 . _ ~ -"));
    }
    p->has_secret = true;
    return add_secret(set, at, line, warnings, error);
}

/* The next part of `*rest` up to `separator`, which is passed over. */
static struct str next_part(struct str *rest, char separator)
{
    size_t end = str_find(*rest, separator);
    struct str part = str_slice(*rest, 0, end);

    *rest = str_slice(*rest, end + 1, rest->len);
    return part;
}

/* A line without a CR at its end and the white space around it. */
static struct str clean_line(struct str line)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    return str_trim(line);
}

static bool read_lines(struct token_set *set, struct progress *p, struct str origin,
                       struct str text, struct buf *warnings, struct buf *error)
{
    static const struct str utf8_mark = {"\xef\xbb\xbf", 3};
    struct place at = {.origin = origin};

    if (str_starts_with(text, utf8_mark)) {
        text = str_slice(text, utf8_mark.len, text.len);
    }
    while (text.len > 0) {
        struct str line = clean_line(next_part(&text, '\n'));
        if (++at.number > TOKEN_SET_MAX_LINES) {
            buf_printf(error, "%.*s: there are more than %d lines, which is the limit",
                       STR_ARG(origin), TOKEN_SET_MAX_LINES);
            return false;
        }
        if (line.len > 0 && line.ptr[0] != '#' && !take_line(set, p, &at, line, warnings, error)) {
            return false;
        }
    }
    if (!p->has_lines && !p->has_secret) {
        begin_warning(warnings);
        buf_printf(warnings,
                   "%.*s: there is no token in it, so it lets nobody in; parley token new NAME "
                   "--file FILE adds one",
                   STR_ARG(origin));
    }
    return true;
}

static bool read_list(struct token_set *set, struct str origin, struct str text, struct buf *error)
{
    struct place at = {.origin = origin, .is_list = true};

    while (text.len > 0) {
        struct str entry = str_trim(next_part(&text, ','));
        at.number++;
        if (entry.len == 0) {
            return refuse(&at, error, STR("there is nothing between two commas"));
        }
        if (!add_line(set, &at, entry, error)) {
            return false;
        }
    }
    return true;
}

/*
 * The set's own copy of a text. It is wiped with the set, at the latest: a line that was meant to
 * be a token line may yet have been a secret.
 */
static struct token_text *keep_text(struct token_set *set, struct str text)
{
    struct token_text *kept = malloc(sizeof(*kept) + text.len);

    if (kept != NULL) {
        kept->next = set->texts;
        kept->len = text.len;
        if (text.len > 0) {
            memcpy(kept->bytes, text.ptr, text.len);
        }
        set->texts = kept;
    }
    return kept;
}

static bool fits(struct str origin, struct str text, struct buf *error)
{
    if (text.len > TOKEN_SET_MAX_TEXT) {
        buf_printf(error, "%.*s: it is longer than 1 MiB, which is the limit", STR_ARG(origin));
        return false;
    }
    return true;
}

bool token_set_add_text(struct token_set *set, struct str origin, struct str text,
                        struct buf *warnings, struct buf *error)
{
    if (!fits(origin, text, error)) {
        return false;
    }
    struct token_text *kept = keep_text(set, text);
    if (kept == NULL) {
        return refuse_memory(origin, error);
    }
    struct progress progress = {false, false};
    bool ok = read_lines(set, &progress, origin, str_make(kept->bytes, kept->len), warnings, error);
    /* Of these nothing is borrowed, and they may be, or have, a secret. */
    if (!ok || !progress.has_lines) {
        explicit_bzero(kept->bytes, kept->len);
    }
    return ok;
}

bool token_set_add_list(struct token_set *set, struct str origin, struct str text,
                        struct buf *error)
{
    if (!fits(origin, text, error)) {
        return false;
    }
    struct token_text *kept = keep_text(set, text);
    if (kept == NULL) {
        return refuse_memory(origin, error);
    }
    return read_list(set, origin, str_make(kept->bytes, kept->len), error);
}
