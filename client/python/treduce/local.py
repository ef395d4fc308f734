"""The server of `treduce.local`: a child process on a private unix socket, shared by the clients of this process."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from typing import Any

from treduce.errors import InternalError, ServerNotFound

_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 5.0

# Starts the server, and a guard that ends it, and removes its folder, when this process is gone, however it went: the
# guard reads from a pipe whose other end only this process has. A line in it says that the server has ended already.
# (PR_SET_PDEATHSIG would do with less, but ends the server with the thread that started it.)
_START = """
exec 3<&0
{ read -r _ <&3 || { kill "$$"; rm -rf "$0"; }; } >/dev/null 2>&1 &
exec "$@" 3<&- </dev/null
"""


class Lease:
    """One client's hold on a server."""

    def __init__(self, server: _Server) -> None:
        self.address = server.address
        self._server: _Server | None = server
        self._pid = os.getpid()

    def release(self) -> None:
        """Ends the server if this was the last lease. Not in a fork of the process that has it."""
        server, self._server = self._server, None
        if server is None or self._pid != os.getpid():
            return
        with _lock:
            server.leases -= 1
            if server.leases > 0:
                return
            if _servers.get(server.program) is server:
                del _servers[server.program]
        server.stop()


def start(server: str | os.PathLike[str]) -> Lease:
    """A lease of the server that runs the program `server`; starts it if it does not run."""
    program = shutil.which(server)
    if program is None:
        text = f"there is no program {os.fspath(server)}; say where it is: treduce.local(server=PATH)"
        raise ServerNotFound(text, reason="SERVER_NOT_FOUND", field="server")
    program = os.path.realpath(program)
    with _lock:
        while True:
            running = _servers.get(program)
            if running is None or not running.serves():
                running = _servers[program] = _Server(program)
            running.leases += 1
            # Python may have ended the last other client in between.
            if _servers.get(program) is running:
                return Lease(running)


class _Server:
    def __init__(self, program: str) -> None:
        self.program = program
        self.leases = 0
        # Of mode 0700. Not in TMPDIR: the path of a socket has room for about a hundred characters.
        self._folder = tempfile.mkdtemp(prefix="treduce-", dir="/tmp")
        self._path = os.path.join(self._folder, "socket")
        self.address = f"unix:{self._path}"
        with open(os.path.join(self._folder, "log"), "wb") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _START, self._folder, program, "--listen", self.address, "--log-level", "warning"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for this process
            )
        try:
            self._await_start()
        except BaseException:
            self.stop()
            raise

    def serves(self) -> bool:
        """Whether it takes connections. One that is being killed does not, while it still is a process."""
        with socket.socket(socket.AF_UNIX) as connection:
            return connection.connect_ex(self._path) == 0

    def stop(self) -> None:
        try:
            self._process.send_signal(signal.SIGTERM)  # nothing to one that has ended
            self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # Only now is its process number anyone else's.
        pipe: Any = self._process.stdin
        try:
            pipe.write(b"\n")
            pipe.close()
        except BrokenPipeError:
            pass  # the guard is gone, too
        shutil.rmtree(self._folder, ignore_errors=True)

    def _await_start(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while self._process.poll() is None and time.monotonic() < deadline:
            if self.serves():
                return
            time.sleep(0.002)
        with open(os.path.join(self._folder, "log"), encoding="utf-8", errors="replace") as log:
            said = log.read().strip()
        status = self._process.poll()
        ended = "did not start" if status is None else f"ended at once, with status {status}"
        raise InternalError(f"{self.program} {ended}: {said}", reason="SERVER_NOT_STARTED", field="server")


_servers: dict[str, _Server] = {}
# Python may end a client that nobody uses, which takes the lock, whenever it likes: also while this thread has it.
_lock = threading.RLock()


def _after_fork_in_child() -> None:
    # The parent's servers are not this process's to share or stop, and its lock may be held by a thread that is not
    # here.
    global _lock
    _lock = threading.RLock()
    _servers.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)
