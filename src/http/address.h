#ifndef PARLEY_HTTP_ADDRESS_H
#define PARLEY_HTTP_ADDRESS_H

/*
 * Addresses of the internet as 16 bytes, in which an IPv4 address stands as ::ffff:a.b.c.d (RFC
 * 4291 section 2.5.5.2), so that both spellings of one are equal; and networks of them.
 */

#include "base/str.h"

/* An IPv4 address in four decimal parts, or an IPv6 address without brackets and without a zone. */
bool http_address_parse(struct str text, uint8_t ret_address[16]);
/* 127.0.0.0/8 or ::1. */
bool http_address_is_loopback(const uint8_t address[16]);

struct http_network {
    uint8_t address[16];
    uint8_t bits; /* how many of them, from the first, count */
};

/*
 * An address, or address/prefix-length (RFC 4632 section 3.1). False when it is neither, and when
 * bits are set behind the prefix: 10.0.0.1/8 is an address or a network, and nobody knows which.
 */
bool http_network_parse(struct str text, struct http_network *ret_network);
bool http_network_has(const struct http_network *n, const uint8_t address[16]);
/* Whether one of `count` networks has it. */
bool http_networks_have(const struct http_network *networks, size_t count,
                        const uint8_t address[16]);

#endif
