#include "matrix/http.h"

#include <curl/curl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/list.h"

enum {
    CONNECT_TIMEOUT_MS = 10000,
    KEEPALIVE_SECONDS = 20, /* with nothing heard, the peer is asked whether it is there */
    IDLE_CONNECTIONS = 16,  /* kept for the next request */
};

struct http_client {
    CURLM *multi;
    const char *certificates; /* a file of those to believe; NULL: whatever curl has */
    struct list calls;        /* all that have not ended */
    struct list waiting; /* started, not yet handed to curl, which refuses that in its callbacks */
    struct list ready;   /* with a piece for `part` */
    bool is_telling;     /* `part` and `done` are being called: nothing is freed meanwhile */
    bool has_ended;      /* some have ended since, to be freed then */
    void (*woken)(void *owner); /* or NULL */
    void *woken_owner;
};

struct http_call {
    struct list in_calls;
    struct list in_waiting;
    struct list in_ready;
    struct http_client *client;
    CURL *easy;
    struct curl_slist *headers; /* one of them has the credential */
    void *owner;
    void (*part)(void *owner, struct str bytes);
    void (*done)(void *owner, const struct http_response *response);
    struct buf body; /* gathered, or the pieces since the last `part` */
    size_t received; /* bytes of the body so far */
    size_t max_body;
    uint64_t silence_ms;
    uint64_t heard_ms; /* when something came last */
    struct buf retry_after;
    struct buf date;
    char sentence[CURL_ERROR_SIZE];
    bool is_added; /* to `multi` */
    bool too_large;
    bool has_ended; /* nothing more is told of it */
};

static uint64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- curl's memory: whatever it gives up is wiped, for its copies of requests have credentials ---
 */

static void wipe_and_free(void *p)
{
    if (p != NULL) {
        explicit_bzero(p, malloc_usable_size(p));
        free(p);
    }
}

static void *wiping_realloc(void *p, size_t size)
{
    size_t had = p != NULL ? malloc_usable_size(p) : 0;

    if (p != NULL && had >= size && size > 0) {
        return p;
    }
    void *larger = malloc(size);
    if (larger != NULL && p != NULL) {
        memcpy(larger, p, had < size ? had : size);
        wipe_and_free(p);
    }
    return larger;
}

static bool curl_is_ready;

static void prepare_curl(void)
{
    curl_is_ready = curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_and_free, wiping_realloc,
                                         strdup, calloc) == CURLE_OK;
}

/* --- life ---------------------------------------------------------------------------------------
 */

/*
 * The certificates of the system take 0.8 MB. curl reads them once for all connections only when it
 * has a file of them and no directory; else for each.
 */
static const char *choose_certificates(void)
{
    const char *file = getenv("SSL_CERT_FILE");

    return file != NULL ? file : curl_version_info(CURLVERSION_NOW)->cainfo;
}

struct http_client *http_client_new(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct http_client *c = calloc(1, sizeof(*c));

    (void)pthread_once(&once, prepare_curl);
    if (c == NULL || !curl_is_ready) {
        free(c);
        return NULL;
    }
    list_init(&c->calls);
    list_init(&c->waiting);
    list_init(&c->ready);
    c->certificates = choose_certificates();
    c->multi = curl_multi_init();
    if (c->multi == NULL ||
        curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS) != CURLM_OK) {
        http_client_free(c);
        return NULL;
    }
    return c;
}

static void free_call(struct http_call *call)
{
    list_remove(&call->in_calls);
    list_remove(&call->in_waiting);
    list_remove(&call->in_ready);
    if (call->is_added) {
        (void)curl_multi_remove_handle(call->client->multi, call->easy);
    }
    curl_easy_cleanup(call->easy);
    for (struct curl_slist *each = call->headers; each != NULL; each = each->next) {
        explicit_bzero(each->data, strlen(each->data));
    }
    curl_slist_free_all(call->headers);
    buf_fini(&call->body);
    buf_fini(&call->retry_after);
    buf_fini(&call->date);
    free(call);
}

void http_client_free(struct http_client *c)
{
    if (c == NULL) {
        return;
    }
    list_each_safe(link, &c->calls) {
        free_call(list_entry(link, struct http_call, in_calls));
    }
    (void)curl_multi_cleanup(c->multi);
    free(c);
}

void http_cancel(struct http_call *call)
{
    call->has_ended = true;
    call->client->has_ended = true;
    if (!call->client->is_telling) {
        free_call(call);
    }
}

