#ifndef PARLEY_CORE_GATE_H
#define PARLEY_CORE_GATE_H

/* How a credential becomes a principal. See core/access.h for what that is good for. */

#include "core/access.h"

enum gate_verdict {
    GATE_OPEN,  /* *ret_principal is it; its use is the caller's (principal_release) */
    GATE_SHUT,  /* *ret_why says why */
    GATE_LATER, /* to be checked by job_start; the attempt has been charged */
};

/* What a bearer gives as a password, and not as a token that may be one. */
enum { CREDENTIAL_PASSWORD = CREDENTIAL_TICKET + 1 };

enum { GATE_BUSY_MS = 1000 }; /* when too many passwords are being checked: come again after */

struct attempt {
    const uint8_t *address; /* 16 bytes, see struct evidence */
    bool near;
    uint8_t kind; /* enum credential_kind, or CREDENTIAL_PASSWORD */
    struct str secret;
};

struct gate_refusal {
    enum error_code code; /* AUTH_FAILED or RATE_LIMITED */
    uint64_t retry_after_ms;
};

/* Looks at a credential, where authentication is on. Counts and logs what it refuses. */
enum gate_verdict gate_try(struct hub *hub, const struct attempt *a, uint32_t *ret_principal,
                           struct gate_refusal *ret_why);
/* A password was wrong, or what the host looked at. */
void gate_wrong(struct hub *hub, const uint8_t *address, enum hub_auth_failure failure,
                struct gate_refusal *ret_why);
/* The sentence for a refusal. */
const char *gate_text(const struct gate_refusal *why);

/* --- ticket.c --------------------------------------------------------------------------------- */

/* The principal of a ticket, which is used up by it; or SLAB_NONE. */
uint32_t ticket_take(struct hub *hub, struct str text);
/* Forgets those that have run out. */
void tickets_tick(struct hub *hub);
/* Forgets those whose maker was withdrawn, or may less now: after a reload. */
void tickets_review(struct hub *hub);

#endif
