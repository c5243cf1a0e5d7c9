"""Run as a service: what the service manager is told and gives, how it ends, what it says of itself."""

import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from harness import PATIENCE
from harness.client import Client
from harness.gateway import ROOT, environment, program, run_parley
from harness.manager import Manager
from harness.raw import exchange, split_response

OK, FAILED, USAGE, REFUSED, CONFIGURATION = 0, 1, 2, 77, 78


def needs(tool):
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")


# --- sd_notify -------------------------------------------------------------------------------


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    name = tmp_path / "notify" if request.param == "path" else f"@parley-test-{os.getpid()}"
    with Manager(name) as manager:
        yield manager


def test_the_manager_is_told_of_each_phase(start, manager, threads):
    gateway = start(prefix=manager.prefix(), threads=threads)
    assert manager.wait("READY") == {"READY": "1", "STATUS": "Serving"}
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    gateway.process.send_signal(signal.SIGHUP)
    reloading = manager.wait("RELOADING")
    assert reloading["RELOADING"] == "1"
    assert before <= int(reloading["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert manager.wait("READY")["STATUS"] == "Serving"
    gateway.terminate()
    assert manager.wait("STOPPING")["STOPPING"] == "1"
    assert gateway.wait_exit() == OK


def test_ready_is_told_when_connections_are_answered(start, manager):
    gateway = start(prefix=manager.prefix())
    manager.wait("READY")
    assert gateway.request("/readyz")[0] == 200


def test_a_reload_that_failed_is_told(start, manager, tmp_path):
    config = tmp_path / "parley.yaml"
    config.write_text("drain: 1s\n")
    gateway = start("--config", str(config), prefix=manager.prefix())
    manager.wait("READY")
    config.write_text("drain: soon\n")
    gateway.process.send_signal(signal.SIGHUP)
    assert "failed" in manager.wait("READY")["STATUS"]
    config.write_text("drain: 1s\n")
    gateway.process.send_signal(signal.SIGHUP)
    assert manager.wait("READY")["STATUS"] == "Serving"


def test_the_watchdog_is_fed(start, manager, threads):
    start(prefix=manager.prefix(WATCHDOG_USEC=200_000), threads=threads)
    manager.wait("READY")
    for _ in range(3):
        assert manager.wait("WATCHDOG") == {"WATCHDOG": "1"}


def test_no_watchdog_without_one(start, manager):
    gateway = start(prefix=manager.prefix(WATCHDOG_USEC=100_000, WATCHDOG_PID=1))
    manager.wait("READY")
    gateway.stop()
    manager.wait("STOPPING")
    assert not any("WATCHDOG" in message for message in manager.told)


def test_a_manager_that_is_gone_is_no_reason_to_stop(start, tmp_path):
    with Manager(tmp_path / "notify") as manager:
        gateway = start(prefix=manager.prefix(WATCHDOG_USEC=20_000))
        manager.wait("WATCHDOG")
    gateway.process.send_signal(signal.SIGHUP)
    gateway.wait_event("reloaded")
    assert gateway.request("/health")[0] == 200


# --- sockets that were given -----------------------------------------------------------------


class Activated:
    """`parley serve` under systemd-socket-activate, which waits for a connection to start it."""

    def __init__(self, addresses, *arguments, names=()):
        self.ports = [self.free_port() for _ in range(addresses)] if isinstance(addresses, int) else addresses
        listen = [f"--listen={port if isinstance(port, str) else f'127.0.0.1:{port}'}" for port in self.ports]
        names = [f"--fdname={':'.join(names)}"] if names else []
        self.process = subprocess.Popen(
            ["systemd-socket-activate", *listen, *names, program(), "serve", "--set", "drain=0s", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
        )
        while "Listening on" not in (line := self.process.stdout.readline()):
            assert line, "it has ended"
        for _ in self.ports[1:]:
            assert "Listening on" in self.process.stdout.readline()

    @staticmethod
    def free_port():
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            return s.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE)

    def connect(self, which=0):
        return socket.create_connection(("127.0.0.1", self.ports[which]), PATIENCE)

    def get(self, path, which=0):
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        return split_response(exchange(self.connect(which), request.encode()))[0]


@needs("systemd-socket-activate")
def test_activated():
    with Activated(1) as service:
        client = Client(service.connect(), "localhost")
        client.open()
        assert client.greeting
        assert service.get("/health") == 200
        service.process.terminate()
        client.wait_closed(1001)
        assert service.process.wait(PATIENCE) == OK


@needs("systemd-socket-activate")
def test_activated_status_alone():
    with Activated(2, names=("status", "parley.socket")) as service:
        assert service.get("/api/gateway/status", which=0) == 200
        assert service.get("/ws/matrix", which=0) == 404
        assert service.get("/ws/matrix", which=1) == 426
        ready = next(line for line in service.process.stdout if "event=ready" in line)
        assert f"port={service.ports[1]} status_port={service.ports[0]} " in ready


@needs("systemd-socket-activate")
def test_activated_for_others_needs_authentication(tmp_path):
    port = Activated.free_port()
    with Activated([f"0.0.0.0:{port}"]) as service:
        with socket.create_connection(("127.0.0.1", port), PATIENCE):
            out, _ = service.process.communicate(timeout=PATIENCE)
        assert service.process.returncode == CONFIGURATION
        assert "auth.mode" in out and "--allow-anonymous" in out
    with Activated([f"0.0.0.0:{port}"], "--allow-anonymous") as service:
        service.ports = [port]
        assert service.get("/health") == 200


# --- where it listens ------------------------------------------------------------------------


def test_a_port_for_status_alone(start, threads):
    port = Activated.free_port()
    gateway = start(settings={"listen.status_port": port}, threads=threads)
    main, gateway.port = gateway.port, port
    assert gateway.request("/health")[0] == 200
    assert gateway.request("/readyz")[0] == 200
    assert gateway.request("/api/gateway/status")[0] == 200
    assert gateway.request("/metrics")[0] == 404
    assert gateway.request("/ws/matrix")[0] == 404
    gateway.port = main
    assert gateway.request("/metrics")[0] == 200


def test_all_addresses(start, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("a-secret-that-all-of-us-share\n")
    secret.chmod(0o600)
    gateway = start("--bind", "all", "--token-file", str(secret))
    ready = gateway.wait_event("ready")
    assert ready["address"] in ("::", "0.0.0.0") and ready["auth"] == "token"
    assert gateway.client().greeting["data"]["agents"] == []
    client = gateway.client(headers=[("Authorization", "Bearer a-secret-that-all-of-us-share")])
    client.register("timmy")
    assert gateway.client(headers=[("Authorization", "Bearer another")]).response.status_code == 401


def test_all_addresses_need_authentication():
    done = run_parley("serve", "--port", "0", "--bind", "all")
    assert done.returncode == CONFIGURATION
    assert "--token-file" in done.stderr and "--allow-anonymous" in done.stderr


def test_anonymous(start):
    gateway = start("--bind", "0.0.0.0", "--allow-anonymous")
    assert gateway.client().greeting


def test_what_ready_says(start, tmp_path):
    config = tmp_path / "parley.yaml"
    config.write_text("log.format: json\n")
    gateway = start("--config", str(config), settings={"log.format": "text"}, threads=2)
    ready = gateway.wait_event("ready")
    assert ready["config"] == str(config)
    assert (ready["auth"], ready["threads"], ready["pid"]) == ("none", "2", str(gateway.process.pid))


# --- exit codes ------------------------------------------------------------------------------


def write_secret(path, mode=0o600):
    path.write_text("a-secret-that-all-of-us-share\n")
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize(
    "code, arguments, said",
    [
        (USAGE, ["--token", "a-secret-that-all-of-us-share"], "--token-file"),
        (USAGE, ["--token-file", "-"], "file"),
        (USAGE, ["--no-such-flag"], "--no-such-flag"),
        (USAGE, ["operand"], "operand"),
        (CONFIGURATION, ["--set", "no.such.key=1"], "no.such.key"),
        (CONFIGURATION, ["--config", "/nowhere/parley.yaml"], "/nowhere/parley.yaml"),
        (CONFIGURATION, ["--token-file", "/nowhere/secret"], "/nowhere/secret"),
        (CONFIGURATION, ["--unix", "/nowhere/parley.sock"], "listen.unix"),
        (CONFIGURATION, ["--bind", "192.0.2.77", "--allow-anonymous"], "listen.bind"),
        (CONFIGURATION, ["--set", "auth.mode=password"], "auth.password_hash"),
        (CONFIGURATION, ["--set", "auth.mode=token"], "auth.token_file"),
    ],
)
def test_exit_codes(code, arguments, said):
    done = run_parley("serve", "--port", "0", *arguments)
    assert done.returncode == code, done
    assert said in done.stderr and "a-secret" not in done.stderr, done
    assert done.stdout == ""


@pytest.mark.parametrize("option", ["listen.port", "listen.status_port"])
def test_a_taken_port(option):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_parley("serve", "--port", "0", "--set", f"{option}={port}")
    assert done.returncode == CONFIGURATION
    assert f"{option}: {port} is taken" in done.stderr


def test_loose_permissions_are_warned_about(start, tmp_path):
    gateway = start("--token-file", write_secret(tmp_path / "secret", 0o644))
    assert "chmod 600" in gateway.wait_event("config_warning")["text"]


# --- passwords, and the end while one is being checked ---------------------------------------


def hash_password(password, passes):
    """By the reference implementation: argon2id with 64 MiB."""
    argon2 = ctypes.CDLL("libargon2.so.1")
    encoded = ctypes.create_string_buffer(256)
    salt = b"0123456789abcdef"
    numbers = [ctypes.c_uint32] * 3
    text, size = ctypes.c_char_p, ctypes.c_size_t
    argon2.argon2id_hash_encoded.argtypes = [*numbers, text, size, text, size, size, text, size]
    failed = argon2.argon2id_hash_encoded(
        passes, 1 << 16, 1, password, len(password), salt, len(salt), 32, encoded, len(encoded)
    )
    assert failed == 0
    return encoded.value.decode()


@pytest.fixture
def guarded(start, tmp_path, threads):
    """A gateway with a password that takes `passes` rounds to check."""

    def start_one(passes):
        config = tmp_path / "parley.yaml"
        config.write_text(f"auth.mode: password\nauth.password_hash: {hash_password(b'sesame', passes)}\n")
        return start("--config", str(config), threads=threads)

    return start_one


def give(password):
    return {"headers": [("Authorization", f"Bearer {password}")]}


def begin(gateway, password):
    """A client whose password is being checked when this returns."""
    client = Client(gateway.open_socket(), gateway.host, **give(password))
    gateway.clients.append(client)
    client.begin()
    assert gateway.request("/health")[0] == 200  # which came behind it, and did not wait for it
    return client


def test_password(guarded):
    gateway = guarded(passes=1)
    assert gateway.client(**give("sesame")).greeting
    assert gateway.client(**give("open")).response.status_code == 401
    assert not any("sesame" in line for line in gateway.lines)


@pytest.mark.parametrize("signals", [1, 2])
def test_stopped_while_a_password_is_checked(guarded, signals):
    gateway = guarded(passes=3)
    begin(gateway, "sesame")
    for _ in range(signals):
        gateway.terminate()
    assert gateway.wait_exit() == OK
    assert gateway.wait_event("stopped")


def test_a_second_signal_ends_it_at_once(start, threads):
    gateway = start(settings={"drain": "1h"}, threads=threads)
    client = gateway.client()
    gateway.terminate()
    gateway.wait_event("draining")
    gateway.process.send_signal(signal.SIGINT)
    assert gateway.wait_exit() == OK
    assert client.wait(lambda: client.ended, "the end") is None


# --- the units -------------------------------------------------------------------------------


UNITS = ["parley.service", "parley-bridge.service"]


def unit_text(name):
    return (ROOT / f"packaging/systemd/{name}.in").read_text().replace("@bindir@", os.path.dirname(program()))


@needs("systemd-analyze")
@pytest.mark.parametrize("name", UNITS)
def test_the_unit_is_confined(tmp_path, name):
    unit = tmp_path / name
    unit.write_text(unit_text(name))
    command = ["systemd-analyze", "security", "--offline=true", "--json=short", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    checks = json.loads(done.stdout)
    command.remove("--json=short")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    level = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)[1])
    assert level <= 1.5, [check for check in checks if float(check.get("exposure") or 0) > 0]


@needs("systemd-analyze")
def test_the_units_are_understood(tmp_path):
    names = [*UNITS, "parley.socket"]
    for name in names:
        text = unit_text(name) if name in UNITS else (ROOT / "packaging/systemd" / name).read_text()
        (tmp_path / name).write_text(re.sub("^Documentation=.*\n", "", text, flags=re.M))
    command = ["systemd-analyze", "verify", *(str(tmp_path / name) for name in names)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    said = [line for line in done.stderr.splitlines() if "parley" in line]
    assert said == [], done


@pytest.mark.parametrize("name, codes", zip(UNITS, [f"{CONFIGURATION}", f"{REFUSED} {CONFIGURATION}"]))
def test_the_unit_does_not_try_again_what_stays_wrong(name, codes):
    assert f"RestartPreventExitStatus={codes}\n" in unit_text(name)
    assert "Type=notify\n" in unit_text(name) and "ExecReload=kill -HUP $MAINPID\n" in unit_text(name)


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_can_read_its_configuration(name):
    """systemd leaves a configuration directory to root, whoever the service runs as, and gives it this mode (0755)."""
    assert "ConfigurationDirectory=parley\n" in unit_text(name)
    assert "ConfigurationDirectoryMode" not in unit_text(name)
