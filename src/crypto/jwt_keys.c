#include "crypto/jwt_keys.h"

#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "crypto/secret_file.h"

void jwt_keys_init(struct jwt_keys *keys)
{
    keys->count = 0;
}

static void free_key(struct jwt_key *key)
{
    EVP_PKEY_free(key->public_key);
    secret_file_free(key->secret, key->secret_len);
    free(key->texts);
}

void jwt_keys_fini(struct jwt_keys *keys)
{
    for (size_t i = 0; keys != NULL && i < keys->count; i++) {
        free_key(&keys->keys[i]);
    }
    if (keys != NULL) {
        keys->count = 0;
    }
}

/* --- what is in a file ------------------------------------------------------------------------ */

static bool refuse(const char *path, const char *what, struct buf *error)
{
    buf_printf(error, "%s: %s", path, what);
    return false;
}

/* The line's end that an editor or echo leaves behind a text is no part of a secret. */
static size_t without_line_end(const char *bytes, size_t len)
{
    size_t text = len;

    if (text > 0 && bytes[text - 1] == '\n') {
        text--;
        if (text > 0 && bytes[text - 1] == '\r') {
            text--;
        }
    }
    for (size_t i = 0; i < text; i++) {
        if (bytes[i] < ' ' || bytes[i] == 0x7f) {
            return len; /* it is no text: its last byte may be any */
        }
    }
    return text;
}

/* Takes the bytes of a file as a secret, which the key owns then. */
static bool take_secret(struct jwt_key *key, const char *path, struct buf *error)
{
    size_t len = without_line_end(key->secret, key->secret_len);

    explicit_bzero(key->secret + len, key->secret_len - len);
    key->secret_len = len;
    if (str_starts_with(str_make(key->secret, len), STR("-----BEGIN "))) {
        return refuse(path,
                      "this is a key or a certificate in PEM, which others may know; HS256 takes a "
                      "secret of random bytes",
                      error);
    }
    if (len < JWT_MIN_SECRET) {
        return refuse(path,
                      "the secret is shorter than 32 bytes and could be guessed; make one with "
                      "`openssl rand -hex 32`",
                      error);
    }
    return true;
}

/* NULL, or what is wrong with a public key for its algorithm. */
static const char *fault_of(EVP_PKEY *pkey, enum key_algorithm algorithm)
{
    char group[32];
    size_t len;

    switch (algorithm) {
    case KEY_RS256:
        if (!EVP_PKEY_is_a(pkey, "RSA")) {
            return "this is no RSA key, as RS256 needs";
        }
        if (EVP_PKEY_get_bits(pkey) < JWT_MIN_RSA_BITS) {
            return "this RSA key has less than 2048 bits and could be broken; make a longer one";
        }
        return EVP_PKEY_get_bits(pkey) <= JWT_MAX_RSA_BITS
                   ? NULL
                   : "this RSA key has more than 4096 bits, which takes long to check; make a "
                     "shorter one";
    case KEY_ES256:
        return EVP_PKEY_is_a(pkey, "EC") &&
                       EVP_PKEY_get_group_name(pkey, group, sizeof(group), &len) == 1 &&
                       strcmp(group, "prime256v1") == 0
                   ? NULL
                   : "this is no key of the curve P-256, as ES256 needs";
    case KEY_EDDSA:
        return EVP_PKEY_is_a(pkey, "ED25519") ? NULL : "this is no Ed25519 key, as EdDSA needs";
    case KEY_HS256:
    case KEY_ALGORITHMS:
        break;
    }
    return "this is no public key";
}

/* Whether the numbers of a key are such that signatures by it mean something. */
static bool is_sound(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool ok = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* Whether nothing but white space is left. */
static bool is_at_end(BIO *bio)
{
    char c;

    while (BIO_read(bio, &c, 1) == 1) {
        if (c != '\n' && c != '\r' && c != ' ' && c != '\t') {
            return false;
        }
    }
    return true;
}

static bool take_public_key(struct jwt_key *key, const char *path, struct str pem,
                            struct buf *error)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    const char *fault = NULL;

    key->public_key = bio == NULL ? NULL : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    if (key->public_key == NULL) {
        fault = "this is no public key in PEM (-----BEGIN PUBLIC KEY-----); `openssl pkey -pubout` "
                "makes one of a private key";
    } else if (!is_at_end(bio)) {
        fault = "there is more than one key in this file; give each a file and a line of its own";
    } else {
        fault = fault_of(key->public_key, key->algorithm);
    }
    if (fault == NULL && !is_sound(key->public_key)) {
        fault = "this key is broken: its numbers are none that a key can have";
    }
    BIO_free(bio);
    ERR_clear_error();
    return fault == NULL || refuse(path, fault, error);
}

