"""`parley agent run` before a server that is strict about the dialect: many programs, and all ways to an end."""

import os
import signal
import socket
import time

import pytest

from harness.agent import Agent, ask, await_claim, failed, leave, serve, state_of
from harness.fake_control import FakeControl

OK, PROTOCOL, REFUSED = 0, 76, 77


# --- several at a time -----------------------------------------------------------------------


def test_a_hundred_at_a_time(control, run, tmp_path):
    """They all run at once: each waits for the last one."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    agent, peer = serve(control, run, f"read x; : <{gate}; echo $x", "--concurrency", "100")
    for n in range(100):
        peer.ask(f"r-{n}", n)
    await_claim(lambda: len(agent.children()) == 100, "a hundred programs")
    with open(gate, "w"):
        answers = [peer.answer() for _ in range(100)]
    assert sorted(answer["result"] for answer in answers) == list(range(100))
    assert all(answer["requestId"] == f"r-{answer['result']}" for answer in answers)
    await_claim(lambda: not agent.children(), "no zombies")
    leave(agent, peer)


def test_more_than_it_asked_for(control, run, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    agent, peer = serve(control, run, f"cat {gate}")
    for n in range(3):
        peer.ask(f"r-{n}", n)
    failed(peer.answer("r-2"), "LIMIT_REACHED")
    gate.write_text("1")
    assert peer.answer("r-0")["result"] == 1
    gate.write_text("2")
    assert peer.answer("r-1")["result"] == 2
    leave(agent, peer)


def test_nothing_leaks(control, run):
    agent, peer = serve(control, run, "cat")
    ask(peer, "r-0")
    await_claim(lambda: not agent.children(), "reaped")
    before = agent.descriptors()
    for n in range(1, 50):
        assert ask(peer, f"r-{n}", n)["result"] == n
    await_claim(lambda: not agent.children(), "reaped")
    assert agent.descriptors() == before
    leave(agent, peer)


def test_what_a_program_inherits(control, run):
    """Three pipes and nothing else, a group of its own, no signal blocked or ignored but what ours were."""
    command = "ls -l /proc/self/fd | grep -c -- '->'; ps -o pgid= $$; echo $$; grep -E 'Sig(Blk|Ign)' /proc/self/status"
    agent, peer = serve(control, run, command)
    count, group, pid, blocked, ignored = ask(peer, "r-1")["result"].split("\n")
    assert int(count) == 4, "and the directory that ls reads"
    assert group.strip() == pid
    assert int(blocked.split()[1], 16) == 0
    assert int(ignored.split()[1], 16) & (1 << (signal.SIGPIPE - 1)) == 0
    leave(agent, peer)


# --- the end of a request --------------------------------------------------------------------


def test_cancel(control, run, tmp_path):
    """SIGTERM goes to the whole group; a program may say goodbye; nothing is answered."""
    note = tmp_path / "note"
    command = f"trap 'echo bye; echo term >{note}; exit' TERM; echo on; sleep 1000 & wait"
    agent, peer = serve(control, run, command, "--stream")
    peer.ask("r-1", None)
    assert peer.answer("r-1")["result"] == "on"
    peer.cancel("r-1")
    await_claim(lambda: not agent.children(), "the program is gone")
    assert note.read_text() == "term\n"
    leave(agent, peer)


def test_cancel_of_nobody(control, run):
    agent, peer = serve(control, run, "cat")
    peer.cancel("r-9")
    peer.tell("route_cancel", {})
    peer.tell("route_cancel", {"requestId": 7})
    assert ask(peer, "r-1", 1)["result"] == 1
    leave(agent, peer)


def test_a_program_that_ignores_sigterm(control, run):
    """It is killed after five seconds; until then its place is taken, and the next request waits."""
    agent, peer = serve(control, run, "read x; trap '' TERM; echo $x; while [ $x = 1 ]; do sleep 1000; done", "--stream")
    peer.ask("r-1", 1)
    assert peer.answer("r-1")["result"] == 1
    (pid,) = agent.children()
    started = time.monotonic()
    peer.cancel("r-1")
    peer.ask("r-2", 2)
    assert peer.answer("r-2")["result"] == 2
    assert time.monotonic() - started > 4.5 and state_of(pid) is None
    assert peer.answer("r-2")["done"] is True
    leave(agent, peer)


def test_timeout(control, run):
    agent, peer = serve(control, run, "sleep 1000", "--timeout", "50ms")
    assert "longer" in failed(ask(peer, "r-1"))["message"]
    await_claim(lambda: not agent.children(), "the program is gone")
    leave(agent, peer)


def test_what_a_program_leaves_behind(control, run, tmp_path):
    """Its group is killed with it. One that left the group lives on, and holds nothing up."""
    note = tmp_path / "pids"
    command = f"sleep 1000 & echo $! >{note}; setsid sh -c 'echo $$ >>{note}; exec sleep 1000' & while [ $(wc -l <{note}) -lt 2 ]; do :; done; echo ok"
    agent, peer = serve(control, run, command)
    assert ask(peer, "r-1")["result"] == "ok"
    inside, outside = note.read_text().split()
    await_claim(lambda: state_of(inside) in (None, "Z"), "what was in the group is gone")
    await_claim(lambda: state_of(outside) == "S", "what left the group sleeps on")
    os.kill(int(outside), signal.SIGKILL)
    leave(agent, peer)


# --- the end of a connection -----------------------------------------------------------------


@pytest.mark.parametrize("how", ["abort", "close"])
def test_connection_lost(control, run, how):
    """What runs is ended, and the agent comes back."""
    agent, peer = serve(control, run, "read x; [ $x = 2 ] || sleep 1000; echo $x", "--id", "me")
    peer.ask("r-1", 1)
    await_claim(agent.children, "it runs")
    peer.abort() if how == "abort" else peer.close(1001, "the gateway is stopping")
    peer = control.accept()
    assert not agent.children()
    assert peer.register()["agentId"] == "me"
    agent.says("ready again")
    assert ask(peer, "r-1", 2)["result"] == 2
    leave(agent, peer)


def test_gateway_restarts(run):
    """It waits for a gateway that is away, as long as that takes."""
    with FakeControl() as first:
        agent = Agent(first.url, "--exec", "cat", "--id", "me")
        first.accept().register()
        agent.says("ready")
        port = first.port
    agent.says("trying again")
    with FakeControl(port=port) as second:
        peer = second.accept()
        assert peer.register()["agentId"] == "me"
        assert ask(peer, "r-1", 1)["result"] == 1
        leave(agent, peer)
    assert sum("trying again" in line for line in agent.talk) == 1, agent.talk


@pytest.mark.parametrize("code", [4401, 4403, 4408, 4409, 1008])
def test_closed_for_good(control, run, code):
    """Who was told not to come back does not: two agents of one id would throw each other out for ever."""
    agent, peer = serve(control, run, "sleep 1000")
    peer.ask("r-1", 1)
    await_claim(agent.children, "it runs")
    peer.close(code, "do something else")
    assert agent.wait() == REFUSED
    assert "do something else" in "".join(agent.talk)


def test_not_this_dialect(control, run):
    agent, peer = serve(control, run, "cat")
    peer.say('{"no":"type"}')
    assert agent.wait() == PROTOCOL


def test_talk_of_the_gateway(control, run):
    agent, peer = serve(control, run, "cat")
    peer.error("SLOW_CLIENT", "read \x1b[2J faster")
    agent.says("SLOW_CLIENT: read \\x1b[2J faster")
    leave(agent, peer)


# --- the end of the agent --------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal(control, run, number, tmp_path):
    """What runs may end and is answered; then the agent says goodbye."""
    go = tmp_path / "go"
    os.mkfifo(go)
    agent, peer = serve(control, run, f"cat {go}")
    peer.ask("r-1", None)
    await_claim(agent.children, "it runs")
    agent.process.send_signal(number)
    assert peer.take("agent_heartbeat")["payload"] == {"status": "busy"}
    go.write_text("done")
    assert peer.answer("r-1")["result"] == "done"
    peer.bid_farewell()
    assert agent.wait() == OK


def test_second_signal(control, run):
    agent, peer = serve(control, run, "sleep 1000")
    peer.ask("r-1", None)
    await_claim(agent.children, "it runs")
    agent.process.terminate()
    peer.take("agent_heartbeat")
    agent.process.terminate()
    failed(peer.answer("r-1"), "SHUTTING_DOWN")
    peer.bid_farewell()
    assert agent.wait() == OK


def test_signal_while_nobody_is_there(control, run):
    agent, peer = serve(control, run, "cat")
    control.stop()
    agent.says("trying again")
    agent.process.terminate()
    assert agent.wait() == OK


def test_signal_while_connecting():
    """A gateway that takes the connection and says nothing does not hold up the end."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        agent = Agent(f"http://127.0.0.1:{mute.getsockname()[1]}", "--exec", "cat")
        connection, _ = mute.accept()
        with connection:
            connection.recv(1)
            agent.process.terminate()
            assert agent.wait() == OK
