#include "net/peer.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "http/address.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
};

/* False: it is not of the internet. */
static bool take_address(const union address *a, uint8_t ret_address[16])
{
    memset(ret_address, 0, 16);
    switch (a->any.sa_family) {
    case AF_INET:
        ret_address[10] = 0xff;
        ret_address[11] = 0xff;
        memcpy(ret_address + 12, &a->v4.sin_addr, 4);
        return true;
    case AF_INET6:
        memcpy(ret_address, &a->v6.sin6_addr, 16);
        return true;
    default:
        return false;
    }
}

void peer_find(int fd, struct peer *ret_peer)
{
    union address a = {.any.sa_family = AF_UNSPEC};
    socklen_t size = sizeof(a);

    *ret_peer = (struct peer){.is_local = false};
    if (getpeername(fd, &a.any, &size) == 0) {
        bool is_internet = take_address(&a, ret_peer->address);
        ret_peer->is_local =
            is_internet ? http_address_is_loopback(ret_peer->address) : a.any.sa_family == AF_UNIX;
    }
}

bool peer_find_own(int fd, uint8_t ret_address[16])
{
    union address a = {.any.sa_family = AF_UNSPEC};
    socklen_t size = sizeof(a);

    return getsockname(fd, &a.any, &size) == 0 && take_address(&a, ret_address);
}
