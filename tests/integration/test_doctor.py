"""`parley doctor` against planted faults: each is named, with what to do about it."""

import contextlib
import json
import os
import resource
import socket
import subprocess
import threading

import pytest

from harness import PATIENCE, secure
from harness.fake import FakeGateway
from harness.gateway import environment, program, run_parley

OK, FAILED, USAGE = 0, 1, 2
DIGEST = "sha256:" + "0" * 64
SECRET = "s3cret-canary-0123456789"


class Doctor:
    """Writes a configuration and runs the command with it; the findings by the name of their check."""

    def __init__(self, folder):
        self.folder = folder
        self.config = folder / "parley.yaml"
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.free_port = s.getsockname()[1]
        self.write(f"listen.port: {self.free_port}\n")

    def write(self, text):
        self.config.write_text(text)

    def add(self, text):
        self.config.write_text(self.config.read_text() + text)

    def run(self, *arguments, code, files=None, env=None):
        def limit():
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        done = subprocess.run(
            [program(), "doctor", "--json", "--config", str(self.config), *map(str, arguments)],
            capture_output=True, text=True, timeout=PATIENCE, preexec_fn=limit, env=environment(**(env or {})),
        )
        assert done.returncode == code and done.stderr == "", done
        assert SECRET not in done.stdout
        findings = [json.loads(line) for line in done.stdout.splitlines()]
        failed = any(finding["result"] == "fail" for finding in findings)
        assert failed == (code == FAILED), findings
        for finding in findings:
            assert set(finding) == {"check", "result", "found"} | ({"fix"} if finding["result"] != "ok" else set())
        return {finding["check"]: finding for finding in findings}


@pytest.fixture
def doctor(tmp_path):
    return Doctor(tmp_path)


def expect(findings, check, result, found, fix):
    finding = findings[check]
    assert finding["result"] == result, finding
    assert found in finding["found"] and fix in finding["fix"], finding


