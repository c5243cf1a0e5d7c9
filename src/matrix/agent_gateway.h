#ifndef PARLEY_MATRIX_AGENT_GATEWAY_H
#define PARLEY_MATRIX_AGENT_GATEWAY_H

/* What the files of the gateway's adapter share: agent_gateway.c turns, agent_gateway_people.c
 * presence. */

#include "base/list.h"
#include "matrix/agent_settings.h"
#include "matrix/uplink.h"
#include "json/writer.h"

enum { GATEWAY_MAX_FRAME = 16 * 1024 * 1024, GATEWAY_MAX_ID = 32 };

struct agent {
    struct agent_settings settings;
    struct buf texts;
    struct agent_ports ports;
    struct bridge_time now;
    struct uplink uplink;
    struct list turns;
    struct list places;
    uint64_t frames;     /* that were sent; their ids */
    size_t sent_bytes;   /* of the last one */
    uint64_t limited_ms; /* when the last turn that was above limits.rate is asked again */
};

/* Begins a frame; the caller writes members of its payload; then it is sent, and freed. */
void gateway_open(struct json_writer *w, struct buf *out, const char *type, struct str id);
void gateway_send(struct agent *a, struct json_writer *w, struct buf *frame);
/* An id for a frame whose answer is not looked at. */
struct str gateway_next_id(struct agent *a, char out[GATEWAY_MAX_ID]);

/*
 * Every room with people in it is a session, named after it, in which the bridge says `presence`
 * for each of them. A row of agent_adapter; then what is said when a connection is new, and the end
 * of all.
 */
void gateway_people(struct agent *a, struct str room, struct str user_id, bool is_there);
void gateway_people_again(struct agent *a);
void gateway_people_forget(struct agent *a);

#endif
