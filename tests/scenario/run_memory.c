/*
 * Plays a scenario file against the core in memory, with a clock that is moved; README.md beside
 * this file says what the lines mean.
 *
 * usage: run_memory FILE      ends with 77 for a file that is live only
 */

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/admin.h"
#include "room.h"

enum { NAME_MAX_LEN = 31, LINE_MAX_LEN = 8192, TOKENS_MAX = 8, SKIPPED = 77 };

struct actor {
    char name[NAME_MAX_LEN + 1];
    enum dialect dialect;
    int client;       /* of the room, its newest connection */
    unsigned pings;   /* already expected */
    char request[64]; /* the id of the last request that it was given, or empty */
};

/* A credential whose text is its name; its grants are borrowed from `line`. */
struct token {
    char line[256];
    struct hub_credential credential;
};

struct player {
    struct room *room; /* NULL until somebody connects */
    struct hub_settings settings;
    uint64_t drain_ms;
    struct token tokens[TOKENS_MAX];
    size_t token_count;
    struct actor actors[ROOM_CLIENTS];
    int count;
};

static char place[4096]; /* where in the file we are, for a failure */

static void say_place(int signal_number)
{
    (void)signal_number;
    (void)!write(STDERR_FILENO, place, strlen(place));
}

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

static struct actor *find_actor(struct player *p, const char *name)
{
    for (int i = 0; i < p->count; i++) {
        if (strcmp(p->actors[i].name, name) == 0) {
            return &p->actors[i];
        }
    }
    return NULL;
}

static struct room_client *client_of(const struct player *p, const struct actor *a)
{
    return &p->room->clients[a->client];
}

/* --- verbs ------------------------------------------------------------------------------------ */

/* Cuts the first word off: ends it with NUL and returns what follows the space. */
static char *cut_word(char *text)
{
    char *space = strchr(text, ' ');

    if (space == NULL) {
        return text + strlen(text);
    }
    *space = '\0';
    return space + 1;
}

/* The gateway begins when the first client comes: what it is like has been said by then. */
static struct room *room_of(struct player *p)
{
    struct hub_credential list[TOKENS_MAX];

    if (p->room == NULL) {
        p->settings.verify_sender = p->token_count > 0; /* the default of world.identity */
        p->room = room_new(&p->settings);
        for (size_t i = 0; i < p->token_count; i++) {
            list[i] = p->tokens[i].credential;
        }
        struct hub_access access = {
            .mode = HUB_AUTH_TOKEN, .credentials = list, .count = p->token_count};
        if (p->token_count > 0 && !hub_set_access(p->room->v.hub, &access)) {
            fail("no memory");
        }
    }
    return p->room;
}

/* The actor of this name, new or with no connection. */
static struct actor *free_actor(struct player *p, const char *name)
{
    struct actor *a = find_actor(p, name);

    if (a == NULL) {
        assert(p->count < ROOM_CLIENTS);
        a = &p->actors[p->count++];
        (void)snprintf(a->name, sizeof(a->name), "%s", name);
    } else if (client_of(p, a)->conn != NULL) {
        fail("%s is connected", name);
    }
    a->pings = 0;
    return a;
}

static void enter(struct player *p, const char *name, enum dialect dialect, const char *world,
                  const char *token)
{
    struct room *room = room_of(p);
    struct actor *a = free_actor(p, name);
    struct evidence e = {.near = true, .world = str_from_z(world)};

    if (token[0] != '\0') {
        e.kind = CREDENTIAL_BEARER;
        e.credential = str_from_z(token);
    }
    a->dialect = dialect;
    a->client = room_knock_at(room, dialect, &e);
    if (a->client < 0) {
        fail("%s was refused", name);
    }
    room_expect(room, a->client,
                dialect == DIALECT_WORLD
                    ? "{\"type\":\"connection_ack\"}"
                    : "{\"type\":\"session_info\",\"payload\":{\"status\":\"connected\"}}");
}

static void do_connect(struct player *p, const char *name, char *rest)
{
    const char *token = cut_word(rest);

    enter(p, name, DIALECT_WORLD, rest, token);
}

static void do_connect_control(struct player *p, const char *name, const char *rest)
{
    enter(p, name, DIALECT_GATEWAY, "", rest);
}

static void do_greeting(struct player *p, struct actor *a, const char *rest)
{
    struct room_client *c = client_of(p, a);
    size_t from = c->heard_from;

    c->heard_from = 0;
    room_expect(p->room, a->client, rest);
    c->heard_from = from;
}

