"""The configuration as a person meets it: files, where they are found, what is shown, what is said of mistakes."""

import json
import re
import shutil
import subprocess
import tomllib

import pytest

from harness import PATIENCE
from harness.gateway import ROOT, environment, program

OK, USAGE, CONFIGURATION = 0, 2, 78
NODE = shutil.which("node")
JUDGE = ROOT / "tests" / "protocol" / "judge.mjs"
PACKAGES = ROOT / "tests" / "node_modules"

TABLE = tomllib.loads((ROOT / "schema" / "options.toml").read_text(encoding="utf-8"))
OPTIONS = {entry["key"]: entry for entry in TABLE["option"]}
SECRETS = {key for key, entry in OPTIONS.items() if entry.get("secret")}
HASH = "$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"
CANARY = "canary-5ecre7"

# One value for each key, as a file has it; what else has to be set for it to be taken.
VALUES = {
    "listen.port": 9000,
    "listen.bind": "::1",
    "listen.unix": "/run/parley.sock",
    "listen.world_paths": ["/a", "/b"],
    "listen.gateway_path": "/gateway",
    "listen.echo_path": "/echo",
    "listen.status_port": 8766,
    "listen.hosts": ["parley.example", "[fd00::1]"],
    "listen.public_url": "https://parley.example/x",
    "listen.tls_cert": "/etc/parley/cert.pem",
    "listen.tls_key": "/etc/parley/key.pem",
    "auth.mode": "password",
    "auth.allow_anonymous": True,
    "auth.token_file": "/etc/parley/tokens",
    "auth.tokens": ["sha256:" + "0" * 64 + " kitchen publish=bark|scene_* admin"],
    "auth.password_hash": HASH,
    "auth.jwt.keys": ["EdDSA /etc/parley/issuer.pem kid=2026 iss=https://id.example"],
    "auth.jwt.issuer": "https://id.example",
    "auth.jwt.audience": "parley",
    "auth.jwt.leeway": "5s",
    "origins": ["https://*.example:*"],
    "trusted_proxies": ["10.0.0.0/8", "::1"],
    "limits.message_bytes": "2MiB",
    "limits.frame_bytes": 20971520,
    "limits.send_queue_bytes": "64KiB",
    "limits.clients": 10,
    "limits.clients_per_address": 5,
    "limits.rate": 100,
    "limits.memory": "1GiB",
    "heartbeat.interval": "5s",
    "heartbeat.timeout": "90s",
    "slow_client": "close",
    "compression": "on",
    "agents.request_timeout": "1m",
    "agents.max_queue": 5,
    "agents.remember": "2h",
    "gateway.max_clients_per_session": 10,
    "world.validation": "known",
    "world.identity": "trust",
    "threads": 2,
    "spin": "off",
    "drain": "0s",
    "log.level": "debug",
    "log.format": "json",
    "sandbox": "off",
    "metrics.public": True,
}
# All at once: two of them go together with no other value of each other.
TOGETHER = VALUES | {"listen.echo_path": ""}
NEEDS = {
    "listen.tls_cert": {"listen.tls_key": "/k.pem"},
    "listen.tls_key": {"listen.tls_cert": "/c.pem"},
    "auth.mode": {"auth.password_hash": HASH},
}

