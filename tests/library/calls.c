/* What the driver can be told to do: a function of the library a line. */

#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 8 };

static void print_text(struct parley_text text)
{
    printf("\t%.*s", (int)text.len, text.ptr);
}

void end_line(void)
{
    putchar('\n');
    (void)fflush(stdout);
}

void print_event(const char *name, const struct parley_text *texts, size_t count)
{
    printf("event\t%s", name);
    for (size_t i = 0; i < count; i++) {
        print_text(texts[i]);
    }
    end_line();
}

/* --- handlers --------------------------------------------------------------------------------- */

/* A handler answers what its context says: pass, done, fail, kick, remove. */
static enum parley_handling on_handled(struct parley *p, const struct parley_heard *m, void *ctx)
{
    const char *what = ctx;

    print_event("handled", (struct parley_text[]){m->type, m->id, m->payload, m->session}, 4);
    if (strcmp(what, "kick") == 0) {
        (void)parley_kick(p, m->client, parley_text("by its handler"));
        return PARLEY_PASS;
    }
    if (strcmp(what, "remove") == 0) {
        char type[64];
        (void)snprintf(type, sizeof(type), "%.*s", (int)m->type.len, m->type.ptr);
        (void)parley_unhandle(p, m->dialect, type);
        return PARLEY_DONE;
    }
    if (strcmp(what, "echo") == 0) {
        struct parley_message echo = {
            .type = parley_text("echo"), .payload = m->payload, .reply_to = m->id};
        return parley_send(p, m->client, &echo) == PARLEY_OK ? PARLEY_DONE : PARLEY_FAIL;
    }
    return what[0] == 'p' ? PARLEY_PASS : what[0] == 'd' ? PARLEY_DONE : PARLEY_FAIL;
}

/* --- calls ------------------------------------------------------------------------------------ */

struct call {
    struct parley *p;
    struct parley_text f[FIELDS]; /* the fields behind its name */
    size_t count;
};

static void answer(enum parley_result result)
{
    printf("%s", parley_result_text(result));
}

static void answer_count(enum parley_result result, size_t count)
{
    answer(result);
    if (result == PARLEY_OK) {
        printf("\t%zu", count);
    }
}

static enum parley_dialect dialect_of(struct parley_text name)
{
    return name.len > 0 && name.ptr[0] == 'w' ? PARLEY_WORLD : PARLEY_GATEWAY;
}

/* TYPE PAYLOAD REPLY_TO from a field on; a type `text:world` or `text:gateway` is a whole message.
 */
static struct parley_message message_of(const struct call *c, size_t at)
{
    if (strncmp(c->f[at].ptr, "text:", 5) == 0) {
        return (struct parley_message){
            .text = c->f[at + 1],
            .dialect = dialect_of(parley_text(c->f[at].ptr + 5)),
        };
    }
    return (struct parley_message){c->f[at], c->f[at + 1], c->f[at + 2], {NULL, 0}, PARLEY_WORLD};
}

static void call_send(struct call *c)
{
    struct parley_message m = message_of(c, 1);

    answer(parley_send(c->p, c->f[0], &m));
}

static void call_send_session(struct call *c)
{
    struct parley_message m = message_of(c, 2);
    size_t count = 0;

    enum parley_result result = parley_send_session(c->p, c->f[0], c->f[1], &m, &count);
    answer_count(result, count);
}

static bool is_of_dialect(const struct parley_client *client, void *ctx)
{
    const enum parley_dialect *dialect = ctx;

    return client->dialect == *dialect;
}

static void call_broadcast(struct call *c)
{
    struct parley_message m = message_of(c, 1);
    enum parley_dialect dialect = dialect_of(c->f[0]);
    bool all = strcmp(c->f[0].ptr, "all") == 0;
    size_t count = 0;

    enum parley_result result =
        parley_broadcast(c->p, all ? NULL : is_of_dialect, &dialect, &m, &count);
    answer_count(result, count);
}

static void call_send_error(struct call *c)
{
    answer(parley_send_error(c->p, c->f[0], c->f[1], c->f[2].ptr, c->f[3], c->f[4]));
}

static void print_made(char *text)
{
    printf("%s", text != NULL ? text : "none");
    free(text);
}

static void call_make(struct call *c)
{
    struct parley_message m = message_of(c, 0);

    print_made(parley_make_message(c->p, &m, NULL));
}

static void call_make_error(struct call *c)
{
    print_made(parley_make_error(c->p, c->f[0], c->f[1].ptr, c->f[2], c->f[3], NULL));
}

static void call_handle(struct call *c)
{
    static const char *const whats[] = {"pass", "done", "fail", "kick", "remove", "echo"};

    for (size_t i = 0; i < sizeof(whats) / sizeof(whats[0]); i++) {
        if (strcmp(whats[i], c->f[2].ptr) == 0) {
            answer(parley_handle(c->p, dialect_of(c->f[0]), c->f[1].ptr, on_handled,
                                 (void *)(uintptr_t)whats[i]));
        }
    }
}

