#ifndef PARLEY_NET_STREAM_TLS_INTERNAL_H
#define PARLEY_NET_STREAM_TLS_INTERNAL_H

/* What stream_tls.c (the streams) and stream_tls_pair.c (what they go by) share. */

#include <openssl/ssl.h>

#include "base/shared.h"
#include "net/stream_tls.h"

struct tls {
    struct shared shared;
    SSL_CTX *context;
    BIO_METHOD *socket; /* how OpenSSL reads and writes */
    bool is_client;
};

/* Returns owned; NULL when there is no memory. */
BIO_METHOD *stream_tls_socket(void);
/* For SSL_CTX_set_info_callback of a server. */
void stream_tls_notice(const SSL *ssl, int where, int value);

#endif