static bool load_file(struct jwt_key *key, const char *path, struct buf *warnings,
                      struct buf *error)
{
    bool is_secret = key->algorithm == KEY_HS256;
    size_t len = 0;
    char *bytes =
        secret_file_load(path, JWT_MAX_KEY_FILE, &len, is_secret ? warnings : NULL, error);
    bool ok;

    if (bytes == NULL) {
        return false;
    }
    if (len > JWT_MAX_KEY_FILE) {
        ok = refuse(path, "this is longer than a key can be (16 KiB)", error);
    } else if (is_secret) {
        key->secret = bytes;
        key->secret_len = len;
        return take_secret(key, path, error);
    } else {
        ok = take_public_key(key, path, str_make(bytes, len), error);
    }
    secret_file_free(bytes, len);
    return ok;
}

/* --- keys ------------------------------------------------------------------------------------- */

static bool no_memory(struct buf *error)
{
    buf_append_str(error, STR("out of memory"));
    return false;
}

static void append_text(struct buf *out, struct str text)
{
    buf_append_uint(out, text.len);
    buf_append_char(out, ':');
    buf_append_str(out, text);
}

/* The digest of all that a key is; what is hashed has one reading. */
static bool identify(struct jwt_key *key)
{
    struct buf whole;
    unsigned char *der = NULL;
    int len = key->public_key == NULL ? 0 : i2d_PUBKEY(key->public_key, &der);

    buf_init(&whole, (size_t)4 * JWT_MAX_KEY_FILE);
    whole.secret = true;
    append_text(&whole, key_algorithm_name(key->algorithm));
    append_text(&whole, key->kid);
    append_text(&whole, key->issuer);
    append_text(&whole, key->public_key == NULL ? str_make(key->secret, key->secret_len)
                                                : str_make((char *)der, len > 0 ? (size_t)len : 0));
    bool ok = !whole.failed && len >= 0;
    if (ok) {
        digest_sha256(whole.data, whole.len, key->id);
    }
    buf_fini(&whole);
    OPENSSL_free(der);
    return ok;
}

/* Copies kid, issuer and path, the last with a NUL, into the key's texts. Returns the path. */
static const char *copy_texts(struct jwt_key *key, const struct key_line *line)
{
    char *at = malloc(line->kid.len + line->issuer.len + line->file.len + 1);

    if (at == NULL) {
        return NULL;
    }
    key->texts = at;
    memcpy(at, line->kid.ptr, line->kid.len);
    key->kid = str_make(at, line->kid.len);
    at += line->kid.len;
    memcpy(at, line->issuer.ptr, line->issuer.len);
    key->issuer = str_make(at, line->issuer.len);
    at += line->issuer.len;
    memcpy(at, line->file.ptr, line->file.len);
    at[line->file.len] = '\0';
    return at;
}

static bool is_there(const struct jwt_keys *keys, const struct key_line *line)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct jwt_key *k = &keys->keys[i];
        if (k->algorithm == line->algorithm && str_equal(k->kid, line->kid) &&
            str_equal(k->issuer, line->issuer)) {
            return true;
        }
    }
    return false;
}

bool jwt_keys_add(struct jwt_keys *keys, struct str line, struct str issuer, struct buf *warnings,
                  struct buf *error)
{
    struct key_line parsed;
    const char *what = key_line_parse(line, &parsed);

    if (what == NULL && parsed.issuer.len == 0) {
        parsed.issuer = issuer;
        what = issuer.len == 0 ? "does not say whose tokens it is for; add iss=ISSUER" : NULL;
    }
    if (what == NULL && is_there(keys, &parsed)) {
        what = "is like an earlier one in algorithm, kid and issuer; give them different kids";
    }
    if (what == NULL && keys->count == KEY_LINE_MAX_KEYS) {
        what = "is one key too many: there can be 16";
    }
    if (what != NULL) {
        buf_printf(error, "the line of a key %s", what);
        return false;
    }
    struct jwt_key *key = &keys->keys[keys->count];
    *key = (struct jwt_key){.algorithm = parsed.algorithm};
    const char *path = copy_texts(key, &parsed);
    bool ok = path == NULL
                  ? no_memory(error)
                  : load_file(key, path, warnings, error) && (identify(key) || no_memory(error));
    if (ok) {
        keys->count++;
    } else {
        free_key(key);
    }
    return ok;
}

bool jwt_keys_add_list(struct jwt_keys *keys, struct str lines, struct str issuer,
                       struct buf *warnings, struct buf *error)
{
    while (lines.len > 0) {
        size_t comma = str_find(lines, ',');
        if (!jwt_keys_add(keys, str_slice(lines, 0, comma), issuer, warnings, error)) {
            return false;
        }
        lines = str_slice(lines, comma + 1, lines.len);
    }
    return true;
}
