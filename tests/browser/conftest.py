"""The gateway's fixtures, shared with the integration tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from harness.fixtures import start, threads  # noqa: E402

__all__ = ["start", "threads"]
