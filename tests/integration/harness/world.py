"""Messages of the world dialect, made and taken apart."""


def bark(text, **members):
    return {"type": "bark", "agent_id": "x", "data": {"text": text}, **members}


def joined(client, agent_id, role="agent"):
    """The next message, which must say that this agent has joined; returns its data."""
    message = client.take("agent_joined")
    data = message["data"]
    for place in (message, data):
        assert (place["agent_id"], place["agentId"], place["role"]) == (agent_id, agent_id, role), message
    assert isinstance(message["ts"], (int, float)), message
    return data


def left(client, agent_id):
    message = client.take("agent_left")
    assert message["agent_id"] == message["agentId"] == agent_id, message
    return message
