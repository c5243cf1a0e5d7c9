/* What is read out of responses of /sync and /messages: each event becomes a line, and the lines
 * are compared. */

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "matrix/sync.h"
#include "sample.h"

struct rig {
    struct sync_reader reader;
    struct buf lines;
    char next[200];
};

static void add(struct buf *out, const char *name, struct str value)
{
    if (value.len > 0) {
        buf_printf(out, " %s=%.*s", name, STR_ARG(value));
    }
}

static void on_event(void *owner, const struct bridge_event *e)
{
    static const char *const kinds[] = {"message", "edit",    "redaction", "encrypted",
                                        "name",    "invited", "joined",    "left"};
    struct rig *r = owner;

    buf_printf(&r->lines, "%s", kinds[e->kind]);
    add(&r->lines, "room", e->room);
    add(&r->lines, "id", e->event_id);
    add(&r->lines, "by", e->sender);
    add(&r->lines, "body", e->body);
    add(&r->lines, "thread", e->thread);
    add(&r->lines, "reply", e->reply_to);
    add(&r->lines, "target", e->target);
    if (e->origin_ms > 0) {
        buf_printf(&r->lines, " at=%u", (unsigned)e->origin_ms);
    }
    buf_printf(&r->lines, "%s%s\n", e->emote ? " emote" : "", e->old ? " old" : "");
}

static void on_gap(void *owner, struct str room, struct str prev_batch, bool was_joined)
{
    struct rig *r = owner;

    buf_printf(&r->lines, "gap %.*s %.*s %s\n", STR_ARG(room), STR_ARG(prev_batch),
               was_joined ? "was_joined" : "new");
}

static void setup(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    r->reader.owner = r;
    r->reader.user_id = STR("@bot:x");
    r->reader.event = on_event;
    r->reader.gap = on_gap;
    buf_init(&r->lines, 1 << 20);
}

/* Reads a copy whose end a sanitizer watches. */
static bool read_sync(struct rig *r, const char *text, bool first)
{
    size_t len = strlen(text);
    char *copy = sample_copy(text, len);
    struct str next = STR("");

    setup(r);
    bool ok = sync_read(&r->reader, str_make(copy, len), first, &next);
    if (ok) {
        (void)snprintf(r->next, sizeof(r->next), "%.*s", STR_ARG(next));
    }
    free(copy);
    return ok;
}

static void assert_lines(struct rig *r, const char *lines)
{
    buf_append_char(&r->lines, '\0');
    assert_string_equal(r->lines.data, lines);
    buf_fini(&r->lines);
}

static void finish(struct rig *r)
{
    buf_fini(&r->lines);
}

#define ROOM(state, timeline)                                                                      \
    "{\"next_batch\":\"s2\",\"rooms\":{\"join\":{\"!r:x\":{\"state\":{\"events\":[" state          \
    "]},\"timeline\":{\"events\":[" timeline "]}}}}}"
#define EVENT(type, id, sender, content, rest)                                                     \
    "{\"type\":\"" type "\",\"event_id\":\"" id "\",\"sender\":\"" sender                          \
    "\",\"content\":" content rest "}"
#define SAID(id, content) EVENT("m.room.message", id, "@ann:x", content, "")
#define TEXT(id, body)    SAID(id, "{\"msgtype\":\"m.text\",\"body\":\"" body "\"}")
#define OWN(id, before, now)                                                                       \
    EVENT("m.room.member", id, "@bot:x", "{\"membership\":\"" now "\"}",                           \
          ",\"state_key\":\"@bot:x\",\"unsigned\":{\"prev_content\":{\"membership\":\"" before     \
          "\"}}")
#define CREATE EVENT("m.room.create", "$c", "@ann:x", "{}", ",\"state_key\":\"\"")

/* What one event of a timeline becomes, and whether it is counted. */
static void assert_event(const char *event, const char *line, size_t left_out, size_t malformed)
{
    struct rig r;
    char text[8192], lines[1024];

    (void)snprintf(text, sizeof(text),
                   "{\"next_batch\":\"s2\",\"rooms\":{\"join\":{\"!r:x\":{\"timeline\":{\"events\":"
                   "[%s," TEXT("$last", "last") "]}}}}}",
                   event);
    (void)snprintf(lines, sizeof(lines),
                   "joined room=!r:x\n%smessage room=!r:x id=$last by=@ann:x body=last\n", line);
    assert_true(read_sync(&r, text, false));
    assert_int_equal(r.reader.left_out, left_out);
    assert_int_equal(r.reader.malformed, malformed);
    assert_lines(&r, lines);
}

