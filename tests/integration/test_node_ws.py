"""Node's `ws` package as a foreign client: runs the scripts in node/."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
NODE = shutil.which("node")
WS = HERE.parent / "node_modules" / "ws"


@pytest.mark.skipif(not NODE, reason="there is no node")
@pytest.mark.skipif(not WS.exists(), reason="the npm packages of tests/package.json are not installed")
def test_world(tcp_gateway):
    done = subprocess.run(
        [NODE, str(HERE / "node" / "world.mjs"), tcp_gateway.ws_url()],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0 and done.stdout == "ok\n", done.stdout + done.stderr
