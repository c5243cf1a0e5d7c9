#include "rest/response.h"

#include <time.h>

#include "http/head.h"
#include "json/writer.h"

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

void response_append(struct buf *out, const struct response *r)
{
    buf_printf(out, "HTTP/1.1 %d %s\r\n", r->status, http_reason(r->status));
    append_date(out, r->now_ms);
    buf_printf(out,
               "Content-Type: %s\r\n"
               "Content-Length: %zu\r\n"
               "Cache-Control: no-store\r\n"
               "X-Content-Type-Options: nosniff\r\n"
               "%s\r\n",
               r->content_type, r->body.len, r->close ? "Connection: close\r\n" : "");
    if (!r->without_body) {
        buf_append_str(out, r->body);
    }
}

int response_append_error(struct buf *body, enum error_code code, struct str name, struct str text)
{
    const struct error_info *info = &error_table[code];
    struct json_writer w;

    json_writer_init(&w, body);
    json_begin_object(&w);
    json_key(&w, STR("error"));
    json_begin_object(&w);
    json_key_string(&w, STR("code"), str_from_z(info->code));
    json_key_string(&w, STR("message"), str_from_z(info->fix));
    json_key(&w, STR("details"));
    json_begin_object(&w);
    json_key_string(&w, name, text);
    json_end_object(&w);
    json_end_object(&w);
    json_end_object(&w);
    return info->http_status;
}
