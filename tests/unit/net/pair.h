#ifndef PARLEY_TESTS_PAIR_H
#define PARLEY_TESTS_PAIR_H

/* Certificates for the tests of TLS, made when they are needed, and OpenSSL's client. */

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

/* A certificate for `name` and its key, written to files of this process. */
struct pair {
    char cert[64];
    char key[64];
};

/* Valid from `from` to `to`, in seconds from now. */
void pair_make(struct pair *p, const char *name, long from, long to);
void pair_remove(const struct pair *p);

/* A client on a socket that does not block; it believes every certificate. Returns owned. */
SSL *pair_client(SSL_CTX *context, int fd);
/* Goes on with the handshake. Returns whether it is over. */
bool pair_shake(SSL *client);
/* Takes what has come, as far as it goes; returns how much. *ret_ended: close_notify has. */
size_t pair_read(SSL *client, char *out, size_t cap, bool *ret_ended);

#endif
