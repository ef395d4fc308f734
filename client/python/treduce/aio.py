"""The asyncio twin of `treduce.connect` and `treduce.local`.

    async with treduce.aio.connect("localhost:50051") as t:
        total, largest = await asyncio.gather(t.sum(x), t.max(y))

Calls return awaitables. Everything else is as of `treduce.Client`, and `treduce.Chunks` may be of an async iterable.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import grpc
import grpc.aio

from treduce import _fork, _wire, local as _local
from treduce._call import CHANNEL_OPTIONS, Call, Settings, deadline_of, seconds_until, settings_of
from treduce._description import ServerDescription, describe
from treduce._failure import failure_of
from treduce._operations import Operations
from treduce.client import CHUNK_BYTES, UNARY_LIMIT
from treduce.errors import Closed, Error, Unavailable

__all__ = ["AsyncClient", "connect", "local"]


def connect(
    address: str, *, timeout: float | None = None, unary_limit: int = UNARY_LIMIT, chunk_bytes: int = CHUNK_BYTES
) -> AsyncClient:
    """A client of the server at `address`; arguments as of `treduce.connect`. Nothing to await: calls connect."""
    return AsyncClient(settings_of(address, timeout, unary_limit, chunk_bytes))


async def local(
    *,
    server: str | os.PathLike[str] = "treduce-server",
    timeout: float | None = None,
    unary_limit: int = UNARY_LIMIT,
    chunk_bytes: int = CHUNK_BYTES,
) -> AsyncClient:
    """A client of a server of its own; arguments as of `treduce.local`."""
    lease = await asyncio.get_running_loop().run_in_executor(None, _local.start, server)
    try:
        return AsyncClient(settings_of(lease.address, timeout, unary_limit, chunk_bytes), lease.release)
    except BaseException:
        lease.release()
        raise


class _Connection(NamedTuple):
    channel: grpc.aio.Channel
    reduce: Callable[..., Any]
    reduce_stream: Callable[..., Any]
    describe: Callable[..., Any]
    health: Callable[..., Any]


def _open(address: str) -> _Connection:
    _fork.asyncio_used()
    channel = grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
    return _Connection(
        channel,
        channel.unary_unary(_wire.REDUCE),
        channel.stream_stream(_wire.REDUCE_STREAM),
        channel.unary_unary(_wire.DESCRIBE_SERVER),
        channel.unary_unary(_wire.HEALTH_CHECK),
    )


class AsyncClient(Operations):
    """One connection to a server, made by `treduce.aio.connect` or `treduce.aio.local`.

    Every event loop has a connection of its own. Wrong arguments raise when a method is called, all else when its
    result is awaited. Cancelling a task cancels its call. A process that has used it cannot fork children that use any
    client: there calls raise `treduce.Unavailable`.
    """

    def __init__(self, settings: Settings, on_close: Callable[[], None] | None = None) -> None:
        self._settings = settings
        # By event loop, to which gRPC binds a connection.
        self._connections: WeakKeyDictionary[asyncio.AbstractEventLoop, _Connection] = WeakKeyDictionary()
        self._finalizer = weakref.finalize(self, on_close or (lambda: None))

    @property
    def address(self) -> str:
        """Of the server, as it was given."""
        return self._settings.address

    def __repr__(self) -> str:
        state = "" if self._finalizer.alive else ", closed"
        return f"<treduce.aio.AsyncClient of {self.address}{state}>"

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connection. Calls under way end with `treduce.Cancelled`; new ones are refused with ValueError."""
        connection = self._connections.pop(asyncio.get_running_loop(), None)
        if connection is not None:
            await connection.channel.close()
        # Ends a local server, which takes a while.
        await asyncio.get_running_loop().run_in_executor(None, self._finalizer)

    async def describe(self, *, timeout: float | None = None) -> ServerDescription:
        """Asks the server for its version, ops and limits."""
        return describe(await self._ask("describe", timeout))

    async def health(self, *, timeout: float | None = None) -> None:
        """Returns if the server takes requests, and raises `treduce.Unavailable` if not."""
        if not _wire.is_serving(await self._ask("health", timeout)):
            raise Unavailable(f"{self.address}: the server is not serving")

    async def _ask(self, method: str, timeout: float | None) -> bytes:
        seconds = seconds_until(deadline_of(self._settings, timeout))
        connection = self._connection
        try:
            response: bytes = await getattr(connection, method)(b"", timeout=seconds)
        except grpc.RpcError as rpc_error:
            error = failure_of(rpc_error, self.address).error
            if isinstance(error, Unavailable):
                self._drop(connection)
            raise error from None
        return response

    def _drop(self, lost: _Connection) -> None:
        # As _Connections.drop of the other client.
        loop = asyncio.get_running_loop()
        if self._connections.get(loop) is lost:
            del self._connections[loop]

    @property
    def _connection(self) -> _Connection:
        if not self._finalizer.alive:
            raise Closed(f"the client of {self.address} is closed")
        _fork.check(self.address)
        loop = asyncio.get_running_loop()
        connection = self._connections.get(loop)
        if connection is None:
            connection = self._connections[loop] = _open(self.address)
        return connection

    async def _perform(self, call: Call) -> Any:
        while True:
            connection = self._connection
            try:
                if call.unary:
                    return call.answer(await connection.reduce(call.message(), timeout=call.remaining()))
                return await self._stream(connection, call)
            except grpc.RpcError as error:
                failure = error
            if call.source_error is not None:
                raise call.source_error from None
            try:
                delay = call.delay_after(failure)
            except Unavailable as lost:
                self._drop(connection)
                raise lost from None
            except Error as final:
                raise final from None
            await asyncio.sleep(delay)

    @staticmethod
    async def _stream(connection: _Connection, call: Call) -> Any:
        receiver = call.receiver()
        rpc = connection.reduce_stream(timeout=call.remaining())
        try:
            try:
                async for message in _messages(call):
                    await rpc.write(message)
                await rpc.done_writing()
            except asyncio.InvalidStateError:
                if call.source_error is not None:
                    raise
                # The server has ended the call; why, the status says.
            while (message := await rpc.read()) is not grpc.aio.EOF:
                receiver.take_streamed(message)
            if await rpc.code() is not grpc.StatusCode.OK:
                raise grpc.aio.AioRpcError(
                    await rpc.code(), await rpc.initial_metadata(), await rpc.trailing_metadata(), await rpc.details()
                )
            return call.answer_of(receiver)
        finally:
            rpc.cancel()  # nothing to a call that has ended


async def _messages(call: Call) -> AsyncIterator[bytes]:
    if call.is_async:
        async for message in call.messages_async():
            yield message
    else:
        for message in call.messages():
            yield message
