#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "config/syntax.h"
#include "crypto/password.h"
#include "crypto/token_file.h"
#include "crypto/token_set.h"
#include "net/stream_tls.h"

/* Checks of what is configured. */

enum { MAX_TEXT = 64 * 1024, SECONDS_A_DAY = 24 * 60 * 60 };

static bool is_set(const struct doctor *d, enum option_id id)
{
    return config_text(&d->config, id)[0] != '\0';
}

/* Warns of what stands in whole lines. */
static void warn_lines(struct finding *f, const char *fix, struct str lines)
{
    struct buf text;

    buf_init(&text, MAX_TEXT);
    while (lines.len > 0) {
        size_t len = str_find(lines, '\n');
        buf_append_str(&text, text.len > 0 ? STR("; ") : STR(""));
        buf_append_str(&text, str_slice(lines, 0, len));
        lines = str_slice(lines, len + 1, lines.len);
    }
    doctor_warn(f, fix, "%.*s", STR_ARG(buf_str(&text)));
    buf_fini(&text);
}

/* It can be read, and serve would start with it. */
void doctor_configuration(struct doctor *d, struct finding *f)
{
    struct config_sources sources = {
        .file = d->config_file,
        .environment = environ,
        .flags = d->sets,
        .flag_count = d->set_count,
        /* With a URL the token is for the gateway there, and says nothing of this one. */
        .has_shared_secret =
            d->url == NULL && d->token_file != NULL && strcmp(d->token_file, "-") != 0,
    };
    struct buf warnings, error;

    buf_init(&warnings, CONFIG_MAX_ERROR);
    buf_init(&error, CONFIG_MAX_ERROR);
    d->is_configured = config_load(&d->config, &sources, &warnings, &error);
    if (!d->is_configured) {
        doctor_fail(f, "correct it; the gateway does not start with it, nor reload it", "%.*s",
                    STR_ARG(buf_str(&error)));
    } else if (warnings.len > 0) {
        warn_lines(f, "see docs/configuration.md; it is allowed, and probably not meant",
                   buf_str(&warnings));
    } else if (d->config.file != NULL) {
        doctor_ok(f, "%s", d->config.file);
    } else {
        doctor_ok(f, "no file; the defaults and what the environment says");
    }
    buf_fini(&error);
    buf_fini(&warnings);
}

/* Who may come in from where. An open bind without any of it is an error of the configuration. */
void doctor_access(struct doctor *d, struct finding *f)
{
    const char *bind = config_text(&d->config, OPTION_LISTEN_BIND);
    const char *mode = config_text(&d->config, OPTION_AUTH_MODE);
    bool is_open = syntax_bind(str_from_z(bind)) != BIND_LOOPBACK;

    if (is_open && config_number(&d->config, OPTION_AUTH_MODE) == AUTH_MODE_NONE) {
        doctor_warn(f,
                    "set auth.mode to token, with auth.token_file; `auth.allow_anonymous` is for "
                    "networks where everybody is trusted",
                    "listen.bind is %s, and everybody who reaches the port may do everything",
                    bind);
    } else {
        doctor_ok(f, "auth.mode %s, listen.bind %s", mode, bind);
    }
}

static bool add_tokens(const struct doctor *d, struct token_set *set, struct buf *warnings,
                       struct buf *error)
{
    const char *file = config_text(&d->config, OPTION_AUTH_TOKEN_FILE);
    const char *list = config_text(&d->config, OPTION_AUTH_TOKENS);

    return (file[0] == '\0' || token_set_add_file(set, file, warnings, error)) &&
           (list[0] == '\0' ||
            token_set_add_list(set, STR("auth.tokens"), str_from_z(list), error));
}

