#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509err.h>

#include "base/printable.h"
#include "net/stream_tls_internal.h"

/* OPTION: FILE WHAT. Returns false. */
static bool refuse(struct buf *error, const char *option, const char *file, const char *what)
{
    buf_printf(error, "%s: ", option);
    printable_append(error, str_from_z(file));
    buf_printf(error, " %s", what);
    ERR_clear_error();
    return false;
}

/* Opening a pipe could take for ever, and what is in it could be read once. */
static bool check_readable(const char *option, const char *file, struct buf *error)
{
    struct stat st;

    if (access(file, R_OK) == 0 && stat(file, &st) == 0) {
        return S_ISREG(st.st_mode) || S_ISCHR(st.st_mode) ||
               refuse(error, option, file,
                      "is no file but a directory, pipe or socket, which cannot be read again at a "
                      "reload; name a file");
    }
    const char *why = strerror(errno);
    (void)refuse(error, option, file, "cannot be read");
    buf_printf(error, " (%s); name a file that is there, and that the user of the gateway may read",
               why);
    return false;
}

/*
 * Why a file is of no use, though it can be read. OpenSSL does not say when it lacked memory to
 * look into a file; so what is there is told apart by its label.
 */
static bool refuse_file(struct buf *error, const char *option, const char *file, const char *label,
                        const char *without)
{
    BIO *bio = BIO_new_file(file, "r");
    char *name = NULL;
    char *header = NULL;
    unsigned char *data = NULL;
    long len;
    bool is_there = false;

    ERR_clear_error();
    while (!is_there && bio != NULL && PEM_read_bio(bio, &name, &header, &data, &len) == 1) {
        is_there = strstr(name, label) != NULL;
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, (size_t)len);
    }
    BIO_free(bio);
    unsigned long last = ERR_peek_last_error();
    bool is_none = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) != ERR_R_MALLOC_FAILURE;
    return refuse(error, option, file,
                  is_there  ? "cannot be made sense of: it is damaged, or memory has run out"
                  : is_none ? without
                            : "cannot be looked into: memory has run out");
}

/* Nobody is at hand to be asked. */
/* NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL's type. */
static int no_passphrase(char *text, int cap, int writing, void *owner)
{
    (void)text;
    (void)cap;
    (void)writing;
    *(bool *)owner = true;
    return -1;
}

static EVP_PKEY *read_key(const char *file, struct buf *error)
{
    bool was_asked = false;
    BIO *bio = BIO_new_file(file, "r");
    EVP_PKEY *key =
        bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &was_asked) : NULL;

    BIO_free(bio);
    if (key == NULL && was_asked) {
        (void)refuse(error, "listen.tls_key", file,
                     "is protected by a passphrase, which nobody can give when the gateway "
                     "starts; write the key without one (openssl pkey -in FILE -out NEW), for "
                     "the user of the gateway alone");
    } else if (key == NULL) {
        (void)refuse_file(error, "listen.tls_key", file, "PRIVATE KEY",
                          "holds no private key in PEM (-----BEGIN PRIVATE KEY-----)");
    }
    return key;
}

static bool check_fit(SSL_CTX *context, EVP_PKEY *key, const char *key_file, struct buf *error)
{
    if (X509_check_private_key(SSL_CTX_get0_certificate(context), key) == 1 &&
        SSL_CTX_use_PrivateKey(context, key) == 1) {
        return true;
    }
    int reason = ERR_GET_REASON(ERR_peek_error());
    bool differs = reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH;
    return refuse(error, "listen.tls_key", key_file,
                  differs ? "is not the key of the certificate in listen.tls_cert; name the two "
                            "that were issued together"
                          : "cannot be used: OpenSSL does not know its kind, or memory has run "
                            "out");
}

static bool load_pair(SSL_CTX *context, const char *cert_file, const char *key_file,
                      struct buf *error)
{
    if (!check_readable("listen.tls_cert", cert_file, error) ||
        !check_readable("listen.tls_key", key_file, error)) {
        return false;
    }
    if (SSL_CTX_use_certificate_chain_file(context, cert_file) != 1) {
        int reason = ERR_GET_REASON(ERR_peek_error());
        if (reason == SSL_R_EE_KEY_TOO_SMALL || reason == SSL_R_CA_KEY_TOO_SMALL) {
            return refuse(error, "listen.tls_cert", cert_file,
                          "has a key that is too short to protect anything; have one issued "
                          "for RSA of 2048 bits or more, or for P-256");
        }
        return refuse_file(error, "listen.tls_cert", cert_file, "CERTIFICATE",
                           "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)");
    }
    EVP_PKEY *key = read_key(key_file, error);
    if (key == NULL) {
        return false;
    }
    bool fits = check_fit(context, key, key_file, error);
    EVP_PKEY_free(key);
    return fits;
}

