"""`parley protocol check` and `roundtrip` as a person or a script uses them."""

import json

import pytest

from harness.gateway import run_parley

OK, FAILED, USAGE = 0, 1, 2

BARK = '{"type":"bark","agent_id":"timmy","data":{"text":"hi","n":1E2,"m":0.10},"ts":1.5}'
SILENT = '{"type":"bark","agent_id":"timmy","data":{},"ts":1.5}'


def protocol(*arguments, lines=(), code=OK):
    done = run_parley("protocol", *arguments, stdin="".join(line + "\n" for line in lines))
    assert done.returncode == code, done
    return done


def verdicts(*lines, code, dialect="world"):
    done = protocol("check", "--json", "--dialect", dialect, lines=lines, code=code)
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_check():
    done = protocol("check", lines=[BARK, SILENT], code=FAILED)
    assert done.stdout == "ok bark\n"
    assert done.stderr.startswith("parley: line 2, position 41: data.text: expected a string"), done
    assert protocol("check", lines=[BARK]).stderr == ""
    assert protocol("check").stdout == ""


def test_check_as_json():
    good, missing, unknown, broken, untyped = verdicts(
        BARK, SILENT, '{"type":"n\\u006fpe"}', BARK + " x", "[]", code=FAILED
    )
    assert good == {"ok": True, "type": "bark"}
    assert missing["ok"] is False and missing["type"] == "bark" and missing["path"] == "data.text"
    assert missing["position"] == SILENT.index("{}")
    assert unknown["type"] == "nope" and unknown["path"] == "type"
    assert broken["type"] is None and broken["path"] == "" and broken["position"] == len(BARK) + 1
    assert untyped["type"] is None and "an object" in untyped["message"]


def test_dialects():
    connect = {"deviceId": "d", "role": "node", "protocolVersion": 2}
    text = json.dumps({"type": "connect", "id": "1", "payload": connect})
    assert verdicts(text, code=OK, dialect="gateway") == [{"ok": True, "type": "connect"}]
    assert verdicts(text, code=FAILED)[0]["path"] == "type"


def test_round_trip():
    done = protocol("roundtrip", lines=[BARK, '{"ts":1e0,"type":"thought","agentId":null,"data":{"text":"\\u00e4"}}'])
    first, second = done.stdout.splitlines()
    assert first == BARK
    assert second == '{"type":"thought","agent_id":null,"data":{"text":"ä"},"ts":1}'


def test_round_trip_as_json():
    done = protocol("roundtrip", "--json", lines=[BARK, SILENT], code=FAILED)
    first, second = done.stdout.splitlines()
    assert first == '{"ok":true,"type":"bark","encoded":' + BARK + "}"
    assert json.loads(second)["path"] == "data.text"


@pytest.mark.parametrize("end", ["\n", ""])
def test_lines_of_any_length(end):
    envelope = '{"type":"scene_add","agent_id":null,"data":{"x":"%s"},"ts":1}'
    longest = 10 * 1024 * 1024
    fits = envelope % ("x" * (longest - len(envelope) + 2))
    done = run_parley("protocol", "check", "--json", stdin=fits + "\n" + "x" + fits + "\n" + BARK + end)
    assert [json.loads(line)["ok"] for line in done.stdout.splitlines()] == [True, False, True]
    assert "10 MiB" in done.stdout


def test_mistakes():
    assert "parley protocol check" in protocol(code=USAGE).stderr
    assert "did you mean check?" in protocol("chek", code=USAGE).stderr
    assert "world or gateway" in protocol("check", "--dialect", "matrix", code=USAGE).stderr
    assert "no further operand" in protocol("check", "schema", code=USAGE).stderr
    assert "roundtrip" in protocol("--help").stdout
