#ifndef PARLEY_CORE_ACCESS_H
#define PARLEY_CORE_ACCESS_H

/*
 * Who may come in, and what they may do. A credential (a token, the password, a ticket) makes its
 * bearer a principal; a principal has grants; hub_may is the one function that decides, for
 * messages and for HTTP requests alike. Everything that is not granted is refused, with the name of
 * the rule.
 *
 * Of tokens the hub knows digests only. Passwords are checked elsewhere (hub_ports.check_password),
 * since that takes long on purpose; what their clients send meanwhile waits.
 */

#include "base/error.h"
#include "base/grants.h"
#include "core/hub.h"

enum { DIGEST_SIZE = 32 }; /* SHA-256 */

enum hub_auth_mode {
    HUB_AUTH_NONE,
    HUB_AUTH_TOKEN,
    HUB_AUTH_PASSWORD,
    HUB_AUTH_JWT,
    HUB_AUTH_HOST, /* the program that embeds the gateway decides: hub_ports.check_credential */
};

/* A token that is accepted. All strings are borrowed by hub_set_access, which copies. */
struct hub_credential {
    uint8_t digest[DIGEST_SIZE]; /* of the token */
    struct str name;             /* for people and for `userId`: "kitchen" */
    struct str agent_id;         /* the only id, besides those of act_as, it registers; or empty */
    struct grants grants;
};

/* What the configuration says of access. */
struct hub_access {
    enum hub_auth_mode mode;
    const struct hub_credential *credentials;
    size_t count;
    /*
     * Of HUB_AUTH_PASSWORD: what tells one password from another, the digest of its stored hash.
     * Whoever gives the password has all grants and the name "password".
     */
    uint8_t password_id[DIGEST_SIZE];
    /* Of HUB_AUTH_JWT: the ids of the keys that hold; tokens of others are withdrawn. */
    uint8_t (*keys)[DIGEST_SIZE]; /* borrowed; not changed */
    size_t key_count;
};

/*
 * What a signed token says of its bearer, as hub_ports.verify found it, or the host said it; all is
 * borrowed.
 */
struct hub_claims {
    uint8_t identity[DIGEST_SIZE]; /* of issuer and subject: who it is, whatever the token */
    uint8_t key[DIGEST_SIZE];      /* that signed it */
    struct str name;               /* the subject */
    struct str agent_id;           /* see struct hub_credential */
    struct grants grants;
    uint64_t expires_ms; /* since 1970; 0: never */
};

/*
 * Sets who may come in, at first and at each reload. A live principal whose credential is there
 * again has the grants it has now; one whose credential is not is closed with 4401, and its tickets
 * are void. One that is where it no longer may be is closed with 4403. Returns false, and all is as
 * before, when there is no memory. Without a call everybody is let in (HUB_AUTH_NONE).
 */
bool hub_set_access(struct hub *hub, const struct hub_access *access);

/* The verdict on a password that hub_ports.check_password took. */
void hub_password_checked(struct hub *hub, uint64_t job, bool right);

/* --- what a principal may do ------------------------------------------------------------------ */

enum hub_action {
    MAY_ENTER,     /* object: a session's name, "world:main" */
    MAY_PUBLISH,   /* object: a message type */
    MAY_REGISTER,  /* object: an agent id */
    MAY_SPEAK_AS,  /* object: an agent id that is not the sender's own */
    MAY_BROADCAST, /* no object */
    MAY_ADMIN,     /* no object */
    HUB_ACTIONS
};

#define HUB_NOBODY UINT32_MAX /* a principal: none, not authenticated */

struct hub_verdict {
    enum error_code code; /* ERROR_NONE: it may; else AUTH_REQUIRED or FORBIDDEN */
    const char *rule;     /* for people and details: "grant:publish"; a literal */
};

/* The one place where it is decided. Depends on nothing but its arguments. */
struct hub_verdict hub_may(const struct hub *hub, uint32_t principal, enum hub_action action,
                           struct str object);

/* --- HTTP requests ---------------------------------------------------------------------------- */

/* Who sent an HTTP request. Good until the hub is called again. */
struct hub_asker {
    uint32_t principal;      /* HUB_NOBODY without a credential, or with a wrong one */
    enum error_code refused; /* ERROR_NONE, or why the credential was not taken: AUTH_FAILED,
                                RATE_LIMITED */
    uint64_t retry_after_ms; /* of RATE_LIMITED */
};

/*
 * Who is asking, by the evidence. True: *ret_asker says. False: a password has to be checked first;
 * the hub keeps a copy of the request and calls hub_ports.judged with it.
 * With HUB_AUTH_NONE whoever asks is somebody, and whoever is near an administrator.
 */
bool hub_judge(struct hub *hub, uint64_t conn, const struct evidence *evidence, struct str request,
               size_t head_len, struct hub_asker *ret_asker);

/* The name of a principal, for `userId`; borrowed. "" of HUB_NOBODY. */
struct str hub_principal_name(const struct hub *hub, uint32_t principal);
/*
 * Bytes that tell the person behind a principal from others, who may have the same name; borrowed.
 * Of a ticket's, its maker's. Whoever renews a signed token has the same ones.
 */
struct str hub_principal_identity(const struct hub *hub, uint32_t principal);

#endif