/* Behind the telling: frees what has ended in it. */
static void sweep(struct http_client *c)
{
    c->is_telling = false;
    if (!c->has_ended) {
        return;
    }
    list_each_safe(link, &c->calls) {
        struct http_call *call = list_entry(link, struct http_call, in_calls);
        if (call->has_ended) {
            free_call(call);
        }
    }
    c->has_ended = false;
}

/* --- what comes ---------------------------------------------------------------------------------
 */

static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
    struct http_call *call = user;
    size_t len = size * count;
    long status = 0;

    call->heard_ms = now_ms();
    if (len > call->max_body - call->received) {
        call->too_large = true;
        return 0;
    }
    call->received += len;
    buf_append(&call->body, bytes, len);
    if (call->body.failed) {
        return 0;
    }
    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (call->part != NULL && status == 200 && list_empty(&call->in_ready)) {
        list_append(&call->client->ready, &call->in_ready);
    }
    return len;
}

static void keep_field(struct buf *value, struct str line, struct str name)
{
    if (line.len > name.len && line.ptr[name.len] == ':' &&
        str_equal_nocase(str_slice(line, 0, name.len), name)) {
        struct str text = str_slice(line, name.len + 1, line.len);
        while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r')) {
            text.len--;
        }
        buf_clear(value);
        buf_append_str(value, str_trim(text));
    }
}

static size_t take_head(char *bytes, size_t size, size_t count, void *user)
{
    struct http_call *call = user;
    struct str line = str_make(bytes, size * count);

    call->heard_ms = now_ms();
    if (str_starts_with(line, STR("HTTP/"))) { /* of 100 Continue, say, nothing counts */
        buf_clear(&call->retry_after);
        buf_clear(&call->date);
    }
    keep_field(&call->retry_after, line, STR("Retry-After"));
    keep_field(&call->date, line, STR("Date"));
    return line.len;
}

/* RFC 9110 section 5.6.7; -1 when it is no date. */
static int64_t date_of(struct buf *text)
{
    buf_append_char(text, '\0');
    time_t at = text->failed || text->len == 1 ? -1 : curl_getdate(text->data, NULL);
    buf_consume(text, text->len);
    return at < 0 ? -1 : (int64_t)at * 1000;
}

/* RFC 9110 section 10.2.3. A date counts by the clock that wrote it, when that is known. */
static int64_t retry_after_of(struct http_call *call, int64_t date_ms)
{
    uint64_t seconds;

    if (str_to_uint(buf_str(&call->retry_after), UINT32_MAX, &seconds)) {
        return (int64_t)seconds * 1000;
    }
    int64_t at = date_of(&call->retry_after);
    int64_t from = date_ms >= 0 ? date_ms : (int64_t)time(NULL) * 1000;
    return at < 0 ? -1 : at > from ? at - from : 0;
}

static enum http_error error_of(const struct http_call *call, CURLcode code)
{
    if (call->too_large) {
        return HTTP_TOO_LARGE;
    }
    if (call->body.failed) {
        return HTTP_NO_MEMORY;
    }
    switch (code) {
    case CURLE_OK:
        return HTTP_OK;
    case CURLE_OUT_OF_MEMORY:
        return HTTP_NO_MEMORY;
    case CURLE_OPERATION_TIMEDOUT:
        return HTTP_TIMEOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return HTTP_TLS;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_LOGIN_DENIED: /* a name in the URL */
        return HTTP_UNREACHABLE;
    default:
        return HTTP_CUT;
    }
}

static const char *sentence_of(struct http_call *call, enum http_error error, CURLcode code)
{
    if (error == HTTP_TOO_LARGE) {
        return "The response is too large";
    }
    if (call->sentence[0] == '\0') {
        return error == HTTP_OK ? "" : curl_easy_strerror(code);
    }
    for (char *c = call->sentence; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            *c = ' ';
        }
    }
    return call->sentence;
}

/* Tells its caller how it ended. */
static void end_call(struct http_call *call, CURLcode code)
{
    struct http_response response = {.error = error_of(call, code)};
    char *type = NULL;
    long status = 0;

    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
    response.status = response.error == HTTP_OK ? (unsigned)status : 0;
    response.content_type = str_from_z(type);
    response.date_ms = date_of(&call->date);
    response.retry_after_ms = retry_after_of(call, response.date_ms);
    response.sentence = sentence_of(call, response.error, code);
    if (response.error == HTTP_OK) {
        response.body = buf_str(&call->body);
    }
    call->has_ended = true;
    call->client->has_ended = true;
    call->done(call->owner, &response);
}

static void hand_on_parts(struct http_client *c)
{
    list_each_safe(link, &c->ready) {
        struct http_call *call = list_entry(link, struct http_call, in_ready);
        list_remove(link);
        if (!call->has_ended) {
            call->part(call->owner, buf_str(&call->body));
        }
        buf_clear(&call->body);
    }
}

