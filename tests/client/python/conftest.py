"""Fixtures: one server for all tests that do not harm it, and a client of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import treduce
from server_process import ServerProcess


@pytest.fixture(scope="session")
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as process:
        yield process


@pytest.fixture(scope="session")
def t(server: ServerProcess) -> Iterator[treduce.Client]:
    with treduce.connect(server.address, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def streaming(server: ServerProcess) -> Iterator[treduce.Client]:
    """A client that streams everything, in chunks at odd places."""
    with treduce.connect(server.address, timeout=60, unary_limit=0, chunk_bytes=61) as client:
        yield client


@pytest.fixture(scope="session")
def gets_through_forks(server: ServerProcess) -> None:
    """Skips where gRPC itself does not let a process fork that has used it, or its child use it, as some builds do not."""
    program = f"""if True:
        import grpc, os, signal
        signal.alarm(10)
        idle = grpc.insecure_channel({server.address!r})  # keeps gRPC up
        def use():
            with grpc.insecure_channel({server.address!r}) as channel:
                channel.unary_unary("/grpc.health.v1.Health/Check")(b"")
        for _ in range(5):
            use()
            child = os.fork()
            signal.alarm(10)
            use()
            if child == 0:
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    """
    process = subprocess.run([sys.executable, "-c", program], env=os.environ, capture_output=True)
    if process.returncode != 0:
        pytest.skip("this gRPC does not get through os.fork")
