"""Puts the results of a call together, from one response or the messages of a stream, and gives them as asked for."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from treduce import _dtypes, _wire, return_types
from treduce._source import torch_array
from treduce.errors import ArgumentTypeError, ArgumentValueError, InternalError, RequestError
from treduce.ops import Reduction

if TYPE_CHECKING:
    from treduce._source import Array, Give


class ExecutionInfo:
    """How the server executed a request.

    Attributes:
        backend: where it ran, "cpu" or "cuda"; device: which of them, "cpu" or "cuda:0".
        queue_time, receive_time, compute_time: seconds from the arrival of the call to its admission; from there to the
            last byte of the tensor, less compute time; and spent on reducing.
        received_bytes: of the tensor.
    """

    backend: str
    queue_time: float
    receive_time: float
    compute_time: float
    received_bytes: int
    device: str

    def __init__(self, message: bytes | memoryview = b"") -> None:
        self.__dict__.update(_wire.execution_info(memoryview(message)))

    def __repr__(self) -> str:
        times = (f"{name}={getattr(self, name):.6f} s" for name in ("queue_time", "receive_time", "compute_time"))
        return f"ExecutionInfo(device={self.device!r}, {', '.join(times)}, received_bytes={self.received_bytes})"


class Results(list[Any]):
    """The answers of `Client.reduce`, in the order of the reductions.

    Attributes:
        execution_info: how the server executed the request.
    """

    def __init__(self, answers: list[Any], execution_info: bytes | memoryview) -> None:
        super().__init__(answers)
        self.execution_info = ExecutionInfo(execution_info)


class Receiver:
    """Takes the messages of a stream. Its results are arrays of their own, or the user's in `outs`.

    `outs` has an array, or None, for each output tensor; None is no `out` at all. Used for one attempt.
    """

    def __init__(self, outs: Sequence[Any] | None) -> None:
        self._outs = None if outs is None else [None if given is None else _Out(given) for given in outs]
        self._begun = False
        # One for each output tensor, in order; grouped by reduction.
        self._tensors: list[_Tensor] = []
        self._counts: list[int] = []
        self._current = 0
        self.execution_info: bytes | memoryview = b""

    def take_streamed(self, message: bytes) -> None:
        """Takes the next ReduceStreamResponse."""
        field, content = _wire.stream_message(message)
        if field == _wire.CHUNK:
            self._fill(content)
        elif field == _wire.HEADER:
            self._begin(_wire.reply(content).results)
        elif field == _wire.EXECUTION_INFO:
            self.execution_info = content

    def take_response(self, message: bytes) -> None:
        """Takes the response of a unary call, in place of the messages of a stream."""
        reply = _wire.reply(message)
        self._begin(reply.results)
        for into, tensor in zip(self._tensors, (tensor for result in reply.results for tensor in result)):
            if len(into.fill(tensor.data)):
                raise _wire.malformed("more bytes than the results have")
        self.execution_info = reply.execution_info

    def finish(self, reductions: Sequence[Reduction], give: Give) -> list[Any]:
        """The answers to `reductions`; call once, after the server's status."""
        given = iter([tensor.finish(give) for tensor in self._tensors])
        return _answers(reductions, [[next(given) for _ in range(count)] for count in self._counts])

    def _begin(self, results: list[list[_wire.TensorMessage]]) -> None:
        if self._begun:
            raise _wire.malformed("two headers")
        self._begun = True
        self._counts = [len(result) for result in results]
        messages = [tensor for result in results for tensor in result]
        outs: Sequence[_Out | None] = [None] * len(messages) if self._outs is None else self._outs
        if len(outs) != len(messages):
            text = f"out has {len(outs)} tensors, but there are {len(messages)} results"
            raise RequestError(text, reason="OUT_MISMATCH", field="out")
        for index, (message, out) in enumerate(zip(messages, outs)):
            if out is not None:
                out.check(message, "out" if len(outs) == 1 else f"out[{index}]")
        self._tensors = [_Tensor(message, out) for message, out in zip(messages, outs)]

    def _fill(self, content: memoryview) -> None:
        while len(content):
            if self._current == len(self._tensors):
                raise _wire.malformed("more bytes than the results have")
            content = self._tensors[self._current].fill(content)
            self._current += len(content) > 0