#define SAYS  "message room=!r:x id=$1 by=@ann:x"
#define EDITS "edit room=!r:x id=$1 by=@ann:x"

static void test_messages(void **state)
{
    (void)state;
    assert_event(TEXT("$1", "hi"), SAYS " body=hi\n", 0, 0);
    assert_event(TEXT("$1", "a\\n\\u00e9\\ud83d\\ude00"), SAYS " body=a\né😀\n", 0, 0);
    assert_event(TEXT("$1", ""), SAYS "\n", 0, 0);
    assert_event(SAID("$1", "{\"msgtype\":\"m.emote\",\"body\":\"waves\"}"),
                 SAYS " body=waves emote\n", 0, 0);
    assert_event(EVENT("m.room.message", "$1", "@ann:x",
                       "{\"msgtype\":\"m\\u002etext\",\"body\":\"b\"}",
                       ",\"origin_server_ts\":1234"),
                 SAYS " body=b at=1234\n", 0, 0);
    assert_event(SAID("$1", "{\"msgtype\":\"m.notice\",\"body\":\"n\"}"), "", 1, 0);
    assert_event(SAID("$1", "{\"msgtype\":\"m.image\",\"body\":\"n\"}"), "", 1, 0);
    assert_event(SAID("$1", "{}"), "", 1, 0); /* redacted */
    assert_event(EVENT("m.reaction", "$1", "@ann:x", "{}", ""), "", 1, 0);
    assert_event(
        EVENT("m.room.message", "$1", "@bot:x", "{\"msgtype\":\"m.text\",\"body\":\"b\"}", ""), "",
        0, 0);
    /* Whoever may write may send one, so it does not make the room encrypted. */
    assert_event(EVENT("m.room.encrypted", "$1", "@ann:x", "{}", ""), "", 1, 0);
}

#define ANSWERS(value)                                                                             \
    SAID("$1", "{\"msgtype\":\"m.text\",\"body\":\"b\",\"org.parley.answer\":" value "}")

/* Two bridges in a room do not answer each other. */
static void test_answers_of_bridges(void **state)
{
    (void)state;
    assert_event(ANSWERS("\"@ann:x\""), "", 1, 0);
    assert_event(ANSWERS("\"\\u0040ann:x\""), "", 1, 0);
    /* One that was forwarded is a question, and so is one that only looks like it. */
    assert_event(ANSWERS("\"@other:x\""), SAYS " body=b\n", 0, 0);
    assert_event(ANSWERS("true"), SAYS " body=b\n", 0, 0);
    assert_event(ANSWERS("{}"), SAYS " body=b\n", 0, 0);
}

static void test_malformed(void **state)
{
    char deep[400];

    (void)state;
    assert_event("7", "", 0, 1);
    assert_event("[]", "", 0, 1);
    assert_event("{}", "", 0, 1);
    assert_event(SAID("$1", "{\"msgtype\":\"m.text\",\"body\":7}"), "", 0, 1);
    assert_event(SAID("$1", "{\"msgtype\":\"m.text\"}"), "", 0, 1);
    assert_event(SAID("$1", "[]"), "", 0, 1);
    assert_event(SAID("1", "{\"msgtype\":\"m.text\",\"body\":\"b\"}"), "", 0, 1);
    assert_event(SAID("$", "{\"msgtype\":\"m.text\",\"body\":\"b\"}"), "", 0, 1);
    assert_event(SAID("$1\\n2", "{\"msgtype\":\"m.text\",\"body\":\"b\"}"), "", 0, 1);
    assert_event(SAID("$1\\u0000", "{\"msgtype\":\"m.text\",\"body\":\"b\"}"), "", 0, 1);
    assert_event(
        EVENT("m.room.message", "$1", "ann", "{\"msgtype\":\"m.text\",\"body\":\"b\"}", ""), "", 0,
        1);
    /* What people send and a server passes on must not end the rest. */
    size_t at = (size_t)snprintf(deep, sizeof(deep), "{\"type\":\"m.room.message\",\"content\":");
    memset(deep + at, '[', 100);
    memset(deep + at + 100, ']', 100);
    memcpy(deep + at + 200, "}", 2);
    assert_event(deep, "", 0, 1);
    assert_event(TEXT("$1", "\\ud800"), "", 0, 1);
    assert_event(TEXT("$1", "\xff"), "", 0, 1);
}

