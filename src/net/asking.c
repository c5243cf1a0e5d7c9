#include "net/asking.h"

static const char wrong_token[] =
    "A token in a subprotocol or in the query is made of letters, digits, '.', '_', '~' and '-'; "
    "send anything else as Authorization: Bearer.";

/* --- credentials ------------------------------------------------------------------------------ */

/* Keeps the first that is found, and that it was wrong when it was. */
static void take(struct asking *a, enum credential_kind kind, struct str value, const char *wrong)
{
    if (a->evidence.kind != CREDENTIAL_NONE || a->wrong != NULL) {
        return;
    }
    if (wrong == NULL && value.len > ASKING_MAX_CREDENTIAL) {
        wrong = "A credential is at most 8 KiB long.";
    }
    a->wrong = wrong;
    if (wrong == NULL) {
        memcpy(a->credential, value.ptr, value.len);
        a->evidence.kind = (uint8_t)kind;
        a->evidence.credential = str_make(a->credential, value.len);
    }
}

/* Overwrites it where it stands. */
static void mask(char *text, struct str value)
{
    memset(text + (value.ptr - text), '*', value.len);
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = str_lower(s.ptr[i]);
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '~' &&
            c != '-') {
            return false;
        }
    }
    return s.len > 0;
}

/*
 * Credentials of RFC 9110 section 11.4. What stands behind "Bearer" may be a password, so it is
 * any text; only what nobody can type is refused. Another scheme is somebody else's.
 */
static void take_authorization(struct asking *a, const struct http_head *head, char *text)
{
    struct str value = http_value(head, text, HTTP_AUTHORIZATION);
    size_t space = str_find(value, ' ');
    struct str scheme = str_slice(value, 0, space);
    struct str bearer = str_trim(str_slice(value, space, value.len));

    if (!http_has(head, HTTP_AUTHORIZATION)) {
        return;
    }
    if (scheme.len == 0 || str_find(scheme, '\t') < scheme.len) {
        take(a, CREDENTIAL_BEARER, value,
             "Authorization has to be a scheme, a space and a credential: Bearer TOKEN.");
    } else if (str_equal_nocase(scheme, STR("Bearer"))) {
        bool empty = bearer.len == 0 || str_find(bearer, '\t') < bearer.len;
        take(a, CREDENTIAL_BEARER, bearer,
             empty ? "Authorization: Bearer has to be followed by a space and a token or password."
                   : NULL);
    }
    mask(text, value);
}

/* Browsers cannot set fields, but they can offer a subprotocol. */
static void take_subprotocols(struct asking *a, const struct http_head *head, char *text)
{
    const struct str prefix = STR("parley.bearer.");
    size_t at = 0;
    struct str list, element;

    while (http_has(head, HTTP_WS_PROTOCOL) &&
           http_next_value(head, text, HTTP_WS_PROTOCOL, &at, &list)) {
        while (http_list_next(&list, &element)) {
            if (str_starts_with(element, prefix)) {
                struct str token = str_slice(element, prefix.len, element.len);
                if (head->upgrade_websocket) {
                    take(a, CREDENTIAL_BEARER, token, is_token(token) ? NULL : wrong_token);
                }
                mask(text, token);
            }
        }
    }
}

/* An empty parameter is what a program sends that has nothing to send. */
static void take_parameter(struct asking *a, const struct http_head *head, char *text,
                           struct str name, enum credential_kind kind)
{
    struct str query = http_query(head, text);
    struct str value;

    while (http_query_get(query, name, &value)) {
        if (value.len > 0) {
            take(a, kind, value, is_token(value) ? NULL : wrong_token);
            mask(text, value);
        }
        size_t behind = (size_t)(value.ptr + value.len - query.ptr);
        query = str_slice(query, behind + 1, query.len);
    }
}

/* --- the caller ------------------------------------------------------------------------------- */

static void take_user_agent(struct asking *a, const struct http_head *head, const char *text)
{
    struct str agent = str_slice(http_value(head, text, HTTP_USER_AGENT), 0, EVIDENCE_MAX_AGENT);

    for (size_t i = 0; i < agent.len; i++) {
        char c = agent.ptr[i];
        a->user_agent[i] = '?';
        if (c >= ' ' && c <= '~') {
            a->user_agent[i] = c;
        }
    }
    a->evidence.user_agent = str_make(a->user_agent, agent.len);
}

/* Who is not near has no way to become it: what a proxy says moves the caller only away. */
static void find_caller(struct asking *a, const struct http_head *head, const char *text,
                        const struct peer *peer, const struct net_policy *policy)
{
    const struct http_trust *trust = &policy->trust;
    struct http_forwarded forwarded;

    memcpy(a->evidence.address, peer->address, sizeof(peer->address));
    a->evidence.near = peer->is_local && !http_is_forwarded(head);
    if (!http_is_forwarded(head) ||
        !http_networks_have(trust->proxies, trust->proxy_count, peer->address)) {
        return;
    }
    const char *wrong = http_forwarded_read(head, text, trust, peer->address, &forwarded);
    if (wrong != NULL) {
        a->wrong = wrong;
        return;
    }
    memcpy(a->evidence.address, forwarded.address, sizeof(forwarded.address));
    a->foreign_host = forwarded.foreign_host;
}

void asking_read(struct asking *a, const struct http_head *head, char *text,
                 const struct peer *peer, const struct net_policy *policy)
{
    a->evidence = (struct evidence){.kind = CREDENTIAL_NONE};
    a->wrong = NULL;
    a->foreign_host = false;
    take_authorization(a, head, text);
    take_subprotocols(a, head, text);
    take_parameter(a, head, text, STR("ticket"), CREDENTIAL_TICKET);
    take_parameter(a, head, text, STR("token"), CREDENTIAL_BEARER);
    take_user_agent(a, head, text);
    find_caller(a, head, text, peer, policy);
}

void asking_wipe(struct asking *a)
{
    explicit_bzero(a->credential, sizeof(a->credential));
}
