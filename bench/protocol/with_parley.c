#include "contender.h"
#include "parley/protocol.h"

#include "json/wire.h"

bool route_with_parley(const char *text, size_t len, struct bark_summary *ret_summary)
{
    struct wire wire;

    (void)ret_summary;
    wire_scan(text, len, WIRE_WORLD, &wire);
    return wire.status == WIRE_OK && wire.members[WIRE_TYPE].len > 0 &&
           wire.members[WIRE_DATA].len > 0;
}

bool check_with_parley(const char *text, size_t len, struct bark_summary *ret_summary)
{
    enum parley_type type;

    (void)ret_summary;
    return parley_check(PARLEY_WORLD, PARLEY_STRICT, text, len, &type, NULL) &&
           type == PARLEY_TYPE_BARK;
}

bool read_with_parley(const char *text, size_t len, struct bark_summary *ret_summary)
{
    struct parley_bark bark;

    parley_bark_init(&bark);
    bool ok = parley_bark_from_json(&bark, text, len, NULL);
    if (ok) {
        const struct parley_bark_data *data = &bark.data;
        *ret_summary = (struct bark_summary){
            .text_len = data->text.len,
            .emotion_len = data->emotion.is == PARLEY_SET ? data->emotion.len : 0,
            .ttl_seconds = data->ttl_seconds.is == PARLEY_SET ? data->ttl_seconds.value : 0,
            .ts = bark.ts.value,
        };
    }
    parley_bark_fini(&bark);
    return ok;
}