static void test_long_ids(void **state)
{
    char event[1000], line[1000], id[300];

    (void)state;
    for (int len = 255; len <= 256; len++) {
        memset(id, 'a', sizeof(id));
        id[0] = '$';
        id[len] = '\0';
        (void)snprintf(event, sizeof(event),
                       "{\"type\":\"m.room.message\",\"event_id\":\"%s\",\"sender\":\"@ann:x\","
                       "\"content\":{\"msgtype\":\"m.text\",\"body\":\"b\"}}",
                       id);
        (void)snprintf(line, sizeof(line), "message room=!r:x id=%s by=@ann:x body=b\n", id);
        assert_event(event, len == 255 ? line : "", 0, len == 255 ? 0 : 1);
    }
}

#define RELATES(body, relation)                                                                    \
    SAID("$1", "{\"msgtype\":\"m.text\",\"body\":\"" body "\",\"m.relates_to\":" relation "}")
#define REPLY "{\"m.in_reply_to\":{\"event_id\":\"$0\"}}"

static void test_relations(void **state)
{
    (void)state;
    assert_event(RELATES("b", "{\"rel_type\":\"m.thread\",\"event_id\":\"$0\"}"),
                 SAYS " body=b thread=$0\n", 0, 0);
    assert_event(RELATES("b", "{\"rel_type\":\"m.thread\",\"event_id\":\"$0\",\"is_falling_back\":"
                              "true,\"m.in_reply_to\":{\"event_id\":\"$00\"}}"),
                 SAYS " body=b thread=$0\n", 0, 0);
    assert_event(RELATES("b", "{\"rel_type\":\"m.thread\",\"event_id\":\"$0\",\"is_falling_back\":"
                              "false,\"m.in_reply_to\":{\"event_id\":\"$00\"}}"),
                 SAYS " body=b thread=$0 reply=$00\n", 0, 0);
    assert_event(RELATES("b", "{\"rel_type\":\"m.thread\",\"event_id\":0}"), "", 0, 1);
    assert_event(RELATES("b", REPLY), SAYS " body=b reply=$0\n", 0, 0);
    assert_event(RELATES("b", "{\"m.in_reply_to\":{\"event_id\":0}}"), SAYS " body=b\n", 0, 0);
    assert_event(RELATES("b", "{\"m.in_reply_to\":[]}"), SAYS " body=b\n", 0, 0);
    assert_event(RELATES("b", "[]"), SAYS " body=b\n", 0, 0);
    assert_event(RELATES("b", "{\"rel_type\":\"m.reference\",\"event_id\":\"$0\"}"),
                 SAYS " body=b\n", 0, 0);
}

static void test_fallbacks(void **state)
{
    (void)state;
    assert_event(RELATES("> <@bob:x> said\\n> more\\n\\nyes", REPLY), SAYS " body=yes reply=$0\n",
                 0, 0);
    assert_event(RELATES("> * <@bob:x> waves\\n\\nyes\\n> no", REPLY),
                 SAYS " body=yes\n> no reply=$0\n", 0, 0);
    assert_event(RELATES("> <@bob:x> said\\nyes", REPLY), SAYS " body=yes reply=$0\n", 0, 0);
    assert_event(RELATES("> <@bob:x> said", REPLY), SAYS " reply=$0\n", 0, 0);
    assert_event(RELATES("> <@bob:x> said\\n\\n\\nyes", REPLY), SAYS " body=\nyes reply=$0\n", 0,
                 0);
    /* What a person quoted stays, and so does what is no reply. */
    assert_event(RELATES("> a quotation\\n\\nyes", REPLY),
                 SAYS " body=> a quotation\n\nyes reply=$0\n", 0, 0);
    assert_event(TEXT("$1", "> <@bob:x> said\\n\\nyes"), SAYS " body=> <@bob:x> said\n\nyes\n", 0,
                 0);
}

#define REPLACES(fresh)                                                                            \
    SAID("$1", "{\"msgtype\":\"m.text\",\"body\":\"* b\"" fresh                                    \
               ",\"m.relates_to\":{\"rel_type\":\"m.replace\",\"event_id\":\"$0\"}}")

