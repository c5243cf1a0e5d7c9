#include "crypto/jwt_keys.h"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>

/* RFC 7518 section 3.2. */
static enum jwt_signature check_secret(const struct jwt_key *key, struct str text,
                                       const uint8_t *signature, size_t len)
{
    uint8_t expected[DIGEST_BYTES];
    size_t expected_len = 0;

    if (len != DIGEST_BYTES) {
        return JWT_SIGNATURE_WRONG;
    }
    if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key->secret, key->secret_len,
                  (const unsigned char *)text.ptr, text.len, expected, sizeof(expected),
                  &expected_len) == NULL ||
        expected_len != sizeof(expected)) {
        return JWT_SIGNATURE_NO_MEMORY;
    }
    bool same = digest_equal(expected, signature);
    explicit_bzero(expected, sizeof(expected));
    return same ? JWT_SIGNATURE_RIGHT : JWT_SIGNATURE_WRONG;
}

/*
 * The two numbers of 32 bytes that a token has (RFC 7518 section 3.4) as the ASN.1 that OpenSSL
 * reads. Returns their length and owned bytes, for OPENSSL_free; or 0 when there is no memory.
 */
static size_t encode_numbers(const uint8_t *signature, unsigned char **ret_der)
{
    ECDSA_SIG *numbers = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, 32, NULL);
    BIGNUM *s = BN_bin2bn(signature + 32, 32, NULL);
    int len = 0;

    if (numbers != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(numbers, r, s) == 1) {
        r = s = NULL; /* they are its own now */
        len = i2d_ECDSA_SIG(numbers, ret_der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(numbers);
    return len > 0 ? (size_t)len : 0;
}

/*
 * RFC 7518 sections 3.3 and 3.4, RFC 8037 section 3.1; `signature` is as OpenSSL wants it. An RSA
 * key pads by PKCS #1 v1.5 unless it is told otherwise.
 */
static enum jwt_signature check_public(const struct jwt_key *key, struct str text,
                                       const uint8_t *signature, size_t len)
{
    const EVP_MD *md = key->algorithm == KEY_EDDSA ? NULL : EVP_sha256();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    enum jwt_signature verdict = JWT_SIGNATURE_NO_MEMORY;

    if (ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, md, NULL, key->public_key) == 1) {
        verdict =
            EVP_DigestVerify(ctx, signature, len, (const unsigned char *)text.ptr, text.len) == 1
                ? JWT_SIGNATURE_RIGHT
                : JWT_SIGNATURE_WRONG;
    }
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return verdict;
}

enum jwt_signature jwt_key_check(const struct jwt_key *key, struct str text,
                                 const uint8_t *signature, size_t len)
{
    unsigned char *der = NULL;

    if (key->algorithm == KEY_HS256) {
        return check_secret(key, text, signature, len);
    }
    if (key->algorithm != KEY_ES256) {
        return check_public(key, text, signature, len);
    }
    if (len != 64) {
        return JWT_SIGNATURE_WRONG;
    }
    size_t der_len = encode_numbers(signature, &der);
    enum jwt_signature verdict =
        der_len == 0 ? JWT_SIGNATURE_NO_MEMORY : check_public(key, text, der, der_len);
    OPENSSL_free(der);
    return verdict;
}
