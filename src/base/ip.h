#ifndef PARLEY_BASE_IP_H
#define PARLEY_BASE_IP_H

/* Addresses of 16 bytes, IPv4 as ::ffff:a.b.c.d, as people read them. */

#include "base/buf.h"

enum { IP_SIZE = 16 };

/* Appends it as RFC 5952 has it; one of IPv4 as "a.b.c.d". */
void ip_append(struct buf *out, const uint8_t address[IP_SIZE]);

#endif