static void test_edits(void **state)
{
    (void)state;
    assert_event(REPLACES(",\"m.new_content\":{\"msgtype\":\"m.text\",\"body\":\"b\"}"),
                 EDITS " body=b target=$0\n", 0, 0);
    assert_event(REPLACES(",\"m.new_content\":{\"msgtype\":\"m.emote\",\"body\":\"\\u0062\"}"),
                 EDITS " body=b target=$0 emote\n", 0, 0);
    assert_event(REPLACES(",\"m.new_content\":{\"msgtype\":\"m.notice\",\"body\":\"b\"}"), "", 1,
                 0);
    assert_event(REPLACES(",\"m.new_content\":{\"msgtype\":\"m.text\"}"), "", 0, 1);
    assert_event(REPLACES(""), "", 0, 1);
    assert_event(RELATES("* b", "{\"rel_type\":\"m.replace\"}"), "", 0, 1);
}

#define REDACTS(content, rest) EVENT("m.room.redaction", "$1", "@ann:x", content, rest)

static void test_redactions(void **state)
{
    const char *line = "redaction room=!r:x id=$1 by=@ann:x target=$0\n";

    (void)state;
    assert_event(REDACTS("{}", ",\"redacts\":\"$0\""), line, 0, 0);
    assert_event(REDACTS("{\"redacts\":\"$0\"}", ""), line, 0, 0);
    assert_event(REDACTS("{\"redacts\":\"$0\"}", ",\"redacts\":\"$0\""), line, 0, 0);
    /* One of them is what the server has looked at, and the other what the sender likes. */
    assert_event(REDACTS("{\"redacts\":\"$0\"}", ",\"redacts\":\"$9\""), "", 0, 1);
    assert_event(REDACTS("{\"redacts\":0}", ",\"redacts\":\"$0\""), line, 0, 0);
    assert_event(REDACTS("{}", ""), "", 0, 1);
}

#define STATE(type, content) EVENT(type, "$1", "@ann:x", content, ",\"state_key\":\"\"")

static void test_state(void **state)
{
    const char *named = "name room=!r:x id=$1 by=@ann:x body=Tea\n";
    struct rig r;

    (void)state;
    assert_event(STATE("m.room.encryption", "{}"), "encrypted room=!r:x id=$1 by=@ann:x\n", 0, 0);
    assert_event(EVENT("m.room.encryption", "$1", "@ann:x", "{}", ""), "", 1, 0);
    assert_event(STATE("m.room.name", "{\"name\":\"Tea\"}"), named, 0, 0);
    assert_event(STATE("m.room.name", "{\"name\":\"T\\u0065a\"}"), named, 0, 0);
    assert_event(STATE("m.room.name", "{}"), "name room=!r:x id=$1 by=@ann:x\n", 0, 0);
    assert_event(EVENT("m.room.member", "$1", "@ann:x", "{\"membership\":\"join\"}",
                       ",\"state_key\":\"@ann:x\""),
                 "", 0, 0);
    assert_event(STATE("m.room.canonical_alias", "{\"alias\":\"#tea:x\"}"), "", 0, 0);

    /* The alias counts where no name can stand elsewhere. */
    assert_true(read_sync(
        &r, ROOM(CREATE "," STATE("m.room.canonical_alias", "{\"alias\":\"#tea:x\"}"), ""), false));
    assert_lines(&r, "joined room=!r:x\nname room=!r:x body=#tea:x\n");
    assert_true(read_sync(&r,
                          ROOM(CREATE "," STATE("m.room.name", "{\"name\":\"Tea\"}") "," STATE(
                                   "m.room.canonical_alias", "{\"alias\":\"#tea:x\"}"),
                               ""),
                          false));
    assert_lines(&r, "joined room=!r:x\nname room=!r:x id=$1 by=@ann:x body=Tea\n");
    assert_true(read_sync(&r, ROOM("7," STATE("m.room.encryption", "{}"), ""), true));
    assert_int_equal(r.reader.malformed, 1);
    assert_lines(&r, "joined room=!r:x\nencrypted room=!r:x id=$1 by=@ann:x\n");
}

