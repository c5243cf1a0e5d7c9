#ifndef PARLEY_CORE_SPEECH_H
#define PARLEY_CORE_SPEECH_H

/*
 * One message, as each dialect says it: in its own as it came, in the other made when first needed,
 * and once, however many hear it.
 *
 *   world -> gateway   {"type": its own, "id": fresh, "sessionId": the session, "payload": the
 * whole message as it was, "timestamp": now, "source": who sent it} gateway -> world   {"type": its
 * own, "agent_id" and "agentId": who sent it, "data": the payload (what is no object becomes
 * {"value": …}), "ts": now}
 */

#include "base/buf.h"
#include "fanout/command.h"
#include "fanout/segment.h"

struct hub;

struct speech {
    uint8_t dialect;    /* enum dialect: of `text` */
    struct str text;    /* a whole message; of the gateway dialect with its `source` already */
    struct str type;    /* its type as a raw JSON string; "" in `text` alone is read */
    struct str payload; /* of the gateway dialect: raw JSON; may be empty */
    struct str session; /* the session's name; or empty, for a message to one */
    struct str source;  /* an agent or client id, or "gateway"; needs no escapes */
    bool stays;         /* it is for its own dialect alone */
    bool made;          /* the other form is in hub->converted */
};

/*
 * The message in this dialect; borrowed until the next conversion. Empty: no memory.
 */
struct str speech_in(struct hub *hub, struct speech *speech, enum dialect dialect);

struct json_writer;
/* The `data` of a world's message out of a payload, raw or empty: an object, whatever it was. */
void speech_write_data(struct json_writer *w, struct str payload);

/*
 * The frame that carries a message of the gateway dialect on: {type, id, sessionId?, payload,
 * timestamp, source, replyTo?} with its own id and timestamp; into hub->relayed, borrowed from
 * there until the next one. Empty: no memory. Raw members; those that are not there are empty.
 */
struct envelope {
    struct str type;
    struct str id;
    struct str session;
    struct str payload;
    struct str timestamp;
    struct str reply_to;
};
struct str envelope_relay(struct hub *hub, const struct envelope *e, struct str source);

#endif
