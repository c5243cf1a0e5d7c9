"""The examples of examples/embed, run as their heads say; and what libparley shows of itself to a linker."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from harness.gateway import ROOT, is_sanitized
from harness.library import BUILD, Program

LIBRARY = BUILD / "src/library"
EXAMPLES = BUILD / "examples/embed"


class Example(Program):
    def __init__(self, name):
        super().__init__(EXAMPLES / name, "0")
        self.port = int(re.fullmatch(r"ws://127\.0\.0\.1:(\d+)/ws(/matrix)?", self.line())[1])

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None and kind is None:
            self.process.send_signal(signal.SIGTERM)
        super().__exit__(kind, value, trace)


def test_handler():
    with Example("handler") as example:
        client = example.control()
        assert client.ask("sum", {"numbers": [1, 2, 3.5]})["payload"] == {"sum": 6.5}
        asked = client.say("sum", {"numbers": ["x"]})
        error = client.take("error")
        assert error["replyTo"] == asked and error["payload"]["details"] == {"path": "payload.numbers"}
        client.close()
    assert example.process.returncode == 0


def test_login():
    with Example("login") as example:
        ann = example.control(headers=[("Authorization", "Bearer ann.secret")])
        assert ann.greeting["payload"]["authRequired"] is False
        who = {"agentId": "ann", "name": "Ann", "type": "cli", "capabilities": {}}
        assert ann.ask("agent_register", who)["payload"]["status"] == "registered"
        ann.say("broadcast", {})
        ann.error("FORBIDDEN")
        other = example.control()
        other.say("auth", {"token": "guess"})
        other.error("AUTH_FAILED")
        ann.close()
        other.close()
    assert example.process.returncode == 0


def test_loop():
    with Example("loop") as example:
        client = example.client()
        assert example.line() == f"+ {client.id}"
        client.send({"type": "bark", "agent_id": client.id, "data": {"text": "hello"}, "ts": 5})
        assert example.line() == f"  {client.id}: hello"
        example.process.stdin.write("hello yourself\nwho\n")
        example.process.stdin.flush()
        assert client.next()["data"]["text"] == "hello yourself"
        assert example.line() == "  heard by 1"
        assert example.line() == f"  {client.id} from 127.0.0.1"
        example.process.stdin.write("\n")
        example.process.stdin.flush()
        assert client.wait_closed(1001)
        assert example.process.wait(20) == 0


@pytest.mark.parametrize("name", ["handler", "login", "loop"])
def test_examples_are_short(name):
    assert len((ROOT / "examples/embed" / f"{name}.c").read_text().splitlines()) < 150


def names_in(library, *options):
    lines = subprocess.run(["nm", *options, "--defined-only", library], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in lines.splitlines() if len(line.split()) == 3}


@pytest.mark.skipif(is_sanitized(), reason="a sanitizer adds names of its own")
@pytest.mark.parametrize("library, options", [("libparley.so", ["-D"]), ("libparley.a", ["-g"])])
def test_symbols(library, options):
    """What can be seen is what the list has, which is changed by whoever changes the interface."""
    listed = set((ROOT / "tests/library/symbols.txt").read_text().split())
    seen = names_in(LIBRARY / library, *options)
    assert seen == listed, f"not listed: {sorted(seen - listed)}; not there: {sorted(listed - seen)}"


def test_every_function_of_the_header_is_listed():
    listed = set((ROOT / "tests/library/symbols.txt").read_text().split())
    header = (ROOT / "include/parley/parley.h").read_text()
    declared = set(re.findall(r"\b(parley_\w+)\(", re.sub(r"/\*.*?\*/", "", header, flags=re.S))) - {"parley_text", "parley_handler"}
    assert declared <= listed, declared - listed


@pytest.mark.skipif(is_sanitized(), reason="the program would have to be built with the sanitizer, too")
@pytest.mark.parametrize("static", [False, True], ids=["shared", "static"])
def test_installed(tmp_path, static):
    """As a user has it: installed, found by pkg-config, built and run."""
    if shutil.which("pkg-config") is None:
        pytest.skip("pkg-config is not here")
    environment = {**os.environ, "DESTDIR": str(tmp_path)}
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet"], env=environment, check=True, capture_output=True)
    pc = next(tmp_path.rglob("parley.pc"))
    prefix = pc.parents[3] if pc.parents[1].name != "lib" else pc.parents[2]
    asked = {**os.environ, "PKG_CONFIG_PATH": str(pc.parent)}
    flags = subprocess.run(
        ["pkg-config", f"--define-variable=prefix={prefix}", "--cflags", "--libs", *(["--static"] if static else []), "parley"],
        env=asked, capture_output=True, text=True, check=True,
    ).stdout.split()
    if static:
        archive = next(tmp_path.rglob("libparley.a"))
        flags = [str(archive) if flag == "-lparley" else flag for flag in flags]
    program = tmp_path / "handler"
    subprocess.run(["cc", "-o", program, ROOT / "examples/embed/handler.c", *flags, "-lpthread"], check=True)
    paths = {} if static else {"LD_LIBRARY_PATH": str(next(tmp_path.rglob("libparley.so")).parent)}
    process = subprocess.Popen([program, "0"], stdout=subprocess.PIPE, text=True, env={**os.environ, **paths})
    try:
        assert process.stdout.readline().startswith("ws://127.0.0.1:")
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_a_program_in_cxx(tmp_path):
    """The headers are C++ as well, and their functions C's."""
    compiler = shutil.which("g++") or shutil.which("clang++-14")
    if compiler is None:
        pytest.skip("there is no compiler of C++ here")
    (tmp_path / "x.cpp").write_text(
        '#include <parley/parley.h>\nint main() { return parley_version()[0] == 0 || parley_result_text(PARLEY_OK)[0] == 0; }\n'
    )
    includes = [f"-I{ROOT / 'include'}", f"-I{BUILD / 'include'}"]
    library = Path(LIBRARY / "libparley.so")
    subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", *includes, "-c", tmp_path / "x.cpp", "-o", tmp_path / "x.o"], check=True)
    if not is_sanitized():
        subprocess.run([compiler, tmp_path / "x.o", library, "-o", tmp_path / "x"], check=True)
        assert subprocess.run([tmp_path / "x"], env={**os.environ, "LD_LIBRARY_PATH": str(library.parent)}).returncode == 0
