#ifndef PARLEY_TESTS_SECURED_H
#define PARLEY_TESTS_SECURED_H

/* A rig whose door speaks TLS, and its clients. */

#include "pair.h"
#include "rig.h"

/* What clients go by; they believe every certificate. */
extern SSL_CTX *secured_context;
/* A socket that takes nothing (the linker's --wrap=send); -1: none is such. */
extern int secured_full_fd;

/* What a server goes by. Returns owned. */
struct tls *secured_load(const struct pair *p);
/* Starts a rig with the settings that it has, and this certificate. */
void secured_start(struct rig *g, const struct pair *p);

/* A client whose handshake is over. */
SSL *secured_connect(struct rig *g);
/* One with an open WebSocket; of its coming nothing is left in the log. */
SSL *secured_open(struct rig *g);
void secured_leave(struct rig *g, SSL *client);
void secured_say(struct rig *g, SSL *client, struct str text);
/* A text frame of at most 150 bytes. */
void secured_say_frame(struct rig *g, SSL *client, struct str text);
/* What has come begins so. */
void secured_expect_start(SSL *client, const char *start);

#endif
