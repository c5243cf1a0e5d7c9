#include "matrix/homeserver_internal.h"

#include "json/reader.h"

enum {
    FIRST_OF_V3_REFRESH = 3 /* v1.3 has it at /v3/refresh; before it was /v1/refresh (MSC2918) */
};

void home_find_start(struct homeserver *h)
{
    struct buf error;
    struct str base;
    bool is_name = false;

    buf_init(&error, sizeof(h->sentence));
    const char *wrong = url_read_server(h->server, &is_name, &base);
    if (wrong != NULL) {
        buf_printf(&error, "matrix.server: %.*s %s", STR_ARG(h->server), wrong);
    }
    if (wrong != NULL || !credentials_read(&h->credentials, h->credentials_file, &error)) {
        home_fault(h, HOMESERVER_CONFIG, "%.*s", STR_ARG(buf_str(&error)));
    } else if (is_name) {
        h->server = base;
        home_login_enter(h, LOGIN_FIND);
    } else {
        buf_append_str(&h->base, base);
        home_login_enter(h, LOGIN_VERSIONS);
    }
    buf_fini(&error);
}

bool home_answer_well_known(struct home_call *c, struct str body)
{
    struct homeserver *h = c->home;
    struct str url = STR("");
    bool is_name;

    if (json_valid(body)) {
        (void)json_string_plain(json_get(json_get(body, STR("m.homeserver")), STR("base_url")),
                                &url);
    }
    if (!url_is_https(url) || url_read_server(url, &is_name, &url) != NULL) {
        home_fault(
            h, HOMESERVER_NO_SERVER,
            "https://%.*s/.well-known/matrix/client names no https URL; set matrix.server to "
            "that of the homeserver",
            STR_ARG(h->server));
        return false;
    }
    buf_clear(&h->base);
    buf_append_str(&h->base, url);
    home_login_enter(h, LOGIN_VERSIONS);
    return true;
}

bool home_refuse_well_known(struct home_call *c, unsigned status, struct str code)
{
    struct homeserver *h = c->home;

    (void)code;
    if (status != 404) {
        home_fault(
            h, HOMESERVER_NO_SERVER,
            "https://%.*s/.well-known/matrix/client answers %u; set matrix.server to the URL of "
            "the homeserver",
            STR_ARG(h->server), status);
        return false;
    }
    buf_clear(&h->base);
    buf_append_str(&h->base, STR("https://"));
    buf_append_str(&h->base, h->server);
    home_login_enter(h, LOGIN_VERSIONS);
    return true;
}

bool home_answer_versions(struct home_call *c, struct str body)
{
    struct homeserver *h = c->home;
    struct json_iter it;
    struct str raw, text;
    uint64_t minor, newest = 0;

    if (!json_valid(body) || json_kind_of(json_get(body, STR("versions"))) != JSON_ARRAY) {
        return false;
    }
    it = json_iter_of(json_get(body, STR("versions")));
    while (json_next_element(&it, &raw)) {
        if (json_string_plain(raw, &text) && str_starts_with(text, STR("v1.")) &&
            str_to_uint(str_slice(text, 3, text.len), 10000, &minor) && minor > newest) {
            newest = minor;
        }
    }
    if (newest == 0) {
        home_fault(h, HOMESERVER_NO_SERVER,
                   "The homeserver speaks no version of Matrix from v1.1 on; it wants an update");
        return false;
    }
    h->old_refresh = newest < FIRST_OF_V3_REFRESH;
    home_log(h, LEVEL_INFO, "homeserver_found", buf_str(&h->base), "version=v1.%u",
             (unsigned)newest);
    home_login_begin(h);
    return true;
}

bool home_refuse_versions(struct home_call *c, unsigned status, struct str code)
{
    (void)code;
    home_fault(c->home, HOMESERVER_NO_SERVER,
               "%.*s answers %u when asked for its versions, so it is no homeserver; look at "
               "matrix.server",
               STR_ARG(buf_str(&c->home->base)), status);
    return false;
}
