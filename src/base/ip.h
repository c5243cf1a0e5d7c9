#ifndef PARLEY_BASE_IP_H
#define PARLEY_BASE_IP_H

/* Addresses of 16 bytes, IPv4 as ::ffff:a.b.c.d. */

#include "base/buf.h"

enum { IP_SIZE = 16 };

/* Appends it as RFC 5952 has it; one of IPv4 as "a.b.c.d". */
void ip_append(struct buf *out, const uint8_t address[IP_SIZE]);

/* Whether it is one of IPv4. */
bool ip_is_v4(const uint8_t address[IP_SIZE]);
/*
 * What it counts as where something is counted by address: itself, or its IPv6 network of 64 bits,
 * since that is what one person has.
 */
struct ip_network {
    uint8_t bytes[IP_SIZE];
};
struct ip_network ip_network_of(const uint8_t address[IP_SIZE]);

#endif
