#include "core/job.h"

#include <stdlib.h>

#include "core/gate.h"
#include "core/internal.h"
#include "core/stranger.h"

enum { MAX_KEPT = 64 * 1024 * 1024 };

bool jobs_init(struct hub *hub)
{
    uint32_t count = hub->ports.check_credential != NULL ? HUB_JOBS_OF_HOST : HUB_JOBS;

    hub->jobs = calloc(count, sizeof(*hub->jobs));
    hub->job_count = hub->jobs != NULL ? count : 0;
    return hub->jobs != NULL;
}

static struct job *find_free(struct hub *hub)
{
    for (uint32_t i = 0; i < hub->job_count; i++) {
        if (hub->jobs[i].kind == JOB_FREE) {
            return &hub->jobs[i];
        }
    }
    return NULL;
}

/* Takes a job out of its place: what comes of it may need the place, or cancel others. */
static struct job take(struct hub *hub, struct job *j)
{
    struct job taken = *j;

    j->kind = JOB_FREE;
    buf_init(&j->kept, 0);
    hub->counts.passwords_waiting--;
    return taken;
}

static void end(struct hub *hub, struct job *j)
{
    struct job taken = take(hub, j);

    buf_fini(&taken.kept);
}

static uint64_t number_of(const struct hub *hub, const struct job *j)
{
    return (uint64_t)j->round << 32 | (uint64_t)(j - hub->jobs);
}

static void ask_host(struct hub *hub, const struct job *j, struct str secret)
{
    struct str at_hand = hub->at_hand;

    hub->at_hand = STR(""); /* what the host says on its own is no answer to this */
    hub->ports.check_credential(hub->ports.owner, number_of(hub, j), secret, j->is_password,
                                j->address);
    hub->at_hand = at_hand;
}

/* Whether somebody looks at it. */
static bool hand_on(struct hub *hub, const struct job *j, struct str secret)
{
    if (hub->principals.mode == HUB_AUTH_HOST) {
        ask_host(hub, j, secret);
        return true;
    }
    return hub->ports.check_password(hub->ports.owner, number_of(hub, j), secret);
}

static bool start(struct hub *hub, struct job *j, const struct job *what, struct str secret,
                  struct str kept)
{
    uint32_t round = j->round + 1;

    *j = *what;
    j->round = round;
    j->since_ms = hub->now.mono_ms;
    hub->counts.passwords_waiting++;
    buf_init(&j->kept, MAX_KEPT);
    j->kept.secret = true; /* there is a secret in it */
    buf_append_str(&j->kept, kept);
    if (!j->kept.failed && hand_on(hub, j, secret)) {
        return true;
    }
    end(hub, j);
    return false;
}

bool job_start(struct hub *hub, const struct job *what, struct str secret, struct str kept)
{
    struct job *j = find_free(hub);

    if (j != NULL && start(hub, j, what, secret, kept)) {
        return true;
    }
    hub->counts.limits_hit[LIMIT_PASSWORDS]++;
    limiter_refund(&hub->limiter, what->address);
    return false;
}

void job_cancel(struct hub *hub, uint64_t conn)
{
    for (uint32_t i = 0; hub->counts.passwords_waiting > 0 && i < hub->job_count; i++) {
        if (hub->jobs[i].kind != JOB_FREE && hub->jobs[i].conn == conn) {
            end(hub, &hub->jobs[i]);
        }
    }
}

void jobs_fini(struct hub *hub)
{
    for (uint32_t i = 0; i < hub->job_count; i++) {
        if (hub->jobs[i].kind != JOB_FREE) {
            end(hub, &hub->jobs[i]);
        }
    }
    free(hub->jobs);
}

/* What was found out about a credential. */
struct finding {
    bool right;                      /* of a password */
    const struct hub_claims *claims; /* of what the host looked at; NULL: nobody's */
};

/* The principal of what the host says of a bearer, who may have run out meanwhile. */
static uint32_t find_claimed(struct hub *hub, const struct hub_claims *claims)
{
    bool holds =
        claims != NULL && (claims->expires_ms == 0 || hub->now.wall_ms < claims->expires_ms);

    return holds ? principal_claim(&hub->principals, claims) : SLAB_NONE;
}

