"""The client. Its asyncio twin is aio.py; the ops, which are methods of both, are in _operations.py."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import grpc

from treduce import _wire, local as _local
from treduce._call import CHANNEL_OPTIONS, Call, Settings, seconds_of, settings_of
from treduce._description import ServerDescription, describe
from treduce._operations import Operations
from treduce.errors import Error, SizeError, Unavailable, failure_of

UNARY_LIMIT = 4 << 20
CHUNK_BYTES = 1 << 20


def connect(
    address: str, *, timeout: float | None = None, unary_limit: int = UNARY_LIMIT, chunk_bytes: int = CHUNK_BYTES
) -> Client:
    """A client of the server at `address`. The first call connects, and the next one after the connection was lost.

        t = treduce.connect("localhost:50051")
        t.sum(x, dim=0)

    Args:
        address: "HOST:PORT" or "unix:PATH".
        timeout: seconds that each call may take; None is no limit. Calls take a `timeout` of their own, too.
        unary_limit: a tensor of at most this many bytes, with results of at most as many, goes out as one message; others
            are streamed.
        chunk_bytes: of a message of a stream. Every server takes 1 MiB; more up to its `max_unary_bytes`.
    """
    return Client(settings_of(address, timeout, unary_limit, chunk_bytes))


def local(
    *,
    server: str | os.PathLike[str] = "treduce-server",
    timeout: float | None = None,
    unary_limit: int = UNARY_LIMIT,
    chunk_bytes: int = CHUNK_BYTES,
) -> Client:
    """A client of a server of its own: a child process on a private unix socket, which ends with its last client.

        with treduce.local() as t:
            t.sum(x)

    Clients of one process share the server; if this process is killed, the server ends too. ServerNotFound if there is no
    program of that name.

    Args:
        server: the program, a name in PATH or a path.
        timeout, unary_limit, chunk_bytes: as of `connect`.
    """
    lease = _local.start(server)
    return Client(settings_of(lease.address, timeout, unary_limit, chunk_bytes), lease.release)


class _Connection(NamedTuple):
    channel: grpc.Channel
    reduce: Callable[..., bytes]
    reduce_stream: Callable[..., Any]
    describe: Callable[..., bytes]
    health: Callable[..., bytes]


def _open(address: str) -> _Connection:
    # No serializers: messages are bytes already.
    channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
    return _Connection(
        channel,
        channel.unary_unary(_wire.REDUCE),
        channel.stream_stream(_wire.REDUCE_STREAM),
        channel.unary_unary(_wire.DESCRIBE_SERVER),
        channel.unary_unary(_wire.HEALTH_CHECK),
    )


class Client(Operations):
    """One connection to a server, made by `treduce.connect` or `treduce.local`.

    Thread-safe: calls may run side by side. A forked process has a connection of its own. Every call blocks until it is
    answered, or raises a `treduce.Error` (treduce/errors.py); while the server is full, it is asked again within the
    timeout, or for half a minute. Use it in a `with` statement, or `close` it, or leave that to Python.
    """

    def __init__(self, settings: Settings, on_close: Callable[[], None] | None = None) -> None:
        self._settings = settings
        # By process. A child of a fork keeps the parent's connection, which it can neither use nor end.
        self._connections: dict[int, _Connection] = {}
        self._finalizer = weakref.finalize(self, _close, self._connections, on_close)

    @property
    def address(self) -> str:
        """Of the server, as it was given."""
        return self._settings.address

    def __repr__(self) -> str:
        state = "" if self._finalizer.alive else ", closed"
        return f"<treduce.Client of {self.address}{state}>"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection. Calls under way end with `treduce.Cancelled`; new ones are refused with ValueError."""
        self._finalizer()

    def describe(self, *, timeout: float | None = None) -> ServerDescription:
        """Asks the server for its version, ops and limits."""
        return describe(self._ask(self._connection.describe, timeout))

    def health(self, *, timeout: float | None = None) -> None:
        """Returns if the server takes requests, and raises `treduce.Unavailable` if not."""
        if not _wire.is_serving(self._ask(self._connection.health, timeout)):
            raise Unavailable(f"{self.address}: the server is not serving")

    def _ask(self, method: Callable[..., bytes], timeout: float | None) -> bytes:
        seconds = self._settings.timeout if timeout is None else seconds_of(timeout)
        try:
            return method(b"", timeout=seconds)
        except grpc.RpcError as error:
            raise failure_of(error, self.address).error from None

    @property
    def _connection(self) -> _Connection:
        pid = os.getpid()
        connection = self._connections.get(pid)
        if connection is None:
            if not self._finalizer.alive:
                raise SizeError(f"{self!r}: calls need an open client", reason="CLOSED")
            opened = _open(self.address)
            connection = self._connections.setdefault(pid, opened)
            if connection is not opened:
                opened.channel.close()
        return connection

    def _perform(self, call: Call) -> Any:
        while True:
            connection = self._connection
            try:
                if call.unary:
                    call.take_response(connection.reduce(call.message(), timeout=call.remaining()))
                else:
                    self._stream(connection, call)
                return call.finish()
            except grpc.RpcError as error:
                failure = error
            except ValueError:
                # What gRPC raises for a channel that is closed while a call begins.
                if self._finalizer.alive:
                    raise
                raise SizeError(f"{self!r}: calls need an open client", reason="CLOSED") from None
            try:
                delay = call.delay_after(failure)
            except Error as final:
                raise final from None
            time.sleep(delay)

    @staticmethod
    def _stream(connection: _Connection, call: Call) -> None:
        outgoing = _Outgoing(call.messages())
        rpc = connection.reduce_stream(outgoing, timeout=call.remaining())
        outgoing.started(rpc)
        try:
            for message in rpc:
                call.take_streamed(message)
        except grpc.RpcError:
            if outgoing.error is not None:
                raise outgoing.error from None
            raise
        finally:
            outgoing.ended = True
            rpc.cancel()  # nothing to a call that has ended


class _Outgoing(Iterator[bytes]):
    """Messages as gRPC's thread takes them. An error in making one ends the call, and is kept for the caller."""

    def __init__(self, messages: Iterable[bytes]) -> None:
        self.error: BaseException | None = None
        self.ended = False
        self._messages = iter(messages)
        self._has_started = threading.Event()

    def started(self, rpc: Any) -> None:
        self._rpc = rpc
        self._has_started.set()

    def __next__(self) -> bytes:
        if self.ended:
            raise StopIteration
        try:
            return next(self._messages)
        except StopIteration:
            raise
        except BaseException as error:
            self.error = error
            self._has_started.wait()
            self._rpc.cancel()
            raise StopIteration from None


def _close(connections: Mapping[int, _Connection], on_close: Callable[[], None] | None) -> None:
    connection = connections.get(os.getpid())
    if connection is not None:
        connection.channel.close()
        connections.pop(os.getpid())  # type: ignore[attr-defined]
    if on_close is not None:
        on_close()
