#include "cli/answer.h"

#include "cli/print.h"
#include "json/reader.h"

/* "CODE: message", with the wait. Returns false when the body is no error of a gateway. */
static bool append_error(struct buf *out, struct str body)
{
    if (!json_valid(body)) {
        return false;
    }
    struct str error = json_get(body, STR("error"));
    struct str code = json_get(error, STR("code")), message = json_get(error, STR("message"));
    if (json_kind_of(code) != JSON_STRING || json_kind_of(message) != JSON_STRING) {
        return false;
    }
    print_refusal(out, error);
    struct str details = json_get(error, STR("details"));
    uint64_t wait_ms = print_whole(json_get(details, STR("retry_after_ms")));
    if (wait_ms > 0) {
        buf_append_str(out, STR("; try again in "));
        print_duration(out, wait_ms / 1000 + (wait_ms % 1000 > 0));
    }
    return true;
}

enum cli_exit answer_judge(int status, struct str body, struct buf *error)
{
    bool ours = append_error(error, body);

    if (!ours) {
        buf_printf(error, "the answer was HTTP %d; is this the address of a Parley gateway?",
                   status);
    }
    switch (status) {
    case 401:
        buf_append_str(error, STR("; a token is taken from --token-file FILE or PARLEY_TOKEN"));
        return CLI_REFUSED;
    case 403:
    case 421:
        return CLI_REFUSED;
    case 429:
    case 503:
        return CLI_TRY_AGAIN;
    default:
        return ours ? CLI_FAILED : CLI_PROTOCOL;
    }
}
