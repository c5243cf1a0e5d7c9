#ifndef PARLEY_TESTS_HOME_RIG_H
#define PARLEY_TESTS_HOME_RIG_H

/*
 * A homeserver's client over the fake HTTP, with a clock that the test moves. What it says is
 * written down as lines.
 */

#include "unit.h"

#include "fake_http.h"
#include "matrix/homeserver.h"

#define VERSIONS_OK "{\"versions\":[\"r0.6.1\",\"v1.1\",\"v1.11\"]}"
#define WHOAMI_OK   "{\"user_id\":\"@bot:x\",\"device_id\":\"DEV\"}"
#define LOGIN_OK                                                                                   \
    "{\"user_id\":\"@bot:x\",\"device_id\":\"DEV\",\"access_token\":\"at1\",\"refresh_token\":"    \
    "\"rt1\",\"expires_in_ms\":2000}"

struct home_rig {
    struct http_client *http;
    struct homeserver *home;
    char directory[40], path[64];
    uint64_t now_ms;
    struct buf
        lines; /* of events, synced, sent, joined, faults and reports, since they were read */
    struct buf logs;
    enum homeserver_fault fault;
    char sentence[500];
    uint8_t chance;      /* each random byte */
    bool acts_in_synced; /* an action is taken while it is told, as the daemon does */
};

void rig_setup(struct home_rig *r, const char *server, const char *credentials);
void rig_teardown(struct home_rig *r);
void rig_start(struct home_rig *r, const char *next_batch);
/* Moves the clock, and ticks. */
void rig_tick(struct home_rig *r, uint64_t ms);
/* Moves the clock to the deadline, which must not be later than `ms` from now, and ticks. */
void rig_tick_to_deadline(struct home_rig *r, uint64_t ms);
/* Started, and logged in with a token that does not expire: the first sync is open. */
void rig_ready(struct home_rig *r, const char *next_batch);
/* Answers the open call of this part, and ticks. */
void rig_answer(struct home_rig *r, const char *part, unsigned status, const char *body);
void rig_fail(struct home_rig *r, const char *part, enum http_error error);
/* What was said since. */
void rig_assert_lines(struct home_rig *r, const char *lines);
void rig_assert_file(struct home_rig *r, const char *text);
/* An action with these. */
void rig_send(struct home_rig *r, const char *room, unsigned send);
void rig_act(struct home_rig *r, enum bridge_action_kind kind, const char *room, bool on);

#endif