static void call_unhandle(struct call *c)
{
    answer(parley_unhandle(c->p, dialect_of(c->f[0]), c->f[1].ptr));
}

static void call_accept(struct call *c)
{
    struct parley_identity who = {
        .name = c->f[1],
        .agent_id = c->f[2],
        .publish = c->f[3],
        .sessions = c->f[4],
        .act_as = c->f[5],
        .broadcast = strchr(c->f[6].ptr, 'b') != NULL,
        .admin = strchr(c->f[6].ptr, 'a') != NULL,
    };

    answer(parley_accept(c->p, strtoull(c->f[0].ptr, NULL, 10), &who));
}

static void call_refuse(struct call *c)
{
    answer(parley_refuse(c->p, strtoull(c->f[0].ptr, NULL, 10)));
}

static void print_client(const struct parley_client *client, void *ctx)
{
    (void)ctx;
    printf("\t%.*s|%s|%d|%.*s|%.*s|%s|%.*s|%d", (int)client->id.len, client->id.ptr,
           client->dialect == PARLEY_WORLD ? "world" : "gateway", client->authenticated,
           (int)client->user_id.len, client->user_id.ptr, (int)client->agent_id.len,
           client->agent_id.ptr, client->address, (int)client->user_agent.len,
           client->user_agent.ptr, client->connected_ms > 0 && client->heard_ms > 0);
}

static void call_client(struct call *c)
{
    struct parley_client client;
    enum parley_result result = parley_find_client(c->p, c->f[0], &client);

    answer(result);
    if (result == PARLEY_OK) {
        print_client(&client, NULL);
    }
}

static void call_clients(struct call *c)
{
    answer(PARLEY_OK);
    parley_each_client(c->p, strtoul(c->f[0].ptr, NULL, 10), print_client, NULL);
}

/* Names that a function visits, until its result has been printed. */
struct names {
    char text[4096];
    size_t len;
};

static void add_name(struct parley_text name, void *ctx)
{
    struct names *names = ctx;

    if (names->len + name.len + 1 <= sizeof(names->text)) {
        names->text[names->len] = '\t';
        memcpy(names->text + names->len + 1, name.ptr, name.len);
        names->len += name.len + 1;
    }
}

static void call_sessions_of(struct call *c)
{
    struct names names = {0};

    answer(parley_each_session_of(c->p, c->f[0], add_name, &names));
    printf("%.*s", (int)names.len, names.text);
}

static void call_kick(struct call *c)
{
    answer(parley_kick(c->p, c->f[0], c->f[1]));
}

static void call_create(struct call *c)
{
    answer(parley_session_create(c->p, c->f[0], c->f[1], c->f[2]));
}

static void print_session(const struct parley_session *s, void *ctx)
{
    (void)ctx;
    printf("\t%.*s|%.*s|%.*s|%zu|%zu|%d", (int)s->id.len, s->id.ptr, (int)s->name.len, s->name.ptr,
           (int)s->metadata.len, s->metadata.ptr, s->members, s->agents, s->is_kept);
}

static void call_session(struct call *c)
{
    struct parley_session session;
    enum parley_result result = parley_session_get(c->p, c->f[0], &session);

    answer(result);
    if (result == PARLEY_OK) {
        print_session(&session, NULL);
    }
}

static void call_sessions(struct call *c)
{
    answer(PARLEY_OK);
    parley_session_list(c->p, strtoul(c->f[0].ptr, NULL, 10), print_session, NULL);
}

static void call_members(struct call *c)
{
    struct names names = {0};

    answer(parley_session_members(c->p, c->f[0], 1000, add_name, &names));
    printf("%.*s", (int)names.len, names.text);
}

static void call_add(struct call *c)
{
    answer(parley_session_add(c->p, c->f[0], c->f[1]));
}

static void call_remove(struct call *c)
{
    answer(parley_session_remove(c->p, c->f[0], c->f[1]));
}

static void call_end(struct call *c)
{
    answer(parley_session_end(c->p, c->f[0]));
}

static void call_clean_up(struct call *c)
{
    answer_count(PARLEY_OK, parley_session_clean_up(c->p));
}

static void call_register(struct call *c)
{
    answer(parley_agent_register(c->p, c->f[0], c->f[1]));
}

static void call_unregister(struct call *c)
{
    answer(parley_agent_unregister(c->p, c->f[0]));
}

static const char *const statuses[] = {"online", "busy", "offline"};

static void call_status(struct call *c)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(statuses[i], c->f[1].ptr) == 0) {
            answer(parley_agent_set_status(c->p, c->f[0], (enum parley_agent_status)i));
        }
    }
}

