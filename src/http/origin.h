#ifndef PARLEY_HTTP_ORIGIN_H
#define PARLEY_HTTP_ORIGIN_H

/*
 * Whose request is this? Two checks that keep pages of other sites away from a gateway in the same
 * machine: the Origin that a browser adds (RFC 6454), and the Host that it was sent to, which gives
 * away a name that was bound anew to a loopback address. Pure functions of text.
 */

#include "base/str.h"

/*
 * Whether an Origin value matches a pattern, `scheme://host` or `scheme://host:port`. The origin
 * must be concrete: a scheme, a name or address, and a port of digits if any; "null" never matches.
 * Schemes and hosts are compared without case. A '*' in the pattern's host stands for one or more
 * letters, digits, dots and hyphens; the port '*' for any port that is spelt out; other ports are
 * equal as text, and none equals only none. The pattern "*" matches every concrete origin.
 */
bool http_origin_matches(struct str origin, struct str pattern);
/* Whether a text is a pattern as above, which some origin can match. */
bool http_origin_pattern_valid(struct str pattern);
/* Whether it matches one of `count` patterns. */
bool http_origin_allowed(struct str origin, const struct str *patterns, size_t count);

/*
 * Whether a Host value, with or without a port, is a name of this machine for itself (localhost,
 * 127.0.0.0/8, [::1]) or one of `count` further names, compared without case.
 */
bool http_host_allowed(struct str host, const struct str *names, size_t count);

#endif
