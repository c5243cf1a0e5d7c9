/*
 * Compressed messages (RFC 7692) of a connection that agreed to it: inflated piece by piece as they
 * come, within the limit of a message, and checked as UTF-8 when they are text. What is inflated is
 * never much more than what may be kept, so a small frame cannot become a large one.
 *
 * The inflater is made with the first compressed message and lives as long as the connection, or,
 * where the client keeps no context, as its message.
 */

#include "base/utf8.h"
#include "net/trial.h"
#include "ws/deflate.h"

bool inflate_offered(struct reactor *r, struct connection *c, const struct trial *t, bool has_more)
{
    struct str value;
    size_t at = 0;

    c->wait.terms = (struct deflate_terms){.server_bits = 0};
    while (r->policy->compression && !has_more &&
           http_next_value(t->head, t->text, HTTP_WS_EXTENSIONS, &at, &value)) {
        if (terms_choose(value, &c->wait.terms)) {
            /* Behind TLS a message is compressed alone, so that its length says nothing of others,
               which may hold a secret (7.1.1.2: the answer may ask for it). */
            c->wait.terms.client_no_context |= connection_stream(r, c) != NULL;
            return true;
        }
    }
    return false;
}

static void fail(struct reactor *r, struct connection *c, uint16_t code, struct str reason)
{
    metric_add(&r->metrics.violations, 1);
    connection_fail(r, c, code, reason);
}

static void lose(struct reactor *r, struct connection *c)
{
    metric_add(&r->metrics.out_of_memory, 1);
    connection_doom(r, c);
}

/* Returns whether the piece was good; if not, the connection is about to end. */
static bool inflate_piece(struct reactor *r, struct connection *c, struct message *m,
                          const struct ws_event *event, uint32_t longest)
{
    size_t before = m->text.len;

    switch (inflater_feed(m->inflater, event->data, event->final, longest, &m->text)) {
    case INFLATE_OK:
        break;
    case INFLATE_BROKEN:
        fail(r, c, WS_CLOSE_BAD_DATA, STR("the compressed data is broken (RFC 7692, 7.2.2)"));
        return false;
    case INFLATE_TOO_BIG:
        metric_add(&r->metrics.too_big, 1);
        connection_fail(r, c, WS_CLOSE_TOO_BIG, STR("the message is too big once it is inflated"));
        return false;
    case INFLATE_NO_MEMORY:
        lose(r, c);
        return false;
    }
    if (event->opcode == WS_TEXT) {
        m->utf8 = utf8_feed(m->utf8, m->text.data + before, m->text.len - before);
        if (m->utf8 == UTF8_INVALID || (event->final && m->utf8 != UTF8_COMPLETE)) {
            fail(r, c, WS_CLOSE_BAD_DATA, STR("the text is not UTF-8 (RFC 6455, 8.1)"));
            return false;
        }
    }
    return true;
}

bool inflate_take(struct reactor *r, struct connection *c, struct message *m,
                  const struct ws_event *event, uint32_t longest)
{
    m->under_way = true;
    m->text.max = SIZE_MAX; /* inflater_feed keeps to `longest` */
    m->text.secret = !c->is_echo;
    r->received_secret |= !c->is_echo;
    if (m->inflater == NULL) {
        m->inflater = inflater_new(c->ws.terms.client_bits);
    }
    if (m->inflater == NULL) {
        lose(r, c);
        return false;
    }
    m->size += event->data.len;
    if (!inflate_piece(r, c, m, event, longest) || !event->final) {
        return false;
    }
    metric_add(&r->metrics.inflated, 1);
    metric_add(&r->metrics.inflated_saved, m->text.len > m->size ? m->text.len - m->size : 0);
    if (c->ws.terms.client_no_context) {
        inflater_free(m->inflater);
        m->inflater = NULL;
    }
    return true;
}
