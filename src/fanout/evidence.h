#ifndef PARLEY_FANOUT_EVIDENCE_H
#define PARLEY_FANOUT_EVIDENCE_H

/*
 * Who is asking: what a reactor has found out about the sender of a handshake or an HTTP request,
 * for the hub to judge. It stands at the head of an UP_OPENED's or UP_REQUEST's text.
 */

#include "base/buf.h"

enum credential_kind {
    CREDENTIAL_NONE,
    CREDENTIAL_BEARER, /* a token or, where the gateway asks for one, the password */
    CREDENTIAL_TICKET,
};

struct evidence {
    /*
     * The peer's address as it counts: what a trusted proxy says, else that of the socket. IPv4
     * stands as ::ffff:a.b.c.d; all zeros for AF_UNIX.
     */
    uint8_t address[16];
    bool is_unix; /* came through the UNIX socket */
    /* The peer is on this machine and speaks for itself: no forwarding header, trusted or not. */
    bool near;
    bool packs;            /* of a handshake: once let in, it may be sent deflated frames */
    uint8_t kind;          /* enum credential_kind */
    struct str credential; /* empty when there is none */
    struct str world;      /* of a handshake: the value of ?world=, decoded; else empty */
    struct str user_agent; /* User-Agent as it came, at most EVIDENCE_MAX_AGENT bytes of it */
};

enum { EVIDENCE_MAX_AGENT = 256, EVIDENCE_MAX = 32 * 1024 /* bytes of one, packed */ };

/* Appends it, packed; check `out->failed`. */
void evidence_pack(const struct evidence *e, struct buf *out);
/*
 * Reads what evidence_pack wrote at the head of `text`; *ret_rest is what stands behind it. All
 * strings borrow from `text`. Asserts that it is whole: nobody but evidence_pack writes it.
 */
void evidence_unpack(struct str text, struct evidence *ret_evidence, struct str *ret_rest);

#endif