/* The only protocol spoken here; one that wants others alone is told so. */
static int choose_protocol(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_len,
                           const unsigned char *offered, unsigned len, void *owner)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *name;

    (void)ssl;
    (void)owner;
    if (SSL_select_next_proto(&name, ret_len, ours, sizeof(ours) - 1, offered, len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *ret_name = name;
    return SSL_TLSEXT_ERR_OK;
}

/* What is agreed upon. Names that clients ask for (SNI) are not looked at. */
static bool set_rules(SSL_CTX *context)
{
    (void)SSL_CTX_set_options(
        context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CLEANSE_PLAINTEXT |
                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    /* Buffers of 16 KiB each way go when a connection is idle. */
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    SSL_CTX_set_info_callback(context, stream_tls_notice);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
           SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1 &&
           SSL_CTX_set_num_tickets(context, 1) == 1;
}

static void free_tls(struct shared *shared)
{
    struct tls *tls = (struct tls *)(void *)shared;

    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->socket);
    free(tls);
}

void tls_unref(struct tls *tls)
{
    shared_unref(tls != NULL ? &tls->shared : NULL);
}

int64_t tls_seconds_left(const struct tls *tls)
{
    const X509 *cert = SSL_CTX_get0_certificate(tls->context);
    int days = 0;
    int seconds = 0;

    /* It fails for a time that cannot be read, with which nobody connects either. */
    (void)ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert));
    ERR_clear_error();
    return (int64_t)days * 86400 + seconds;
}

static void warn_of_dates(const struct tls *tls, const char *file, struct buf *warnings)
{
    const X509 *cert = SSL_CTX_get0_certificate(tls->context);
    bool early = X509_cmp_current_time(X509_get0_notBefore(cert)) > 0;

    if (early || tls_seconds_left(tls) <= 0) {
        (void)refuse(warnings, "listen.tls_cert", file,
                     early ? "does not hold yet, and clients will not connect; is the clock right?"
                           : "has run out, and clients will not connect; renew it, and reload");
        buf_append_char(warnings, '\n');
    }
}

struct tls *tls_new(const char *cert_file, const char *key_file, struct buf *warnings,
                    struct buf *error)
{
    struct tls *tls = calloc(1, sizeof(*tls));

    if (tls == NULL) {
        buf_append_str(error, STR("out of memory"));
        return NULL;
    }
    shared_init(&tls->shared, free_tls);
    ERR_clear_error();
    tls->context = SSL_CTX_new(TLS_server_method());
    tls->socket = stream_tls_socket();
    if (tls->context == NULL || tls->socket == NULL || !set_rules(tls->context)) {
        buf_append_str(error, STR("TLS cannot be set up: out of memory, or OpenSSL's own "
                                  "configuration forbids what it needs"));
        ERR_clear_error();
        tls_unref(tls);
        return NULL;
    }
    if (!load_pair(tls->context, cert_file, key_file, error)) {
        tls_unref(tls);
        return NULL;
    }
    warn_of_dates(tls, cert_file, warnings);
    return tls;
}

struct tls *tls_new_client(void)
{
    static const unsigned char ours[] = "\x08http/1.1";
    struct tls *tls = calloc(1, sizeof(*tls));

    if (tls == NULL) {
        return NULL;
    }
    shared_init(&tls->shared, free_tls);
    tls->is_client = true;
    tls->context = SSL_CTX_new(TLS_client_method());
    tls->socket = stream_tls_socket();
    if (tls->context == NULL || tls->socket == NULL ||
        SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_default_verify_paths(tls->context) != 1 ||
        SSL_CTX_set_alpn_protos(tls->context, ours, sizeof(ours) - 1) != 0) {
        ERR_clear_error();
        tls_unref(tls);
        return NULL;
    }
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    ERR_clear_error();
    return tls;
}
