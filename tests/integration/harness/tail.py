"""`parley tail` as a process, with its lines as they come."""

import os
import select
import signal
import subprocess
import time

from . import PATIENCE
from .gateway import environment, program


class Tail:
    """Use as a context manager. line() is the next line, talk() the next one of stderr."""

    def __init__(self, url, *options, token=None):
        self.process = subprocess.Popen(
            [program(), "tail", *options, "--url", url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(**({"PARLEY_TOKEN": token} if token else {})),
        )
        self.pending = {self.process.stdout: b"", self.process.stderr: b""}
        for stream in self.pending:
            os.set_blocking(stream.fileno(), False)

    def _next(self, stream):
        deadline = time.monotonic() + PATIENCE
        while b"\n" not in self.pending[stream]:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([stream], [], [], left)[0], "no line from tail"
            part = stream.read()
            assert part, f"tail has ended: {self.pending}"
            self.pending[stream] += part
        line, _, self.pending[stream] = self.pending[stream].partition(b"\n")
        return line.decode()

    def line(self):
        return self._next(self.process.stdout)

    def talk(self):
        return self._next(self.process.stderr)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(PATIENCE) in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
        for stream in self.pending:
            stream.close()
