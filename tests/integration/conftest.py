"""Makes the harness importable and brings its fixtures in."""

from harness.fixtures import gateway, start, tcp_gateway, threads

__all__ = ["gateway", "start", "tcp_gateway", "threads"]
