"""One request under way, without the waiting: what to send, what to make of an answer, whether to try again.

The client and its asyncio twin differ only in how they move the bytes; everything that they would share is here.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import grpc

from treduce import _dtypes, _wire
from treduce._failure import failure_of
from treduce._progress import Progress, progress_of
from treduce._results import Receiver, Results, results_of
from treduce._source import source_of
from treduce.errors import ArgumentTypeError, ArgumentValueError, DeadlineExceeded, Error, ResourceExhausted
from treduce.ops import Reduction

# The length of a gRPC message has 32 bits.
MAX_MESSAGE_BYTES = 1 << 30

# How long a full server is asked again where the call has no timeout, and how long a pause between two attempts may be.
_PATIENCE = 30.0
_MIN_DELAY = 0.01
_MAX_DELAY = 8.0

CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    # Bytes that gRPC takes ahead of what it has written. With 4 chunks the connection stays busy while Python's threads
    # take turns: a sixth faster than with one.
    ("grpc.http2.write_buffer_size", 4 << 20),
    # A server that is gone without a trace is noticed.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
    # Another channel is another connection.
    ("grpc.use_local_subchannel_pool", 1),
)


class Settings(NamedTuple):
    """Of a client."""

    address: str
    timeout: float | None
    unary_limit: int
    chunk_bytes: int


def settings_of(address: str, timeout: float | None, unary_limit: int, chunk_bytes: int) -> Settings:
    """Checked settings."""
    if not isinstance(address, str):
        raise ArgumentTypeError(f"address must be str, not {type(address).__name__}", field="address")
    if not _is_address(address):
        text = f"expected HOST:PORT or unix:PATH, but got {address!r}"
        raise ArgumentValueError(text, reason="INVALID_ADDRESS", field="address")
    if not (0 <= unary_limit <= MAX_MESSAGE_BYTES and 1 <= chunk_bytes <= MAX_MESSAGE_BYTES):
        text = f"messages have 1 to {MAX_MESSAGE_BYTES} bytes"
        raise ArgumentValueError(text, reason="INVALID_OPTION", field="chunk_bytes")
    return Settings(address, seconds_of(timeout), unary_limit, chunk_bytes)


def _is_address(address: str) -> bool:
    # "%?#" have a meaning in the URIs that gRPC takes addresses for.
    if any(c in address for c in "%?#"):
        return False
    if address.startswith("unix:"):
        return len(address) > len("unix:")
    host, _, port = address.rpartition(":")
    return bool(host) and "/" not in host and port.isascii() and port.isdigit() and 0 < int(port) <= 65535


def seconds_of(timeout: Any) -> float | None:
    """`timeout` as seconds, or None for no limit."""
    if timeout is None or (isinstance(timeout, (int, float)) and not isinstance(timeout, bool)):
        return None if timeout is None or timeout == math.inf else float(timeout)
    raise ArgumentTypeError(f"timeout must be seconds or None, not {timeout!r}", field="timeout")


def device_of(device: Any) -> str:
    """`device` as the API has it: "cpu", "cuda", "cuda:1" or a torch.device; "" for None, the server's choice."""
    if device is None or isinstance(device, str):
        return device or ""
    if type(device).__module__ == "torch":
        return str(device)
    raise ArgumentTypeError(f"device must be str or None, not {device!r}", field="device")


def deadline_of(settings: Settings, timeout: float | None) -> float | None:
    """When a call must have ended that begins now, by the monotonic clock."""
    seconds = settings.timeout if timeout is None else seconds_of(timeout)
    return None if seconds is None else time.monotonic() + seconds


def seconds_until(deadline: float | None) -> float | None:
    """The `timeout` that gRPC takes. It may answer in spite of one that has passed, so that is seen to here."""
    if deadline is None:
        return None
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise DeadlineExceeded("Deadline Exceeded")
    return seconds


