"""The client. Its asyncio twin is aio.py; the ops, which are methods of both, are in _operations.py."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import grpc

from treduce import _fork, _wire, local as _local
from treduce._call import CHANNEL_OPTIONS, Call, Settings, deadline_of, seconds_until, settings_of
from treduce._description import ServerDescription, describe
from treduce._failure import failure_of
from treduce._operations import Operations
from treduce.errors import Closed, Error, Unavailable

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
        unary_limit: a tensor of at most this many bytes, with results of at most as many, goes out as one message;
            others are streamed.
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

    Clients of one process share the server; if this process is killed, the server ends too. ServerNotFound if there is
    no program of that name.

    Args:
        server: the program, a name in PATH or a path.
        timeout, unary_limit, chunk_bytes: as of `connect`.
    """
    lease = _local.start(server)
    try:
        return Client(settings_of(lease.address, timeout, unary_limit, chunk_bytes), lease.release)
    except BaseException:
        lease.release()
        raise


class _Connection(NamedTuple):
    channel: grpc.Channel
    reduce: Callable[..., bytes]
    reduce_stream: Callable[..., Any]
    describe: Callable[..., bytes]
    health: Callable[..., bytes]


def _open(address: str) -> _Connection:
    # No serializers: messages are bytes already.
    channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
    _fork.opened(channel, address)
    return _Connection(
        channel,
        channel.unary_unary(_wire.REDUCE),
        channel.stream_stream(_wire.REDUCE_STREAM),
        channel.unary_unary(_wire.DESCRIBE_SERVER),
        channel.unary_unary(_wire.HEALTH_CHECK),
    )


class Client(Operations):
    """One connection to a server, made by `treduce.connect` or `treduce.local`.

    Thread-safe: calls may run side by side. Every call blocks until it is answered, or raises a `treduce.Error`
    (treduce/errors.py); while the server is full, it is asked again within the timeout, or for half a minute. Use it in
    a `with` statement, or `close` it, or leave that to Python.

    A forked process may go on with it, if no call was under way at the fork, and no asyncio client was used before; if
    one was, its calls raise `treduce.Unavailable`.
    """

    def __init__(self, settings: Settings, on_close: Callable[[], None] | None = None) -> None:
        self._settings = settings
        self._connections = _Connections(settings.address)
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
        return describe(self._ask("describe", timeout))

    def health(self, *, timeout: float | None = None) -> None:
        """Returns if the server takes requests, and raises `treduce.Unavailable` if not."""
        if not _wire.is_serving(self._ask("health", timeout)):
            raise Unavailable(f"{self.address}: the server is not serving")

    def _ask(self, method: str, timeout: float | None) -> bytes:
        seconds = seconds_until(deadline_of(self._settings, timeout))
        try:
            with self._connections.call() as connection:
                response: bytes = getattr(connection, method)(b"", seconds)
        except grpc.RpcError as rpc_error:
            error = failure_of(rpc_error, self.address).error
            if isinstance(error, Unavailable):
                self._connections.drop(connection)
            raise error from None
        return response

    def _perform(self, call: Call) -> Any:
        while True:
            try:
                with self._connections.call() as connection:
                    if call.unary:
                        return call.answer(connection.reduce(call.message(), call.remaining()))
                    return self._stream(connection, call)
            except grpc.RpcError as error:
                failure = error
            if call.source_error is not None:
                raise call.source_error from None
            try:
                delay = call.delay_after(failure)
            except Error as final:
                if isinstance(final, Unavailable):
                    self._connections.drop(connection)
                raise final from None
            time.sleep(delay)

    @staticmethod
    def _stream(connection: _Connection, call: Call) -> Any:
        outgoing = _Outgoing(call.messages())
        receiver = call.receiver()
        rpc = connection.reduce_stream(outgoing, call.remaining())
        outgoing.started(rpc)
        try:
            outgoing.wait()
            for message in rpc:
                receiver.take_streamed(message)
            return call.answer_of(receiver)
        finally:
            rpc.cancel()  # nothing to a call that has ended
            call.end()
            outgoing.end()


class _Outgoing(Iterator[bytes]):
    """Messages as gRPC's thread takes them. An error in making one ends the call."""

    def __init__(self, messages: Iterable[bytes]) -> None:
        self._messages = iter(messages)
        self._rpc: Any = None
        self._has_started = threading.Event()
        self._is_over = threading.Event()
        self._ended = False
        self._at_rest = threading.Lock()  # held while a message is made

    def started(self, rpc: Any) -> None:
        """Says which call the messages are for."""
        self._rpc = rpc
        self._has_started.set()
        if not rpc.add_callback(self._is_over.set):
            self._is_over.set()

    def wait(self) -> None:
        """Returns when the last message was taken, or the call has ended.

        Who waits for a response instead is woken by gRPC after every message, and takes its turn from those who send.
        """
        self._is_over.wait()

    def __next__(self) -> bytes:
        with self._at_rest:
            if self._ended:
                raise StopIteration
            try:
                return next(self._messages)
            except StopIteration:
                self._is_over.set()
                raise
            except BaseException:
                self._has_started.wait()
        self._rpc.cancel()
        raise StopIteration

    def end(self) -> None:
        """No more messages are made. One that is being made is waited for, but not for long: it may wait itself."""
        self._ended = True
        if self._at_rest.acquire(timeout=_REST):
            self._at_rest.release()


_REST = 0.1


class _Connections:
    """The connection of a client, and the next one after it was lost or closed by a fork."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._current: _Connection | None = None
        self._closed = False
        self._making = threading.RLock()  # a signal handler may make a call while its thread has it

    @contextmanager
    def call(self) -> Iterator[_Connection]:
        """Around a call: the connection, made when it is first asked for, which no fork closes within."""
        with _fork.call(self._address):
            try:
                yield self._get()
            except ValueError:  # gRPC's, where another thread has closed the connection since
                if not self._closed:
                    raise
                raise Closed(f"the client of {self._address} is closed") from None

    def _get(self) -> _Connection:
        with self._making:
            connection = self._current
            if connection is None or not _fork.is_open(connection.channel):
                connection = self._current = _open(self._address)
            if self._closed:  # before, or by another thread just now
                self.close()
                raise Closed(f"the client of {self._address} is closed")
            return connection

    def drop(self, lost: _Connection) -> None:
        """Makes the next call connect anew. gRPC would look for the server seldom, and refuse calls in between."""
        if self._current is lost:
            self._current = None

    def close(self) -> None:
        # Without the lock: in a forked process a thread may have it that is not there.
        self._closed = True
        current, self._current = self._current, None
        if current is not None:
            _fork.close(current.channel)


def _close(connections: _Connections, on_close: Callable[[], None] | None) -> None:
    connections.close()
    if on_close is not None:
        on_close()