/* --- starting -----------------------------------------------------------------------------------
 */

static bool add_header(struct http_call *call, const char *name, struct str value)
{
    struct buf line;

    if (value.len == 0) {
        return true;
    }
    buf_init(&line, value.len + 64);
    line.secret = true;
    buf_printf(&line, "%s: ", name);
    buf_append_str(&line, value);
    buf_append_char(&line, '\0');
    struct curl_slist *longer = line.failed ? NULL : curl_slist_append(call->headers, line.data);
    buf_fini(&line);
    if (longer == NULL) {
        return false;
    }
    call->headers = longer;
    return true;
}

static bool add_bearer(struct http_call *call, struct str bearer)
{
    struct buf value;

    if (bearer.len == 0) {
        return true;
    }
    buf_init(&value, bearer.len + 16);
    value.secret = true;
    buf_append_str(&value, STR("Bearer "));
    buf_append_str(&value, bearer);
    bool ok = !value.failed && add_header(call, "Authorization", buf_str(&value));
    buf_fini(&value);
    return ok;
}

#define SET(call, option, value) (curl_easy_setopt((call)->easy, option, value) == CURLE_OK)

static bool set_url(struct http_call *call, struct str url)
{
    struct buf z;

    buf_init(&z, url.len + 1);
    buf_append_str(&z, url);
    buf_append_char(&z, '\0');
    bool ok = !z.failed && SET(call, CURLOPT_URL, z.data);
    buf_fini(&z);
    if (!str_equal_nocase(str_slice(url, 0, 6), STR("https:"))) {
        ok = ok && SET(call, CURLOPT_PROXY, "");
    }
    const char *file = call->client->certificates;
    return ok &&
           (file == NULL || (SET(call, CURLOPT_CAINFO, file) && SET(call, CURLOPT_CAPATH, NULL)));
}

static bool set_rules(struct http_call *call, const struct http_request *r)
{
    return SET(call, CURLOPT_PRIVATE, call) && SET(call, CURLOPT_NOSIGNAL, 1L) &&
           SET(call, CURLOPT_PROTOCOLS_STR, "http,https") &&
           SET(call, CURLOPT_FOLLOWLOCATION, 0L) && SET(call, CURLOPT_SSL_VERIFYPEER, 1L) &&
           SET(call, CURLOPT_SSL_VERIFYHOST, 2L) &&
           SET(call, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           SET(call, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) &&
           SET(call, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           SET(call, CURLOPT_PATH_AS_IS, 1L) && SET(call, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) &&
           SET(call, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS) &&
           SET(call, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms) &&
           SET(call, CURLOPT_TCP_KEEPALIVE, 1L) &&
           SET(call, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_SECONDS) &&
           SET(call, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_SECONDS) &&
           /* A name server that does not answer must not hold up the end of a call. */
           SET(call, CURLOPT_QUICK_EXIT, 1L) && SET(call, CURLOPT_ERRORBUFFER, call->sentence) &&
           SET(call, CURLOPT_HEADERFUNCTION, take_head) && SET(call, CURLOPT_HEADERDATA, call) &&
           SET(call, CURLOPT_WRITEFUNCTION, take_body) && SET(call, CURLOPT_WRITEDATA, call);
}

static bool set_request(struct http_call *call, const struct http_request *r)
{
    bool has_body = r->body.len > 0 || strcmp(r->method, "GET") != 0;

    if (has_body && (!SET(call, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len) ||
                     !SET(call, CURLOPT_COPYPOSTFIELDS, r->body.len > 0 ? r->body.ptr : ""))) {
        return false;
    }
    /* Without a value the field is not sent: no waiting for 100 Continue, no form's type. */
    call->headers = curl_slist_append(NULL, "Expect:");
    struct str type = r->content_type.len > 0 ? r->content_type : STR("application/json");
    return call->headers != NULL && (!has_body || add_header(call, "Content-Type", type)) &&
           add_header(call, "User-Agent", STR("parley")) && add_bearer(call, r->bearer) &&
           SET(call, CURLOPT_CUSTOMREQUEST, r->method) &&
           SET(call, CURLOPT_HTTPHEADER, call->headers);
}

struct http_call *http_start(struct http_client *c, const struct http_request *request)
{
    enum { MAX_FIELD = 256 };
    struct http_call *call = calloc(1, sizeof(*call));

    if (call == NULL) {
        return NULL;
    }
    list_init(&call->in_calls);
    list_init(&call->in_waiting);
    list_init(&call->in_ready);
    call->client = c;
    call->owner = request->owner;
    call->part = request->part;
    call->done = request->done;
    call->max_body = request->max_body;
    call->silence_ms = request->silence_ms;
    call->heard_ms = now_ms();
    buf_init(&call->body, request->max_body);
    call->body.secret = true; /* it may be the answer to a login */
    buf_init(&call->retry_after, MAX_FIELD);
    buf_init(&call->date, MAX_FIELD);
    call->easy = curl_easy_init();
    if (call->easy == NULL || !set_rules(call, request) || !set_url(call, request->url) ||
        !set_request(call, request)) {
        free_call(call);
        return NULL;
    }
    list_append(&c->calls, &call->in_calls);
    list_append(&c->waiting, &call->in_waiting);
    return call;
}

/* --- waiting ------------------------------------------------------------------------------------
 */

static void add_waiting(struct http_client *c)
{
    list_each_safe(link, &c->waiting) {
        struct http_call *call = list_entry(link, struct http_call, in_waiting);
        list_remove(link);
        if (call->has_ended) {
            continue;
        }
        call->is_added = curl_multi_add_handle(c->multi, call->easy) == CURLM_OK;
        if (!call->is_added) {
            end_call(call, CURLE_OUT_OF_MEMORY);
        }
    }
}

/* Those of which nothing was heard for too long end. Returns how long the others have, or
 * `timeout_ms`. */
static int end_silent(struct http_client *c, int timeout_ms)
{
    uint64_t now = now_ms();

    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed has left the list. */
    list_each_safe(link, &c->calls) {
        struct http_call *call = list_entry(link, struct http_call, in_calls);
        uint64_t until = call->heard_ms + call->silence_ms;
        if (call->silence_ms == 0 || call->has_ended) {
            continue;
        }
        if (until <= now) {
            end_call(call, CURLE_OPERATION_TIMEDOUT);
            timeout_ms = 0;
        } else if (timeout_ms < 0 || until - now < (uint64_t)timeout_ms) {
            timeout_ms = (int)(until - now);
        }
    }
    return timeout_ms;
}

static void end_finished(struct http_client *c)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(c->multi, &left)) != NULL) {
        struct http_call *call = NULL;
        if (message->msg == CURLMSG_DONE) {
            CURLcode code = message->data.result;
            (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
            if (!call->has_ended) {
                end_call(call, code);
            }
        }
    }
}

