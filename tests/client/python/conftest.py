"""Fixtures: one server for all tests that do not harm it, and a client of it."""

from __future__ import annotations

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
