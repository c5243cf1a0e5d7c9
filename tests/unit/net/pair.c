#include "unit.h"

#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

static void open_file(char path[64], FILE **ret_file)
{
    (void)snprintf(path, 64, "/tmp/parley-pair-XXXXXX");
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    *ret_file = fdopen(fd, "w");
    assert_non_null(*ret_file);
}

void pair_make(struct pair *p, const char *name, long from, long to)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);
    FILE *file;

    assert_int_equal(1, X509_set_version(cert, X509_VERSION_3));
    assert_int_equal(1, ASN1_INTEGER_set(X509_get_serialNumber(cert), 1));
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), from));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), to));
    assert_int_equal(1, X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                                   (const unsigned char *)name, -1, -1, 0));
    assert_int_equal(1, X509_set_issuer_name(cert, subject));
    assert_int_equal(1, X509_set_pubkey(cert, key));
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    open_file(p->cert, &file);
    assert_int_equal(1, PEM_write_X509(file, cert));
    assert_int_equal(0, fclose(file));
    open_file(p->key, &file);
    assert_int_equal(1, PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
    assert_int_equal(0, fclose(file));
    X509_free(cert);
    EVP_PKEY_free(key);
}

void pair_remove(const struct pair *p)
{
    assert_int_equal(0, unlink(p->cert));
    assert_int_equal(0, unlink(p->key));
}

SSL *pair_client(SSL_CTX *context, int fd)
{
    SSL *client = SSL_new(context);

    assert_non_null(client);
    assert_int_equal(1, SSL_set_fd(client, fd));
    SSL_set_connect_state(client);
    return client;
}

bool pair_shake(SSL *client)
{
    ERR_clear_error();
    return SSL_do_handshake(client) == 1;
}

size_t pair_read(SSL *client, char *out, size_t cap, bool *ret_ended)
{
    size_t len = 0;
    size_t piece;

    ERR_clear_error();
    while (len < cap && SSL_read_ex(client, out + len, cap - len, &piece) == 1) {
        len += piece;
    }
    *ret_ended = (SSL_get_shutdown(client) & SSL_RECEIVED_SHUTDOWN) != 0;
    ERR_clear_error();
    return len;
}
