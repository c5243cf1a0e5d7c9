"""Node's `ws` package as a foreign client: runs the scripts in node/."""

import shutil
import subprocess
from pathlib import Path

import pytest

from harness.access import SHARED, write_secret

HERE = Path(__file__).resolve().parent
NODE = shutil.which("node")
WS = HERE.parent / "node_modules" / "ws"


pytestmark = [
    pytest.mark.skipif(not NODE, reason="there is no node"),
    pytest.mark.skipif(not WS.exists(), reason="the npm packages of tests/package.json are not installed"),
]


def run_script(name, *arguments):
    done = subprocess.run(
        [NODE, str(HERE / "node" / name), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0 and done.stdout == "ok\n", done.stdout + done.stderr


def test_world(tcp_gateway):
    run_script("world.mjs", tcp_gateway.ws_url())


def test_access(start, threads, tmp_path):
    gateway = start("--token-file", write_secret(tmp_path / "secret"), threads=threads)
    run_script("access.mjs", gateway.ws_url(), SHARED)
