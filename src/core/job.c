#include "core/job.h"

#include "core/gate.h"
#include "core/internal.h"
#include "core/stranger.h"

enum { MAX_KEPT = 64 * 1024 * 1024 };

static struct job *find_free(struct hub *hub)
{
    for (unsigned i = 0; i < HUB_JOBS; i++) {
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

static bool start(struct hub *hub, struct job *j, const struct job *what, struct str password,
                  struct str kept)
{
    uint32_t round = j->round + 1;

    *j = *what;
    j->round = round;
    hub->counts.passwords_waiting++;
    buf_init(&j->kept, MAX_KEPT);
    j->kept.secret = true; /* there is a password in it */
    buf_append_str(&j->kept, kept);
    if (!j->kept.failed &&
        hub->ports.check_password(hub->ports.owner, number_of(hub, j), password)) {
        return true;
    }
    end(hub, j);
    return false;
}

bool job_start(struct hub *hub, const struct job *what, struct str password, struct str kept)
{
    struct job *j = find_free(hub);

    if (j != NULL && start(hub, j, what, password, kept)) {
        return true;
    }
    hub->counts.limits_hit[LIMIT_PASSWORDS]++;
    limiter_refund(&hub->limiter, what->address);
    return false;
}

void job_cancel(struct hub *hub, uint64_t conn)
{
    for (unsigned i = 0; hub->counts.passwords_waiting > 0 && i < HUB_JOBS; i++) {
        if (hub->jobs[i].kind != JOB_FREE && hub->jobs[i].conn == conn) {
            end(hub, &hub->jobs[i]);
        }
    }
}

void jobs_fini(struct hub *hub)
{
    for (unsigned i = 0; i < HUB_JOBS; i++) {
        if (hub->jobs[i].kind != JOB_FREE) {
            end(hub, &hub->jobs[i]);
        }
    }
}

/* A principal with its use, or HUB_NOBODY and why. */
static uint32_t judge(struct hub *hub, const struct job *j, bool right,
                      struct gate_refusal *ret_why)
{
    uint32_t principal = hub->principals.password;

    if (hub->principals.mode == HUB_AUTH_NONE) {
        principal = j->near ? NEAR_ONE : ANYBODY; /* a reload has done away with passwords */
        right = true;
    }
    if (right && principal != SLAB_NONE) {
        limiter_refund(&hub->limiter, j->address);
        principal_use(&hub->principals, principal);
        return principal;
    }
    gate_wrong_password(hub, j->address, ret_why);
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

void hub_password_checked(struct hub *hub, uint64_t job, bool right)
{
    uint32_t place = (uint32_t)job;
    struct gate_refusal why = {.code = ERROR_NONE};

    if (place >= HUB_JOBS || hub->jobs[place].kind == JOB_FREE ||
        hub->jobs[place].round != (uint32_t)(job >> 32)) {
        return; /* it was cancelled */
    }
    struct job done = take(hub, &hub->jobs[place]);
    if (!hub_reserve(hub)) {
        hub->counts.out_of_memory++;
        client_lose(hub, done.conn);
        buf_fini(&done.kept);
        return;
    }
    uint32_t principal = judge(hub, &done, right, &why);
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
