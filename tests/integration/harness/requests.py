"""What goes wrong with sessions and requests to agents: each function provokes one error and returns its payload."""

ABLE = {"chat": False, "tools": ["paint"], "streaming": True, "modes": [], "custom": {}}


def register(client, agent_id):
    """Makes it an agent that can paint, one thing at a time."""
    info = client.ask("agent_register", {"agentId": agent_id, "name": agent_id, "type": "cli", "capabilities": ABLE})
    assert info["payload"] == {"agentId": agent_id, "status": "registered"}, info
    return client


def pair(gateway, options):
    return register(gateway.control(**options), "painter"), gateway.control(**options)


def asked(agent, asker, **members):
    """A request that its agent has; returns the asker's id of it, and the agent's."""
    own = asker.say("route_request", {"capability": "paint", "request": {"what": "a door"}, **members})
    return own, agent.take("route_request")["id"]


def no_agent(gateway, **options):
    _, asker = pair(gateway, options)
    asker.say("route_request", {"capability": "fly", "request": None})
    return asker.error("NO_AGENT")


def offline(gateway, **options):
    agent, asker = pair(gateway, options)
    agent.close()
    asker.say("route_request", {"agentId": "painter", "request": None})
    return asker.error("TARGET_OFFLINE")


def offline_target(gateway, **options):
    agent, asker = pair(gateway, options)
    agent.close()
    asker.say("hint", {}, target="painter")
    return asker.error("TARGET_OFFLINE")


def agent_gone(gateway, **options):
    agent, asker = pair(gateway, options)
    _, request = asked(agent, asker)
    agent.say("route_response", {"requestId": request, "ok": True, "result": 1, "done": False})
    asker.take("route_response")
    agent.close()
    return asker.error("AGENT_GONE")


def timeout(gateway, **options):
    agent, asker = pair(gateway, options)
    asked(agent, asker, timeoutMs=1)
    agent.take("route_cancel")
    return asker.error("ROUTE_TIMEOUT")


def cancelled(gateway, **options):
    agent, asker = pair(gateway, options)
    own, request = asked(agent, asker)
    asker.say("route_cancel", {"requestId": own})
    assert agent.take("route_cancel")["payload"] == {"requestId": request}
    return asker.error("ROUTE_CANCELLED")


def queue_full(gateway, **options):
    """Of a gateway with agents.max_queue 0."""
    agent, asker = pair(gateway, options)
    asked(agent, asker)
    asker.say("route_request", {"capability": "paint", "request": None})
    return asker.error("QUEUE_FULL")


def no_session(gateway, **options):
    client = gateway.control(**options)
    client.say("session_join", {"sessionId": "den"})
    return client.error("SESSION_NOT_FOUND")


def no_session_id(gateway, **options):
    client = gateway.control(**options)
    client.say("session_join", {"sessionId": "a b"})
    return client.error("SESSION_NOT_FOUND")


def session_full(gateway, **options):
    """Of a gateway with gateway.max_clients_per_session 2."""
    members = [gateway.control(**options) for _ in range(2)]
    members[0].create("den")
    members[1].join("den")
    late = gateway.control(**options)
    late.say("session_join", {"sessionId": "den"})
    return late.error("SESSION_FULL")


def not_a_member(gateway, **options):
    gateway.control(**options).create("den")
    other = gateway.control(**options)
    other.say("chat", {"message": "hi"}, sessionId="den")
    return other.error("NOT_A_MEMBER")


def target_not_a_member(gateway, **options):
    member, other = gateway.control(**options), gateway.control(**options)
    member.create("den")
    member.say("hint", {}, sessionId="den", target=other.id)
    return member.error("NOT_A_MEMBER")


def no_route(gateway, **options):
    client = gateway.control(**options)
    client.say("hint", {})
    return client.error("NO_ROUTE")