/* The principal of a finding, with its use, or SLAB_NONE. */
static uint32_t find(struct hub *hub, const struct job *j, const struct finding *finding)
{
    struct principals *p = &hub->principals;
    uint32_t principal = finding->right ? p->password : SLAB_NONE;

    if (p->mode == HUB_AUTH_NONE) {
        principal = j->near ? NEAR_ONE : ANYBODY; /* a reload has done away with passwords */
    } else if (p->mode == HUB_AUTH_HOST) {
        return find_claimed(hub, finding->claims);
    }
    if (principal != SLAB_NONE) {
        principal_use(p, principal);
    }
    return principal;
}

/* A principal with its use, or HUB_NOBODY and why. */
static uint32_t judge(struct hub *hub, const struct job *j, const struct finding *finding,
                      struct gate_refusal *ret_why)
{
    uint32_t principal = find(hub, j, finding);

    if (principal != SLAB_NONE) {
        limiter_refund(&hub->limiter, j->address);
        return principal;
    }
    gate_wrong(hub, j->address, j->is_password ? AUTH_FAILURE_PASSWORD : AUTH_FAILURE_TOKEN,
               ret_why);
    return HUB_NOBODY;
}

static void open_client(struct hub *hub, const struct job *j, uint32_t principal,
                        const struct gate_refusal *why)
{
    struct evidence evidence;
    struct str rest;

    evidence_unpack(buf_str(&j->kept), &evidence, &rest);
    if (principal == HUB_NOBODY) {
        client_refuse_credential(hub, j->conn, why);
    } else {
        client_admit(hub, j->conn, (enum dialect)j->dialect, &evidence, principal);
    }
}

static void answer(struct hub *hub, const struct job *j, uint32_t principal,
                   const struct gate_refusal *why)
{
    struct hub_asker asker = {.principal = principal,
                              .refused = principal == HUB_NOBODY ? why->code : ERROR_NONE,
                              .retry_after_ms = why->retry_after_ms};

    hub->ports.judged(hub->ports.owner, j->conn, &asker, buf_str(&j->kept), j->head_len);
    if (principal != HUB_NOBODY) {
        principal_release(&hub->principals, principal);
    }
}

static const struct job *find_job(const struct hub *hub, uint64_t job)
{
    uint32_t place = (uint32_t)job;

    return place < hub->job_count && hub->jobs[place].kind != JOB_FREE &&
                   hub->jobs[place].round == (uint32_t)(job >> 32)
               ? &hub->jobs[place]
               : NULL;
}

static void conclude(struct hub *hub, uint64_t job, const struct finding *finding)
{
    struct gate_refusal why = {.code = ERROR_NONE};

    if (find_job(hub, job) == NULL) {
        return; /* it was cancelled */
    }
    struct job done = take(hub, &hub->jobs[(uint32_t)job]);
    if (!hub_reserve(hub)) {
        hub->counts.out_of_memory++;
        client_lose(hub, done.conn);
        buf_fini(&done.kept);
        return;
    }
    uint32_t principal = judge(hub, &done, finding, &why);
    switch (done.kind) {
    case JOB_OPEN:
        open_client(hub, &done, principal, &why);
        break;
    case JOB_REQUEST:
        answer(hub, &done, principal, &why);
        break;
    default:
        stranger_checked(hub, client_find_conn(hub, done.conn), principal, buf_str(&done.kept));
        break;
    }
    buf_fini(&done.kept);
}

void hub_password_checked(struct hub *hub, uint64_t job, bool right)
{
    conclude(hub, job, &(struct finding){.right = right});
}

void hub_credential_checked(struct hub *hub, uint64_t job, const struct hub_claims *claims)
{
    conclude(hub, job, &(struct finding){.claims = claims});
}

bool hub_credential_awaited(const struct hub *hub, uint64_t job)
{
    return find_job(hub, job) != NULL;
}

void jobs_tick(struct hub *hub)
{
    if (hub->principals.mode != HUB_AUTH_HOST || hub->counts.passwords_waiting == 0) {
        return;
    }
    for (uint32_t i = 0; i < hub->job_count; i++) {
        const struct job *j = &hub->jobs[i];
        if (j->kind != JOB_FREE && hub->now.mono_ms - j->since_ms >= CHECK_MS) {
            hub_log(hub, LOG_WARNING, "check_timeout", SLAB_NONE, "%s", "");
            hub_credential_checked(hub, number_of(hub, j), NULL);
        }
    }
}
