/*
 * JSON Web Tokens, and the lines that name their keys, of any bytes. The first byte chooses: a
 * token as it is; the header and the payload, with a zero between them, of a token that is then
 * signed by HS256, so that what stands behind the signature is reached; or a line.
 */

#include "crypto/jwt.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "crypto/token.h"
#include "json/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET   "0123456789abcdef0123456789abcdef"
#define AUDIENCE "parley"

static const uint64_t now_ms = 1700000000000, leeway_ms = 60000;

/* Two keys of one secret, so that the issuer decides. */
static const struct jwt_keys *the_keys(void)
{
    static struct jwt_keys keys;
    char path[] = "/tmp/parley-fuzz-XXXXXX", line[128];
    struct buf talk;

    if (keys.count > 0) {
        return &keys;
    }
    int fd = mkstemp(path);
    assert(fd >= 0 && write(fd, SECRET, sizeof(SECRET) - 1) == sizeof(SECRET) - 1);
    buf_init(&talk, 1000);
    struct str text = str_format(line, sizeof(line), "HS256 %s kid=1,HS256 %s iss=you", path, path);
    bool ok = jwt_keys_add_list(&keys, text, STR("me"), &talk, &talk);
    assert(ok);
    buf_fini(&talk);
    (void)close(fd);
    (void)unlink(path);
    return &keys;
}

static void check_claims(const struct jwt_claims *c)
{
    assert(c->subject.len >= 1 && c->subject.len <= JWT_MAX_SUBJECT);
    assert(utf8_valid(c->subject.ptr, c->subject.len));
    assert(memchr(c->subject.ptr, '\0', c->subject.len) == NULL);
    assert(memchr(c->subject.ptr, '\n', c->subject.len) == NULL);
    assert(str_equal(c->issuer, c->kid.len > 0 ? STR("me") : STR("you")));
    assert(c->agent_id.len == 0 || token_agent_valid(c->agent_id));
    assert(grants_valid(c->grants.publish) && grants_valid(c->grants.sessions));
    assert(grants_valid(c->grants.act_as));
    assert(c->expires_at_ms > now_ms);
}

/* Verifies a copy, of which nothing may be kept. Returns whether it is taken. */
static bool check_token(struct str token)
{
    const struct jwt_rules rules = {.audience = STR(AUDIENCE), .leeway_ms = leeway_ms};
    struct jwt_refusal why = {JWT_REASONS, NULL};
    struct jwt_claims claims;
    char *copy = malloc(token.len + 1);

    assert(copy != NULL);
    memcpy(copy, token.ptr, token.len);
    bool ok = jwt_verify(the_keys(), str_make(copy, token.len), now_ms, &rules, &claims, &why);
    free(copy);
    if (ok) {
        check_claims(&claims);
        jwt_claims_fini(&claims);
    } else {
        assert(why.reason < JWT_REASONS && why.what != NULL);
        assert(why.reason != JWT_NO_MEMORY);
    }
    return ok;
}

static void append_base64url(struct buf *out, struct str bytes)
{
    size_t from = out->len;

    if (bytes.len == 0 || !buf_reserve(out, base64_encoded_size(bytes.len))) {
        return;
    }
    base64_encode(bytes.ptr, bytes.len, out->data + from);
    out->len += (bytes.len * 4 + 2) / 3;
    for (size_t i = from; i < out->len; i++) {
        char c = out->data[i];
        out->data[i] = (char)(c == '+' ? '-' : c == '/' ? '_' : c);
    }
}

/* What is taken of a token that is signed well has to be JSON with an issuer. */
static void check_signed(struct str text)
{
    size_t middle = str_find(text, '\0');
    struct str payload = str_slice(text, middle + 1, text.len);
    unsigned char mac[32];
    struct buf token;
    size_t len;

    buf_init(&token, (size_t)2 * JWT_MAX);
    append_base64url(&token, str_slice(text, 0, middle));
    buf_append_char(&token, '.');
    append_base64url(&token, payload);
    if (!token.failed &&
        EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, SECRET, sizeof(SECRET) - 1,
                  (unsigned char *)token.data, token.len, mac, sizeof(mac), &len) != NULL) {
        buf_append_char(&token, '.');
        append_base64url(&token, str_make((char *)mac, sizeof(mac)));
        if (check_token(buf_str(&token))) {
            assert(json_valid(payload) && json_get(payload, STR("exp")).len > 0);
        }
        /* With another signature it is not that token. */
        token.data[token.len - 2] = (char)(token.data[token.len - 2] ^ 1);
        assert(!check_token(buf_str(&token)));
    }
    buf_fini(&token);
}

static void check_line(struct str text)
{
    struct key_line line;
    const char *what = key_line_parse(text, &line);

    if (what != NULL) {
        assert(what[0] != '\0');
        return;
    }
    assert(line.algorithm < KEY_ALGORITHMS && line.file.len > 0 && line.file.ptr[0] == '/');
    assert(memchr(line.file.ptr, '\0', line.file.len) == NULL);
    assert(line.kid.len <= KEY_LINE_MAX_KID && line.issuer.len <= KEY_LINE_MAX_ISSUER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct str text = str_make((const char *)data + 1, size - 1);
    switch (data[0] % 3) {
    case 0:
        (void)check_token(text);
        break;
    case 1:
        check_signed(text);
        break;
    default:
        check_line(text);
        break;
    }
    return 0;
}
