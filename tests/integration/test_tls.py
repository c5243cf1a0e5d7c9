"""TLS at the TCP ports: what is agreed upon, certificates that change while clients are there, and who is hostile."""

import json
import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness import PATIENCE, secure
from harness.agent import Agent
from harness.gateway import Gateway, environment, program
from harness.raw import receive_all

OLD, NEW = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
CONFIGURATION = 78


@pytest.fixture
def pair(tmp_path):
    return secure.make_pair(tmp_path)


@pytest.fixture
def served(start, threads, pair):
    return start(threads=threads, settings=secure.settings_for(pair), tls=secure.context_for(pair[0]))


def plain_socket(gateway):
    return socket.create_connection(("127.0.0.1", gateway.port), PATIENCE)


def connect(gateway, context, session=None):
    return secure.SecureSocket(plain_socket(gateway), context, session)


def ask(s):
    s.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return s.recv(65536)


def figure(gateway, name):
    """One metric, summed over the reactors."""
    _, _, body = gateway.request("/metrics")
    lines = [line for line in body.decode().splitlines() if line.startswith(f"parley_{name}_total{{")]
    assert lines, name
    return sum(int(line.rpartition(" ")[2]) for line in lines)


def connections(gateway):
    _, _, body = gateway.request("/metrics")
    lines = [line for line in body.decode().splitlines() if line.startswith("parley_reactor_connections{")]
    return sum(int(line.rpartition(" ")[2]) for line in lines)


# --- what is agreed upon -------------------------------------------------------------------------


@pytest.mark.parametrize("version", [OLD, NEW], ids=["1.2", "1.3"])
def test_versions_and_protocol(served, pair, version):
    with connect(served, secure.context_for(pair[0], version)) as s:
        assert s.tls.version() == ("TLSv1.2" if version is OLD else "TLSv1.3")
        assert s.tls.selected_alpn_protocol() == "http/1.1"
        assert s.tls.compression() is None
        assert "GCM" in s.tls.cipher()[0] or "CHACHA20" in s.tls.cipher()[0]
        assert ask(s).startswith(b"HTTP/1.1 200 ")


def test_no_protocol_offered(served, pair):
    with connect(served, secure.context_for(pair[0], protocols=())) as s:
        assert s.tls.selected_alpn_protocol() is None
        assert ask(s).startswith(b"HTTP/1.1 200 ")


def test_another_protocol_alone(served, pair):
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        connect(served, secure.context_for(pair[0], protocols=("h2",)))


@pytest.mark.parametrize("ciphers", ["AES128-SHA:AES256-SHA", "ECDHE+AES+SHA"])
def test_old_ciphers(served, pair, ciphers):
    context = secure.context_for(pair[0], OLD)
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="(?i)handshake.failure"):
        connect(served, context)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_version_1_1(served, pair):
    context = secure.context_for(pair[0])
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="(?i)protocol.version"):
        connect(served, context)


