"""Servers that are absent, full, slow, die or come back; deadlines, threads and forks."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import numpy as np
import pytest
import treduce
from server_process import ServerProcess
from treduce import _wire

X = np.arange(6.0).reshape(2, 3)
LARGE = np.zeros(8 << 20)


def test_an_absent_server_is_a_connection_error() -> None:
    t = treduce.connect("unix:/tmp/treduce-that-is-not-there")
    for call in (lambda: t.sum(X), lambda: t.sum(LARGE), t.describe, t.health):
        with pytest.raises(ConnectionError, match="unix:/tmp/treduce-that-is-not-there: ") as error:
            call()
        assert isinstance(error.value, treduce.Unavailable)
        assert error.value.code is grpc.StatusCode.UNAVAILABLE


def test_something_that_is_no_server_is_an_error() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        t = treduce.connect(f"127.0.0.1:{listener.getsockname()[1]}", timeout=0.3)
        with pytest.raises(TimeoutError):
            t.sum(X)


def test_a_client_finds_a_server_that_is_back() -> None:
    with ServerProcess() as server, treduce.connect(server.address) as t:
        assert t.sum(X) == 15
        server.kill()
        with pytest.raises(treduce.Unavailable):
            t.sum(X)
        server.start()
        deadline = time.monotonic() + 10
        while True:
            try:
                assert t.sum(X) == 15
                break
            except treduce.Unavailable:
                assert time.monotonic() < deadline
                time.sleep(0.05)


def test_a_server_that_dies_during_a_call() -> None:
    with ServerProcess() as server, treduce.connect(server.address) as t:

        def chunks() -> Iterator[Any]:
            yield X
            server.kill()
            for _ in range(1000):
                yield X
                time.sleep(0.001)

        with pytest.raises(treduce.Unavailable):
            t.sum(treduce.Chunks(chunks(), (1001, *X.shape), float))


def test_a_server_that_drains_is_unavailable() -> None:
    with ServerProcess("--drain-timeout", "20s") as server, treduce.connect(server.address, chunk_bytes=X.nbytes) as t:
        t.health()
        goes_on = threading.Event()

        def chunks() -> Iterator[Any]:
            yield X
            time.sleep(0.3)  # it is on its way
            server.send(signal.SIGTERM)
            goes_on.wait(10)
            yield X

        with futures.ThreadPoolExecutor() as threads:
            call = threads.submit(t.sum, treduce.Chunks(chunks(), (2, *X.shape), float))
            with pytest.raises((treduce.Unavailable, treduce.Cancelled)):  # refused, or cut off as it arrives
                for _ in range(1000):
                    t.health()
                    time.sleep(0.01)
            goes_on.set()
            assert call.result() == 30  # what has begun is finished


def test_deadlines(t: treduce.Client) -> None:
    def slow() -> Iterator[Any]:
        for _ in range(2):
            yield X
            time.sleep(3)

    started = time.monotonic()
    with pytest.raises(TimeoutError) as error:
        t.sum(treduce.Chunks(slow(), (2, *X.shape), float), timeout=0.1)
    assert time.monotonic() - started < 2
    assert error.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    for timeout in (0, -1, 1e-9):
        for x in (X, LARGE):
            with pytest.raises(treduce.DeadlineExceeded):
                t.sum(x, timeout=timeout)
    assert t.sum(X, timeout=float("inf")) == 15
    assert treduce.connect(t.address, timeout=10).sum(X) == 15
    with pytest.raises(TimeoutError):
        treduce.connect(t.address, timeout=1e-9).sum(X)


def test_a_suspended_server_misses_the_deadline() -> None:
    with ServerProcess() as server, treduce.connect(server.address) as t:
        t.health()
        server.send(signal.SIGSTOP)
        time.sleep(0.1)  # its threads stop one by one
        for x in (X, np.zeros(1 << 20)):
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                t.sum(x, timeout=0.3)
            assert time.monotonic() - started < 5
        server.send(signal.SIGCONT)
        assert t.sum(X) == 15


class Held:
    """A call that takes a place of the server until it is released."""

    def __init__(self, t: treduce.Client) -> None:
        self._begun = threading.Event()
        self._release = threading.Event()
        self._thread = threading.Thread(target=t.sum, args=(treduce.Chunks(self._chunks(), (2, *X.shape), float),))

    def _chunks(self) -> Iterator[Any]:
        yield X
        self._begun.set()
        self._release.wait(60)
        yield X

    def __enter__(self) -> Held:
        self._thread.start()
        assert self._begun.wait(10)
        time.sleep(0.1)  # the first chunk is on its way
        return self

    def release(self) -> None:
        self._release.set()

    def __exit__(self, *exception: object) -> None:
        self.release()
        self._thread.join()


def test_a_full_server_is_asked_again_within_the_deadline() -> None:
    with ServerProcess("--max-calls", "1") as server, treduce.connect(server.address, chunk_bytes=1) as t:
        with Held(t) as held:
            started = time.monotonic()
            with pytest.raises(treduce.ResourceExhausted, match="the server has its 1 calls") as error:
                t.sum(X, timeout=1)
            assert 0.3 < time.monotonic() - started < 1.5  # asked again, then given up before the deadline
            assert (error.value.reason, error.value.limit) == ("CALLS_EXHAUSTED", "1")

            threading.Timer(0.7, held.release).start()
            assert t.sum(X, timeout=30) == 15
        with Held(t) as held:
            threading.Timer(0.7, held.release).start()
            with treduce.connect(server.address) as other:
                assert other.sum(LARGE) == 0  # a stream, and without a deadline


def test_chunks_that_are_gone_are_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with ServerProcess("--max-calls", "1") as server, treduce.connect(server.address, chunk_bytes=1) as t, Held(t):
        monkeypatch.setattr(treduce._call.Call, "_backoff", None)
        with pytest.raises(treduce.ResourceExhausted):
            t.sum(treduce.Chunks(iter([X]), X.shape, float))


def test_a_server_that_takes_less_in_one_message_gets_a_stream() -> None:
    x = np.arange(400_000.0)
    with ServerProcess("--max-unary-bytes", "1MiB") as server, treduce.connect(server.address) as t:
        assert t.sum(x) == x.sum()
        assert t.reduce(x, ["sum"])[0] == x.sum()
        with pytest.raises(IndexError):
            t.sum(x, dim=2)


def test_a_request_beyond_the_budget_is_refused_at_once() -> None:
    with ServerProcess("--byte-budget", "64MiB") as server, treduce.connect(server.address) as t:
        x = np.broadcast_to(np.zeros(1), (1, 1 << 30))
        with pytest.raises(treduce.ResourceExhausted) as error:
            t.sum(x, dim=0, timeout=60)
        assert error.value.reason == "REQUEST_TOO_LARGE"


def test_many_threads_share_a_client(t: treduce.Client, streaming: treduce.Client) -> None:
    def work(n: int) -> None:
        for client in (t, streaming):
            for k in range(20):
                assert client.sum(X + n + k).item() == 15 + 6 * (n + k)

    with futures.ThreadPoolExecutor(16) as threads:
        list(threads.map(work, range(16)))


def run_apart(server: ServerProcess, program: str) -> None:
    """Runs the program in a process where no thread but its own uses gRPC as it forks."""
    prelude = f"""if True:
        import asyncio, multiprocessing, numpy, os, signal, threading, treduce
        x, large = numpy.arange(6.0), numpy.zeros(1 << 20)
        t = treduce.connect({server.address!r})

        def in_child(work):
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                work()
                os._exit(0)
            return child

        def succeeds(child):
            assert os.waitpid(child, 0)[1] == 0

        def use():
            assert t.sum(x) == 15
            assert t.sum(large) == 0

        def is_refused():
            try:
                t.sum(x)
            except treduce.Unavailable as error:
                assert error.reason == "FORKED"
                t.close()
            else:
                raise AssertionError("not refused")
    """
    process = subprocess.run(
        [sys.executable, "-c", prelude + program],
        env={**os.environ, "PYTHONPATH": str(pathlib.Path(treduce.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert process.returncode == 0, process.stderr


@pytest.mark.usefixtures("gets_through_forks")
def test_forks_have_connections_of_their_own(server: ServerProcess) -> None:
    run_apart(
        server,
        """
        def sockets():
            paths = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
            return {target for target in map(os.path.realpath, paths) if "socket:" in target}

        def child(of_parent):
            assert of_parent and not of_parent & sockets()
            use()
            succeeds(in_child(use))

        for _ in range(3):
            use()
            before = sockets()
            children = [in_child(lambda: child(before)) for _ in range(2)]
            use()
            for pid in children:
                succeeds(pid)
        t.close()
        succeeds(in_child(lambda: treduce.connect(t.address).sum(x)))
        """,
    )


@pytest.mark.usefixtures("gets_through_forks")
def test_a_pool_of_forked_processes_uses_the_client_of_its_parent(server: ServerProcess) -> None:
    run_apart(
        server,
        """
        def total(x):
            return t.sum(x)

        use()
        with multiprocessing.get_context("fork").Pool(2) as pool:
            results = pool.map_async(total, [x + n for n in range(40)])
            use()
            assert results.get(30) == [15 + 6 * n for n in range(40)]
        use()
        """,
    )


@pytest.mark.usefixtures("gets_through_forks")
def test_a_child_forked_during_a_call_is_refused(server: ServerProcess) -> None:
    run_apart(
        server,
        """
        begun, goes_on = threading.Event(), threading.Event()

        def chunks():
            yield x
            begun.set()
            goes_on.wait(60)
            yield x

        totals = []
        call = threading.Thread(target=lambda: totals.append(t.sum(treduce.Chunks(chunks(), (2, 6), float))))
        call.start()
        begun.wait(60)
        succeeds(in_child(lambda: (is_refused(), succeeds(in_child(is_refused)))))
        use()
        goes_on.set()
        call.join()
        assert totals == [30]
        succeeds(in_child(use))
        """,
    )


@pytest.mark.usefixtures("gets_through_forks")
def test_a_child_forked_after_asyncio_is_refused(server: ServerProcess) -> None:
    run_apart(
        server,
        """
        async def main():
            async with treduce.aio.connect(t.address) as client:
                return await client.sum(x)

        use()
        succeeds(in_child(lambda: asyncio.run(main())))
        asyncio.run(main())
        succeeds(in_child(is_refused))
        use()
        """,
    )


def test_a_closed_client_says_so(t: treduce.Client) -> None:
    client = treduce.connect(t.address)
    assert client.sum(X) == 15
    assert repr(client) == f"<treduce.Client of {t.address}>"
    client.close()
    client.close()
    assert repr(client) == f"<treduce.Client of {t.address}, closed>"
    for call in (lambda: client.sum(X), lambda: client.sum(LARGE), client.describe, client.health):
        with pytest.raises(ValueError, match="closed"):
            call()


def test_calls_of_a_client_that_another_thread_closes_end_in_errors_of_ours(t: treduce.Client) -> None:
    def call_until_closed(client: treduce.Client) -> Exception:
        while True:
            try:
                client.sum(X)
            except Exception as error:
                return error

    with futures.ThreadPoolExecutor(3) as threads:
        for _ in range(30):
            client = treduce.connect(t.address)
            ends = [threads.submit(call_until_closed, client) for _ in range(3)]
            time.sleep(0.01)
            client.close()
            for end in ends:
                assert isinstance(end.result(), (treduce.Cancelled, ValueError)), repr(end.result())
                assert isinstance(end.result(), treduce.Error), repr(end.result())


def test_closing_a_client_cancels_its_calls(t: treduce.Client) -> None:
    client = treduce.connect(t.address)

    def chunks() -> Iterator[Any]:
        yield X
        client.close()
        for _ in range(1000):
            yield X
            time.sleep(0.001)

    with pytest.raises(treduce.Cancelled):
        client.sum(treduce.Chunks(chunks(), (1001, *X.shape), float))


def test_an_interrupted_call_is_cancelled(t: treduce.Client) -> None:
    def chunks() -> Iterator[Any]:
        while True:
            yield X
            time.sleep(0.001)

    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    producer = chunks()
    with pytest.raises(KeyboardInterrupt):
        t.sum(treduce.Chunks(producer, (1 << 20, *X.shape), float))
    assert next(producer) is X  # nobody else takes from it
    assert t.sum(X) == 15


def test_progress(t: treduce.Client) -> None:
    seen: list[tuple[int, int]] = []
    t.sum(LARGE, progress=lambda sent, total: seen.append((sent, total)))
    assert seen == [(n << 20, 64 << 20) for n in range(1, 65)]
    seen.clear()
    t.sum(X, progress=lambda sent, total: seen.append((sent, total)))
    assert seen == [(48, 48)]
    with pytest.raises(ZeroDivisionError):
        t.sum(LARGE, progress=lambda sent, total: 1 / 0)


def test_progress_bar(t: treduce.Client, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    t.sum(LARGE, progress=True)
    assert "64.0M/64.0M" in capfd.readouterr().err


def test_details_of_a_status_that_are_none() -> None:
    for details in (b"", b"\x0f", b"\x1a\x05hello", b"\x1a\xff", b"\x18\x01"):
        assert _wire.error_details(details) == _wire.ErrorDetails()
