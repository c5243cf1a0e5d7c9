"""Makes the harness importable and brings its fixtures in."""

from harness.fixtures import control, gateway, run, start, tcp_gateway, threads

__all__ = ["control", "gateway", "run", "start", "tcp_gateway", "threads"]
