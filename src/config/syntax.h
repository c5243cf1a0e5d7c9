#ifndef PARLEY_CONFIG_SYNTAX_H
#define PARLEY_CONFIG_SYNTAX_H

/* Whether texts of options are what they should be: addresses, hosts, origins, URLs. */

#include "base/str.h"

enum bind_kind { BIND_WRONG, BIND_LOOPBACK, BIND_OTHERS };

/* What listen.bind says: a word, or an address literal; who can reach it. */
enum bind_kind syntax_bind(struct str text);
/* A name, an IPv4 address or an IPv6 address in brackets; no port. */
bool syntax_is_host(struct str text);
/* "*", or SCHEME://HOST[:PORT] where '*' may stand in the host, and for the port. */
bool syntax_is_origin(struct str text);
/* http, https, ws or wss, a host, perhaps a port and a path; no query. */
bool syntax_is_url(struct str text);
/* An address, or a network in CIDR notation (RFC 4632; RFC 4291 section 2.3). */
bool syntax_is_network(struct str text);
/* An argon2id hash in the form of its reference implementation. */
bool syntax_is_argon2id(struct str text);

#endif
