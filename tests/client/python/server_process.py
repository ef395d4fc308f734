"""A treduce-server for tests: started on a unix socket of its own, killed, stopped and started again at will."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import tempfile
import time

import treduce

PROGRAM = os.environ.get("TREDUCE_TEST_SERVER", "treduce-server")


class ServerProcess:
    def __init__(self, *flags: str) -> None:
        # Not in TMPDIR: the path of a socket has room for about a hundred characters.
        self._folder = tempfile.TemporaryDirectory(prefix="treduce-", dir="/tmp")
        self._flags = flags
        self.address = f"unix:{self._folder.name}/socket"
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [PROGRAM, "--listen", self.address, "--log-level", "error", *self._flags],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        with treduce.connect(self.address) as t:
            for _ in range(1000):
                try:
                    return t.health()
                except treduce.Unavailable:
                    assert self._process.poll() is None, "treduce-server has ended"
                    time.sleep(0.01)
        raise TimeoutError("treduce-server does not answer")

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        pathlib.Path(self.address[len("unix:") :]).unlink(missing_ok=True)

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        self.kill()
        self._folder.cleanup()
