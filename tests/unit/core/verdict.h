#ifndef PARLEY_TESTS_CORE_VERDICT_H
#define PARLEY_TESTS_CORE_VERDICT_H

/* Asking what would become of a message. */

#include "errand.h"

enum { ADMIN = 1 }; /* the principal of who is near, who may everything */

struct verdict {
    enum error_code wrong; /* with the question */
    struct hub_explanation is;
    char details[1024];
    char candidates[1024];
};

static inline struct verdict explain(struct room *r, uint32_t principal, enum dialect dialect,
                                     const char *as, const char *session, const char *message)
{
    struct hub_question q = {.dialect = (uint8_t)dialect,
                             .message = str_from_z(message),
                             .as = str_from_z(as),
                             .session = str_from_z(session)};
    struct verdict v = {0};
    struct buf details, candidates;

    buf_init(&details, sizeof(v.details) - 1);
    buf_init(&candidates, sizeof(v.candidates) - 1);
    q.candidates = &candidates;
    v.wrong = hub_explain(r->v.hub, principal, &q, &v.is, &details);
    assert_false(details.failed);
    if (details.len > 0) {
        memcpy(v.details, details.data, details.len);
    }
    assert_true(v.is.is_request == (candidates.len > 0));
    if (candidates.len > 0) {
        memcpy(v.candidates, candidates.data, candidates.len);
    }
    buf_fini(&candidates);
    buf_fini(&details);
    return v;
}

#endif