static void test_what_is_old(void **state)
{
    struct rig r;

    (void)state;
    assert_true(read_sync(&r, ROOM("", TEXT("$1", "a")), true));
    assert_string_equal(r.next, "s2");
    assert_lines(&r, "joined room=!r:x\n" SAYS " body=a old\n");

    assert_true(read_sync(
        &r, ROOM("", TEXT("$1", "a") "," OWN("$2", "invite", "join") "," TEXT("$3", "b")), false));
    assert_lines(&r, "joined room=!r:x\n" SAYS
                     " body=a old\nmessage room=!r:x id=$3 by=@ann:x body=b\n");

    /* The first sync ever: even behind our joining. */
    assert_true(read_sync(&r, ROOM("", OWN("$2", "invite", "join") "," TEXT("$1", "a")), true));
    assert_lines(&r, "joined room=!r:x\n" SAYS " body=a old\n");

    /* A new name of ours is no joining. */
    assert_true(read_sync(
        &r, ROOM("", TEXT("$1", "a") "," OWN("$2", "join", "join") "," TEXT("$3", "b")), false));
    assert_lines(&r,
                 "joined room=!r:x\n" SAYS " body=a\nmessage room=!r:x id=$3 by=@ann:x body=b\n");

    /* Without what was before, as some servers have it; the invite is in the timeline too. */
#define BARE(id, now)                                                                              \
    EVENT("m.room.member", id, "@bot:x", "{\"membership\":\"" now "\"}",                           \
          ",\"state_key\":\"@bot:x\"")
    assert_true(read_sync(&r,
                          ROOM("", TEXT("$1", "a") "," BARE("$2", "invite") "," BARE(
                                       "$4", "join") "," TEXT("$3", "b")),
                          false));
    assert_lines(&r, "joined room=!r:x\n" SAYS
                     " body=a old\nmessage room=!r:x id=$3 by=@ann:x body=b\n");
    assert_true(read_sync(&r, ROOM("", TEXT("$1", "a") "," OWN("$2", "invite", "leave")), false));
    assert_lines(&r, "joined room=!r:x\n" SAYS " body=a old\n");
    assert_true(read_sync(&r, ROOM("", TEXT("$1", "a") "," BARE("$2", "knock")), false));
    assert_lines(&r, "joined room=!r:x\n" SAYS " body=a old\n");
    assert_true(read_sync(&r, ROOM("", TEXT("$1", "a") "," BARE("$2", "leave")), false));
    assert_lines(&r, "joined room=!r:x\n" SAYS " body=a\n");

    /* Out and in again. */
    assert_true(
        read_sync(&r,
                  ROOM("", TEXT("$1", "a") "," OWN("$2", "join", "leave") "," TEXT(
                               "$3", "b") "," OWN("$4", "leave", "join") "," TEXT("$5", "c")),
                  false));
    assert_lines(&r,
                 "joined room=!r:x\n" SAYS " body=a\nmessage room=!r:x id=$3 by=@ann:x body=b old\n"
                 "message room=!r:x id=$5 by=@ann:x body=c\n");
}

#define LIMITED(state, timeline)                                                                   \
    "{\"next_batch\":\"s2\",\"rooms\":{\"join\":{\"!r:x\":{\"state\":{\"events\":[" state          \
    "]},\"timeline\":{\"limited\":true,\"prev_batch\":\"t\\u0031\",\"events\":[" timeline          \
    "]}},\"!q:x\":{\"timeline\":{\"limited\":false,\"prev_batch\":\"t1\",\"events\":[]}}}}}"

static void test_gaps(void **state)
{
    struct rig r;

    (void)state;
    assert_true(read_sync(&r, LIMITED("", TEXT("$1", "a")), false));
    assert_lines(&r,
                 "gap !r:x t1 was_joined\njoined room=!r:x\n" SAYS " body=a\njoined room=!q:x\n");
    assert_true(read_sync(&r, LIMITED(CREATE, TEXT("$1", "a")), false));
    assert_lines(&r, "gap !r:x t1 new\njoined room=!r:x\n" SAYS " body=a\njoined room=!q:x\n");
    assert_true(
        read_sync(&r, LIMITED(CREATE, OWN("$2", "invite", "join") "," TEXT("$1", "a")), false));
    assert_lines(&r, "joined room=!r:x\n" SAYS " body=a\njoined room=!q:x\n");
    assert_true(
        read_sync(&r, LIMITED(CREATE, OWN("$2", "leave", "invite") "," TEXT("$1", "a")), false));
    assert_lines(&r, "joined room=!r:x\n" SAYS " body=a old\njoined room=!q:x\n");
    assert_true(read_sync(&r, LIMITED("", TEXT("$1", "a")), true));
    assert_lines(&r, "joined room=!r:x\n" SAYS " body=a old\njoined room=!q:x\n");

    /* One half of it at a time. */
    struct str text = STR(LIMITED("", TEXT("$1", "a"))), next;
    setup(&r);
    r.reader.event = NULL;
    assert_true(sync_read(&r.reader, text, false, &next));
    r.reader.gap = NULL;
    r.reader.event = on_event;
    assert_true(sync_read(&r.reader, text, false, &next));
    assert_int_equal(r.reader.malformed, 0);
    assert_lines(&r,
                 "gap !r:x t1 was_joined\njoined room=!r:x\n" SAYS " body=a\njoined room=!q:x\n");
}

