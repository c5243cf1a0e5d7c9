"""A page in Chromium meets a program: each hears the other, and the page shows it."""

import functools
import http.server
import json
import shutil
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlencode

import pytest

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "examples" / "world"
PLAYWRIGHT = HERE.parent / "node_modules" / "playwright-core"
CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.skipif(not shutil.which("node"), reason="there is no node"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no /usr/bin/chromium"),
    pytest.mark.skipif(not PLAYWRIGHT.exists(), reason="the npm packages of tests/package.json are not installed"),
]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    """The pages beside this file on a loopback HTTP server: its URL."""
    handler = functools.partial(Quiet, directory=str(PAGE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Browser:
    def __init__(self, log):
        self.process = subprocess.Popen(
            ["node", str(HERE / "drive.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )

    def __call__(self, do, **members):
        self.process.stdin.write(json.dumps({"do": do, **members}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the browser has ended"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.wait(20) != 0:
            raise AssertionError("the browser did not end well")


@pytest.fixture
def browser(tmp_path):
    with open(tmp_path / "browser.log", "w", encoding="utf-8") as log:
        browser = Browser(log)
        try:
            yield browser
            browser.close()
        finally:
            browser.process.kill()
            browser.process.wait()


def shown(agent_id):
    return f"!!document.querySelector('.person[data-agent=\"{agent_id}\"]')"


def said(agent_id, text):
    return f"document.querySelector('.bubble[data-agent=\"{agent_id}\"]')?.textContent === {json.dumps(text)}"


def test_a_page_and_programs_meet(start, threads, site, browser, tmp_path):
    gateway = start(threads=threads)
    timmy = gateway.agent("timmy", role="guide")
    places = {"timmy": (0.24, 0.45), "ada": (0.68, 0.3), "demo.upper": (0.86, 0.75), "doorkeeper": (0.08, 0.15)}
    others = [gateway.agent(name) for name in list(places)[1:]]
    for client in (timmy, *others):
        client.barrier()

    query = urlencode({"gateway": gateway.ws_url(), "name": "visitor"})
    browser("open", url=f"{site}/world.html?{query}")
    browser("wait", code="document.getElementById('state').dataset.state === 'open'")
    assert timmy.take("agent_joined")["agent_id"] == "visitor"
    for name in (*places, "visitor"):
        browser("wait", code=shown(name))

    # The page hears the programs.
    for client, (name, (x, y)) in zip((timmy, *others), places.items()):
        client.send({"type": "agent_move", "agent_id": name, "data": {"x": x, "y": y}})
    text = 'Hello, "world" <b>of</b> ours: é 😀'
    timmy.send({"type": "bark", "agent_id": "timmy", "data": {"text": text, "ttl_seconds": 600}})
    thought = "What if the door were a message too? It could say who came through it, and when."
    others[0].send({"type": "thought", "agent_id": "ada", "data": {"text": thought, "ttl_seconds": 600}})
    browser("wait", code=said("timmy", text))
    browser("wait", code=said("ada", thought))
    assert browser("eval", code="document.querySelectorAll('#heard b').length") >= 2
    assert browser("eval", code="document.querySelectorAll('.bubble b').length") == 0, "text, never markup"

    # The programs hear the page.
    browser("fill", selector="#text", text="Hello timmy, it is nice here")
    browser("click", selector="#say button")
    while (bark := timmy.next())["type"] != "bark":
        pass
    assert bark["agent_id"] == "visitor" and bark["data"]["text"] == "Hello timmy, it is nice here"
    browser("wait", code=said("visitor", "Hello timmy, it is nice here"))

    # Who comes and goes is seen.
    late = gateway.agent("latecomer")
    browser("wait", code=shown("latecomer"))
    browser("shot", path=str(tmp_path / "world.png"))
    print(f"screenshot: {tmp_path / 'world.png'}")
    late.abort()
    browser("wait", code=f"!{shown('latecomer')}")

    # Another name on the same connection: the first one leaves.
    timmy.barrier()
    browser("fill", selector="#name", text="renamed")
    browser("fill", selector="#text", text="still me")
    browser("click", selector="#say button")
    heard = [timmy.next() for _ in range(3)]
    assert [m["type"] for m in heard] == ["agent_left", "agent_joined", "bark"]
    assert [m["agent_id"] for m in heard] == ["visitor", "renamed", "renamed"]

    # The id taken over elsewhere: the page says so and stays away.
    gateway.agent("renamed")
    browser("wait", code="document.getElementById('state').dataset.state === 'closed'")
    assert browser("eval", code="document.querySelectorAll('.person').length") == 0
    assert browser("complaints") == []
