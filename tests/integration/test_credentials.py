"""`parley token` and `parley password` as processes: what they print, keep, refuse and never show."""

import contextlib
import hashlib
import json
import os
import pty
import re
import select
import signal
import stat
import subprocess
import termios

import pytest

from harness import PATIENCE
from harness.gateway import environment, program, run_parley

OK, FAILED, USAGE = 0, 1, 2
TOKEN = re.compile(r"parley_[A-Za-z0-9_-]{43}")
CANARY = "hunter2-the-canary"


def expect(code, *arguments, **options):
    done = run_parley(*arguments, **options)
    assert done.returncode == code, (arguments, done)
    assert CANARY not in done.stdout + done.stderr
    return done


def digest(token):
    return hashlib.sha256(token.encode()).hexdigest()


# --- token new -------------------------------------------------------------------------------


def test_new():
    done = expect(OK, "token", "new", "kitchen")
    token, line = done.stdout.splitlines()
    assert TOKEN.fullmatch(token)
    assert line == f"sha256:{digest(token)} kitchen publish=* sessions=*"
    assert done.stderr == "", "it explains to people, not to pipes"


@pytest.mark.parametrize(
    "flags, grants",
    [
        (["--admin"], "admin"),
        (["--agent-id", "lamp:1"], "agent_id=lamp:1 publish=* sessions=*"),
        (["--publish=bark|scene_*"], "publish=bark|scene_*"),
        (
            ["--broadcast", "--act-as", "lamp-*", "--sessions", "world:main", "--publish", "*", "--admin"],
            "publish=* sessions=world:main act_as=lamp-* broadcast admin",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_grants(flags, grants):
    token, line = expect(OK, "token", "new", *flags, "k").stdout.splitlines()
    assert line == f"sha256:{digest(token)} k {grants}"


def test_new_into_a_file(tmp_path):
    file = tmp_path / "tokens"
    first = expect(OK, "token", "new", "a", "--file", str(file)).stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    second = expect(OK, "token", "new", "b", "--admin", "--file", str(file)).stdout
    assert TOKEN.fullmatch(first.strip()) and TOKEN.fullmatch(second.strip())
    assert file.read_text() == (
        f"sha256:{digest(first.strip())} a publish=* sessions=*\n"
        f"sha256:{digest(second.strip())} b admin\n"
    )
    before = file.read_bytes()
    again = expect(FAILED, "token", "new", "a", "--file", str(file))
    assert again.stdout == "" and f"{file}:3" in again.stderr and '"a"' in again.stderr
    assert file.read_bytes() == before


def test_new_beside_a_secret(tmp_path):
    file = tmp_path / "secret"
    file.write_text(CANARY + "\n")
    done = expect(FAILED, "token", "new", "a", "--file", str(file))
    assert done.stdout == "" and "parley token hash" in done.stderr
    assert file.read_text() == CANARY + "\n"


def test_new_at_once(tmp_path):
    """Many programs on one file: every line is whole and every name is there once."""
    file = tmp_path / "tokens"
    names = [f"n{number % 10}" for number in range(20)]
    running = [
        subprocess.Popen(
            [program(), "token", "new", name, "--file", str(file)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        for name in names
    ]
    codes = [process.wait(PATIENCE) for process in running]
    assert sorted(codes) == [OK] * 10 + [FAILED] * 10
    listed = expect(OK, "token", "list", str(file), "--json").stdout.splitlines()
    assert sorted(json.loads(line)["name"] for line in listed) == sorted(set(names))


@pytest.mark.parametrize(
    "words",
    [
        ["token"],
        ["token", "nwe", "a"],
        ["token", CANARY],
        ["token", "new"],
        ["token", "new", "a b"],
        ["token", "new", "a", "b"],
        ["token", "new", "a", "--publish", ""],
        ["token", "new", "a", "--publish", "a||b"],
        ["token", "new", "a", "--agent-id", "a/b"],
        ["token", "new", "a", "--json"],
        ["token", "new", "a", "--adminn"],
        ["token", "hash", "a", "--file", "x"],
        ["token", "list"],
        ["token", "list", "x", "--admin"],
        ["password"],
        ["password", CANARY],
        ["password", "hash", CANARY],
        ["password", "hash", "--file", "x"],
    ],
    ids=" ".join,
)
def test_wrong_use(words):
    done = expect(USAGE, *words)
    assert done.stdout == "" and done.stderr.startswith("parley"), done


# --- token hash, list ------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["-"], ["kitchen"], ["kitchen", "-", "--admin"]], ids=" ".join)
def test_hash(words):
    done = expect(OK, "token", "hash", *words, stdin=CANARY + "\n")
    name = "kitchen" if "kitchen" in words else "shared"
    grants = "admin" if "--admin" in words else "publish=* sessions=*"
    assert done.stdout == f"sha256:{digest(CANARY)} {name} {grants}\n"
    assert done.stderr == ""


@pytest.mark.parametrize("text", ["", "\n", CANARY + "\n" + CANARY + "\n", CANARY + " x", "x" * 513, "x" * 5000])
def test_hash_of_no_token(text):
    done = expect(FAILED, "token", "hash", "k", stdin=text)
    assert done.stdout == "" and done.stderr.startswith("parley: ")


def test_hash_of_a_short_token():
    done = expect(OK, "token", "hash", "k", stdin="canary")
    assert "guessed" in done.stderr and "canary" not in done.stderr


def test_list(tmp_path):
    file = tmp_path / "tokens"
    token = expect(OK, "token", "new", "k", "--agent-id", "lamp", "--file", str(file)).stdout.strip()
    done = expect(OK, "token", "list", str(file))
    assert re.search(r"^k +lamp +[0-9a-f]{8} +\* +\* +- +-$", done.stdout, re.M), done
    assert digest(token) not in done.stdout and done.stderr == ""
    (line,) = expect(OK, "token", "list", str(file), "--json").stdout.splitlines()
    assert json.loads(line) == {
        "name": "k",
        "agent_id": "lamp",
        "digest": digest(token)[:8],
        "grants": {"publish": "*", "sessions": "*", "act_as": "", "broadcast": False, "admin": False},
    }
    file.chmod(0o644)
    assert "chmod 600" in expect(OK, "token", "list", str(file)).stderr


def test_list_of_what_is_no_token_file(tmp_path):
    file = tmp_path / "tokens"
    done = expect(FAILED, "token", "list", str(file))
    assert "No such file" in done.stderr
    file.write_text(f"# ours\n{CANARY} and more\n")
    done = expect(FAILED, "token", "list", str(file))
    assert f"{file}:2: " in done.stderr and done.stdout == ""
    file.write_text(CANARY)
    assert "shared" in expect(OK, "token", "list", str(file)).stdout


# --- password hash ---------------------------------------------------------------------------


def test_password():
    hashes = {expect(OK, "password", "hash", *more, stdin=CANARY + "\n").stdout for more in ([], ["-"])}
    assert len(hashes) == 2, "a salt of its own each"
    for line in hashes:
        assert re.fullmatch(r"\$argon2id\$v=19\$m=65536,t=3,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}\n", line)


@pytest.mark.parametrize("text", ["", "\n", "a\nb\n", "a\tb", "x" * 1025])
def test_no_password(text):
    done = expect(FAILED, "password", "hash", stdin=text)
    assert done.stdout == "" and done.stderr.startswith("parley: ")


# --- on a terminal ---------------------------------------------------------------------------


class Terminal:
    """A command on a terminal of its own, its controlling one, so that ^C reaches it."""

    def __init__(self, *arguments):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execve(program(), [program(), *arguments], environment())
        self.text = ""
        self.status = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)

    def read_until(self, part):
        while part not in self.text:
            assert select.select([self.master], [], [], PATIENCE)[0], self.text
            self.text += os.read(self.master, 4096).decode()

    def type(self, text):
        os.write(self.master, text.encode())

    def has_echo(self):
        return bool(termios.tcgetattr(self.master)[3] & termios.ECHO)

    def finish(self):
        """Reads to the end, and returns the status as os.waitpid has it."""
        with contextlib.suppress(OSError):  # EIO: the other side has gone
            while data := os.read(self.master, 4096):
                self.text += data.decode()
        self.status = os.waitpid(self.pid, 0)[1]
        return self.status


def test_password_on_a_terminal():
    with Terminal("password", "hash") as terminal:
        terminal.read_until("Password: ")
        assert not terminal.has_echo()
        terminal.type(CANARY + "\n")
        terminal.read_until("again: ")
        terminal.type(CANARY + "\n")
        terminal.read_until("auth.password_hash")
        assert os.waitstatus_to_exitcode(terminal.finish()) == OK
        assert "$argon2id$" in terminal.text and CANARY not in terminal.text


def test_two_passwords():
    with Terminal("password", "hash") as terminal:
        terminal.read_until("Password: ")
        terminal.type(CANARY + "\n")
        terminal.read_until("again: ")
        terminal.type(CANARY + "!\n")
        assert os.waitstatus_to_exitcode(terminal.finish()) == FAILED
        assert "not the same" in terminal.text and CANARY not in terminal.text


def test_the_echo_comes_back():
    """Whoever gives up with ^C has a terminal that shows what is typed."""
    master, slave = pty.openpty()
    keeps = os.dup(slave)  # so that the terminal outlives the program
    process = subprocess.Popen(
        [program(), "password", "hash"],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    os.close(slave)
    try:
        assert process.stderr.read(len("Password: ")) == b"Password: "
        assert not termios.tcgetattr(keeps)[3] & termios.ECHO
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == -signal.SIGINT
        assert termios.tcgetattr(keeps)[3] & termios.ECHO
    finally:
        process.kill()
        process.communicate()
        os.close(keeps)
        os.close(master)


def test_token_on_a_terminal(tmp_path):
    with Terminal("token", "new", "kitchen", "--file", str(tmp_path / "tokens")) as terminal:
        assert os.waitstatus_to_exitcode(terminal.finish()) == OK
        assert TOKEN.search(terminal.text) and "SIGHUP" in terminal.text and "kitchen" in terminal.text
    with Terminal("token", "new", "kitchen") as terminal:
        assert os.waitstatus_to_exitcode(terminal.finish()) == OK
        assert "auth.token_file" in terminal.text and "kitchen" in terminal.text