@pytest.mark.parametrize("version", [OLD, NEW], ids=["1.2", "1.3"])
def test_resumption(served, pair, version):
    """With any reactor: the tickets are of the process."""
    context = secure.context_for(pair[0], version)
    with connect(served, context) as s:
        assert not s.tls.session_reused
        assert ask(s).startswith(b"HTTP/1.1 200 ")
        session = s.tls.session
    for _ in range(8):
        with connect(served, context, session) as s:
            assert s.tls.session_reused
            assert ask(s).startswith(b"HTTP/1.1 200 ")
    assert figure(served, "tls_handshakes_resumed") == 8


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_curl(served, pair):
    done = subprocess.run(
        ["curl", "-sS", "--fail", "--cacert", str(pair[0]), f"https://localhost:{served.port}/health"],
        capture_output=True, text=True, timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["service"] == "parley"


def test_websocket(served):
    kitchen, cellar = served.agent("kitchen"), served.agent("cellar")
    text = "x" * 300_000
    kitchen.send({"type": "bark", "agent_id": "kitchen", "data": {"text": "hi", "note": text}})
    heard = cellar.take("bark")
    assert heard["data"]["note"] == text


def test_the_unix_socket_stays_plain(start, pair, tmp_path):
    gateway = start(unix=tmp_path / "p.sock", settings=secure.settings_for(pair), tls=secure.context_for(pair[0]))
    assert gateway.agent("kitchen").registered
    with gateway.open_socket(tcp=True) as s:
        assert ask(s).startswith(b"HTTP/1.1 200 ")


def test_the_status_port(start, pair):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    settings = secure.settings_for(pair) | {"listen.status_port": str(port)}
    start(settings=settings, tls=secure.context_for(pair[0]))
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain:
        assert ask(secure.SecureSocket(plain, secure.context_for(pair[0]))).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("origin, code", [("https://localhost:9", 101), ("https://example.org", 403)])
def test_pages_of_this_machine(served, origin, code):
    client = served.client(origin=origin)
    assert client.response.status_code == code


# --- our own commands ----------------------------------------------------------------------------


def command(gateway, *arguments, cert=None, url=None):
    variables = {"PARLEY_URL": url or gateway.url} | ({"SSL_CERT_FILE": str(cert)} if cert else {})
    return subprocess.run(
        [program(), *arguments], capture_output=True, text=True, timeout=PATIENCE, env=environment(**variables)
    )


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_commands(served, pair, host):
    url = f"https://{host}:{served.port}"
    done = command(served, "status", cert=pair[0], url=url)
    assert done.returncode == 0, done.stderr
    listener = served.agent("kitchen")
    text = "y" * 100_000
    data = json.dumps({"text": "hi", "note": text})
    done = command(served, "send", "bark", data, cert=pair[0], url=url.replace("https", "wss"))
    assert done.returncode == 0, done.stderr
    assert listener.take("bark")["data"]["note"] == text


def test_call_and_agent(served, pair):
    variables = {"SSL_CERT_FILE": str(pair[0])}
    agent = Agent(served.url, "--exec", "tr a-z A-Z", **variables)
    try:
        agent.says("ready")
        done = command(served, "call", "demo.x", json.dumps("z" * 100_000), cert=pair[0])
        assert done.returncode == 0 and "Z" * 100_000 in done.stdout, done.stderr[:500]
        agent.process.terminate()
        assert agent.wait() == 0, agent.talk
    finally:
        agent.process.kill()


def test_commands_verify(served, pair, tmp_path):
    other = secure.make_pair(tmp_path, stem="other")
    for cert in (None, other[0]):
        done = command(served, "status", cert=cert)
        assert done.returncode == 69 and "self-signed certificate" in done.stderr, done
    done = command(served, "status", cert=pair[0], url=f"https://127.0.0.2:{served.port}")
    assert done.returncode == 69, done
    done = command(served, "status", url=f"http://127.0.0.1:{served.port}")
    assert done.returncode != 0 and "https://" in done.stderr, done


def test_commands_want_the_right_name(start, tmp_path):
    pair = secure.make_pair(tmp_path, alternative="DNS:elsewhere.example")
    gateway = start(settings=secure.settings_for(pair))
    for host, what in (("localhost", "hostname mismatch"), ("127.0.0.1", "IP address mismatch")):
        done = command(gateway, "status", cert=pair[0], url=f"https://{host}:{gateway.port}")
        assert done.returncode == 69 and what in done.stderr.replace("Hostname", "hostname"), done


def test_a_command_before_a_plain_port(start, pair):
    gateway = start()
    done = command(gateway, "status", cert=pair[0], url=f"https://127.0.0.1:{gateway.port}")
    assert done.returncode == 69 and "wrong version number" in done.stderr, done


# --- another certificate -------------------------------------------------------------------------


def reload(gateway, event, skip):
    gateway.process.send_signal(signal.SIGHUP)
    return gateway.wait_event(event, skip=skip)


def replace(new, old):
    for source, target in zip(new, old):
        shutil.copy(source, f"{target}.new")
        os.replace(f"{target}.new", target)


def wait_for_certificate(gateway, cert):
    """Every reactor is told of it in its own time: until ten connections in a row have met it."""
    deadline = time.monotonic() + PATIENCE
    met = 0
    while met < 10:
        try:
            with connect(gateway, secure.context_for(cert)) as s:
                assert ask(s).startswith(b"HTTP/1.1 200 ")
            met += 1
        except ssl.SSLCertVerificationError:
            met = 0
            assert time.monotonic() < deadline, "the new certificate is not shown"


def test_reload_under_traffic(served, pair, tmp_path):
    pairs = [secure.make_pair(tmp_path, name=f"n{n}", stem=f"n{n}") for n in range(2)]
    kitchen, cellar = served.agent("kitchen"), served.agent("cellar")
    for turn in range(10):
        new = pairs[turn % 2]
        kitchen.send({"type": "bark", "agent_id": "kitchen", "data": {"text": f"before {turn}"}})
        replace(new, pair)
        reload(served, "reloaded", turn)
        kitchen.send({"type": "bark", "agent_id": "kitchen", "data": {"text": f"after {turn}"}})
        assert [cellar.take("bark")["data"]["text"] for _ in range(2)] == [f"before {turn}", f"after {turn}"]
        wait_for_certificate(served, new[0])
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(served, secure.context_for(pairs[1 - turn % 2][0]))


def test_a_broken_pair_keeps_the_old(served, pair, tmp_path):
    other = secure.make_pair(tmp_path, stem="other")
    kept = tmp_path / "kept.pem"
    shutil.copy(pair[0], kept)
    client = served.agent("kitchen")
    faults = [
        (lambda: pair[0].write_text("no certificate\n"), "tls_cert", "holds no certificate in PEM"),
        (lambda: replace(other[:1], pair[:1]), "tls_key", "is not the key of the certificate"),
        (lambda: pair[1].write_text("-----BEGIN PRIVATE KEY-----\n"), "tls_key", "holds no private key in PEM"),
        (lambda: pair[1].unlink(), "tls_key", "cannot be read (No such file or directory)"),
    ]
    for skip, (break_it, option, what) in enumerate(faults):
        break_it()
        error = reload(served, "reload_failed", skip)["error"]
        assert error.startswith(f"listen.{option}: ") and what in error, error
        with connect(served, secure.context_for(kept)) as s:
            assert ask(s).startswith(b"HTTP/1.1 200 ")
    replace(other, pair)
    reload(served, "reloaded", 0)
    wait_for_certificate(served, other[0])
    client.send('{"type":"ping"}')
    client.take("pong")


def test_plain_and_tls_need_a_restart(start, pair, tmp_path):
    file = tmp_path / "parley.yaml"
    file.write_text("drain: 200ms\n")
    gateway = start("--config", str(file))
    file.write_text(f"drain: 200ms\nlisten.tls_cert: {pair[0]}\nlisten.tls_key: {pair[1]}\n")
    told = reload(gateway, "reloaded", 0)
    assert told["needs_restart"] == "listen.tls_cert,listen.tls_key"
    assert gateway.request("/healthz")[0] == 200


# --- the start -----------------------------------------------------------------------------------


def refused(cert, key):
    done = subprocess.run(
        [program(), "serve", "--port", "0", "--set", f"listen.tls_cert={cert}", "--set", f"listen.tls_key={key}"],
        capture_output=True, text=True, timeout=PATIENCE, env=environment(),
    )
    assert done.returncode == CONFIGURATION, done
    return done.stderr


def test_a_start_without_a_pair(pair, tmp_path):
    assert f"listen.tls_cert: {tmp_path}/no.pem cannot be read" in refused(tmp_path / "no.pem", pair[1])
    assert f"listen.tls_key: {pair[0]} holds no private key" in refused(pair[0], pair[0])
    assert f"listen.tls_cert: {pair[1]} holds no certificate" in refused(pair[1], pair[1])
    other = secure.make_pair(tmp_path, stem="other")
    assert f"listen.tls_key: {other[1]} is not the key" in refused(pair[0], other[1])
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "pkey", "-in", str(pair[1]), "-aes256", "-passout", "pass:s3cret", "-out", str(locked)],
        check=True, capture_output=True, timeout=PATIENCE,
    )
    assert f"listen.tls_key: {locked} is protected by a passphrase" in refused(pair[0], locked)


