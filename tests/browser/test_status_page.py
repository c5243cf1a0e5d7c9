"""The page at / in Chromium: what it shows of a gateway, and what it does when that stops or goes away."""

import json
import shutil
from pathlib import Path

import pytest

from test_world_page import CHROMIUM, PLAYWRIGHT, Browser

pytestmark = [
    pytest.mark.skipif(not shutil.which("node"), reason="there is no node"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no /usr/bin/chromium"),
    pytest.mark.skipif(not PLAYWRIGHT.exists(), reason="the npm packages of tests/package.json are not installed"),
]


@pytest.fixture
def browser(tmp_path):
    with open(tmp_path / "browser.log", "w") as log:
        browser = Browser(log)
        yield browser
        browser.close()


def text_is(element, text):
    return f"document.getElementById({json.dumps(element)}).textContent.includes({json.dumps(text)})"


def state_is(state):
    return f"document.body.dataset.state === {json.dumps(state)}"


def cells(browser):
    code = "[...document.querySelectorAll('#rows tr')].map((tr) => [...tr.children].map((td) => td.innerText))"
    return browser("eval", code=code)


def test_the_status_as_it_changes(start, browser):
    gateway = start()
    browser("open", url=gateway.url)
    browser("wait", code=state_is("ok"))
    browser("wait", code=text_is("nobody", "No agent is connected yet."))
    assert browser("eval", code="document.getElementById('clients').textContent") == "0"
    assert browser("eval", code="document.getElementById('world-url').textContent") == gateway.ws_url()
    assert browser("eval", code="document.getElementById('access').hidden")

    hostile = '<img src=x onerror="document.title=1"><b>bold</b>'
    gateway.agent("timmy", role="guide", name=hostile, capabilities=["chat", "<i>grep</i>"])
    attic = gateway.agent("ada", world="attic", capabilities={"chat": True, "modes": ["dream"]})
    browser("wait", code="document.querySelectorAll('#rows tr').length === 2")
    first, second = cells(browser)
    assert first[0].startswith(hostile) and first[0].endswith("timmy"), "text, never markup"
    assert first[1:4] == ["guide", "main", "chat, <i>grep</i>"]
    assert second[:4] == ["ada", "agent", "attic", "chat, dream"]
    assert browser("eval", code="document.querySelectorAll('#rows b, #rows i, #rows img').length") == 0
    browser("wait", code="document.getElementById('agents-count').textContent === '2'")
    attic.abort()
    browser("wait", code="document.querySelectorAll('#rows tr').length === 1")
    assert browser("complaints") == []


def test_nothing_is_asked_while_nobody_looks(start, browser):
    gateway = start()
    browser("open", url=gateway.url)
    browser("wait", code=state_is("ok"))
    browser("eval", code="""(() => {
      window.asked = 0;
      const real = window.fetch;
      window.fetch = (...all) => { window.asked += 1; return real(...all); };
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => window.away });
      window.away = true;
      document.dispatchEvent(new Event('visibilitychange'));
      // Two turns of the page's own clock: what was under way when it was hidden may still end.
      return new Promise((done) => setTimeout(() => { window.asked = 0; setTimeout(() => done(true), 2500); }, 500));
    })()""")
    assert browser("eval", code="window.asked") == 0
    browser("eval", code="window.away = false, document.dispatchEvent(new Event('visibilitychange'))")
    browser("wait", code="window.asked > 0")


def test_stopping_and_gone(start, browser):
    gateway = start(settings={"drain": "15s"})
    gateway.client()
    browser("open", url=gateway.url)
    browser("wait", code=state_is("ok"))
    assert gateway.request(
        "/api/gateway/drain", "POST", ["Content-Type: application/json", "Content-Length: 2"], b"{}"
    )[0] == 202
    browser("wait", code=state_is("draining"))
    browser("wait", code=text_is("notice", "stopping"))
    gateway.drop_clients()
    browser("wait", code=state_is("lost"))
    browser("wait", code=text_is("notice", "does not answer"))


def test_it_runs_under_a_strict_policy(start, browser):
    gateway = start()
    _, headers, _ = gateway.request("/", headers=["Accept: text/html"])
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    browser("open", url=gateway.url)
    browser("wait", code=state_is("ok"))
    names = "performance.getEntriesByType('resource').map((entry) => new URL(entry.name).origin)"
    assert set(browser("eval", code=names)) == {gateway.url}, "nothing from elsewhere"
    assert browser("complaints") == []
    page = (Path(__file__).resolve().parents[2] / "web" / "index.html").read_text()
    assert "style=" not in page and "onclick" not in page


def test_a_token(start, tmp_path, browser):
    path = tmp_path / "token"
    path.write_text("S3cret-of-the-test\n")
    path.chmod(0o600)
    gateway = start("--token-file", str(path))
    browser("open", url=gateway.url)
    browser("wait", code="!document.getElementById('access').hidden")
    assert browser("eval", code="document.getElementById('agents').hidden")
    browser("fill", selector="#token", text="mistaken")
    browser("click", selector="#token-form button")
    browser("wait", code=text_is("token-error", "not accepted"))
    browser("fill", selector="#token", text="S3cret-of-the-test")
    browser("click", selector="#token-form button")
    browser("wait", code="!document.getElementById('agents').hidden")
    assert not browser("eval", code="document.documentElement.outerHTML.includes('S3cret')")
    assert not browser("eval", code="location.href.includes('S3cret') || document.cookie !== '' || localStorage.length > 0")
    browser("click", selector="#forget")
    browser("wait", code="document.getElementById('agents').hidden && sessionStorage.length === 0")