static void do_register(struct player *p, struct actor *a, const char *rest)
{
    size_t len = strcspn(rest, " ");
    const char *members = rest[len] == ' ' ? rest + len + 1 : "{}";
    size_t members_len = strlen(members);
    char pattern[300];

    assert(len < 200 && members_len >= 2);
    room_say(p->room, a->client, "{\"type\":\"agent_register\",\"agentId\":\"%.*s\"%s%.*s}",
             (int)len, rest, members_len > 2 ? "," : "", (int)members_len - 2, members + 1);
    (void)snprintf(pattern, sizeof(pattern),
                   "{\"type\":\"connection_ack\",\"data\":{\"agent_id\":\"%.*s\"}}", (int)len,
                   rest);
    room_expect(p->room, a->client, pattern);
}

static void do_send(struct player *p, struct actor *a, const char *rest)
{
    struct str text = str_from_z(rest);

    if (text.len <= p->settings.max_message_bytes) {
        room_say_bytes(p->room, a->client, text);
    } else { /* as a reactor does */
        assert(virtual_say(&p->room->v, client_of(p, a)->conn, UP_TOO_BIG, 0, STR("")));
        virtual_settle(&p->room->v);
    }
}

/* "COUNT TEXT"; '#' in the text is the number of the message. */
static void do_send_many(struct player *p, struct actor *a, const char *rest)
{
    char *text;
    unsigned long count = strtoul(rest, &text, 10);

    if (*text++ != ' ') {
        fail("not a number: %s", rest);
    }
    for (unsigned long i = 1; i <= count; i++) {
        struct buf b;
        buf_init(&b, 2 * LINE_MAX_LEN);
        for (const char *at = text; *at != '\0'; at++) {
            if (*at == '#') {
                buf_printf(&b, "%lu", i);
            } else {
                buf_append_char(&b, *at);
            }
        }
        assert(!b.failed);
        room_say_bytes(p->room, a->client, buf_str(&b));
        buf_fini(&b);
    }
}

static void do_expect(struct player *p, struct actor *a, const char *rest)
{
    room_expect(p->room, a->client, rest);
}

static void do_expect_request(struct player *p, struct actor *a, const char *rest)
{
    const struct room_client *c = client_of(p, a);
    bool heard = c->heard_from < c->heard_count;
    json_t *message = heard ? json_loads(c->heard[c->heard_from], 0, NULL) : NULL;
    const char *id = json_string_value(json_object_get(message, "id"));

    if (id == NULL || strlen(id) >= sizeof(a->request)) {
        fail("%s was given no request", a->name);
    }
    (void)snprintf(a->request, sizeof(a->request), "%s", id);
    json_decref(message);
    room_expect(p->room, a->client, rest);
}

static void do_expect_exact(struct player *p, struct actor *a, const char *rest)
{
    room_expect_exact(p->room, a->client, rest);
}

static void do_expect_text(struct player *p, struct actor *a, const char *rest)
{
    room_expect_text(p->room, a->client, rest);
}

static void do_expect_error(struct player *p, struct actor *a, const char *rest)
{
    char pattern[256];

    if (a->dialect == DIALECT_WORLD) {
        room_expect_error(p->room, a->client, rest);
        return;
    }
    (void)snprintf(
        pattern, sizeof(pattern),
        "{\"type\":\"error\",\"id\":\"*\",\"payload\":{\"code\":\"%s\",\"message\":\"*\","
        "\"details\":\"*\"},\"timestamp\":\"*\"}",
        rest);
    room_expect(p->room, a->client, pattern);
}

static void do_expect_nothing(struct player *p, struct actor *a, const char *rest)
{
    (void)rest;
    room_expect_nothing(p->room, a->client);
}

static void do_expect_ping(struct player *p, struct actor *a, const char *rest)
{
    unsigned pings = client_of(p, a)->pings;

    (void)rest;
    if (pings <= a->pings) {
        fail("no ping came to %s", a->name);
    }
    a->pings = pings;
}

static void do_expect_close(struct player *p, struct actor *a, const char *rest)
{
    char *end;
    unsigned long code = strtoul(rest, &end, 10);

    room_expect_close(p->room, a->client, (uint16_t)code,
                      *end == ' ' ? end + 1 : client_of(p, a)->close_reason);
}

