#include "rest/call.h"

#include <time.h>

#include "json/writer.h"

void call_init(struct call *call, const struct rest *rest, struct hub *hub,
               const struct http_head *head, struct str text)
{
    *call = (struct call){
        .rest = rest,
        .hub = hub,
        .head = head,
        .text = text,
        .status = 200,
        .content_type = "application/json",
        .cache = "no-store",
    };
    buf_init(&call->fields, CALL_MAX_FIELDS);
    buf_init(&call->out, CALL_MAX_BODY);
}

void call_fini(struct call *call)
{
    buf_fini(&call->fields);
    buf_fini(&call->out);
}

void call_refuse(struct call *call, enum error_code code, struct str message, struct str details)
{
    const struct error_info *info = &error_table[code];
    struct json_writer w;

    call->refused = code;
    call->status = info->http_status;
    call->content_type = "application/json";
    call->cache = "no-store";
    buf_clear(&call->out);
    json_writer_init(&w, &call->out);
    json_begin_object(&w);
    json_key(&w, STR("error"));
    json_begin_object(&w);
    json_key_string(&w, STR("code"), str_from_z(info->code));
    json_key_string(&w, STR("message"), message.len > 0 ? message : str_from_z(info->fix));
    json_key_raw(&w, STR("details"), details.len > 0 ? details : STR("{}"));
    json_end_object(&w);
    json_end_object(&w);
}

void call_refuse_about(struct call *call, enum error_code code, struct str message, struct str name,
                       struct str text)
{
    struct buf details;
    struct json_writer w;

    buf_init(&details, CALL_MAX_DETAILS);
    json_writer_init(&w, &details);
    json_begin_object(&w);
    json_key_string(&w, name, text);
    json_end_object(&w);
    call_refuse(call, code, message, details.failed ? STR("") : buf_str(&details));
    buf_fini(&details);
}

/* IMF-fixdate, RFC 9110 section 5.6.7; its names are English in every locale. */
static void append_date(struct buf *out, uint64_t now_ms)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm t;

    if (gmtime_r(&seconds, &t) != NULL) {
        buf_printf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[t.tm_wday], t.tm_mday,
                   months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    }
}

void call_write(const struct call *call, struct buf *out)
{
    bool close = call->head->connection_close;

    buf_printf(out, "HTTP/1.1 %d %s\r\n", call->status, http_reason(call->status));
    append_date(out, hub_now(call->hub).wall_ms);
    /* RFC 9110 section 15.4.5: a 304 has no body, and so no length. */
    if (call->status != 304) {
        buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", call->content_type,
                   call->out.len);
    }
    buf_printf(out, "Cache-Control: %s\r\nX-Content-Type-Options: nosniff\r\n%s", call->cache,
               close ? "Connection: close\r\n" : "");
    buf_append_str(out, buf_str(&call->fields));
    buf_append_str(out, STR("\r\n"));
    if (call->head->method != HTTP_HEAD) {
        buf_append_str(out, buf_str(&call->out));
    }
}