@contextlib.contextmanager
def listener(answer=None):
    """A program that is no gateway: it says the same to everybody, or nothing at all."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        held = []

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    held.append(connection)
                    if answer is not None:
                        connection.recv(65536)
                        connection.sendall(answer)
                        connection.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)
        for connection in held:
            connection.close()


# --- a healthy machine -----------------------------------------------------------------------


def test_nothing_runs_and_nothing_is_wrong(doctor):
    findings = doctor.run(code=OK)
    assert {"configuration", "access", "clock", "descriptors", "memory", "port"} <= set(findings)
    assert str(doctor.config) in findings["configuration"]["found"]
    assert f"{doctor.free_port} is free" in findings["port"]["found"]
    assert "upgrade" not in findings


def test_a_running_gateway(doctor, tcp_gateway):
    doctor.write(f"listen: {{port: {tcp_gateway.port}}}\n")
    tcp_gateway.agent("timmy")
    findings = doctor.run("--url", tcp_gateway.url, code=OK)
    assert findings["status"]["found"] == "1 clients"
    assert "greets and answers" in findings["upgrade"]["found"] and "port" not in findings
    tcp_gateway.wait_status(lambda status: status["connections"] == 1)
    findings = doctor.run(code=OK)
    assert findings["status"]["found"] == "1 clients"
    assert "greets and answers" in findings["upgrade"]["found"]
    assert f"(pid {tcp_gateway.process.pid})" in findings["port"]["found"]


def test_over_a_unix_socket(doctor, start):
    path = doctor.folder / "parley.sock"
    start(unix=path)
    doctor.add(f"listen.unix: {path}\n")
    assert "somebody listens" in doctor.run(code=OK)["unix socket"]["found"]
    findings = doctor.run("--url", f"unix:{path}", code=OK)
    assert findings["upgrade"]["result"] == "ok" and "port" not in findings


def test_for_people(doctor):
    done = run_parley("doctor", "--config", str(doctor.config), "--set", "listen.bind=all")
    assert done.returncode == FAILED and "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    number = next(i for i, line in enumerate(lines) if line.startswith("fail  configuration  "))
    assert lines[number + 1].startswith(" " * 21) and lines[number + 1].strip()


def test_wrong_use(doctor):
    assert run_parley("doctor", "extra").returncode == USAGE
    assert run_parley("doctor", "--jsn").returncode == USAGE


# --- planted faults --------------------------------------------------------------------------


def test_the_port_is_another_programs(doctor):
    with listener(b"SSH-2.0-OpenSSH_9.2\r\n\r\n") as port:
        findings = doctor.run("--set", f"listen.port={port}", code=FAILED)
    expect(findings, "port", "fail", f"{port} is taken by ", "stop that program, or set listen.port")
    assert f"(pid {os.getpid()})" in findings["port"]["found"]


def test_the_port_is_another_web_servers(doctor):
    with listener(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") as port:
        findings = doctor.run("--set", f"listen.port={port}", code=FAILED)
    expect(findings, "port", "fail", "is no Parley gateway", "stop that program")


def test_a_wrong_key(doctor):
    doctor.add("heartbeat:\n  intervall: 5s\n")
    findings = doctor.run(code=FAILED)
    expect(findings, "configuration", "fail", f"{doctor.config}:3", "correct it")
    assert "heartbeat.interval" in findings["configuration"]["found"]
    assert "port" not in findings, "what follows would look at something else"


def test_no_such_configuration(doctor):
    doctor.config.unlink()
    expect(doctor.run(code=FAILED), "configuration", "fail", str(doctor.config), "correct it")


def with_tokens(doctor, text, mode=0o600):
    path = doctor.folder / "tokens"
    path.write_text(text)
    path.chmod(mode)
    doctor.add(f"auth: {{mode: token, token_file: {path}}}\n")
    return path


def test_the_token_file_is_missing(doctor):
    path = with_tokens(doctor, "")
    path.unlink()
    expect(doctor.run(code=FAILED), "tokens", "fail", str(path), "parley token new")


def test_others_can_read_the_token_file(doctor):
    path = with_tokens(doctor, f"{DIGEST} kitchen admin\n", 0o644)
    expect(doctor.run(code=OK), "tokens", "warn", str(path), "chmod 600")
    path.chmod(0o600)
    assert "1 known" in doctor.run(code=OK)["tokens"]["found"]


def test_a_broken_token_line(doctor):
    path = with_tokens(doctor, f"{DIGEST} kitchen admin\nsha256:{SECRET} attic\n")
    expect(doctor.run(code=FAILED), "tokens", "fail", f"{path}:2", "parley token new")


def test_an_open_bind_without_authentication(doctor):
    doctor.add("listen.bind: all\n")
    findings = doctor.run(code=FAILED)
    expect(findings, "configuration", "fail", "set a token (--token-file FILE)", "correct it")
    doctor.add("auth.allow_anonymous: true\n")
    expect(doctor.run(code=OK), "access", "warn", "everybody", "auth.mode")


@pytest.mark.parametrize("files, result", [(200, "fail"), (2000, "warn")])
def test_too_few_descriptors(doctor, files, result):
    findings = doctor.run(code=FAILED if result == "fail" else OK, files=files)
    expect(findings, "descriptors", result, f"at most {files} open files", "LimitNOFILE=100064")
    findings = doctor.run("--set", "limits.clients=100", code=FAILED if files < 164 else OK, files=files)
    assert findings["descriptors"]["result"] == "ok"


def test_too_much_memory(doctor):
    findings = doctor.run("--set", "limits.memory=1024GiB", code=OK)
    expect(findings, "memory", "warn", "limits.memory is 1024GiB", "auto")


def test_the_unix_path_is_too_long(doctor):
    path = doctor.folder / ("x" * 120)
    expect(doctor.run("--set", f"listen.unix={path}", code=FAILED), "unix socket", "fail", "at most 107", "shorter")


def test_a_stale_unix_socket(doctor):
    path = doctor.folder / "stale.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
    expect(doctor.run("--set", f"listen.unix={path}", code=OK), "unix socket", "warn", "left over", "replaces it")
    assert path.exists(), "nothing is changed"


def test_no_place_for_a_unix_socket(doctor):
    path = doctor.folder / "none" / "parley.sock"
    expect(doctor.run("--set", f"listen.unix={path}", code=FAILED), "unix socket", "fail", "No such file", "make the directory")
    expect(doctor.run("--set", f"listen.unix={doctor.config}", code=FAILED), "unix socket", "fail", "no socket", "move the file")


def test_a_gateway_that_does_not_answer(doctor):
    with listener() as port:
        findings = doctor.run("--url", f"http://127.0.0.1:{port}", code=FAILED)
        expect(findings, "gateway", "fail", "answers nothing", "restart it")
        findings = doctor.run("--set", f"listen.port={port}", code=FAILED)
        expect(findings, "port", "fail", "answers nothing", "stop that program")


def test_no_gateway(doctor):
    findings = doctor.run("--url", f"http://127.0.0.1:{doctor.free_port}", code=FAILED)
    expect(findings, "gateway", "fail", "Connection refused", "parley serve")
    expect(doctor.run("--url", "http://", code=FAILED), "gateway", "fail", "names no host", "--url")


def test_a_wrong_token(doctor):
    token = doctor.folder / "token"
    token.write_text(SECRET + "\n")
    token.chmod(0o600)
    with FakeGateway() as fake:
        fake.refuse(401, "AUTH_FAILED", "this token is not known")
        findings = doctor.run("--url", fake.url, "--token-file", token, code=FAILED)
        assert {request.fields["authorization"] for request in fake.requests} == {f"Bearer {SECRET}"}
    for check in ("upgrade", "status"):
        expect(findings, check, "fail", "AUTH_FAILED", "--token-file")


def write_pair(doctor, tmp_path, **options):
    pair = secure.make_pair(tmp_path, **options)
    doctor.add(f"listen.tls_cert: {pair[0]}\nlisten.tls_key: {pair[1]}\n")
    return pair


def test_a_certificate(doctor, tmp_path):
    pair = write_pair(doctor, tmp_path, days=30)
    assert "certificate and key fit, for " in doctor.run(code=OK)["tls"]["found"]
    pair[1].chmod(0o604)
    expect(doctor.run(code=OK), "tls", "warn", f"read or change the private key {pair[1]}", "chmod 600")


def test_a_certificate_that_runs_out(doctor, tmp_path):
    write_pair(doctor, tmp_path, days=1)
    expect(doctor.run(code=OK), "tls", "warn", "runs out in ", "renew it")


def test_a_certificate_without_its_key(doctor, tmp_path):
    pair = write_pair(doctor, tmp_path)
    pair[1].write_text("")
    expect(doctor.run(code=FAILED), "tls", "fail", f"listen.tls_key: {pair[1]} holds no private key", "does not start")


def test_a_running_gateway_with_tls(doctor, tmp_path, start):
    pair = write_pair(doctor, tmp_path, days=30)
    gateway = start(settings=secure.settings_for(pair), tls=secure.context_for(pair[0]))
    doctor.write(f"listen: {{port: {gateway.port}, tls_cert: {pair[0]}, tls_key: {pair[1]}}}\n")
    findings = doctor.run(code=OK, env={"SSL_CERT_FILE": str(pair[0])})
    assert findings["upgrade"]["result"] == findings["port"]["result"] == "ok"
    expect(doctor.run(code=OK), "port", "warn", "self-signed certificate", "SSL_CERT_FILE")


def test_a_credential_that_is_none(doctor):
    token = doctor.folder / "token"
    token.write_text("\n")
    expect(doctor.run("--token-file", token, code=FAILED), "credential", "fail", "no token", "parley token new")
    token.write_text(SECRET)
    token.chmod(0o644)
    expect(doctor.run("--token-file", token, code=OK), "credential", "warn", str(token), "chmod 600")
    assert "PARLEY_TOKEN" in doctor.run(code=OK, env={"PARLEY_TOKEN": SECRET})["credential"]["found"]


def test_a_host_that_is_refused(doctor, start):
    """2130706433 is 127.0.0.1 to the resolver, and to the gateway a name that it does not know."""
    gateway = start()
    findings = doctor.run("--url", f"http://2130706433:{gateway.port}", code=FAILED)
    expect(findings, "upgrade", "fail", "FORBIDDEN", "listen.hosts")


def test_a_path_that_is_no_world(doctor, start):
    gateway = start(settings={"listen.world_paths": "/elsewhere"})
    findings = doctor.run("--url", gateway.url, code=FAILED)
    expect(findings, "upgrade", "fail", "no WebSocket is served there", "listen.world_paths")


def test_counts_only(doctor):
    with FakeGateway() as fake:
        fake.answer(200, {"service": "parley", "connections": 3})
        findings = doctor.run("--url", fake.url, code=FAILED)
    expect(findings, "status", "warn", "only counts are shown: 3", "--token-file")
    expect(findings, "upgrade", "fail", "HTTP 200", "proxy")


@pytest.mark.parametrize("value", ["secret", "$argon2id$v=19$m=1$x$y"])
def test_a_password_hash_that_is_none(doctor, value):
    doctor.add(f"auth: {{mode: password, password_hash: '{value}'}}\n")
    findings = doctor.run(code=FAILED)
    (failed,) = [finding for finding in findings.values() if finding["result"] == "fail"]
    assert "auth.password_hash" in failed["found"] and value not in failed["found"]
    assert "password hash" in failed["found"] + failed["fix"]