# --- hostile -------------------------------------------------------------------------------------


def test_plain_http(served):
    with plain_socket(served) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = receive_all(s)
    assert answer.startswith(b"HTTP/1.1 400 ") and b"https://" in answer
    assert figure(served, "tls_handshakes_failed") == 1


GARBAGE = {
    "zeros": bytes(500),
    "noise": bytes(range(255, 0, -1)) * 40,
    "an empty record": b"\x16\x03\x01\x00\x00" * 100,
    "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "data before the handshake": b"\x17\x03\x03\x00\x10" + bytes(16),
    "a huge record": b"\x16\x03\x01\xff\xff" + bytes(70000),
    "a hello that lies": b"\x16\x03\x01\x00\x30\x01\x00\x00\x2c\x03\x03" + b"\xff" * 41,
    "a websocket frame": b"\x81\x85\x00\x00\x00\x00hello",
    "version 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(35),
}


@pytest.mark.parametrize("bytes_", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage(served, bytes_):
    probe = served.agent("probe")
    with plain_socket(served) as s:
        try:
            s.sendall(bytes_)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        answer = receive_all(s)
    assert not answer or answer[0] == 0x15  # an alert
    probe.send('{"type":"ping"}')
    probe.take("pong")
    assert figure(served, "tls_handshakes_failed") == 1


def client_hello(context):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


def test_half_handshakes(served, pair):
    """Three hundred that stop at each stage; who behaves is served meanwhile, and they go after 5 s."""
    hello = client_hello(secure.context_for(pair[0]))
    probe = served.agent("probe")
    hostile = []
    try:
        for n in range(300):
            s = plain_socket(served)
            s.sendall([b"", hello[:1], hello[: len(hello) // 2], hello][n % 4])
            hostile.append(s)
            if n % 20 == 0:
                probe.send('{"type":"ping"}')
                probe.take("pong")
        with connect(served, secure.context_for(pair[0])) as s:
            assert ask(s).startswith(b"HTTP/1.1 200 ")
        for s in hostile:
            receive_all(s)
    finally:
        for s in hostile:
            s.close()
    assert figure(served, "tls_handshakes_failed") == 300
    probe.send('{"type":"ping"}')
    probe.take("pong")


def test_ends_in_the_middle(served, pair):
    """Connections that break off, at any byte of what a good one says, leave nothing behind."""
    context = secure.context_for(pair[0])
    hello = client_hello(context)
    for at in range(0, len(hello), 7):
        with plain_socket(served) as s:
            s.sendall(hello[:at])
    for _ in range(20):
        s = connect(served, context)
        s.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        s.socket.close()
    # This one is there, and perhaps its predecessor.
    served.wait_status(lambda status: connections(served) <= 2)
    assert served.agent("kitchen").registered


def test_a_gateway_of_its_own_stops(pair):
    """With clients of all kinds there, it says goodbye and ends."""
    with Gateway(settings=secure.settings_for(pair), tls=secure.context_for(pair[0])) as gateway:
        client = gateway.agent("kitchen")
        idle = connect(gateway, gateway.tls)
        half = plain_socket(gateway)
        gateway.terminate()
        client.wait_closed(1001)
        assert gateway.wait_exit() == 0
        idle.socket.close()
        half.close()


# --- the harness itself --------------------------------------------------------------------------


def test_a_read_leaves_nothing_behind_poll(pair):
    """The rest of a record and others, in one read: all of it is heard by who waits for poll(2)."""
    size, record = 1 << 17, 1 << 14
    ours, theirs = socket.socketpair()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)

    def shake_hands():
        while True:
            incoming.write(theirs.recv(65536))
            try:
                server.do_handshake()
                return
            except ssl.SSLWantReadError:
                theirs.sendall(outgoing.read())

    with ours, theirs:
        shaking = threading.Thread(target=shake_hands)
        shaking.start()
        peer = secure.SecureSocket(ours, secure.context_for(pair[0]))
        shaking.join()
        for _number in range(size // record):
            server.write(b"x" * record)
        server.write(b"end")
        sealed = outgoing.read()
        theirs.sendall(sealed[:-size])
        heard = b""
        with pytest.raises(BlockingIOError):
            heard += peer.recv(size, socket.MSG_DONTWAIT)
        theirs.sendall(sealed[-size:])
        while len(heard) < size + 3 and select.select([ours], [], [], 0)[0]:
            heard += peer.recv(size, socket.MSG_DONTWAIT)
        assert heard == b"x" * size + b"end"
