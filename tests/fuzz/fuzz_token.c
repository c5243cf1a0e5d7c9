/*
 * Token lines, token files, lists of tokens, and the hashes of passwords, of any bytes. The first
 * byte chooses which; the rest is the text. No password is hashed: what is checked is what is let
 * through to that.
 */

#include "crypto/password.h"
#include "crypto/token_set.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_SENTENCE = 4096, MAX_LINE = 1 << 20 };

static bool same_grants(const struct grants *a, const struct grants *b)
{
    return str_equal(a->publish, b->publish) && str_equal(a->sessions, b->sessions) &&
           str_equal(a->act_as, b->act_as) && a->broadcast == b->broadcast && a->admin == b->admin;
}

/* A token that was read: what it may be made of, and it comes back from the line that it makes. */
static void check_token(const struct token_line *token)
{
    struct token_line again;
    struct buf line, error;

    assert(token_name_valid(token->name));
    assert(token->agent_id.len == 0 || token_agent_valid(token->agent_id));
    assert(grants_valid(token->grants.publish) && grants_valid(token->grants.sessions));
    assert(grants_valid(token->grants.act_as));
    buf_init(&line, MAX_LINE);
    buf_init(&error, MAX_SENTENCE);
    token_line_append(&line, token);
    assert(!line.failed && token_line_parse(buf_str(&line), &again, &error));
    assert(digest_equal(again.digest, token->digest) && str_equal(again.name, token->name));
    assert(str_equal(again.agent_id, token->agent_id));
    assert(same_grants(&again.grants, &token->grants));
    buf_fini(&line);
    buf_fini(&error);
}

/* A sentence is there exactly when something was refused, it is short, and in plain characters. */
static void check_sentence(const struct buf *sentence, bool expected)
{
    assert(!sentence->failed && (sentence->len > 0) == expected);
    for (size_t i = 0; i < sentence->len; i++) {
        assert(sentence->data[i] == '\n' || (sentence->data[i] >= ' ' && sentence->data[i] < 0x7f));
    }
}

static void check_line(struct str text)
{
    struct token_line token;
    struct buf error;

    buf_init(&error, MAX_SENTENCE);
    bool ok = token_line_parse(text, &token, &error);
    check_sentence(&error, !ok);
    if (ok) {
        check_token(&token);
    }
    buf_fini(&error);
}

static void check_set(struct str text, bool is_list)
{
    struct token_set set;
    struct buf warnings, error;
    char *copy = malloc(text.len + 1);

    assert(copy != NULL);
    memcpy(copy, text.ptr, text.len);
    token_set_init(&set);
    buf_init(&warnings, MAX_SENTENCE);
    buf_init(&error, MAX_SENTENCE);
    struct str given = str_make(copy, text.len);
    bool ok = is_list ? token_set_add_list(&set, STR("list"), given, &error)
                      : token_set_add_text(&set, STR("file"), given, &warnings, &error);
    free(copy); /* nothing is borrowed of it */
    check_sentence(&error, !ok);
    for (size_t i = 0; ok && i < set.count; i++) {
        check_token(&set.tokens[i]);
        assert(token_set_find(&set, set.tokens[i].name) == &set.tokens[i]);
    }
    token_set_fini(&set);
    buf_fini(&warnings);
    buf_fini(&error);
}

static void check_encoded(struct str text)
{
    if (password_encoded_valid(text)) {
        assert(text.len < PASSWORD_ENCODED_MAX && str_starts_with(text, STR("$argon2id$v=19$m=")));
        assert(memchr(text.ptr, '\0', text.len) == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct str text = str_make((const char *)data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        check_line(text);
        break;
    case 1:
        check_set(text, false);
        break;
    case 2:
        check_set(text, true);
        break;
    default:
        check_encoded(text);
        break;
    }
    return 0;
}
