"""A hundred kinds of bad input, each on a connection of its own, and between any two of them a message
between two clients who have done nothing wrong: each is heard, once, in order."""

import contextlib
import json

import pytest

from harness.raw import CLOSE, CONTINUATION, PING, TEXT, Frames, abort, exchange, frame, split_response, upgrade_head
from test_hostile import BARK, PING_TEXT, VIOLATIONS
from test_http import HOSTILE

# What is no message, and how it is answered. The connection lives.
MESSAGES = {
    "no text": ("", "PARSE_ERROR"),
    "a word": ("hello", "PARSE_ERROR"),
    "a number": ("17", "INVALID_MESSAGE"),
    "a string": ('"bark"', "INVALID_MESSAGE"),
    "null": ("null", "INVALID_MESSAGE"),
    "a list": ('[{"type":"bark"}]', "INVALID_MESSAGE"),
    "an empty object": ("{}", "INVALID_MESSAGE"),
    "half an object": ('{"type":', "PARSE_ERROR"),
    "half a string": ('{"type":"bark', "PARSE_ERROR"),
    "a comma too many": ('{"type":"bark",}', "PARSE_ERROR"),
    "two values": ('{"type":"bark"}{}', "PARSE_ERROR"),
    "a comment": ('{"type":"bark"/**/}', "PARSE_ERROR"),
    "single quotes": ("{'type':'bark'}", "PARSE_ERROR"),
    "a name without quotes": ('{type:"bark"}', "PARSE_ERROR"),
    "a leading zero": ('{"type":"bark","n":01}', "PARSE_ERROR"),
    "a plus": ('{"type":"bark","n":+1}', "PARSE_ERROR"),
    "a point without figures": ('{"type":"bark","n":1.}', "PARSE_ERROR"),
    "an exponent without figures": ('{"type":"bark","n":1e}', "PARSE_ERROR"),
    "NaN": ('{"type":"bark","n":NaN}', "PARSE_ERROR"),
    "Infinity": ('{"type":"bark","n":-Infinity}', "PARSE_ERROR"),
    "a control character": ('{"type":"bark","n":"\n"}', "PARSE_ERROR"),
    "NUL": ('{"type":"bark","n":"\0"}', "PARSE_ERROR"),
    "an unknown escape": ('{"type":"bark","n":"\\x41"}', "PARSE_ERROR"),
    "a short escape": ('{"type":"bark","n":"\\u12"}', "PARSE_ERROR"),
    "a byte order mark": ('\ufeff{"type":"bark"}', "PARSE_ERROR"),
    "65 deep": ('{"type":"bark","n":%s}' % ("[" * 65 + "]" * 65), None),
    "100,000 deep": ('{"type":"bark","n":%s' % ("[" * 100_000), None),
    "1,025 members": ('{"type":"bark",%s}' % ",".join(f'"m{n}":0' for n in range(1025)), None),
    "no type": ('{"data":{}}', "INVALID_MESSAGE"),
    "a type that is a number": ('{"type":7}', "INVALID_MESSAGE"),
    "an empty type": ('{"type":""}', "INVALID_MESSAGE"),
    "two types": ('{"type":"bark","type":"bark"}', "INVALID_MESSAGE"),
    "two types, one in escapes": ('{"type":"bark","ty\\u0070e":"bark"}', "INVALID_MESSAGE"),
    "two targets": ('{"type":"bark","target_id":"a","target_id":"a"}', "INVALID_MESSAGE"),
    "two targets that differ": ('{"type":"bark","target_id":"a","targetId":"b"}', "INVALID_MESSAGE"),
    "a target that is an object": ('{"type":"bark","target_id":{}}', None),
    "a target that is not there": ('{"type":"bark","target_id":"nobody"}', "TARGET_NOT_FOUND"),
    "no name": ('{"type":"agent_register"}', "INVALID_MESSAGE"),
    "a bad name": ('{"type":"agent_register","agentId":"a b"}', "INVALID_MESSAGE"),
    "a name that is a list": ('{"type":"agent_register","agentId":[]}', None),
    "a long name": ('{"type":"agent_register","agentId":"%s"}' % ("n" * 100_000), None),
    "more than a MiB": ('{"type":"bark","n":"%s"}' % ("x" * (1 << 20)), "MESSAGE_TOO_LARGE"),
}

