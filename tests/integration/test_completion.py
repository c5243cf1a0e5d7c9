"""`parley completion`: the scripts in the shells they are for. A shell that is not installed is skipped."""

import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from harness import PATIENCE
from harness.gateway import environment, run_parley

OK, USAGE = 0, 2


def script(shell, folder):
    done = run_parley("completion", shell)
    assert done.returncode == OK and done.stderr == ""
    path = folder / f"parley.{shell}"
    path.write_text(done.stdout)
    return path


def run_shell(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment())
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


def complete_bash(path, words):
    """What bash offers for the last of these words."""
    quoted = " ".join(f"'{word}'" for word in words)
    return run_shell(
        "bash", "--norc", "-c",
        f"source {path}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; "
        "$(complete -p parley | sed 's/.*-F \\([^ ]*\\).*/\\1/'); printf '%s\\n' \"${COMPREPLY[@]}\"",
    ).split()


def complete_fish(path, words):
    lines = run_shell("fish", "-N", "-c", f"source {path}; complete -C '{' '.join(words)}'").splitlines()
    return [line.split("\t")[0] for line in lines]


class Zsh:
    """An interactive zsh; it has no way to ask it for completions but to press the key."""

    def __init__(self, path):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            ["zsh", "-f", "-i"], stdin=slave, stdout=slave, stderr=slave, env=environment(TERM="dumb", COLUMNS="200"),
            start_new_session=True,
        )
        os.close(slave)
        # The prompt comes when the line editor has the terminal; keys typed before that go elsewhere.
        self.type("autoload -U compinit; compinit -u -D; unsetopt automenu; LISTMAX=1000\n")
        self.type(f"source {path}; PS1='rea''dy> '\n")
        self.read_until("ready> ")

    def type(self, text):
        os.write(self.master, text.encode())

    def read_until(self, mark):
        text, deadline = "", time.monotonic() + PATIENCE
        while mark not in text:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], f"no {mark!r} in {text!r}"
            text += os.read(self.master, 65536).decode(errors="replace")
        return text

    def complete(self, words):
        """Lists what there is (^D), then throws the line away; the mark says that all has been said."""
        self.type(" ".join(words) + "\x04" + "\x15" + "print do''ne\n")
        return re.findall(r"[\w-]+", self.read_until("done\r\n"))

    def close(self):
        os.close(self.master)
        self.process.kill()
        self.process.wait()


def complete_zsh(path, words):
    zsh = Zsh(path)
    try:
        return zsh.complete(words)
    finally:
        zsh.close()


COMPLETERS = {"bash": complete_bash, "zsh": complete_zsh, "fish": complete_fish}


@pytest.fixture(params=COMPLETERS)
def offered(request, tmp_path):
    """offered(word, ...): what the shell offers for the last word."""
    if not shutil.which(request.param):
        pytest.skip(f"{request.param} is not installed")
    path = script(request.param, tmp_path)
    return lambda *words: set(COMPLETERS[request.param](path, ["parley", *words]))


def test_commands(offered):
    everything = offered("")
    assert {"serve", "status", "agents", "kick", "protocol", "completion", "version"} <= everything
    assert "status" in offered("st") and "serve" not in offered("st")


def test_flags(offered):
    flags = offered("agents", "--")
    assert {"--capability", "--json", "--url", "--token-file", "--help"} <= flags
    assert not {"--ttl", "--type-x"} & flags
    assert "--capability" in offered("agents", "--cap") and "--json" not in offered("agents", "--cap")


def test_words_of_a_command(offered):
    assert {"check", "roundtrip", "schema", "asyncapi", "typescript", "python"} <= offered("protocol", "")
    assert {"bash", "zsh", "fish"} <= offered("completion", "")
    assert {"check", "show", "schema"} <= offered("config", "")
    assert {"new", "hash", "list"} <= offered("token", "")
    assert {"status", "help", "kick"} <= offered("help", "")


def test_choices(offered):
    assert {"world", "gateway"} <= offered("protocol", "--dialect", "")
    assert {"online", "busy", "offline", "all"} <= offered("agents", "--status", "")


def test_files(offered, tmp_path):
    (tmp_path / "secret-file").write_text("x")
    assert any("secret-file" in word for word in offered("agents", "--token-file", f"{tmp_path}/secr"))


def test_every_command_is_known(tmp_path):
    """The table of commands, as `help` prints it, and the script name the same ones."""
    listed = set(re.findall(r"^  ([a-z]+) {2,}", run_parley("help").stdout.split("commands:")[1], re.M))
    assert len(listed) > 10
    assert listed <= set(complete_bash(script("bash", tmp_path), ["parley", ""]))


def test_an_unknown_shell():
    done = run_parley("completion", "bsh")
    assert done.returncode == USAGE and "did you mean bash?" in done.stderr
    assert run_parley("completion").returncode == USAGE