static void test_state_before_a_gap(void **state)
{
    struct str text =
        STR(LIMITED("7," CREATE "," STATE("m.room.encryption", "{}"), TEXT("$1", "a")));
    struct rig r;

    (void)state;
    setup(&r);
    sync_read_state(&r.reader, text, STR("!r:x"));
    sync_read_state(&r.reader, text, STR("!q:x"));
    sync_read_state(&r.reader, text, STR("!z:x"));
    assert_int_equal(r.reader.malformed, 1);
    assert_lines(&r, "joined room=!r:x\nencrypted room=!r:x id=$1 by=@ann:x\njoined room=!q:x\n");
}

#define MEMBER(sender, key, membership)                                                            \
    "{\"type\":\"m.room.member\",\"sender\":\"" sender "\",\"state_key\":\"" key                   \
    "\",\"content\":{\"membership\":\"" membership "\"}}"
#define INVITED(events)                                                                            \
    "{\"next_batch\":\"s2\",\"rooms\":{\"invite\":{\"!r:x\":{\"invite_state\":{\"events\":"        \
    "[" events "]}}}}}"

static void test_invites(void **state)
{
    struct rig r;

    (void)state;
    assert_true(read_sync(
        &r, INVITED(MEMBER("@ann:x", "@ann:x", "join") "," MEMBER("@ann:x", "@bot:x", "invite")),
        false));
    assert_lines(&r, "invited room=!r:x by=@ann:x\n");
    assert_true(read_sync(&r, INVITED(MEMBER("@ann:x", "@bob:x", "invite")), false));
    assert_int_equal(r.reader.malformed, 1);
    assert_lines(&r, "");
    assert_true(read_sync(&r, INVITED(MEMBER("@ann:x", "@bot:x", "join")), true));
    assert_lines(&r, "");
    assert_true(read_sync(&r, INVITED("7"), true));
    assert_lines(&r, "");
}

/* The inviting server writes the stripped events; ours adds the invite itself, as it is. */
static void test_invites_of_several_senders(void **state)
{
#define REAL(sender)                                                                               \
    EVENT("m.room.member", "$i", sender, "{\"membership\":\"invite\"}",                            \
          ",\"origin_server_ts\":5,\"state_key\":\"@bot:x\"")
#define FORGED MEMBER("@ann:x", "@bot:x", "invite")
    static const char *const unclear[] = {
        INVITED(FORGED "," REAL("@eve:y")),
        INVITED(REAL("@eve:y") "," FORGED),
        INVITED(MEMBER("@ann:x", "@bot:x", "join") "," REAL("@eve:y")),
        INVITED(FORGED "," REAL("@eve:y") "," FORGED),
        /* One that cannot be read may be the true one. */
        INVITED(FORGED "," EVENT("m.room.member", "$i", "@eve:y",
                                 "{\"membership\":\"invite\",\"reason\":\"\\ud800\"}",
                                 ",\"state_key\":\"@bot:x\"")),
        INVITED(MEMBER("eve", "@bot:x", "invite") "," FORGED),
    };
    struct rig r;

    (void)state;
    for (size_t i = 0; i < sizeof(unclear) / sizeof(*unclear); i++) {
        assert_true(read_sync(&r, unclear[i], false));
        assert_memory_equal(r.lines.data, "invited room=!r:x", 17);
        assert_null(memmem(r.lines.data, r.lines.len, "by=", 3));
        finish(&r);
    }
    assert_true(read_sync(&r, INVITED(FORGED "," REAL("@ann:x")), false));
    assert_lines(&r, "invited room=!r:x by=@ann:x at=5\n");
}

