"""The fixtures: gateways that are stopped, and must stop cleanly, at the end of each test."""

import contextlib

import pytest

from .agent import Agent
from .fake_control import FakeControl
from .gateway import Gateway

FORMS = [
    pytest.param((threads, kind), id=f"{kind}-{threads}", marks=pytest.mark.threads if threads > 1 else ())
    for threads in (1, 4)
    for kind in ("tcp", "unix")
]


@pytest.fixture
def start(tmp_path):
    """start(**options) -> a running Gateway; several may run at once."""
    with contextlib.ExitStack() as stack:

        def start_one(*arguments, **options):
            return stack.enter_context(Gateway(*arguments, **options))

        yield start_one


@pytest.fixture(params=FORMS)
def gateway(request, start, tmp_path):
    """A gateway with the defaults, at threads 1 and 4, reached by TCP and by AF_UNIX."""
    threads, kind = request.param
    return start(threads=threads, unix=tmp_path / "parley.sock" if kind == "unix" else None)


@pytest.fixture(params=[1, pytest.param(4, marks=pytest.mark.threads)], ids=["threads-1", "threads-4"])
def threads(request):
    return request.param


@pytest.fixture
def tcp_gateway(start, threads):
    """A gateway with the defaults, at threads 1 and 4, reached by TCP."""
    return start(threads=threads)


@pytest.fixture
def control():
    """A server that plays the gateway's dialect."""
    with FakeControl() as fake:
        yield fake


@pytest.fixture
def run(control):
    """run(*arguments, **variables) -> `parley agent run`, before that server."""
    with contextlib.ExitStack() as stack:

        def start(*arguments, **variables):
            agent = Agent(control.url, *arguments, **variables)
            stack.callback(agent.process.kill)
            return agent

        yield start