/* The tokens can be read, and nobody else can read their file. */
void doctor_tokens(struct doctor *d, struct finding *f)
{
    struct buf warnings, error;
    struct token_set set;

    if (!is_set(d, OPTION_AUTH_TOKEN_FILE) && !is_set(d, OPTION_AUTH_TOKENS)) {
        return;
    }
    buf_init(&warnings, MAX_TEXT);
    buf_init(&error, MAX_TEXT);
    token_set_init(&set);
    if (!add_tokens(d, &set, &warnings, &error)) {
        doctor_fail(f,
                    "`parley token new NAME` prints a token and the line for its file; "
                    "the file is auth.token_file",
                    "%.*s", STR_ARG(buf_str(&error)));
    } else if (warnings.len > 0) {
        warn_lines(f, "keep it to the user that the gateway runs as: chmod 600, chown",
                   buf_str(&warnings));
    } else {
        doctor_ok(f, "%zu known", set.count);
    }
    token_set_fini(&set);
    buf_fini(&error);
    buf_fini(&warnings);
}

/* The hash is one, and costs no more than a gateway would spend on it. */
void doctor_password(struct doctor *d, struct finding *f)
{
    struct str hash = str_from_z(config_text(&d->config, OPTION_AUTH_PASSWORD_HASH));

    if (hash.len == 0) {
        return;
    }
    if (password_encoded_valid(hash)) {
        doctor_ok(f, "auth.password_hash is an argon2id hash");
    } else {
        doctor_fail(f, "set it to what `parley password hash` prints",
                    "auth.password_hash is not an argon2id hash that can be worked with");
    }
}

/* What is worth a warning of a pair that can be used. */
static void judge_pair(struct finding *f, const struct tls *tls, const char *key)
{
    long long days = (long long)(tls_seconds_left(tls) / SECONDS_A_DAY);
    struct stat about;

    if (stat(key, &about) == 0 && (about.st_mode & S_IRWXO) != 0) {
        doctor_warn(f, "chmod 600 it, or 640 with the group of the gateway's user",
                    "everybody on this machine may read or change the private key %s", key);
    } else if (days < TLS_SOON_DAYS) {
        doctor_warn(f, "renew it, and have the gateway reload: systemctl reload parley",
                    "the certificate of listen.tls_cert runs out in %lld day%s", days,
                    days == 1 ? "" : "s");
    } else {
        doctor_ok(f, "certificate and key fit, for %lld days more", days);
    }
}

/* Certificate and key can be read, belong together, and will last. */
void doctor_tls(struct doctor *d, struct finding *f)
{
    const char *key = config_text(&d->config, OPTION_LISTEN_TLS_KEY);
    struct buf warnings, error;

    if (!is_set(d, OPTION_LISTEN_TLS_CERT)) {
        return;
    }
    buf_init(&warnings, MAX_TEXT);
    buf_init(&error, MAX_TEXT);
    struct tls *tls =
        tls_new(config_text(&d->config, OPTION_LISTEN_TLS_CERT), key, &warnings, &error);
    if (tls == NULL) {
        doctor_fail(f, "the gateway does not start with them, nor reload them", "%.*s",
                    STR_ARG(buf_str(&error)));
    } else if (warnings.len > 0) {
        warn_lines(f, "clients that verify it, as they should, do not connect", buf_str(&warnings));
    } else {
        judge_pair(f, tls, key);
    }
    tls_unref(tls);
    buf_fini(&error);
    buf_fini(&warnings);
}

/* The token that this command was given can be sent, and nobody else can read its file. */
void doctor_credential(struct doctor *d, struct finding *f)
{
    const char *file = d->token_file;
    struct stat about;
    struct buf error;

    if (file == NULL && d->token == NULL) {
        return;
    }
    buf_init(&error, MAX_TEXT);
    if (!address_read_token(file, file == NULL ? d->token : NULL, &d->gateway.token, &error)) {
        doctor_fail(f, "its first line is to be the token, as `parley token new` prints it", "%.*s",
                    STR_ARG(buf_str(&error)));
    } else if (file != NULL && strcmp(file, "-") != 0 && stat(file, &about) == 0 &&
               S_ISREG(about.st_mode) && (about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        doctor_warn(f, "chmod 600 it", "others than its owner may read or change %s", file);
    } else {
        doctor_ok(f, "read from %s", file == NULL ? "PARLEY_TOKEN" : file);
    }
    buf_fini(&error);
}
