"""`parley call` and `parley agent run` by way of a real gateway."""

import json
import os
import signal
import subprocess
import time

import pytest

from harness import PATIENCE
from harness.agent import Agent, await_claim
from harness.client import Client
from harness.gateway import environment, program, run_parley
from harness.siege import metric

OK, FAILED, UNAVAILABLE, TRY_AGAIN, REFUSED, INTERRUPTED = 0, 1, 69, 75, 77, 130


@pytest.fixture
def agent():
    """agent(gateway, *arguments) -> one that is registered and does demo.x."""
    agents = []

    def start_one(gateway, *arguments, **variables):
        agents.append(Agent(gateway.url, *arguments, **variables))
        agents[-1].says("ready")
        return agents[-1]

    yield start_one
    for one in agents:
        if one.process.poll() is None:
            one.process.terminate()
            assert one.wait() == OK, one.talk
        one.process.kill()


def call(gateway, *arguments, code=OK, **variables):
    done = run_parley("call", *arguments, url=gateway.url)
    assert done.returncode == code, done
    return done.stdout if code == OK else done.stderr


def start_call(gateway, *arguments):
    return subprocess.Popen(
        [program(), "call", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(PARLEY_URL=gateway.url),
    )


def test_first_meeting(tcp_gateway, agent):
    agent(tcp_gateway, "--exec", "tr a-z A-Z", "--id", "upper")
    assert call(tcp_gateway, "demo.x", '"hello"') == "HELLO\n"
    assert call(tcp_gateway, "tools:demo.x", '{"a":1}', "--agent", "upper") == '{"A":1}\n'
    assert "upper" in run_parley("agents", url=tcp_gateway.url).stdout


def test_bytes_stay(tcp_gateway, agent):
    agent(tcp_gateway, "--exec", "cat")
    text = '[0.10,1E2,12345678901234567890,"\\u00e9"]'
    assert call(tcp_gateway, "demo.x", text) == text + "\n"


def test_stream(tcp_gateway, agent, tmp_path):
    go = tmp_path / "go"
    os.mkfifo(go)
    agent(tcp_gateway, "--stream", "--exec", f"echo one; cat {go}")
    asked = start_call(tcp_gateway, "demo.x", "--stream")
    assert asked.stdout.readline() == "one\n"
    go.write_text("two\nthree\n")
    assert asked.stdout.read() == "two\nthree\n" and asked.wait(PATIENCE) == OK
    asked.stderr.close()


LINES = 100_000


@pytest.mark.parametrize("consumer", ["wc -l", "sleep 2; wc -l"])
def test_many_lines_at_once(tcp_gateway, agent, consumer):
    """All of them arrive, more than the gateway keeps for anybody, and also when they are read late."""
    agent(tcp_gateway, "--stream", "--exec", f"seq {LINES}")
    asked = start_call(tcp_gateway, "demo.x", "--stream")
    counted = subprocess.run(["sh", "-c", consumer], stdin=asked.stdout, capture_output=True, text=True, timeout=PATIENCE)
    assert (counted.stdout.strip(), asked.wait(PATIENCE), asked.stderr.read()) == (str(LINES), OK, "")
    asked.stdout.close()
    asked.stderr.close()


def test_rate_of_the_gateway(start, agent):
    """Where messages are counted an agent sends no more than pass: parts in order, and answers that are all there at once."""
    gateway = start(settings={"limits.rate": 30})
    agent(gateway, "--stream", "--exec", "seq 60", "--id", "parts")
    asked = start_call(gateway, "demo.x", "--stream", "--agent", "parts")
    assert asked.communicate(timeout=PATIENCE) == ("".join(f"{n}\n" for n in range(1, 61)), "") and asked.returncode == OK
    agent(gateway, "--exec", "cat", "--concurrency", "50", "--id", "answers")
    callers = [start_call(gateway, "demo.x", "--agent", "answers") for _ in range(50)]
    for each in callers:
        assert each.communicate(timeout=PATIENCE) == ("null\n", "") and each.returncode == OK
    assert metric(gateway, 'parley_messages_dropped_total{reason="rate"}') == 0


def test_one_stream_does_not_hold_up_others(start, agent):
    """Of what the gateway's limits.rate lets through each program has its share."""
    gateway = start(settings={"limits.rate": 30})
    agent(gateway, "--stream", "--concurrency", "3", "--exec", 'read x; [ "$x" = 1 ] && exec seq 100000; echo $x')
    long = start_call(gateway, "demo.x", "1", "--stream")
    assert long.stdout.readline() == "1\n"
    for _ in range(3):
        assert call(gateway, "demo.x", "2", "--timeout", "5s") == "2\n"
    long.kill()
    long.communicate()


def test_leaving_while_answers_wait(start, agent):
    """An agent that is ended says what it has done, as fast as limits.rate lets it, and is asked no more."""
    gateway = start(settings={"limits.rate": 3})
    first = agent(gateway, "--exec", "sleep 0.5; cat", "--concurrency", "40", "--id", "first")
    callers = [start_call(gateway, "demo.x", str(n)) for n in range(26)]
    await_claim(lambda: any(each.poll() is not None for each in callers), "the first answer")
    first.process.terminate()
    for n, each in enumerate(callers):
        assert each.communicate(timeout=PATIENCE) == (f"{n}\n", "") and each.returncode == OK
    assert first.wait() == OK


def test_more_chats_than_can_be_refused(start, agent):
    """What anybody sends to an agent that has no place left keeps others from their answers no longer than it lasts."""
    gateway = start(settings={"limits.rate": 10})
    host = agent(gateway, "--chat", "--exec", "exec sleep 1000", "--id", "host")
    clients = [gateway.control() for _ in range(4)]
    for _ in range(3):
        for client in clients:
            for _ in range(9):
                client.say("chat", {"message": "hi"}, target="host")
        time.sleep(1.1)
    assert "LIMIT_REACHED" in call(gateway, "demo.x", "--timeout", "4s", code=FAILED)
    for _ in range(2):  # what sleeps is ended by the second one
        host.process.terminate()
        host.says("under way")
    assert host.wait() == OK


def test_parts_that_the_gateway_drops(start, agent):
    """A gateway that stood still reads more at once than limits.rate lets through: what is not whole is not taken for whole."""
    gateway = start(settings={"limits.rate": 10})
    agent(gateway, "--stream", "--exec", "seq 60")
    asked = start_call(gateway, "demo.x", "--stream")
    assert asked.stdout.readline() == "1\n"
    gateway.process.send_signal(signal.SIGSTOP)
    time.sleep(3)
    gateway.process.send_signal(signal.SIGCONT)
    _, said = asked.communicate(timeout=PATIENCE)
    assert asked.returncode == FAILED and "limits.rate" in said, said
    asked = start_call(gateway, "demo.x", "--stream")
    assert asked.communicate(timeout=PATIENCE) == ("".join(f"{n}\n" for n in range(1, 61)), "")


def test_timeout_is_of_the_program(start, agent):
    """It has long ended while its lines are sent at the pace that the gateway's limits.rate sets."""
    gateway = start(settings={"limits.rate": 30})
    agent(gateway, "--stream", "--exec", "seq 40", "--timeout", "500ms")
    assert call(gateway, "demo.x") == "".join(f"{n}\n" for n in range(1, 41))


def test_nobody(tcp_gateway, agent):
    assert "NO_AGENT" in call(tcp_gateway, "demo.x", code=UNAVAILABLE)
    assert "TARGET_NOT_FOUND" in call(tcp_gateway, "demo.x", "--agent", "nobody", code=UNAVAILABLE)
    gone = agent(tcp_gateway, "--exec", "cat", "--id", "gone")
    gone.process.terminate()
    assert gone.wait() == OK
    assert "NO_AGENT" in call(tcp_gateway, "demo.x", code=UNAVAILABLE)


def test_failure(tcp_gateway, agent):
    agent(tcp_gateway, "--exec", "echo why >&2; exit 3")
    said = call(tcp_gateway, "demo.x", code=FAILED)
    assert "exit code was 3" in said and "parley:   why" in said


def test_timeout(tcp_gateway, agent):
    """The gateway says that the time is over, and the program is ended."""
    one = agent(tcp_gateway, "--exec", "sleep 1000")
    assert "ROUTE_TIMEOUT" in call(tcp_gateway, "demo.x", "--timeout", "100ms", code=TRY_AGAIN)
    await_claim(lambda: not one.children(), "the program is ended")


@pytest.mark.parametrize("how", ["interrupt", "kill"])
def test_asker_gone(tcp_gateway, agent, how):
    one = agent(tcp_gateway, "--exec", "sleep 1000")
    asked = start_call(tcp_gateway, "demo.x")
    await_claim(one.children, "it runs")
    asked.send_signal(signal.SIGINT if how == "interrupt" else signal.SIGKILL)
    out, said = asked.communicate(timeout=PATIENCE)
    assert (out, said) == ("", "")
    assert asked.returncode == (INTERRUPTED if how == "interrupt" else -signal.SIGKILL)
    await_claim(lambda: not one.children(), "the program is ended")


def test_agent_gone(tcp_gateway, agent):
    one = agent(tcp_gateway, "--exec", "sleep 1000")
    asked = start_call(tcp_gateway, "demo.x")
    programs = await_claim(one.children, "it runs")
    one.process.kill()
    assert one.wait() == -signal.SIGKILL
    assert "AGENT_GONE" in asked.communicate(timeout=PATIENCE)[1] and asked.returncode == UNAVAILABLE
    for pid in programs:
        os.kill(pid, signal.SIGKILL)


def test_a_hundred_at_once(tcp_gateway, agent):
    """More than there are places: those that wait are served in their turn."""
    agent(tcp_gateway, "--exec", "cat", "--concurrency", "4")
    calls = [start_call(tcp_gateway, "demo.x", str(n)) for n in range(100)]
    for n, asked in enumerate(calls):
        assert asked.communicate(timeout=PATIENCE) == (f"{n}\n", "") and asked.returncode == OK


def test_an_agent_that_is_asked_to_end(tcp_gateway, agent, tmp_path):
    """What it has begun is answered; the next one finds nobody, or somebody else."""
    go = tmp_path / "go"
    os.mkfifo(go)
    one = agent(tcp_gateway, "--exec", f"cat {go}")
    asked = start_call(tcp_gateway, "demo.x")
    await_claim(one.children, "it runs")
    one.process.terminate()
    one.says("under way")
    go.write_text("done")
    assert asked.communicate(timeout=PATIENCE) == ("done\n", "")
    assert one.wait() == OK


def test_restart(start, agent):
    """An agent comes back to a gateway that was away."""
    first = start()
    one = agent(first, "--exec", "cat")
    port = first.port
    first.stop()
    one.says("trying again")
    second = start(port=port)
    one.says("ready again")
    assert call(second, "demo.x", "1") == "1\n"


def test_replaced(tcp_gateway, agent):
    """The newer one of two agents of one id is the one that counts, and the older one does not fight it."""
    older = agent(tcp_gateway, "--exec", "echo older", "--id", "me")
    agent(tcp_gateway, "--exec", "echo newer", "--id", "me")
    assert older.wait() == REFUSED
    assert call(tcp_gateway, "demo.x") == "newer\n"


def test_chat(tcp_gateway, agent):
    """Somebody without an address is answered by whoever can chat."""
    agent(tcp_gateway, "--chat", "--exec", "echo pleased to meet you")
    client = Client(tcp_gateway.open_socket(), tcp_gateway.host, "/ws")
    tcp_gateway.clients.append(client)
    client.begin()
    client.take("session_info")
    client.send({"type": "chat", "id": "m-1", "payload": {"message": "hi"}})
    reply = client.take("chat_complete")
    assert reply["replyTo"] == "m-1" and reply["payload"]["content"] == "pleased to meet you"


def test_chat_with_one(tcp_gateway, agent):
    """Who says it to the agent alone is answered, too."""
    agent(tcp_gateway, "--chat", "--stream", "--exec", "echo pleased; echo to meet you", "--id", "host")
    client = tcp_gateway.control()
    asked = client.say("chat", {"message": "hi"}, target="host")
    heard = [client.take(kind) for kind in ("chat_stream", "chat_stream", "chat_complete")]
    assert all((one["replyTo"], one["source"]) == (asked, "host") for one in heard)
    assert [one["payload"]["content"] for one in heard[:2]] == ["pleased", "to meet you"]


def test_chat_with_one_that_fails(tcp_gateway, agent):
    agent(tcp_gateway, "--chat", "--exec", "exit 3", "--id", "host")
    client = tcp_gateway.control()
    asked = client.say("chat", {"message": "hi"}, target="host")
    heard = client.take("chat_complete")
    assert (heard["replyTo"], heard["source"]) == (asked, "host")
    assert heard["payload"]["content"] == "HANDLER_ERROR: the program failed"


def test_credential(start, agent, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    gateway = start("--token-file", str(secret))
    assert "AUTH_REQUIRED" in call(gateway, "demo.x", code=REFUSED)
    agent(gateway, "--exec", "cat", PARLEY_TOKEN="s3cret")
    assert call(gateway, "demo.x", "1", "--token-file", str(secret)) == "1\n"


def explain(gateway, request, *options, code=OK):
    done = run_parley("explain", "--json", *options, "route_request", json.dumps(request), url=gateway.url)
    assert done.returncode == code, done
    return json.loads(done.stdout)


def test_explained(tcp_gateway, agent, tmp_path):
    """Who would get a request is who gets it, and of the others it is said why not."""
    go = tmp_path / "go"
    os.mkfifo(go)
    request = {"capability": "demo.x", "request": 1}
    refused = explain(tcp_gateway, request, code=FAILED)
    assert (refused["verdict"], refused["considered"], refused["candidates"]) == ("NO_AGENT", 0, [])
    agent(tcp_gateway, "--exec", f"cat {go}", "--id", "slow")
    asked = start_call(tcp_gateway, "demo.x")
    tcp_gateway.wait_status(lambda status: explain(tcp_gateway, request)["verdict"] == "waits")
    agent(tcp_gateway, "--exec", "cat", "--id", "quick")
    gone = agent(tcp_gateway, "--exec", "cat", "--id", "gone")
    gone.process.kill()
    tcp_gateway.wait_status(lambda status: status["total"] == 2)
    told = explain(tcp_gateway, request)
    assert (told["verdict"], told["target"], told["receivers"], told["considered"]) == ("delivered", "quick", 1, 3)
    fates = {one["agentId"]: one["fate"] for one in told["candidates"]}
    assert fates == {"slow": "full", "quick": "chosen", "gone": "offline"}
    said = run_parley("explain", "route_request", json.dumps(request), url=tcp_gateway.url).stdout
    assert "slow: full, 1 of 1" in said and "quick: chosen, 0 of 1" in said
    assert call(tcp_gateway, "demo.x", "7") == "7\n"
    assert explain(tcp_gateway, {"agentId": "gone", "request": 1}, code=FAILED)["verdict"] == "TARGET_OFFLINE"
    assert explain(tcp_gateway, {"request": 1}, code=FAILED)["verdict"] == "INVALID_MESSAGE"
    go.write_text("1\n")
    assert asked.stdout.read() == "1\n" and asked.wait(PATIENCE) == OK
    asked.stderr.close()


def test_watched(tcp_gateway, agent):
    """What a monitor hears of a request that one program asks and another one answers."""
    boss = tcp_gateway.control()
    boss.ask("monitor", {"types": ["route_*", "error"]})
    agent(tcp_gateway, "--exec", "cat", "--id", "echo")
    assert call(tcp_gateway, "demo.x", "0.10") == "0.10\n"
    asked, answered = boss.next()["payload"], boss.next()["payload"]
    assert asked["message"]["type"] == "route_request" and asked["target"] == "echo", asked
    assert answered["message"]["type"] == "route_response" and answered["source"] == "echo", answered
    assert asked["source"] == answered["target"] and asked["source"].startswith("c-")
    assert answered["message"]["payload"]["result"] == asked["message"]["payload"]["request"] == 0.10
    assert "NO_AGENT" in call(tcp_gateway, "demo.none", code=UNAVAILABLE)
    assert boss.heard_nothing() is None