/* What can be done without waiting; returns how long to wait then. */
static int work(struct http_client *c, int timeout_ms)
{
    int running;

    c->is_telling = true;
    timeout_ms = end_silent(c, timeout_ms);
    add_waiting(c);
    (void)curl_multi_perform(c->multi, &running);
    hand_on_parts(c);
    end_finished(c);
    if (c->has_ended || !list_empty(&c->waiting)) {
        timeout_ms = 0;
    }
    sweep(c);
    return timeout_ms;
}

/* curl leaves out hanging up and errors, so the watches are asked once more. */
static void poll_watches(struct http_watch *watches, size_t count)
{
    struct pollfd fds[HTTP_MAX_WATCHES];

    for (size_t i = 0; i < count; i++) {
        fds[i] = (struct pollfd){.fd = watches[i].fd, .events = watches[i].events};
    }
    if (count > 0 && poll(fds, (nfds_t)count, 0) > 0) {
        for (size_t i = 0; i < count; i++) {
            watches[i].revents = fds[i].revents;
        }
    }
}

void http_wait(struct http_client *c, struct http_watch *watches, size_t count, int timeout_ms)
{
    struct curl_waitfd fds[HTTP_MAX_WATCHES];
    unsigned used = 0;

    count = count > HTTP_MAX_WATCHES ? HTTP_MAX_WATCHES : count;
    for (size_t i = 0; i < count; i++) {
        watches[i].revents = 0;
        if (watches[i].fd >= 0) {
            fds[used++] = (struct curl_waitfd){.fd = watches[i].fd, .events = watches[i].events};
        }
    }
    timeout_ms = work(c, timeout_ms);
    (void)curl_multi_poll(c->multi, fds, used, timeout_ms < 0 ? INT32_MAX : timeout_ms, NULL);
    poll_watches(watches, count);
    if (c->woken != NULL) {
        c->woken(c->woken_owner);
    }
    (void)work(c, 0);
}

void http_set_woken(struct http_client *c, void (*woken)(void *owner), void *owner)
{
    c->woken = woken;
    c->woken_owner = owner;
}

void http_wake(struct http_client *c)
{
    (void)curl_multi_wakeup(c->multi);
}
