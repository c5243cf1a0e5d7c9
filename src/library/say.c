#include "library/library.h"

#include <stdlib.h>

#include "json/reader.h"
#include "json/writer.h"

const char *parley_result_text(enum parley_result result)
{
    static const char *const texts[] = {
        [PARLEY_OK] = "ok",
        [PARLEY_OUT_OF_MEMORY] = "no memory",
        [PARLEY_NOT_FOUND] = "not found",
        [PARLEY_INVALID] = "invalid",
        [PARLEY_EXISTS] = "exists already",
        [PARLEY_DENIED] = "not granted",
        [PARLEY_LIMITED] = "limit reached",
        [PARLEY_TOO_LARGE] = "too large",
        [PARLEY_FAILED] = "failed",
    };

    return (size_t)result < sizeof(texts) / sizeof(texts[0]) ? texts[result] : "unknown";
}

enum parley_result result_of(enum hub_done done)
{
    static const enum parley_result results[] = {
        [HUB_DONE] = PARLEY_OK,
        [HUB_NO_MEMORY] = PARLEY_OUT_OF_MEMORY,
        [HUB_NOT_FOUND] = PARLEY_NOT_FOUND,
        [HUB_INVALID] = PARLEY_INVALID,
        [HUB_EXISTS] = PARLEY_EXISTS,
        [HUB_DENIED] = PARLEY_DENIED,
        [HUB_LIMITED] = PARLEY_LIMITED,
        [HUB_TOO_LARGE] = PARLEY_TOO_LARGE,
    };

    return results[done];
}

struct hub_saying saying_of(const struct parley_message *message)
{
    return (struct hub_saying){
        .type = str_of(message->type),
        .payload = str_of(message->payload),
        .reply_to = str_of(message->reply_to),
        .text = str_of(message->text),
        .dialect = message->dialect == PARLEY_GATEWAY ? DIALECT_GATEWAY : DIALECT_WORLD,
    };
}

bool find_code(const char *name, enum error_code *ret_code)
{
    for (unsigned i = 0; i < ERROR_COUNT; i++) {
        if (error_table[i].code != NULL && strcmp(error_table[i].code, name) == 0) {
            *ret_code = (enum error_code)i;
            return true;
        }
    }
    return false;
}

static enum parley_result counted(enum hub_done done, uint64_t receivers, size_t *ret_receivers)
{
    if (done == HUB_DONE && ret_receivers != NULL) {
        *ret_receivers = (size_t)receivers;
    }
    return result_of(done);
}

enum parley_result parley_send(struct parley *p, struct parley_text to,
                               const struct parley_message *message)
{
    struct hub_saying saying = saying_of(message);

    return result_of(hub_say_to(hub_to_change(p), str_of(to), &saying));
}

enum parley_result parley_send_session(struct parley *p, struct parley_text session,
                                       struct parley_text except,
                                       const struct parley_message *message, size_t *ret_receivers)
{
    struct hub_saying saying = saying_of(message);
    uint64_t receivers = 0;
    enum hub_done done =
        hub_say_in(hub_to_change(p), str_of(session), str_of(except), &saying, &receivers);

    return counted(done, receivers, ret_receivers);
}

/* Of parley_broadcast. */
struct choice {
    bool (*wants)(const struct parley_client *client, void *ctx);
    void *ctx;
};

static bool choose(void *ctx, const struct hub_client_view *view)
{
    const struct choice *c = ctx;
    struct parley_client client;
    char address[ADDRESS_TEXT];

    client_of_view(view, address, &client);
    return c->wants(&client, c->ctx);
}

enum parley_result parley_broadcast(struct parley *p,
                                    bool (*wants)(const struct parley_client *client, void *ctx),
                                    void *ctx, const struct parley_message *message,
                                    size_t *ret_receivers)
{
    struct hub_saying saying = saying_of(message);
    struct choice choice = {wants, ctx};
    uint64_t receivers = 0;
    enum hub_done done =
        hub_say_each(hub_to_change(p), wants != NULL ? choose : NULL, &choice, &saying, &receivers);

    return counted(done, receivers, ret_receivers);
}

enum parley_result parley_send_error(struct parley *p, struct parley_text to,
                                     struct parley_text reply_to, const char *code,
                                     struct parley_text message, struct parley_text details)
{
    enum error_code number;

    if (!find_code(code, &number)) {
        return PARLEY_INVALID;
    }
    return result_of(hub_say_error(hub_to_change(p), str_of(to), str_of(reply_to), number,
                                   str_of(message), str_of(details)));
}

char *parley_make_message(struct parley *p, const struct parley_message *message, size_t *ret_len)
{
    struct hub_saying saying = saying_of(message);
    struct buf out;

    buf_init(&out, SIZE_MAX);
    enum hub_done done = hub_say_text(hub_of(p), &saying, &out);
    size_t len = out.len;
    buf_append_char(&out, '\0');
    if (done != HUB_DONE || out.failed) {
        buf_fini(&out);
        return NULL;
    }
    if (ret_len != NULL) {
        *ret_len = len;
    }
    return out.data;
}

char *parley_make_error(struct parley *p, struct parley_text reply_to, const char *code,
                        struct parley_text message, struct parley_text details, size_t *ret_len)
{
    enum error_code number;
    struct json_writer w;
    struct buf payload;
    char *made = NULL;

    if (!find_code(code, &number) ||
        (details.len > 0 &&
         (!json_valid(str_of(details)) || json_kind_of(str_of(details)) != JSON_OBJECT))) {
        return NULL;
    }
    buf_init(&payload, SIZE_MAX);
    json_writer_init(&w, &payload);
    json_begin_object(&w);
    json_key_string(&w, STR("code"), str_from_z(error_table[number].code));
    json_key_string(&w, STR("message"), str_of(message));
    json_key_raw(&w, STR("details"), details.len > 0 ? str_of(details) : STR("{}"));
    json_end_object(&w);
    if (!payload.failed) {
        struct parley_message error = {.type = parley_text("error"),
                                       .payload = text_of_str(buf_str(&payload)),
                                       .reply_to = reply_to};
        made = parley_make_message(p, &error, ret_len);
    }
    buf_fini(&payload);
    return made;
}