static void print_agent(const struct parley_agent *a, void *ctx)
{
    (void)ctx;
    printf("\t%.*s|%.*s|%s|%s|%s|%u|%.*s", (int)a->id.len, a->id.ptr, (int)a->name.len, a->name.ptr,
           a->type, a->dialect == PARLEY_WORLD ? "world" : "gateway", statuses[a->status],
           a->max_concurrent, (int)a->client.len, a->client.ptr);
}

static void call_agent(struct call *c)
{
    struct parley_agent agent;
    enum parley_result result = parley_agent_get(c->p, c->f[0], &agent);

    answer(result);
    if (result == PARLEY_OK) {
        print_agent(&agent, NULL);
    }
}

static struct parley_agent_filter filter_of(const struct call *c)
{
    return (struct parley_agent_filter){.capability = c->f[0],
                                        .type = c->f[1],
                                        .offline = strchr(c->f[2].ptr, 'o') != NULL,
                                        .only_free = strchr(c->f[2].ptr, 'f') != NULL};
}

static void call_agents(struct call *c)
{
    struct parley_agent_filter filter = filter_of(c);

    answer(PARLEY_OK);
    parley_agent_list(c->p, &filter, 1000, print_agent, NULL);
}

static void call_agent_broadcast(struct call *c)
{
    struct parley_agent_filter filter = filter_of(c);
    struct parley_message m = message_of(c, 3);
    size_t count = 0;

    enum parley_result result = parley_agent_broadcast(c->p, &filter, &m, &count);
    answer_count(result, count);
}

static void call_agent_statistics(struct call *c)
{
    struct parley_agent_statistics s;

    parley_agent_statistics(c->p, &s);
    answer(PARLEY_OK);
    printf("\t%zu\t%zu\t%zu\t%zu\t%zu\t%zu\t%zu\t%zu\t%zu\t%zu", s.total, s.online, s.busy,
           s.offline, s.pi, s.cli, s.webchat, s.companion, s.channel, s.custom);
}

static void call_statistics(struct call *c)
{
    struct parley_statistics s;

    parley_statistics(c->p, &s);
    answer(PARLEY_OK);
    printf("\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu", (unsigned long long)s.clients,
           (unsigned long long)s.world_clients, (unsigned long long)s.gateway_clients,
           (unsigned long long)s.sessions, (unsigned long long)s.agents,
           (unsigned long long)s.connections_total, (unsigned long long)s.received_total,
           (unsigned long long)s.errors_total);
}

static void call_stop(struct call *c)
{
    parley_stop(c->p);
    answer(PARLEY_OK);
}

/* What is done when a line of the log comes, once: its event, and a line with its fields. */
static char at_log_event[64];
static char at_log_line[1024];

static void call_at_log(struct call *c)
{
    size_t len = 0;

    (void)snprintf(at_log_event, sizeof(at_log_event), "%s", c->f[0].ptr);
    for (size_t i = 1; i < c->count && len < sizeof(at_log_line); i++) {
        len += (size_t)snprintf(at_log_line + len, sizeof(at_log_line) - len, "%s%s",
                                i > 1 ? "\t" : "", c->f[i].ptr);
    }
    answer(PARLEY_OK);
}

void obey_log(struct parley *p, const char *event)
{
    if (strcmp(event, at_log_event) == 0) {
        at_log_event[0] = '\0';
        obey(p, at_log_line);
    }
}

static const struct {
    const char *name;
    void (*run)(struct call *c);
} calls[] = {
    {"send", call_send},
    {"send_session", call_send_session},
    {"broadcast", call_broadcast},
    {"send_error", call_send_error},
    {"make", call_make},
    {"make_error", call_make_error},
    {"handle", call_handle},
    {"unhandle", call_unhandle},
    {"accept", call_accept},
    {"refuse", call_refuse},
    {"client", call_client},
    {"clients", call_clients},
    {"sessions_of", call_sessions_of},
    {"kick", call_kick},
    {"create", call_create},
    {"session", call_session},
    {"sessions", call_sessions},
    {"members", call_members},
    {"add", call_add},
    {"remove", call_remove},
    {"end", call_end},
    {"clean_up", call_clean_up},
    {"register", call_register},
    {"unregister", call_unregister},
    {"status", call_status},
    {"agent", call_agent},
    {"agents", call_agents},
    {"agent_broadcast", call_agent_broadcast},
    {"agent_statistics", call_agent_statistics},
    {"statistics", call_statistics},
    {"stop", call_stop},
    {"at_log", call_at_log},
};

void obey(struct parley *p, char *line)
{
    struct call c = {.p = p};
    char *rest = line, *name;

    line[strcspn(line, "\n")] = '\0';
    name = strsep(&rest, "\t");
    for (size_t i = 0; i < FIELDS; i++) {
        char *field = strsep(&rest, "\t");
        c.count += field != NULL;
        c.f[i] = parley_text(field != NULL ? field : "");
    }
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (strcmp(calls[i].name, name) == 0) {
            printf("answer\t");
            calls[i].run(&c);
            end_line();
            return;
        }
    }
    printf("answer\tno such call: %s", name);
    end_line();
}