HANDSHAKES = {
    "a world's name that is none": {"path": "/ws/matrix?world=a%20b%00"},
    "a path that is not there": {"path": "/ws/nowhere"},
    "a wrong version": {"version": "12"},
    "a short key": {"key": "c2hvcnQ="},
    "a key that is no base64": {"key": "!" * 24},
    "another page's origin": {"extra": ["Origin: https://evil.example"]},
    "two origins": {"extra": ["Origin: https://a.example", "Origin: https://b.example"]},
    "another Host": {"host": "evil.example"},
    "a broken credential": {"extra": ["Authorization: Bearer"]},
    "a body": {"extra": ["Content-Length: 5"]},
}


def break_http(gateway, request, expected):
    answer = exchange(gateway.open_socket(), request.replace(b"H\r\n", gateway.host.encode() + b"\r\n"))
    assert split_response(answer)[0] == expected


def break_handshake(gateway, host=None, **options):
    with contextlib.closing(gateway.open_socket()) as s:
        s.sendall(upgrade_head(host or gateway.host, **options))
        answer = s.recv(65536)
        assert answer.startswith(b"HTTP/1.1 4"), answer


def break_frames(gateway, violation):
    bad = Frames(gateway.open_socket(), gateway.host, "/ws/matrix?world=elsewhere")
    bad.next()
    bad.send(violation + frame(TEXT, PING_TEXT))
    assert bad.until_end()[-1][0] == CLOSE
    bad.close()


def break_message(gateway, text, code):
    bad = Frames(gateway.open_socket(), gateway.host, "/ws/matrix?world=elsewhere")
    bad.next()
    bad.send(frame(TEXT, text) + frame(TEXT, PING_TEXT))
    answer = json.loads(bad.next()[1])
    assert answer["type"] == "error" and code in (None, answer["data"]["code"]), answer
    assert bad.next() == (TEXT, b'{"type":"pong"}')
    bad.close()


# Those who go in the middle of something, by a reset.
UNFINISHED = {
    "of nothing": b"",
    "of a request line": b"GET /ws/ma",
    "of a head": b"GET /ws/matrix HTTP/1.1\r\nHost: x\r\n",
    "of a body": b"POST /api/gateway/publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{",
    "of a frame's head": frame(TEXT, BARK % 1)[:1],
    "of a frame": frame(TEXT, BARK % 1)[:9],
    "of a message": frame(TEXT, '{"type":', fin=False),
    "of a ping": frame(PING, b"x" * 100)[:50],
    "of a long message": frame(TEXT, "x" * 60_000, fin=False) + frame(CONTINUATION, "x" * 60_000, fin=False),
}


def go_in_the_middle(gateway, data):
    s = gateway.open_socket()
    if not data.startswith((b"GET", b"POST")) and data:
        s.sendall(upgrade_head(gateway.host, "/ws/matrix?world=elsewhere"))
        s.recv(65536)
    s.sendall(data)
    abort(s)


def figure(gateway, name):
    """The sum of a metric over its labels."""
    lines = gateway.request("/metrics")[2].decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith((name + "{", name + " ")))


def attacks(gateway):
    for name, (request, expected) in HOSTILE.items():
        yield f"HTTP: {name}", break_http, (gateway, request, expected), {}
    for name, options in HANDSHAKES.items():
        yield f"handshake: {name}", break_handshake, (gateway,), options
    for name, (violation, _) in VIOLATIONS.items():
        yield f"frames: {name}", break_frames, (gateway, violation), {}
    for name, (text, code) in MESSAGES.items():
        yield f"message: {name}", break_message, (gateway, text, code), {}
    for name, data in UNFINISHED.items():
        yield f"gone in the middle {name}", go_in_the_middle, (gateway, data), {}


@pytest.mark.threads
def test_a_hundred_kinds_of_bad_input(tcp_gateway):
    speaker, hearer = tcp_gateway.client(), tcp_gateway.client()
    kinds = list(attacks(tcp_gateway))
    assert len({name for name, *_ in kinds}) == len(kinds) >= 100
    for number, (name, attack, arguments, options) in enumerate(kinds):
        try:
            attack(*arguments, **options)
        except Exception as error:
            raise AssertionError(f"{name}: {error!r}") from error
        speaker.send(BARK % number)
        assert hearer.text() == BARK % number, name
    hearer.heard_nothing()
    # Each kind has been counted where docs/hostile.md says.
    assert figure(tcp_gateway, "parley_protocol_violations_total") == len(VIOLATIONS)
    assert figure(tcp_gateway, "parley_http_refusals_total") >= len(HOSTILE)
    assert figure(tcp_gateway, "parley_errors_sent_total") == len(MESSAGES)
