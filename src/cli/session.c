#include "cli/session.h"

#include "cli/envelope.h"

enum { MAX_FRAME = 1024 };

bool session_check_place(const char *world, const char *session)
{
    if (world != NULL && session != NULL) {
        complain("--world and --session are one or the other; a world is the session world:NAME");
        return false;
    }
    if (world != NULL && !url_world_valid(str_from_z(world))) {
        complain("%s cannot be the name of a world", world);
        return false;
    }
    if (session != NULL && !url_id_valid(str_from_z(session))) {
        complain("%s cannot be the id of a session", session);
        return false;
    }
    return true;
}

enum cli_exit session_send_join(struct remote *r, struct str session)
{
    struct json_writer w;
    struct buf frame;

    buf_init(&frame, MAX_FRAME);
    envelope_open(&w, &frame, "session_join", SESSION_JOIN_ID);
    json_key_string(&w, STR("sessionId"), session);
    envelope_close(&w, STR(""));
    enum cli_exit code = remote_send(r, buf_str(&frame));
    buf_fini(&frame);
    return code;
}
