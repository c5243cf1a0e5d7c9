#include "unit.h"

#include "jwt_rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "base/base64.h"
#include "sample.h"

static const char *const file_names[KEY_ALGORITHMS] = {"hs256", "rs256", "es256", "eddsa"};

const char *rig_write(struct rig *r, const char *name, struct str content)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", r->directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.ptr, content.len), content.len);
    assert_int_equal(close(fd), 0);
    return path;
}

void rig_public_key(EVP_PKEY *pair, struct buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    assert_int_equal(PEM_write_bio_PUBKEY(bio, pair), 1);
    long len = BIO_get_mem_data(bio, &text);
    buf_append(out, text, (size_t)len);
    BIO_free(bio);
}

bool rig_add(struct rig *r, struct jwt_keys *keys, const char *algorithm, const char *name,
             const char *rest)
{
    char line[512];

    (void)snprintf(line, sizeof(line), "%s %s/%s %s", algorithm, r->directory, name, rest);
    buf_clear(&r->error);
    buf_clear(&r->warnings);
    bool ok = jwt_keys_add(keys, str_from_z(line), STR(""), &r->warnings, &r->error);
    assert_int_equal(ok, r->error.len == 0);
    return ok;
}

int rig_set_up(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct buf pem;

    assert_non_null(r);
    (void)snprintf(r->directory, sizeof(r->directory), "/tmp/parley-jwt-XXXXXX");
    assert_non_null(mkdtemp(r->directory));
    buf_init(&r->warnings, 10000);
    buf_init(&r->error, 10000);
    buf_init(&pem, 10000);
    r->rules = (struct jwt_rules){.audience = STR(""), .leeway_ms = RIG_LEEWAY_MS};
    jwt_keys_init(&r->keys);
    r->pairs[KEY_RS256] = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    r->pairs[KEY_ES256] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    r->pairs[KEY_EDDSA] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    for (unsigned i = 0; i < KEY_ALGORITHMS; i++) {
        buf_clear(&pem);
        if (r->pairs[i] == NULL) {
            buf_append_str(&pem, STR(RIG_SECRET));
        } else {
            rig_public_key(r->pairs[i], &pem);
        }
        (void)rig_write(r, file_names[i], buf_str(&pem));
        struct str name = key_algorithm_name((enum key_algorithm)i);
        assert_true(rig_add(r, &r->keys, name.ptr, file_names[i], "iss=" RIG_ISSUER));
    }
    buf_fini(&pem);
    *state = r;
    return 0;
}

int rig_tear_down(void **state)
{
    struct rig *r = *state;
    DIR *directory = opendir(r->directory);

    for (unsigned i = 0; i < KEY_ALGORITHMS; i++) {
        EVP_PKEY_free(r->pairs[i]);
    }
    jwt_keys_fini(&r->keys);
    jwt_claims_fini(&r->claims);
    buf_fini(&r->warnings);
    buf_fini(&r->error);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        (void)unlinkat(dirfd(directory), entry->d_name, 0);
    }
    (void)closedir(directory);
    assert_int_equal(rmdir(r->directory), 0);
    free(r);
    return 0;
}

/* --- signing ---------------------------------------------------------------------------------- */

void rig_encode(struct buf *out, struct str bytes)
{
    char text[64 * 1024];
    size_t len = (bytes.len * 4 + 2) / 3;

    assert_true(base64_encoded_size(bytes.len) <= sizeof(text));
    base64_encode(bytes.ptr, bytes.len, text);
    for (size_t i = 0; i < len; i++) {
        buf_append_char(out, text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
    }
}

void rig_sign_secret(struct str secret, struct buf *text)
{
    unsigned char mac[32];

    assert_non_null(HMAC(EVP_sha256(), secret.ptr, (int)secret.len, (unsigned char *)text->data,
                         text->len, mac, NULL));
    buf_append_char(text, '.');
    rig_encode(text, str_make((char *)mac, sizeof(mac)));
}

/* ECDSA's two numbers, 32 bytes each, out of the ASN.1. */
static size_t plain_numbers(unsigned char *signature, size_t len)
{
    const unsigned char *der = signature;
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &der, (long)len);

    assert_non_null(numbers);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(numbers), signature, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(numbers), signature + 32, 32), 32);
    ECDSA_SIG_free(numbers);
    return 64;
}

void rig_sign_text(const struct rig *r, enum key_algorithm algorithm, struct buf *text)
{
    unsigned char signature[JWT_MAX_SIGNATURE];
    size_t len = sizeof(signature);

    if (algorithm == KEY_HS256) {
        rig_sign_secret(STR(RIG_SECRET), text);
        return;
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *md = algorithm == KEY_EDDSA ? NULL : EVP_sha256();
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, r->pairs[algorithm]), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &len, (unsigned char *)text->data, text->len),
                     1);
    EVP_MD_CTX_free(ctx);
    if (algorithm == KEY_ES256) {
        len = plain_numbers(signature, len);
    }
    buf_append_char(text, '.');
    rig_encode(text, str_make((char *)signature, len));
}

void rig_sign(const struct rig *r, enum key_algorithm algorithm, struct str header,
              struct str payload, struct buf *out)
{
    buf_clear(out);
    rig_encode(out, header);
    buf_append_char(out, '.');
    rig_encode(out, payload);
    rig_sign_text(r, algorithm, out);
    assert_false(out->failed);
}

/* --- verifying -------------------------------------------------------------------------------- */

bool rig_verify_at(struct rig *r, struct str token, uint64_t now_ms)
{
    /* It lies where a sanitizer sees a read behind its end. */
    char *copy = sample_copy(token.ptr, token.len);

    jwt_claims_fini(&r->claims);
    r->why = (struct jwt_refusal){JWT_REASONS, NULL};
    bool ok =
        jwt_verify(&r->keys, str_make(copy, token.len), now_ms, &r->rules, &r->claims, &r->why);
    free(copy);
    assert_int_equal(ok, r->claims.texts != NULL);
    assert_int_equal(ok, r->why.what == NULL);
    return ok;
}

void rig_expect_refused(struct rig *r, struct str token, enum jwt_reason reason, const char *what)
{
    if (rig_verify(r, token)) {
        fail_msg("accepted, and should be refused: %s (%s)", jwt_reason_word(reason), what);
    }
    const char *found = r->why.what != NULL ? r->why.what : "nothing";
    if (r->why.reason != reason || strcmp(found, what) != 0) {
        fail_msg("%s (%s), and should be %s (%s)", jwt_reason_word(r->why.reason), found,
                 jwt_reason_word(reason), what);
    }
}
