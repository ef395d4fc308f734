"""treduce.local: a server of one's own, started and ended with its clients."""

from __future__ import annotations

import asyncio
import gc
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

import numpy as np
import pytest
import treduce
from server_process import PROGRAM

X = np.arange(6.0).reshape(2, 3)


def folder_of(t: treduce.Client) -> pathlib.Path:
    return pathlib.Path(t.address[len("unix:") :]).parent


def servers_of(folder: pathlib.Path) -> list[int]:
    """The processes that serve there."""
    address = f"unix:{folder}/socket".encode()
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended
        if address in arguments and b"-c" not in arguments:  # not the guard, a shell
            found.append(int(path.parent.name))
    return found


def ends(path: pathlib.Path, seconds: float = 10) -> bool:
    """Whether the folder goes away, as it does when its server has ended."""
    deadline = time.monotonic() + seconds
    while path.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_the_server_ends_with_its_last_client() -> None:
    first = treduce.local(server=PROGRAM)
    folder = folder_of(first)
    assert folder.stat().st_mode & 0o777 == 0o700
    with treduce.local(server=PROGRAM) as second:
        assert second.address == first.address
        assert second.sum(X) == 15
        first.close()
        assert second.sum(X) == 15
    assert not folder.exists()
    with treduce.local(server=PROGRAM) as third:
        assert third.address != first.address
        assert third.sum(X) == 15


def test_a_client_that_nobody_holds_is_closed() -> None:
    t = treduce.local(server=PROGRAM)
    folder = folder_of(t)
    t.sum(X)
    del t
    gc.collect()
    assert not folder.exists()


def test_asyncio() -> None:
    async def main() -> pathlib.Path:
        async with await treduce.aio.local(server=PROGRAM) as t:
            assert await t.sum(X) == 15
            return pathlib.Path(t.address[len("unix:") :])

    assert not asyncio.run(main()).exists()


def test_a_server_that_has_died_is_replaced() -> None:
    with treduce.local(server=PROGRAM) as t:
        (server,) = servers_of(folder_of(t))
        os.kill(server, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while True:
            try:
                t.sum(X)
            except treduce.Unavailable:
                break
            assert time.monotonic() < deadline
        with treduce.local(server=PROGRAM) as other:
            assert other.address != t.address
            assert other.sum(X) == 15
    assert not folder_of(t).exists()


@pytest.mark.parametrize(
    "ending",
    ["pass", "sys.exit(3)", "1 / 0", "os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "os.abort()"],
)
def test_no_server_outlives_its_process(ending: str) -> None:
    program = f"""
        import os, signal, sys, treduce
        t = treduce.local(server={PROGRAM!r})
        t.health()
        print(t.address, flush=True)
        {ending}
    """
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(treduce.__file__).parents[1])}
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], env=environment, capture_output=True, text=True, timeout=60
    )
    assert process.stdout, process.stderr
    folder = pathlib.Path(process.stdout.strip()[len("unix:") :]).parent
    assert folder.name.startswith("treduce-")
    assert ends(folder)
    deadline = time.monotonic() + 10
    while servers_of(folder):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.usefixtures("gets_through_forks")
def test_a_fork_does_not_end_the_server_of_its_parent() -> None:
    # In a process where no thread but its own uses gRPC as it forks.
    program = f"""if True:
        import numpy, os, signal, treduce
        with treduce.local(server={PROGRAM!r}) as t:
            assert t.sum(numpy.ones(3)) == 3
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                assert t.sum(numpy.ones(3)) == 3
                t.close()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            assert t.sum(numpy.ones(3)) == 3
    """
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(treduce.__file__).parents[1])}
    process = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60
    )
    assert process.returncode == 0, process.stderr


def test_a_program_that_is_not_there() -> None:
    for server in ("treduce-server-that-is-not-there", "/nowhere/treduce-server"):
        with pytest.raises(FileNotFoundError, match=f"no program {server}; .*server=PATH") as error:
            treduce.local(server=server)
        assert isinstance(error.value, treduce.ServerNotFound)


def test_a_server_is_not_left_behind_by_wrong_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = []
    make = tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **options: folders.append(make(**options)) or folders[-1])
    with pytest.raises(TypeError):
        treduce.local(server=PROGRAM, timeout="soon")
    assert [os.path.exists(folder) for folder in folders] == [False]


def test_a_program_that_is_no_server() -> None:
    with pytest.raises(treduce.InternalError, match="/false ended at once, with status 1"):
        treduce.local(server="false")


def test_what_a_server_says_that_does_not_start_is_shown(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "server"
    program.write_text("#!/bin/sh\necho no room >&2\nexit 7\n")
    program.chmod(0o755)
    with pytest.raises(treduce.InternalError, match="status 7: no room"):
        treduce.local(server=program)
