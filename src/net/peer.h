#ifndef PARLEY_NET_PEER_H
#define PARLEY_NET_PEER_H

/* The two ends of a connected socket. */

#include <stdbool.h>
#include <stdint.h>

/* The other end of a socket. */
struct peer {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d; zeros when it has none */
    bool is_local;       /* a loopback address, or AF_UNIX */
};

/* One that has gone already is nobody near. */
void peer_find(int fd, struct peer *ret_peer);
/* The address of our end. False: it has none. */
bool peer_find_own(int fd, uint8_t ret_address[16]);

#endif