class Call:
    """The request for `reductions` of `x`, and its answer. `single` gives the one answer instead of a list."""

    def __init__(
        self,
        settings: Settings,
        x: Any,
        reductions: tuple[Reduction, ...],
        outs: Sequence[Any] | None = None,
        *,
        single: bool = True,
        timeout: float | None = None,
        progress: bool | Progress = False,
        device: Any = None,
    ) -> None:
        source = self._source = source_of(x)
        self._settings = settings
        self._reductions = reductions
        self._outs = outs
        self._single = single
        self._progress = progress_of(progress, source.byte_count) if progress else None
        self._deadline = deadline_of(settings, timeout)
        self._spec, unary_bytes = _plan(source.dtype, source.shape, reductions, device_of(device))
        # Whether the tensor goes out as one message.
        self.unary = unary_bytes <= settings.unary_limit and source.replayable
        self.replayable = source.replayable
        self.is_async = source.is_async
        # What the source raised as its bytes were asked for, which is not to be taken for an error of the call.
        self.source_error: BaseException | None = None

    # What is sent.

    def remaining(self) -> float | None:
        """Seconds until the deadline."""
        return seconds_until(self._deadline)

    def message(self) -> bytes:
        """The ReduceRequest of a unary call."""
        return b"".join((self._spec, _wire.head(_wire.PAYLOAD_FIELD, self._source.byte_count), self._source.whole()))

    def messages(self) -> Iterator[bytes]:
        """The ReduceStreamRequests of a streamed one."""
        yield self._spec
        sent = 0
        try:
            for piece in self._source.pieces(self._settings.chunk_bytes):
                yield b"".join((_wire.head(_wire.PAYLOAD_FIELD, len(piece)), piece))
                sent += len(piece)
                if self._progress:
                    self._progress(sent, self._source.byte_count)
        except Exception as error:
            if not self._source.ended:
                self.source_error = error
            raise

    async def messages_async(self) -> AsyncIterator[bytes]:
        """The same of chunks that are awaited."""
        yield self._spec
        sent = 0
        try:
            async for piece in self._source.pieces_async(self._settings.chunk_bytes):
                yield b"".join((_wire.head(_wire.PAYLOAD_FIELD, len(piece)), piece))
                sent += len(piece)
                if self._progress:
                    self._progress(sent, self._source.byte_count)
        except Exception as error:
            if not self._source.ended:
                self.source_error = error
            raise

    def end(self) -> None:
        """Says that no more messages are wanted. Of another thread that makes one, too."""
        self._source.ended = True

    # What comes back.

    def answer(self, response: bytes) -> Any:
        """What the ReduceResponse of a unary call answers."""
        if self._progress:
            self._progress(self._source.byte_count, self._source.byte_count)
        if self._outs is not None:
            receiver = self.receiver()
            receiver.take_response(response)
            return self.answer_of(receiver)
        answers, execution_info = results_of(response, self._reductions, self._source.give)
        return answers[0] if self._single else Results(answers, execution_info)

    def receiver(self) -> Receiver:
        """What takes the messages of a streamed call."""
        return Receiver(self._outs)

    def answer_of(self, receiver: Receiver) -> Any:
        """What it then answers."""
        answers = receiver.finish(self._reductions, self._source.give)
        return answers[0] if self._single else Results(answers, receiver.execution_info)

    def delay_after(self, rpc_error: grpc.RpcError) -> float:
        """Makes ready for another attempt, to be made after so many seconds; or raises what the failure is."""
        error, retry_delay = failure_of(rpc_error, self._settings.address)
        if self.unary and _is_too_large_for_one(error):
            self.unary = False
            return 0
        if retry_delay is None or not self.replayable:
            raise error
        delay = self._backoff(retry_delay)
        if time.monotonic() + delay >= (self._patience if self._deadline is None else self._deadline):
            raise error
        return delay

    _attempts = 0
    _patience = math.inf

    def _backoff(self, retry_delay: float) -> float:
        if self._attempts == 0:
            self._patience = time.monotonic() + _PATIENCE
        delay = min(max(retry_delay, _MIN_DELAY) * 2**self._attempts, _MAX_DELAY)
        self._attempts += 1
        # Those who were refused together should not come back together.
        return float(delay * random.uniform(0.8, 1.2))


def _is_too_large_for_one(error: Error) -> bool:
    # If the server takes much less in one message than `unary_limit`, its gRPC refuses the message without a detail.
    return isinstance(error, ResourceExhausted) and error.reason in ("", "UNARY_TOO_LARGE")


@lru_cache(maxsize=1024)
def _plan(
    dtype: int, shape: tuple[int, ...], reductions: tuple[Reduction, ...], device: str
) -> tuple[bytes, int]:
    """The spec as a field of a request, and an upper bound of the bytes of the tensor, and of its results."""
    tensor_bytes = math.prod(shape) * _dtypes.ITEM_SIZES[dtype]
    return _wire.spec_field(dtype, shape, reductions, device), max(tensor_bytes, _result_bound(shape, reductions))


def _result_bound(shape: tuple[int, ...], reductions: tuple[Reduction, ...]) -> int:
    """Upper bound of the bytes of the results. Dims that are wrong count as kept: the server refuses them."""
    element_bytes = 32  # two of complex128, or two of int64 and another
    bound = 0
    for reduction in reductions:
        is_unique = reduction.op.startswith("unique")
        kept = list(shape) if reduction.dims or is_unique else []
        for dim in () if is_unique else reduction.dims:
            if -len(shape) <= dim < len(shape):
                kept[dim] = 1
        count = len(reduction.q) if isinstance(reduction.q, tuple) else 1
        bound += math.prod(kept) * count * element_bytes
    return bound


def outputs_of(reduction: Reduction) -> int:
    """How many tensors answer `reduction`."""
    if reduction.op in ("aminmax", "mode", "var_mean", "std_mean"):
        return 2
    if reduction.op in ("max", "min", "median", "nanmedian"):
        return 2 if reduction.dims else 1
    return 1 + reduction.return_inverse + reduction.return_counts


def outs_of(reductions: Sequence[Reduction], out: Any) -> list[Any] | None:
    """`out` of `reduce`, an item for each reduction, as an array or None for each output tensor."""
    if out is None:
        return None
    if not isinstance(out, (list, tuple)) or len(out) != len(reductions):
        raise ArgumentTypeError(f"out must be a list of {len(reductions)} items, one for each reduction", field="out")
    outs: list[Any] = []
    for reduction, given in zip(reductions, out):
        count = outputs_of(reduction)
        given = list(given) if isinstance(given, (list, tuple)) else [given] * (count if given is None else 1)
        if len(given) != count:
            raise ArgumentTypeError(f"{reduction.op}() has {count} results, but out has {len(given)}", field="out")
        outs += given
    return outs
