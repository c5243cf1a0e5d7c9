"""`subscribe`: what a filter lets through, where it stands in the order, what it refuses."""

import pytest

from harness.world import bark, joined, left


@pytest.mark.parametrize("where", ["top", "data"])
def test_subscribe_filters(gateway, where):
    speaker, hearer, other = gateway.client(), gateway.agent("hearer"), gateway.client()
    speaker.barrier()
    types = {"types": ["bark", "scene_*"]}
    hearer.send({"type": "subscribe", **(types if where == "top" else {"data": types})})
    assert hearer.barrier() == [], "subscribe is unanswered"
    sent = ["bark", "barks", "scene_add", "thought", "scene_", "scene", "xscene_add"]
    for kind in sent:
        speaker.send({"type": kind})
    speaker.send({"type": "thought", "target_id": "hearer"})
    speaker.barrier()
    late = gateway.agent("late")
    late.abort()
    joined(speaker, "late")
    left(speaker, "late")
    heard = hearer.barrier()
    assert [m["type"] for m in heard] == ["bark", "scene_add", "scene_", "thought"]
    assert heard[-1]["target_id"] == "hearer", "never directed messages"
    assert [m["type"] for m in other.barrier()] == [*sent, "agent_joined", "agent_left"]


def test_subscribe_to_joins(gateway):
    hearer = gateway.client()
    hearer.send({"type": "subscribe", "types": ["agent_joined"]})
    hearer.barrier()
    timmy = gateway.agent("timmy")
    timmy.send(bark("x"))
    timmy.close()
    joined(hearer, "timmy")
    gateway.wait_status(lambda status: status["connections"] == 1)
    hearer.heard_nothing()


def test_a_later_subscribe_replaces(gateway):
    speaker, hearer = gateway.client(), gateway.client()
    heard = []
    for message in ({"types": ["a"]}, {"types": ["b*"]}, {"types": []}, {}):
        hearer.send({"type": "subscribe", **message})
        hearer.barrier()
        for kind in ("a", "b", "bb"):
            speaker.send({"type": kind})
        speaker.barrier()
        heard.append([m["type"] for m in hearer.barrier()])
    assert heard == [["a"], ["b", "bb"], [], ["a", "b", "bb"]]
    speaker.heard_nothing()


def test_a_filter_takes_its_place_in_the_order(gateway):
    speaker, hearer = gateway.client(), gateway.client()
    hearer.send({"type": "subscribe", "types": ["a"]})
    hearer.barrier()
    speaker.send({"type": "b", "n": 1})
    speaker.barrier()
    hearer.send({"type": "subscribe"})
    hearer.barrier()
    speaker.send({"type": "b", "n": 2})
    assert hearer.next()["n"] == 2


@pytest.mark.parametrize(
    "types, code",
    [
        ("bark", "INVALID_MESSAGE"),
        ([1], "INVALID_MESSAGE"),
        ({"bark": True}, "INVALID_MESSAGE"),
        ([f"t{n}" for n in range(65)], "LIMIT_REACHED"),
    ],
    ids=["string", "number", "object", "65"],
)
def test_a_bad_filter_is_refused_and_the_old_one_stays(tcp_gateway, types, code):
    speaker, hearer = tcp_gateway.client(), tcp_gateway.client()
    hearer.send({"type": "subscribe", "types": ["a"]})
    hearer.send({"type": "subscribe", "types": types})
    hearer.error(code)
    speaker.send({"type": "b"})
    speaker.send({"type": "a"})
    assert hearer.next()["type"] == "a"


def test_64_filters_are_fine(tcp_gateway):
    speaker, hearer = tcp_gateway.client(), tcp_gateway.client()
    hearer.send({"type": "subscribe", "types": [f"t{n}" for n in range(64)]})
    assert hearer.barrier() == []
    speaker.send({"type": "t64"})
    speaker.send({"type": "t63"})
    assert hearer.next()["type"] == "t63"
