"""The asyncio twin, where it is not just the client with awaits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import numpy as np
import pytest
import treduce
from server_process import ServerProcess

X = np.arange(6.0).reshape(2, 3)
LARGE = np.ones(8 << 20)


def run(server: ServerProcess, test: Callable[[treduce.aio.AsyncClient], Awaitable[None]], **settings: Any) -> None:
    async def main() -> None:
        async with treduce.aio.connect(server.address, **settings) as t:
            await test(t)

    asyncio.run(main())


def test_calls_run_side_by_side(server: ServerProcess) -> None:
    async def test(t: treduce.aio.AsyncClient) -> None:
        assert t.address == server.address
        calls = t.sum(X), t.max(X, dim=0), t.reduce(X, ["min", treduce.mean(dim=1)])
        total, largest, both = await asyncio.gather(*calls)
        assert total == 15
        assert largest.values.tolist() == [3.0, 4.0, 5.0]
        assert both[0] == 0
        assert both[1].tolist() == [1.0, 4.0]
        assert both.execution_info.received_bytes == 48
        assert await asyncio.gather(*(t.sum(X + n) for n in range(100))) == [15 + 6 * n for n in range(100)]
        assert await asyncio.gather(*(t.sum(LARGE) for _ in range(3))) == [8 << 20] * 3
        await t.health()
        assert (await t.describe()).ops["sum"].name == "sum"

    run(server, test)
    run(server, test, unary_limit=0, chunk_bytes=61 << 10)


def test_out_and_progress(server: ServerProcess) -> None:
    async def test(t: treduce.aio.AsyncClient) -> None:
        out = np.empty(3)
        assert await t.sum(X, dim=0, out=out) is out
        assert out.tolist() == [3.0, 5.0, 7.0]
        seen: list[int] = []
        await t.sum(LARGE, progress=lambda sent, total: seen.append(sent))
        assert seen[-1] == LARGE.nbytes
        with pytest.raises(RuntimeError, match="shape of the result"):
            await t.sum(LARGE, out=np.empty(2))

    run(server, test)


async def rows(count: int) -> AsyncIterator[Any]:
    for _ in range(count):
        await asyncio.sleep(0)
        yield X[1]


def test_chunks_may_be_awaited(server: ServerProcess) -> None:
    async def test(t: treduce.aio.AsyncClient) -> None:
        assert await t.sum(treduce.Chunks(rows(1000), (1000, 3), float)) == 12000
        assert await t.sum(treduce.Chunks(iter([X, X]), (4, 3), float)) == 30
        with pytest.raises(ValueError, match="more than the 48 bytes"):
            await t.sum(treduce.Chunks(rows(3), (2, 3), float))
        with pytest.raises(ValueError, match="ended after 24 of the 48 bytes"):
            await t.sum(treduce.Chunks(rows(1), (2, 3), float))

        async def failing() -> AsyncIterator[Any]:
            yield X
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            await t.sum(treduce.Chunks(failing(), (4, 3), float))
        assert await t.sum(X) == 15

    run(server, test)


def test_chunks_that_are_awaited_need_asyncio(t: treduce.Client) -> None:
    with pytest.raises(TypeError, match=r"treduce\.aio"):
        t.sum(treduce.Chunks(rows(2), (2, 3), float))


def test_refusals(server: ServerProcess) -> None:
    async def test(t: treduce.aio.AsyncClient) -> None:
        for x in (X, LARGE, np.zeros(1 << 25, np.float32)):
            with pytest.raises(IndexError) as error:
                await t.sum(x, dim=2)
            assert error.value.reason == "DIM_OUT_OF_RANGE"
        with pytest.raises(TypeError):
            t.sum(X, dim=True)  # at once
        with pytest.raises(TypeError):
            t.sum([1])
        with pytest.raises(TimeoutError):
            await t.sum(X, timeout=0)

    run(server, test)


def test_a_cancelled_task_cancels_its_call(server: ServerProcess) -> None:
    async def test(t: treduce.aio.AsyncClient) -> None:
        asked = 0

        async def slow() -> AsyncIterator[Any]:
            nonlocal asked
            for _ in range(1000):
                asked += 1
                yield X[1]
                await asyncio.sleep(0.01)

        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(t.sum(treduce.Chunks(slow(), (1000, 3), float)), 0.1)
        before = asked
        await asyncio.sleep(0.05)
        assert asked == before
        assert await t.sum(X) == 15

    run(server, test)


def test_absent_and_restarted_servers() -> None:
    async def absent() -> None:
        async with treduce.aio.connect("unix:/tmp/treduce-that-is-not-there") as t:
            for call in (lambda: t.sum(X), lambda: t.sum(LARGE), t.describe, t.health):
                with pytest.raises(ConnectionError, match="treduce-that-is-not-there"):
                    await call()

    asyncio.run(absent())

    with ServerProcess() as server:

        async def test(t: treduce.aio.AsyncClient) -> None:
            assert await t.sum(X) == 15

            def chunks() -> Iterator[Any]:
                yield X
                server.kill()
                for _ in range(1000):
                    yield X
                    time.sleep(0.001)

            with pytest.raises(treduce.Unavailable):
                await t.sum(treduce.Chunks(chunks(), (1001, *X.shape), float))
            with pytest.raises(treduce.Unavailable):
                await t.sum(X)
            server.start()
            assert await t.sum(X) == 15

        run(server, test)


def test_a_full_server_is_asked_again_within_the_deadline() -> None:
    with ServerProcess("--max-calls", "1") as server:

        async def test(t: treduce.aio.AsyncClient) -> None:
            has_begun, release = asyncio.Event(), asyncio.Event()

            async def chunks() -> AsyncIterator[Any]:
                yield X
                has_begun.set()
                await release.wait()
                yield X

            held = asyncio.create_task(t.sum(treduce.Chunks(chunks(), (4, 3), float)))
            await has_begun.wait()
            await asyncio.sleep(0.1)
            with pytest.raises(treduce.ResourceExhausted):
                await t.sum(X, timeout=0.7)
            asyncio.get_running_loop().call_later(0.7, release.set)
            assert await t.sum(X, timeout=30) == 15
            assert await held == 30

        run(server, test, chunk_bytes=1)


def test_a_client_outlives_its_event_loop(server: ServerProcess) -> None:
    t = treduce.aio.connect(server.address)

    async def main() -> None:
        assert await t.sum(X) == 15

    asyncio.run(main())
    asyncio.run(main())
    asyncio.run(t.close())
    assert repr(t) == f"<treduce.aio.AsyncClient of {server.address}, closed>"
    with pytest.raises(ValueError, match="closed"):
        asyncio.run(main())
