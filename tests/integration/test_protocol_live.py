"""What a gateway says itself is what the schema says: its frames, judged by ajv."""

import json

import pytest

from harness.world import bark
from test_protocol_export import export, needs_node, verdicts

WRONG = [
    "{",
    "[]",
    '{"type":7}',
    '{"type":"pong"}',
    '{"type":"agent_register","agentId":"no such name"}',
    '{"type":"agent_register","agentId":"timmy","data":{"capabilities":["\\"",7]}}',
    '{"type":"subscribe","types":7}',
    '{"type":"bark","target_id":"nobody","data":{"text":"x"}}',
    json.dumps(bark("x" * (1 << 20))),
]


@pytest.fixture
def world_schema(tmp_path):
    return export("world.json", tmp_path)


@needs_node
def test_frames_of_the_world(start, world_schema):
    gateway = start()
    listener, agent = gateway.client(), gateway.client()
    frames = [listener.greeting, gateway.client(world="attic").greeting]
    frames.append(agent.register("timmy", role="poet", name="Timmy", capabilities={"tools": ["rhyme"]}))
    frames.append(listener.take("agent_joined"))
    frames.append(gateway.client().greeting)
    assert frames[-1]["data"]["agents"], "a roster with somebody in it"
    for message in WRONG:
        agent.send(message)
        frames.append(agent.take("error"))
    agent.send({"type": "ping"})
    frames.append(agent.take("pong"))
    agent.close()
    frames.append(listener.take("agent_left"))
    for frame, verdict in zip(frames, verdicts(world_schema, frames)):
        assert verdict["ok"], (frame, verdict)