static void do_close(struct player *p, struct actor *a, const char *rest)
{
    (void)rest;
    room_close(p->room, a->client, 1000);
}

static void do_abort(struct player *p, struct actor *a, const char *rest)
{
    (void)rest;
    room_abort(p->room, a->client);
}

static void do_mute(struct player *p, struct actor *a, const char *rest)
{
    (void)rest;
    client_of(p, a)->muted = true;
}

static const struct verb {
    const char *name;
    void (*play)(struct player *p, struct actor *a, const char *rest);
} verbs[] = {
    {"greeting", do_greeting},
    {"register", do_register},
    {"send", do_send},
    {"send-binary", do_send},
    {"send-many", do_send_many},
    {"expect", do_expect},
    {"expect-request", do_expect_request},
    {"expect-exact", do_expect_exact},
    {"expect-text", do_expect_text},
    {"expect-error", do_expect_error},
    {"expect-nothing", do_expect_nothing},
    {"expect-ping", do_expect_ping},
    {"expect-close", do_expect_close},
    {"close", do_close},
    {"abort", do_abort},
    {"mute", do_mute},
};

static uint64_t duration_ms(const char *text)
{
    char *unit;
    unsigned long value = strtoul(text, &unit, 10);

    if (strcmp(unit, "s") == 0) {
        return value * 1000;
    }
    if (strcmp(unit, "ms") != 0) {
        fail("not a duration: %s", text);
    }
    return value;
}

static void do_advance(struct player *p, const char *rest)
{
    room_advance(p->room, duration_ms(rest));
}

static void do_drain(struct player *p, const char *rest)
{
    (void)rest;
    hub_drain(room_of(p)->v.hub, p->drain_ms);
    virtual_settle(&p->room->v);
}

static void do_metric(struct player *p, const char *rest)
{
    char name[20], op[3];
    int behind = 0;
    char *end = NULL;
    struct hub_counts counts;

    if (sscanf(rest, "%19s %2s %n", name, op, &behind) != 2) {
        fail("not a claim: %s", rest);
    }
    uint64_t wanted = strtoull(rest + behind, &end, 10);
    if (end == rest + behind || *end != '\0') {
        fail("not a number: %s", rest + behind);
    }
    hub_counts(room_of(p)->v.hub, &counts);
    uint64_t value = strcmp(name, "clients") == 0 ? counts.clients : counts.agents;
    if (strcmp(name, "clients") != 0 && strcmp(name, "agents") != 0) {
        fail("not a metric: %s", name);
    }
    bool holds = (strcmp(op, "==") == 0 && value == wanted) ||
                 (strcmp(op, ">=") == 0 && value >= wanted) ||
                 (strcmp(op, "<=") == 0 && value <= wanted);
    if (!holds) {
        fail("%s is %llu", name, (unsigned long long)value);
    }
}

/* --- what the gateway is like ----------------------------------------------------------------- */

static void do_set(struct player *p, char *rest)
{
    static const char *const validations[] = {"off", "known", "strict"};
    const char *value = cut_word(rest);
    unsigned long number = strtoul(value, NULL, 10);

    assert(p->room == NULL);
    if (strcmp(rest, "gateway.max_clients_per_session") == 0) {
        p->settings.max_clients_per_session = (uint32_t)number;
    } else if (strcmp(rest, "limits.send_queue_bytes") == 0) {
        p->settings.max_send_queue_bytes = number;
    } else if (strcmp(rest, "limits.message_bytes") == 0) {
        p->settings.max_message_bytes = number;
    } else if (strcmp(rest, "limits.rate") == 0) {
        p->settings.max_rate = (uint32_t)number;
    } else if (strcmp(rest, "agents.max_queue") == 0) {
        p->settings.max_queue = (uint32_t)number;
    } else if (strcmp(rest, "drain") == 0) {
        p->drain_ms = duration_ms(value);
    } else if (strcmp(rest, "world.validation") == 0) {
        while (strcmp(validations[p->settings.validation], value) != 0) {
            assert(++p->settings.validation < 3);
        }
    } else {
        fail("not a setting that scenarios know: %s", rest);
    }
}

