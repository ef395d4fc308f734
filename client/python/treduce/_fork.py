"""What becomes of clients when their process forks.

gRPC gives a child process the means to wait for events of its own, but only if it is up and at rest at the fork;
otherwise the child takes the events of its parent, and both may wait forever. So a fork closes all connections first,
and the next calls on either side connect anew; an idle channel keeps gRPC up. Two things cannot be brought to rest:
calls under way, which go on in the parent, and gRPC's asyncio. A child forked beside them is refused its calls.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from treduce.errors import Unavailable

# Held over a fork, and where a call begins. A signal handler may do either while its thread has it.
_lock = threading.RLock()
_calls: set[object] = set()
_channels: weakref.WeakSet[grpc.Channel] = weakref.WeakSet()
_idle: grpc.Channel | None = None
_asyncio_used = False
_refused = False
_of_parent: list[grpc.Channel] = []


def check(address: str) -> None:
    """Raises Unavailable if this process was forked from one whose gRPC was not at rest."""
    if _refused:
        raise Unavailable(
            f"{address}: gRPC does not work in this process, which was forked while calls were under way or after the "
            "asyncio client was used; start processes by spawn",
            reason="FORKED",
        )


def asyncio_used() -> None:
    """Says that gRPC is no longer at rest in this process."""
    global _asyncio_used
    _asyncio_used = True


@contextmanager
def call(address: str) -> Iterator[None]:
    """Within it no fork closes connections."""
    this = object()
    with _lock:
        check(address)
        _calls.add(this)
    try:
        yield
    finally:
        _calls.discard(this)


def opened(channel: grpc.Channel, address: str) -> None:
    """Takes a channel to be closed by a fork. In a `call`."""
    global _idle
    if _idle is None:
        _idle = grpc.insecure_channel(address)
    _channels.add(channel)


def is_open(channel: grpc.Channel) -> bool:
    """Whether no fork has closed the channel. In a `call`."""
    return channel in _channels


def close(channel: grpc.Channel) -> None:
    """Closes the channel, unless it is the parent's, whose connection would end, too."""
    if not _refused:
        channel.close()


def _before() -> None:
    _lock.acquire()
    if not _calls and not _refused:
        for channel in _channels:
            channel.close()
        _channels.clear()


def _after_in_parent() -> None:
    _lock.release()


def _after_in_child() -> None:
    global _idle, _refused
    _refused = _refused or bool(_calls) or _asyncio_used
    _calls.clear()
    if _refused:
        _of_parent.extend(_channels)  # they would be closed with their last reference
    else:
        _idle = None
    _lock.release()


os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