static void test_leaves(void **state)
{
    struct rig r;

    (void)state;
    assert_true(read_sync(&r,
                          "{\"next_batch\":\"s2\",\"rooms\":{\"leave\":{\"!r:x\":{\"timeline\":{"
                          "\"events\":[" TEXT("$1", "a") "," EVENT(
                              "m.room.member", "$2", "@ann:x", "{\"membership\":\"ban\"}",
                              ",\"state_key\":\"@bot:x\"") "]}},\"!q:x\":{}}}}",
                          false));
    assert_lines(&r, "left room=!r:x id=$2 by=@ann:x\nleft room=!q:x\n");
}

static void test_what_is_no_response(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "7",
        "{}",
        "null",
        "<html>",
        "{\"next_batch\":7}",
        "{\"next_batch\":\"\"}",
        "{\"next_batch\":\"s1\"",
        "{\"next_batch\":\"s1\"} x",
        "{\"next_batch\":\"s1\",\"rooms\":[\"\\ud800\"",
    };
    static const char *const others[] = {
        "{\"next_batch\":\"s1\"}",
        " {\"rooms\":7,\"next_batch\":\"s1\"}\n",
        "{\"next_batch\":\"s1\",\"rooms\":{\"join\":[],\"invite\":7,\"leave\":null}}",
        "{\"next_batch\":\"s1\",\"rooms\":{\"join\":{\"r\":{}}}}",
    };
    struct rig r;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_false(read_sync(&r, texts[i], false));
        finish(&r);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        assert_true(read_sync(&r, others[i], false));
        assert_string_equal(r.next, "s1");
        assert_lines(&r, "");
    }
    assert_true(read_sync(&r, "{\"next_batch\":\"s\\/1\"}", false));
    assert_string_equal(r.next, "s/1");
    finish(&r);
}

static bool read_page(struct rig *r, const char *text, bool *is_joined)
{
    struct str end = STR("");

    setup(r);
    bool ok = sync_read_page(&r->reader, STR("!r:x"), str_from_z(text), is_joined, &end);
    (void)snprintf(r->next, sizeof(r->next), "%.*s", STR_ARG(end));
    return ok;
}

static void test_pages(void **state)
{
    bool is_joined = true;
    struct rig r;

    (void)state;
    assert_true(
        read_page(&r, "{\"chunk\":[" TEXT("$1", "a") "],\"end\":\"t\\u0032\"}", &is_joined));
    assert_string_equal(r.next, "t2");
    assert_lines(&r, SAYS " body=a\n");
    assert_true(read_page(&r, "{\"chunk\":[" TEXT("$1", "a") "]}", &is_joined));
    assert_string_equal(r.next, "");
    assert_lines(&r, SAYS " body=a\n");
    assert_int_equal(r.reader.paged, 1);
    assert_true(read_page(&r, "{\"chunk\":[],\"end\":\"t3\"}", &is_joined));
    assert_string_equal(r.next, "t3");
    assert_int_equal(r.reader.paged, 0);
    assert_lines(&r, "");
    assert_true(is_joined);

    is_joined = false;
    assert_true(read_page(&r, "{\"chunk\":[" TEXT("$1", "a") "],\"end\":\"t2\"}", &is_joined));
    assert_lines(&r, SAYS " body=a old\n");
    assert_false(is_joined);
    assert_true(read_page(&r, "{\"chunk\":[" OWN("$2", "invite", "join") "," TEXT("$1", "a") "]}",
                          &is_joined));
    assert_lines(&r, SAYS " body=a\n");
    assert_true(is_joined);
    assert_true(read_page(&r, "{\"chunk\":[" OWN("$2", "join", "ban") "]}", &is_joined));
    assert_false(is_joined);
    finish(&r);
    assert_false(read_page(&r, "{\"chunk\":{}}", &is_joined));
    assert_false(read_page(&r, "{}", &is_joined));
    assert_false(read_page(&r, "{\"chunk\":[}", &is_joined));
    finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),  cmocka_unit_test(test_answers_of_bridges),
        cmocka_unit_test(test_malformed), cmocka_unit_test(test_long_ids),
        cmocka_unit_test(test_relations), cmocka_unit_test(test_fallbacks),
        cmocka_unit_test(test_edits),     cmocka_unit_test(test_redactions),
        cmocka_unit_test(test_state),     cmocka_unit_test(test_what_is_old),
        cmocka_unit_test(test_gaps),      cmocka_unit_test(test_state_before_a_gap),
        cmocka_unit_test(test_invites),   cmocka_unit_test(test_invites_of_several_senders),
        cmocka_unit_test(test_leaves),    cmocka_unit_test(test_what_is_no_response),
        cmocka_unit_test(test_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