static void read_grant(struct grants *g, const char *word)
{
    const char *value = strchr(word, '=');

    if (strcmp(word, "broadcast") == 0) {
        g->broadcast = true;
    } else if (strcmp(word, "admin") == 0) {
        g->admin = true;
    } else if (value != NULL && strncmp(word, "publish", 7) == 0) {
        g->publish = str_from_z(value + 1);
    } else if (value != NULL && strncmp(word, "sessions", 8) == 0) {
        g->sessions = str_from_z(value + 1);
    } else if (value != NULL && strncmp(word, "act_as", 6) == 0) {
        g->act_as = str_from_z(value + 1);
    } else {
        fail("not a grant: %s", word);
    }
}

static void do_token(struct player *p, const char *rest)
{
    assert(p->room == NULL && p->token_count < TOKENS_MAX);
    struct token *t = &p->tokens[p->token_count++];
    (void)snprintf(t->line, sizeof(t->line), "%s", rest);
    char *word = cut_word(t->line);
    t->credential = (struct hub_credential){.name = str_from_z(t->line), .agent_id = STR("")};
    virtual_digest(t->credential.name, t->credential.digest);
    while (*word != '\0') {
        char *next = cut_word(word);
        read_grant(&t->credential.grants, word);
        word = next;
    }
}

/* --- lines ------------------------------------------------------------------------------------ */

/* The actor whose name stands here: of several the longest one. */
static const struct actor *actor_at(const struct player *p, const char *at)
{
    const struct actor *found = NULL;

    for (int i = 0; i < p->count; i++) {
        const struct actor *a = &p->actors[i];
        size_t len = strlen(a->name);
        if (strncmp(at, a->name, len) == 0 && (found == NULL || len > strlen(found->name))) {
            found = a;
        }
    }
    return found;
}

/* Puts the ids of clients where their names stand behind a '$', and of requests behind a '@'. */
static void put_ids(const struct player *p, const char *line, struct buf *out)
{
    for (const char *at = line; *at != '\0';) {
        const struct actor *found = *at == '$' || *at == '@' ? actor_at(p, at + 1) : NULL;
        if (found != NULL && (*at == '$' || found->request[0] != '\0')) {
            buf_append_str(out, str_from_z(*at == '$' ? client_of(p, found)->id : found->request));
            at += 1 + strlen(found->name);
        } else {
            buf_append_char(out, *at++);
        }
    }
    buf_append_char(out, '\0');
    assert(!out->failed);
}

static void play(struct player *p, char *line)
{
    char *rest = cut_word(line);

    if (strcmp(line, "advance") == 0) {
        do_advance(p, rest);
        return;
    }
    if (strcmp(line, "drain") == 0) {
        do_drain(p, rest);
        return;
    }
    if (strcmp(line, "metric") == 0) {
        do_metric(p, rest);
        return;
    }
    if (strcmp(line, "set") == 0) {
        do_set(p, rest);
        return;
    }
    if (strcmp(line, "token") == 0) {
        do_token(p, rest);
        return;
    }
    const char *verb = rest;
    rest = cut_word(rest);
    if (strcmp(verb, "connect") == 0) {
        do_connect(p, line, rest);
        return;
    }
    if (strcmp(verb, "connect-control") == 0) {
        do_connect_control(p, line, rest);
        return;
    }
    struct actor *a = find_actor(p, line);
    if (a == NULL) {
        fail("who is %s?", line);
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, verb) == 0) {
            verbs[i].play(p, a, rest);
            return;
        }
    }
    fail("not a verb: %s", verb);
}

static int play_file(struct player *p, const char *path, FILE *file)
{
    static char line[LINE_MAX_LEN];

    for (int number = 1; fgets(line, sizeof(line), file) != NULL; number++) {
        line[strcspn(line, "\n")] = '\0';
        if (number == 1 && strcmp(line, "# live only") == 0) {
            return SKIPPED;
        }
        if (line[0] == '\0' || line[0] == '#') {
            continue;
        }
        (void)snprintf(place, sizeof(place), "%s:%d: %.3000s\n", path, number, line);
        struct buf text;
        buf_init(&text, 2 * LINE_MAX_LEN);
        put_ids(p, line, &text);
        play(p, text.data);
        buf_fini(&text);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static struct player p;

    if (argc != 2) {
        fprintf(stderr, "usage: run_memory FILE\n");
        return EXIT_FAILURE;
    }
    FILE *file = fopen(argv[1], "r");
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
        return EXIT_FAILURE;
    }
    (void)signal(SIGABRT, say_place);
    hub_settings_init(&p.settings);
    int code = play_file(&p, argv[1], file);
    room_free(room_of(&p));
    (void)fclose(file);
    return code;
}