class _Out:
    """An array of the user's for a result."""

    def __init__(self, given: Any) -> None:
        torch = sys.modules.get("torch")
        self.given = given
        self.is_bfloat16 = False
        if isinstance(given, np.ndarray):
            self.array = given
            self.is_bfloat16 = given.dtype.name == "bfloat16"
        elif torch is not None and isinstance(given, torch.Tensor):
            self.array = torch_array(given.detach())
            self.is_bfloat16 = given.dtype == torch.bfloat16
        else:
            raise ArgumentTypeError(f"argument 'out' must be an array, not {type(given).__name__}", field="out")
        if self.is_bfloat16:
            self.array = self.array.view(np.uint16)
        if not self.array.flags.writeable:
            raise ArgumentValueError("argument 'out' is read-only", reason="OUT_READ_ONLY", field="out")

    def check(self, message: _wire.TensorMessage, field: str) -> None:
        wanted = _dtypes.NAMES[_dtypes.known(message.dtype) - 1]
        dtype = "bfloat16" if self.is_bfloat16 else self.array.dtype.name
        if dtype != wanted:
            text = f"Expected {field} to have the dtype of the result, {wanted}, but got {dtype}"
        elif self.array.shape != message.shape:
            text = f"Expected {field} to have the shape of the result, {message.shape}, but got {self.array.shape}"
        else:
            return
        raise RequestError(text, reason="OUT_MISMATCH", field=field)


class _Tensor:
    """One output tensor as its bytes come in."""

    def __init__(self, message: _wire.TensorMessage, out: _Out | None) -> None:
        self._dtype = _dtypes.known(message.dtype)
        self._out = out
        stored = _dtypes.STORED[self._dtype]
        self._byte_count = math.prod(message.shape) * stored.itemsize
        in_place = out is not None and out.array.flags.c_contiguous and out.array.dtype == stored
        try:
            self._array = out.array if out is not None and in_place else np.empty(message.shape, stored)
        except (MemoryError, ValueError, OverflowError) as error:
            raise _impossible(message.shape, error) from None
        self._flat = self._array.reshape(-1).view(np.uint8)
        self._copied = out is not None and not in_place
        self._filled = 0

    def fill(self, content: memoryview) -> memoryview:
        """Takes its bytes from the front of `content`, and returns the rest."""
        count = min(len(content), self._byte_count - self._filled)
        self._flat[self._filled : self._filled + count] = content[:count]
        self._filled += count
        return content[count:]

    def finish(self, give: Give) -> Any:
        """The result, once its bytes are there."""
        if self._filled != self._byte_count:
            raise _wire.malformed("fewer bytes than the results have")
        if self._out is None:
            return give(self._array, self._dtype)
        if self._copied:
            self._out.array[...] = self._array
        return self._out.given


def results_of(message: bytes, reductions: Sequence[Reduction], give: Give) -> tuple[list[Any], memoryview]:
    """The answers in a ReduceResponse, and its ExecutionInfo: what a Receiver without `outs` makes of it, sooner."""
    results, execution_info = _wire.reply(message)
    return _answers(reductions, [[_given(tensor, give) for tensor in result] for result in results]), execution_info


def _given(tensor: _wire.TensorMessage, give: Give) -> Any:
    dtype, shape, data = tensor
    stored = _dtypes.STORED[_dtypes.known(dtype)]
    if len(data) != math.prod(shape) * stored.itemsize:
        raise _wire.malformed("a tensor has not the bytes of its shape")
    try:
        array: Array = np.ndarray(shape, stored, data)
    except ValueError as error:
        raise _impossible(shape, error) from None
    # The memory of the message is not the user's to write to; a 0-d result becomes a scalar of its own.
    return give(array.copy() if shape else array, dtype)


def _impossible(shape: tuple[int, ...], error: Exception) -> InternalError:
    return InternalError(f"NumPy cannot hold a result of shape {shape}: {error}", reason="IMPOSSIBLE_RESULT")


def _answers(reductions: Sequence[Reduction], results: Sequence[list[Any]]) -> list[Any]:
    if len(results) != len(reductions) or not all(results):
        raise _wire.malformed(f"{len(results)} results for {len(reductions)} reductions")
    return [
        tensors[0] if len(tensors) == 1 else _RETURN_TYPES.get(reduction.op, _tuple_of)(*tensors)
        for reduction, tensors in zip(reductions, results)
    ]


def _tuple_of(*tensors: Any) -> tuple[Any, ...]:
    return tensors


_RETURN_TYPES = {name: getattr(return_types, name) for name in ("max", "min", "aminmax", "median", "nanmedian", "mode")}
