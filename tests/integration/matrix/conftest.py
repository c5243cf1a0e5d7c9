"""Makes the doubles of tests/matrix importable, and gives tests a place to run the bridge in."""

import contextlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "matrix"))

import bridge  # noqa: E402
from place import Place  # noqa: E402


@pytest.fixture
def build(tmp_path):
    """build(adapter, **options) -> a Place, whose bridge is still to be started."""
    if not bridge.is_there():
        pytest.skip(f"there is no {bridge.program()}")
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(Place(tmp_path, *arguments, **options))


@pytest.fixture
def place(build):
    """One with a bridge that has synced, before an agent of the shape of openai."""
    place = build("openai")
    place.start()
    return place
