#include "dialect.h"

/* clang-format off */

static const char world[] =
    "# Agents in a world of Parley. What one says is passed on to the others byte for byte.\n"
    "path: /ws/matrix?world={session}\n"
    "greets: yes\n"
    "delivers: whole\n"
    "message: {\"type\":\"bark\",\"agent_id\":\"{id}\",\"data\":{\"text\":\"{body}\"},\"ts\":1700000000.000}\n"
    "directed-path: /ws/matrix?world={session}\n"
    "directed-hello: {\"type\":\"agent_register\",\"agentId\":\"{id}\"}\n"
    "directed: {\"type\":\"bark\",\"agent_id\":\"{id}\",\"target_id\":\"{peer}\",\"data\":{\"text\":\"{body}\"}}\n"
    "request-path: /ws/matrix?world={session}\n"
    "agent-hello: {\"type\":\"agent_register\",\"agentId\":\"{id}\",\"capabilities\":[\"bench\"],\"maxConcurrent\":100000}\n"
    "request: {\"type\":\"route_request\",\"id\":\"{number}\",\"data\":{\"capability\":\"bench\",\"request\":{json}}}\n"
    "capture: \"id\":\"\n"
    "answer: {\"type\":\"route_response\",\"data\":{\"requestId\":\"{captured}\",\"ok\":true,\"result\":{json},\"done\":true}}\n";

static const char gateway[] =
    "# The gateway dialect of Parley. Frames are written anew for their receivers, the payload stays.\n"
    "path: /ws\n"
    "greets: yes\n"
    "delivers: body\n"
    "join: {\"type\":\"session_create\",\"id\":\"j\",\"payload\":{\"sessionId\":\"{session}\"}}\n"
    "message: {\"type\":\"chat\",\"id\":\"{number}\",\"sessionId\":\"{session}\",\"payload\":{\"text\":\"{body}\"}}\n"
    "directed-path: /ws\n"
    "directed-hello: {\"type\":\"agent_register\",\"id\":\"h\",\"payload\":{\"agentId\":\"{id}\",\"name\":\"{id}\",\"type\":\"cli\","
        "\"capabilities\":{\"chat\":false,\"tools\":[],\"streaming\":false,\"modes\":[],\"custom\":{}}}}\n"
    "directed: {\"type\":\"chat\",\"id\":\"{number}\",\"target\":\"{peer}\",\"payload\":{\"text\":\"{body}\"}}\n"
    "request-path: /ws\n"
    "agent-hello: {\"type\":\"agent_register\",\"id\":\"h\",\"payload\":{\"agentId\":\"{id}\",\"name\":\"{id}\",\"type\":\"cli\","
        "\"capabilities\":{\"chat\":false,\"tools\":[\"bench\"],\"streaming\":false,\"modes\":[],\"custom\":{}},\"maxConcurrent\":100000}}\n"
    "request: {\"type\":\"route_request\",\"id\":\"{number}\",\"payload\":{\"capability\":\"bench\",\"request\":{json}}}\n"
    "capture: \"id\":\"\n"
    "answer: {\"type\":\"route_response\",\"id\":\"{number}\",\"payload\":{\"requestId\":\"{captured}\",\"ok\":true,\"result\":{json},\"done\":true}}\n";

static const char plain[] =
    "# A hub that passes on what it is sent: to all others; to the one whom the URL names; or to the\n"
    "# one whom a message names. The programs in bench/peers/ are such hubs.\n"
    "path: /\n"
    "greets: no\n"
    "delivers: whole\n"
    "message: {\"type\":\"bark\",\"agent_id\":\"{id}\",\"data\":{\"text\":\"{body}\"},\"ts\":1700000000.000}\n"
    "directed-path: /?id={id}&to={peer}\n"
    "directed: {\"type\":\"bark\",\"agent_id\":\"{id}\",\"target_id\":\"{peer}\",\"data\":{\"text\":\"{body}\"}}\n"
    "request-path: /?id={id}\n"
    "request: {\"to\":\"{peer}\",\"from\":\"{id}\",\"request\":{json}}\n"
    "capture: \"from\":\"\n"
    "answer: {\"to\":\"{captured}\",\"from\":\"{id}\",\"result\":{json}}\n";

static const char nats[] =
    "# nats-server by its WebSocket port, or by TCP with --url tcp://HOST:PORT. --size is that of the payload.\n"
    "path: /\n"
    "greets: yes\n"
    "delivers: body\n"
    "framing: nats\n"
    "hello: CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false,\"lang\":\"bench\",\"version\":\"1\",\"protocol\":1}\\r\\n\n"
    "join: SUB {session} {session}\\r\\n\n"
    "message: PUB {session} {size}\\r\\n{json}\\r\\n\n"
    "directed-path: /\n"
    "directed-hello: CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false,\"lang\":\"bench\",\"version\":\"1\",\"protocol\":1}\\r\\nSUB {id} 1\\r\\n\n"
    "directed: PUB {peer} {size}\\r\\n{json}\\r\\n\n"
    "request-path: /\n"
    "agent-hello: CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false,\"lang\":\"bench\",\"version\":\"1\",\"protocol\":1}\\r\\nSUB {id} 1\\r\\n\n"
    "asker-hello: CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false,\"lang\":\"bench\",\"version\":\"1\",\"protocol\":1}\\r\\nSUB {id}.* 1\\r\\n\n"
    "request: PUB {peer} {id}.{number} {size}\\r\\n{json}\\r\\n\n"
    "# MSG SUBJECT SUBSCRIPTION REPLY-TO SIZE\n"
    "capture: \\s1\\s\n"
    "answer: PUB {captured} {size}\\r\\n{json}\\r\\n\n";

/* clang-format on */

const char *const dialect_names[] = {"world", "gateway", "plain", "nats", NULL};

const char *dialect_source(const char *name)
{
    static const char *const sources[] = {world, gateway, plain, nats};
    for (unsigned i = 0; dialect_names[i] != NULL; i++) {
        if (strcmp(name, dialect_names[i]) == 0) {
            return sources[i];
        }
    }
    return NULL;
}