# The same for a wrong one: the value, and what is said behind KEY.
WRONG = {
    "listen.port": (70000, '"70000" is out of range; it takes a number from 0 to 65535 (default 8765)'),
    "listen.bind": ("nowhere", '"nowhere" is no address; it takes loopback, all, or an IPv4 or IPv6 address'),
    "listen.unix": ("a\nb", '"a\\nb" is not allowed; it takes a path'),
    "listen.world_paths": (
        ["/health"],
        '"/health" cannot be the path of a world; it begins with / and is none that the gateway serves otherwise',
    ),
    "listen.gateway_path": (
        "/ws/matrix",
        '"/ws/matrix" cannot be the path of the gateway dialect; it begins with / and is none of listen.world_paths, '
        "nor one that the gateway serves otherwise",
    ),
    "listen.echo_path": (
        "/health",
        '"/health" cannot be the path that echoes; it begins with / and is none of listen.world_paths, nor '
        "listen.gateway_path, nor one that the gateway serves otherwise",
    ),
    "listen.status_port": (8765, '"8765" is listen.port as well; choose another, or 0 for none'),
    "listen.hosts": (
        ["http://a"],
        '"http://a" is no host; it takes names and addresses (IPv6 in brackets), without scheme and port',
    ),
    "listen.public_url": (
        "parley.example",
        '"parley.example" is no URL; it takes http://HOST, https://HOST, ws://HOST or wss://HOST, perhaps with a '
        "port and a path",
    ),
    "listen.tls_cert": ("/c.pem", '"/c.pem" needs its private key; name that in listen.tls_key'),
    "listen.tls_key": ("/k.pem", '"/k.pem" needs its certificate; name that in listen.tls_cert'),
    "auth.mode": (
        "token",
        '"token" needs tokens, and there are none; name a file of them (auth.token_file), list them (auth.tokens), '
        "or give one that all share (--token-file FILE)",
    ),
    "auth.allow_anonymous": (1, '"1" is not allowed; it takes false or true (default false)'),
    "auth.token_file": ("\t", '"\\t" is not allowed; it takes a path'),
    "auth.tokens": (
        [f"{CANARY}\x01"],
        "what it is set to is not allowed; it takes a list of 0 to 1000 elements, separated by commas",
    ),
    "auth.password_hash": (
        CANARY,
        "this is no argon2id hash ($argon2id$v=...); set it to what `parley password hash` prints",
    ),
    "auth.jwt.keys": (
        ["RS256 issuer.pem"],
        '"RS256 issuer.pem" names its file by a relative path; write the whole one, from / on',
    ),
    "auth.jwt.issuer": ("a\tb", '"a\\tb" is not allowed; it takes text'),
    "auth.jwt.audience": ("\x01", '"\\x01" is not allowed; it takes text'),
    "auth.jwt.leeway": ("10m", '"10m" is out of range; it takes a duration from 0s to 5m (default 60s)'),
    "origins": (
        ["localhost:*"],
        '"localhost:*" is no origin; it takes SCHEME://HOST, SCHEME://HOST:PORT or *, without a path',
    ),
    "trusted_proxies": (
        ["proxy.example"],
        '"proxy.example" is no address and no network; it takes those like 10.0.0.7, 10.0.0.0/8 and fd00::/8',
    ),
    "limits.message_bytes": ("1MB", '"1MB" is not allowed; it takes a size from 1KiB to 256MiB (default 1MiB)'),
    "limits.frame_bytes": (1, '"1" is out of range; it takes a size from 1KiB to 1GiB (default 10MiB)'),
    "limits.send_queue_bytes": ("2GiB", '"2GiB" is out of range; it takes a size from 64KiB to 1GiB (default 2MiB)'),
    "limits.clients": (0, '"0" is out of range; it takes a number from 1 to 1000000 (default 100000)'),
    "limits.clients_per_address": (0, '"0" is out of range; it takes a number from 1 to 1000000 (default 1000)'),
    "limits.rate": (-1, '"-1" is not allowed; it takes a number from 0 to 1000000 (default 0)'),
    "limits.memory": ("half", '"half" is not allowed; it takes a size from 16MiB to 1024GiB or auto (default auto)'),
    "heartbeat.interval": (
        "30",
        '"30" is a duration without its unit (ms, s, m, h); it takes a duration from 100ms to 1h (default 30s)',
    ),
    "heartbeat.timeout": ("2d", '"2d" is not allowed; it takes a duration from 200ms to 24h (default 60s)'),
    "slow_client": ("wait", '"wait" is not allowed; it takes drop or close (default drop)'),
    "compression": ("gzip", '"gzip" is not allowed; it takes off or on (default off)'),
    "agents.request_timeout": ("10ms", '"10ms" is out of range; it takes a duration from 100ms to 24h (default 30s)'),
    "agents.max_queue": (1000001, '"1000001" is out of range; it takes a number from 0 to 1000000 (default 1000)'),
    "agents.remember": ("721h", '"721h" is out of range; it takes a duration from 0s to 720h (default 24h)'),
    "gateway.max_clients_per_session": (
        -1,
        '"-1" is not allowed; it takes a number from 0 to 1000000 (default 0)',
    ),
    "world.validation": ("on", '"on" is not allowed; it takes off, known or strict (default off)'),
    "world.identity": ("none", '"none" is not allowed; it takes auto, trust or verify (default auto)'),
    "threads": (0, '"0" is out of range; it takes a number from 1 to 16 or auto (default auto)'),
    "spin": ("on", '"on" is not allowed; it takes auto or off (default auto)'),
    "drain": ("2h", '"2h" is out of range; it takes a duration from 0s to 1h (default 10s)'),
    "log.level": ("loud", '"loud" is not allowed; it takes debug, info, warning or error (default info)'),
    "log.format": ("xml", '"xml" is not allowed; it takes auto, text or json (default auto)'),
    "sandbox": ("on", '"on" is not allowed; it takes auto or off (default auto)'),
    "metrics.public": (0, '"0" is not allowed; it takes false or true (default false)'),
}


