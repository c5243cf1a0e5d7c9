#include "rest/web.h"

#include "rest/routes.h"

/* Scripts and styles are files of their own, so that none need be allowed that stands in a page. */
static const char policy[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n";

/* RFC 9110 section 13.1.2: any of the entity tags, compared weakly, or '*'. */
static bool is_known(const struct call *call, struct str tag)
{
    size_t at = 0;
    struct str list, element;

    while (http_next_value(call->head, call->text.ptr, HTTP_IF_NONE_MATCH, &at, &list)) {
        while (http_list_next(&list, &element)) {
            struct str strong =
                str_starts_with(element, STR("W/")) ? str_slice(element, 2, element.len) : element;
            if (str_equal(strong, tag) || str_equal(element, STR("*"))) {
                return true;
            }
        }
    }
    return false;
}

static void write_file(struct call *call, const struct embedded_text *file, const char *type)
{
    struct buf tag;

    buf_init(&tag, 64);
    buf_printf(&tag, "\"%s\"", file->digest);
    buf_printf(&call->fields, "ETag: \"%s\"\r\n%s", file->digest, policy);
    call->content_type = type;
    call->cache = "no-cache";
    if (is_known(call, buf_str(&tag))) {
        call->status = 304;
    } else {
        buf_append(&call->out, file->bytes, file->size);
    }
    buf_fini(&tag);
}

void web_write_page(struct call *call)
{
    write_file(call, &web_page, "text/html; charset=utf-8");
}

void run_style(struct call *call)
{
    write_file(call, &web_style, "text/css; charset=utf-8");
}

void run_script(struct call *call)
{
    write_file(call, &web_script, "text/javascript; charset=utf-8");
}

void run_icon(struct call *call)
{
    write_file(call, &web_icon, "image/svg+xml");
}