def as_text(value):
    """A value as flags and the environment have it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list) else str(value)


def variable(key):
    return "PARLEY_" + key.replace(".", "__").upper()


def run(code, *words, cwd, **variables):
    """`parley config WORDS` in a directory, with no more of an environment than is said."""
    done = subprocess.run(
        [program(), "config", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=cwd,
        env=environment(**{"HOME": str(cwd), "XDG_CONFIG_HOME": "", **variables}),
    )
    assert done.returncode == code, (words, done)
    assert CANARY not in done.stdout + done.stderr
    return done


def shown(cwd, *words, **variables):
    """What `config show --json` says of each key."""
    lines = run(OK, "show", "--json", *words, cwd=cwd, **variables).stdout.splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["key"] for entry in entries] == list(OPTIONS)
    return {entry["key"]: entry for entry in entries}


def assert_shown(entry, value, origin):
    assert entry["origin"] == origin, entry
    if entry["key"] in SECRETS:
        assert entry["set"] is True and "value" not in entry
    elif OPTIONS[entry["key"]]["kind"] == "size":
        assert entry["value"] == str(value), entry
    else:
        assert entry["value"] == value, entry


# --- each key --------------------------------------------------------------------------------


def test_the_samples_are_whole():
    assert list(VALUES) == list(WRONG) == list(OPTIONS)


@pytest.mark.parametrize("key", OPTIONS)
def test_a_key_by_each_source(key, tmp_path):
    values = {key: VALUES[key], **NEEDS.get(key, {})}
    (tmp_path / "f.yaml").write_text("\n" + json.dumps(values), encoding="utf-8")
    entry = shown(tmp_path, "--config", "f.yaml")[key]
    assert_shown(entry, VALUES[key], "file")
    assert (entry["file"], entry["line"]) == ("f.yaml", 2)
    variables = {variable(name): as_text(value) for name, value in values.items()}
    assert_shown(shown(tmp_path, **variables)[key], VALUES[key], "environment")
    pairs = [word for name, value in values.items() for word in ("--set", f"{name}={as_text(value)}")]
    assert_shown(shown(tmp_path, *pairs)[key], VALUES[key], "flag")


@pytest.mark.parametrize("key", OPTIONS)
def test_a_wrong_value(key, tmp_path):
    value, sentence = WRONG[key]
    section, dot, name = key.partition(".")
    (tmp_path / "f.yaml").write_text(
        f"# line 1\n{section}:\n  {name}: {json.dumps(value)}\n" if dot else f"# line 1\n\n{key}: {json.dumps(value)}\n",
        encoding="utf-8",
    )
    done = run(CONFIGURATION, "check", "--config", "f.yaml", cwd=tmp_path)
    assert done.stdout == ""
    assert done.stderr == f"parley: f.yaml:3: {key}: {sentence}\n"


def test_all_keys_and_back(tmp_path):
    """What is printed is a configuration, and the same one; what it keeps back is given again."""
    secrets = [word for key in sorted(SECRETS) for word in ("--set", f"{key}={as_text(TOGETHER[key])}")]
    (tmp_path / "all.json").write_text(json.dumps(TOGETHER), encoding="utf-8")
    before = shown(tmp_path, "--config", "all.json")
    for words in ([], ["--origin"]):
        text = run(OK, "show", "--config", "all.json", *words, cwd=tmp_path).stdout
        assert HASH not in text and "kitchen" not in text
        (tmp_path / "again.yaml").write_text(text, encoding="utf-8")
        after = shown(tmp_path, "--config", "again.yaml", *secrets)
        for key in OPTIONS:
            assert after[key].get("value") == before[key].get("value"), key
            assert after[key]["origin"] == ("flag" if key in SECRETS else "file"), key


def test_origins_are_shown(tmp_path):
    (tmp_path / "parley.yaml").write_text("drain: 1s\nthreads: 2\norigins:\n- https://a\n", encoding="utf-8")
    text = run(OK, "show", "--origin", "--set", "slow_client=close", cwd=tmp_path, PARLEY_THREADS="3").stdout
    for line in (
        "drain: 1s  # parley.yaml:1",
        "threads: 3  # environment",
        "slow_client: close  # flag",
        "origins:  # parley.yaml:3",
        "trusted_proxies: []  # default",
    ):
        assert line in text.splitlines(), text


# --- files -----------------------------------------------------------------------------------


def test_where_a_file_is_found(tmp_path):
    work, home = tmp_path / "work", tmp_path / "home"
    for path in (work, home / ".config/parley", tmp_path / "xdg/parley"):
        path.mkdir(parents=True)
    named = tmp_path / "named.yaml"
    port = iter(range(1000, 2000))

    def found(*words, **variables):
        entry = shown(work, *words, **{"HOME": str(home), **variables})["listen.port"]
        return (entry["value"], entry.get("file"))

    def write(path):
        number = next(port)
        path.write_text(f"listen.port: {number}\n", encoding="utf-8")
        return number

    # Each goes before those that are there already.
    path = home / ".config/parley/parley.yaml"
    assert found(XDG_CONFIG_HOME=str(tmp_path / "xdg"))[1] in (None, "/etc/parley/parley.yaml")
    assert found() != (number := write(path), str(path)) and found() == (number, str(path))
    path = tmp_path / "xdg/parley/parley.yaml"
    number = write(path)
    assert found(XDG_CONFIG_HOME=str(tmp_path / "xdg")) == (number, str(path))
    number = write(work / "parley.yaml")
    assert found(XDG_CONFIG_HOME=str(tmp_path / "xdg")) == (number, "parley.yaml")
    number = write(named)
    assert found(PARLEY_CONFIG=str(named)) == (number, str(named))
    assert found("--config", "parley.yaml", PARLEY_CONFIG=str(named))[1] == "parley.yaml"
    done = run(OK, "check", cwd=work, PARLEY_CONFIG=str(named))
    assert done.stdout == f"ok: {named}\n" and done.stderr == ""


@pytest.mark.parametrize("words, variables", [(["--config", "none.yaml"], {}), ([], {"PARLEY_CONFIG": "none.yaml"})])
def test_a_named_file_that_is_not_there(words, variables, tmp_path):
    done = run(CONFIGURATION, "check", *words, cwd=tmp_path, **variables)
    assert done.stderr == "parley: none.yaml: there is no such file; name another with --config FILE\n"


def test_a_relative_path_is_below_the_file(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/f.yaml").write_text("listen.unix: run/a.sock\n", encoding="utf-8")
    entry = shown(tmp_path, "--config", "etc/f.yaml")["listen.unix"]
    assert entry["value"] == str(tmp_path / "etc/run/a.sock")
    assert shown(tmp_path, "--set", "listen.unix=a.sock")["listen.unix"]["value"] == "a.sock"
    text = run(OK, "show", "--set", "listen.unix=a.sock", cwd=tmp_path).stdout
    assert f'  unix: "{tmp_path}/a.sock"' in text.splitlines()


@pytest.mark.parametrize(
    "content, says",
    [
        (b"listen:\n\tport: 1\n", "f.yaml:2: this is not YAML: .*indent with spaces"),
        (b"drain: 1s\ndrain: 2s\n", "f.yaml:2: drain: it is there twice; the first one is on line 1"),
        (b"listen: &a {port: 1}\n", "f.yaml:1: anchors"),
        (b"listen: *a\n", "f.yaml:1: anchors"),
        (b"drain: !!str 1s\n", "f.yaml:1: anchors"),
        (b"<<: {drain: 1s}\n", "f.yaml:1: << is no option"),
        (b"drain: 1s\n---\ndrain: 2s\n", "f.yaml:2: a second document"),
        (b"drain: 1s\0\n", "f.yaml:1: this is not YAML: control characters"),
        (bytes(range(256)), "f.yaml:1: this is not YAML"),
        ("drain: 1s\n".encode("utf-16"), "f.yaml:1: this is not YAML"),
        (b"[" * 100_000, "f.yaml:1: a configuration is a mapping"),
        (b"{listen: " * 100_000, "f.yaml:1: listen.listen is no option"),
        (b"#" * (1 << 20) + b"\n", "f.yaml: it is longer than a configuration may be"),
        (b"listen: 9000\n", "f.yaml:1: listen: it is a section"),
        (b"listen:\n  prot: 9000\n", "f.yaml:2: listen.prot is no option; did you mean listen.port"),
        (b"token: " + CANARY.encode(), "f.yaml:1: token: .*--token-file"),
        (b"auth: {password: " + CANARY.encode() + b"}", "f.yaml:1: auth.password: .*parley password hash"),
        (b"skipLocalPairing: true\n", "f.yaml:1: skipLocalPairing: .*token instead"),
        (b"bind: tailscale\n", "f.yaml:1: listen.bind: .*trusted_proxies"),
        (b"bind: all\n", "f.yaml:1: listen.bind: .*--token-file FILE.*--allow-anonymous"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value[:40],
)
def test_an_odd_file(content, says, tmp_path):
    (tmp_path / "f.yaml").write_bytes(content)
    done = run(CONFIGURATION, "check", "--config", "f.yaml", cwd=tmp_path)
    assert re.match("parley: " + says, done.stderr) and done.stderr.count("\n") == 1, done
    assert done.stdout == ""


def test_the_example_of_the_documentation(tmp_path):
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.M | re.S)
    (tmp_path / "parley.yaml").write_text(example, encoding="utf-8")
    done = run(OK, "check", cwd=tmp_path)
    assert done.stdout == "ok: parley.yaml\n" and done.stderr == ""


def test_a_mark_of_the_byte_order(tmp_path):
    (tmp_path / "f.yaml").write_bytes(b"\xef\xbb\xbfdrain: 1s\n")
    assert shown(tmp_path, "--config", "f.yaml")["drain"]["value"] == "1s"


def test_warnings_are_talk(tmp_path):
    (tmp_path / "f.yaml").write_text("auth.token_file: t\n", encoding="utf-8")
    done = run(OK, "check", "--config", "f.yaml", cwd=tmp_path)
    assert done.stdout == "ok: f.yaml\n"
    assert done.stderr == "parley: warning: f.yaml:1: auth.token_file: is not used: auth.mode is not token\n"


def test_names_of_other_programs(tmp_path):
    (tmp_path / "f.yaml").write_text(
        "host: 127.0.0.1\npingIntervalMs: 5000\nmaxPayload: 2097152\ncorsOrigins: [https://a]\nauthMode: none\n",
        encoding="utf-8",
    )
    entries = shown(tmp_path, "--config", "f.yaml")
    assert entries["heartbeat.interval"]["number"] == 5000
    assert entries["limits.frame_bytes"]["number"] == 2097152
    assert entries["origins"]["value"] == ["https://a"]
    assert "  interval: 5000ms" in run(OK, "show", "--config", "f.yaml", cwd=tmp_path).stdout.splitlines()


# --- use -------------------------------------------------------------------------------------


def test_help(tmp_path):
    text = run(OK, "--help", cwd=tmp_path).stdout
    for word in ("parley config", "  check  ", "  show  ", "  schema  ", "--config FILE", "/etc/parley/parley.yaml"):
        assert word in text


@pytest.mark.parametrize(
    "words, says",
    [
        ([], "say what to do"),
        (["chekc"], "did you mean check"),
        (["drop"], "--help"),
        (["show", "check"], "one thing at a time"),
        (["show", "--orign"], "--origin"),
        (["check", "--config"], "needs a value"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use(words, says, tmp_path):
    done = run(USAGE, *words, cwd=tmp_path)
    assert says in done.stderr and done.stdout == ""


# --- the schema ------------------------------------------------------------------------------

GOOD = [
    {},
    {"listen": None},
    {"listen": {}, "log.level": "info"},
    {"threads": "auto", "limits": {"memory": "auto", "message_bytes": "64KiB", "frame_bytes": 1048576}},
    {"perMessageDeflate": True},
    {"perMessageDeflate": "on", "spin": "off"},
    {"origins": [], "trusted_proxies": "10.0.0.1, ::1"},
    {"pingIntervalMs": 5000, "clientTimeout": "20s", "maxMessageSize": 2048, "host": "::1"},
    {"listen": {"bind": "all"}, "auth": {"allow_anonymous": True}},
    *({key: value, **NEEDS.get(key, {})} for key, value in TOGETHER.items()),
    TOGETHER,
]
BAD = [
    [],
    "x",
    {"unknown": 1},
    {"listen": {"prot": 1}},
    {"listen": 9000},
    {"listen": []},
    {"listen.port": "9000"},
    {"listen.port": 65536},
    {"listen.port": 1.5},
    {"listen.port": None},
    {"listen.port": {}},
    {"listen.bind": ["all"]},
    {"threads": "many"},
    {"threads": 0},
    {"limits.message_bytes": "1KB"},
    {"limits.message_bytes": 1023},
    {"heartbeat.interval": 30},
    {"heartbeat.interval": "30"},
    {"pingIntervalMs": 99},
    {"slow_client": "Drop"},
    {"metrics.public": "true"},
    {"metrics": {"public": 1}},
    {"origins": [["https://a"]]},
    {"origins": ["https://a,https://b"]},
    {"origins": [""]},
    {"origins": [" "]},
    {"origins": {"a": "b"}},
    {"listen.world_paths": []},
    {"listen.hosts": ["a"] * 65},
    {"spin": "on"},
    {"compression": True},
    {"perMessageDeflate": "true"},
    {"auth.token": "x"},
    {"auth": {"mode": "oauth"}},
]


@pytest.mark.skipif(
    not NODE or not (PACKAGES / "ajv").exists(),
    reason="there is no node, or the npm packages of tests/package.json are not installed",
)
def test_the_schema_judges_as_the_program_does(tmp_path):
    schema = tmp_path / "schema.json"
    schema.write_text(run(OK, "schema", cwd=tmp_path).stdout, encoding="utf-8")
    files = GOOD + BAD
    judged = subprocess.run(
        [NODE, JUDGE, schema],
        input="".join(json.dumps(content) + "\n" for content in files),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert judged.returncode == 0, judged.stderr
    verdicts = [json.loads(line) for line in judged.stdout.splitlines()]
    assert len(verdicts) == len(files)
    for content, verdict in zip(files, verdicts):
        good = any(content is each for each in GOOD)
        assert verdict["ok"] is good, (content, verdict)
        (tmp_path / "f.json").write_text(json.dumps(content), encoding="utf-8")
        run(OK if good else CONFIGURATION, "check", "--config", "f.json", cwd=tmp_path)


def test_the_schema_tells_the_defaults(tmp_path):
    definitions = json.loads(run(OK, "schema", cwd=tmp_path).stdout)["$defs"]
    entries = shown(tmp_path, "--config", "/dev/null")
    for key in OPTIONS:
        if key not in SECRETS:
            assert entries[key]["value"] == definitions[key]["default"], key
