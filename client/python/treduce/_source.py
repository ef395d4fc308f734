"""What can be reduced: NumPy arrays and whatever comes close to one, `.npy` files, and chunks that are still to come.

A Source has the elements as the API wants them, row-major and little-endian, without a copy of the whole: contiguous
memory is sent from where it lies, other arrays are put in order chunk by chunk.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Callable

import numpy as np

from treduce import _dtypes
from treduce.errors import ArgumentTypeError, ArgumentValueError, RequestError

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]
    Give = Callable[[Array, int], Any]


class Chunks:
    """A tensor that arrives in pieces: from a socket, a decompressor, a computation. Its memory is that of two pieces.

        rows = (numpy.random.rand(1000).astype("float32") for _ in range(1_000_000))
        t.mean(treduce.Chunks(rows, shape=(1_000_000, 1000), dtype="float32"), dim=0)

    Args:
        chunks: an iterable of arrays of that dtype, or of objects with the buffer protocol, of any sizes: the bytes of
            the tensor in order, row-major. For the asyncio client an async iterable is fine too. A thread of gRPC
            iterates it, not that of the caller, at most once, and only while the call lasts; one that is still making a
            chunk when the call ends early is waited for a tenth of a second. What it raises ends the call and reaches
            the caller.
        shape: the extents of the whole tensor.
        dtype: its dtype.
    """

    def __init__(self, chunks: Iterable[Any] | AsyncIterable[Any], shape: int | Iterable[int], dtype: Any) -> None:
        if not isinstance(chunks, (Iterable, AsyncIterable)):
            raise ArgumentTypeError(f"chunks must be an iterable, not {type(chunks).__name__}", field="chunks")
        self.chunks = chunks
        self.shape = _shape(shape)
        self.dtype = _dtypes.NAMES[_dtypes.number_of(dtype) - 1]

    def __repr__(self) -> str:
        return f"treduce.Chunks({type(self.chunks).__name__}, shape={self.shape}, dtype={self.dtype!r})"


class Source:
    """The elements of one tensor on their way out.

    Attributes:
        dtype, shape, byte_count: of the tensor.
        give: makes the user's kind of array of a result.
    """

    dtype: int
    shape: tuple[int, ...]
    byte_count: int
    give: Give

    def whole(self) -> Any:
        """All bytes, as one object of the buffer protocol."""
        return b"".join(map(bytes, self.pieces(max(self.byte_count, 1))))

    def pieces(self, size: int) -> Iterator[Any]:
        """The bytes as objects of the buffer protocol of `size` bytes, the last one of at most as many.

        Each is good until the next one is asked for.
        """
        raise NotImplementedError

    def pieces_async(self, size: int) -> AsyncIterator[Any]:
        """The same of chunks that are awaited."""
        raise NotImplementedError

    # Whether a second call may send the same again.
    replayable = True
    # Whether `pieces` must be replaced by `pieces_async`.
    is_async = False
    # Set when no more pieces are wanted.
    ended = False


class _ArraySource(Source):
    """An array of any strides and byte order; of bfloat16, the array of its bits."""

    def __init__(self, array: Array, dtype: int, give: Give, *, in_place: bool, casting: str = "equiv") -> None:
        self.dtype = dtype
        self.shape = array.shape
        self.byte_count = array.size * _dtypes.ITEM_SIZES[dtype]
        self.give = give
        self._array = array
        self._in_place = in_place
        self._casting = casting

    def whole(self) -> Any:
        return self._array.reshape(-1).view(np.uint8) if self._in_place else super().whole()

    def pieces(self, size: int) -> Iterator[Any]:
        if self._in_place:
            flat = self.whole()
            return (flat[offset : offset + size] for offset in range(0, self.byte_count, size))
        return _repack(self._in_order(size), self.byte_count, size)

    def _in_order(self, size: int) -> Iterator[Array]:
        if self.byte_count == 0:
            return iter(())
        chunks: Any = np.nditer(
            np.atleast_1d(self._array),  # of 0 dims, nditer does not convert what it buffers
            ["external_loop", "buffered"],
            [["readonly", "contig"]],  # type: ignore[list-item]
            [_dtypes.STORED[self.dtype]],
            order="C",
            casting=self._casting,  # type: ignore[arg-type]
            buffersize=max(size // _dtypes.ITEM_SIZES[self.dtype], 1),
        )
        return (chunk.view(np.uint8) for chunk in chunks)


class _ChunksSource(Source):
    """Chunks, cut and joined to pieces of even size."""

    replayable = False

    def __init__(self, chunks: Chunks) -> None:
        self.dtype = _dtypes.NUMBERS[chunks.dtype]
        self.shape = chunks.shape
        self.byte_count = math.prod(chunks.shape) * _dtypes.ITEM_SIZES[self.dtype]
        self.give = _as_numpy
        self.is_async = isinstance(chunks.chunks, AsyncIterable)
        self._chunks = chunks.chunks

    def pieces(self, size: int) -> Iterator[Any]:
        if self.is_async:
            raise ArgumentTypeError("an async iterable of chunks needs the asyncio client, treduce.aio", field="chunks")
        return _repack(self._until_ended(), self.byte_count, size)

    def _until_ended(self) -> Iterator[Array]:
        for chunk in self._chunks:  # type: ignore[union-attr]
            yield self._bytes(chunk)
            if self.ended:
                return

    async def pieces_async(self, size: int) -> AsyncIterator[Any]:
        pack = _Repacker(self.byte_count, size)
        async for chunk in self._chunks:  # type: ignore[union-attr]
            for piece in pack.add(self._bytes(chunk)):
                yield piece
        for piece in pack.end():
            yield piece

    def _bytes(self, chunk: Any) -> Array:
        source = source_of(chunk)
        is_raw = isinstance(chunk, (bytes, bytearray, memoryview))
        if source.dtype != self.dtype and not is_raw:
            raise ArgumentTypeError(
                f"a chunk has dtype {_dtypes.NAMES[source.dtype - 1]}, not {_dtypes.NAMES[self.dtype - 1]}",
                reason="CHUNK_DTYPE",
                field="chunks",
            )
        return np.frombuffer(source.whole(), np.uint8)


class _Repacker:
    """Makes pieces of even size of chunks of any, and sees that they are as many bytes as they should."""

    def __init__(self, byte_count: int, size: int) -> None:
        self._byte_count = byte_count
        self._size = size
        self._taken = 0
        # A copy: a producer may use the memory of a chunk again once it is asked for the next.
        self._rest = bytearray()

    def add(self, chunk: Array) -> Iterator[Any]:
        self._taken += chunk.size
        if self._taken > self._byte_count:
            text = f"the chunks have more than the {self._byte_count} bytes of their shape"
            raise ArgumentValueError(text, reason="SIZE_MISMATCH", field="data")
        at = 0
        if self._rest:
            at = self._size - len(self._rest)
            self._rest += chunk[:at].data
            if len(self._rest) == self._size:
                yield self._rest
                self._rest = bytearray()
        while chunk.size - at >= self._size:
            yield chunk[at : at + self._size]
            at += self._size
        self._rest += chunk[at:].data

    def end(self) -> Iterator[Any]:
        if self._taken < self._byte_count:
            text = f"the chunks ended after {self._taken} of the {self._byte_count} bytes of their shape"
            raise ArgumentValueError(text, reason="SIZE_MISMATCH", field="data")
        if self._rest:
            yield self._rest


def _repack(chunks: Iterable[Array], byte_count: int, size: int) -> Iterator[Any]:
    pack = _Repacker(byte_count, size)
    for chunk in chunks:
        yield from pack.add(chunk)
    yield from pack.end()


# From a user's object to a Source.


def source_of(x: Any) -> Source:
    """The source that `x` is. ArgumentTypeError for what cannot be reduced."""
    if isinstance(x, np.ndarray):
        return _array_source(x, _as_numpy)
    if isinstance(x, Source):
        return x
    if isinstance(x, Chunks):
        return _ChunksSource(x)
    if isinstance(x, (str, os.PathLike)):
        return _array_source(_open_npy(x), _as_numpy)
    if _is_torch(x):
        return _torch_source(x)
    if hasattr(x, "__dlpack__"):
        return _dlpack_source(x)
    if isinstance(x, np.generic):
        return _array_source(np.asarray(x), _as_numpy)
    try:
        view = x if hasattr(x, "__array__") else memoryview(x)
    except TypeError:
        hint = "; numpy.asarray makes one of it" if isinstance(x, (list, tuple, int, float, complex)) else ""
        hint = "; chunks need a shape and a dtype: treduce.Chunks" if isinstance(x, (Iterator, AsyncIterable)) else hint
        text = f"argument 'input' must be an array, not {type(x).__name__}{hint}"
        raise ArgumentTypeError(text, field="input") from None
    try:
        array = np.asarray(view)
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"argument 'input': {error}", field="input") from None
    return _array_source(array, _as_numpy)


def _array_source(array: Array, give: Give) -> Source:
    if isinstance(array, np.ma.MaskedArray):
        text = "masked arrays cannot be reduced; fill them first, for instance with NaN"
        raise ArgumentTypeError(text, field="input")
    dtype = _dtypes.BY_NUMPY.get(array.dtype)
    if dtype is None:
        return _ArraySource(array, _dtypes.number_of_numpy(array.dtype), give, in_place=False)
    if dtype == _dtypes.BFLOAT16:
        array = array.view(np.uint16)
    return _ArraySource(array, dtype, give, in_place=array.flags.c_contiguous and _LITTLE_ENDIAN)


_LITTLE_ENDIAN = sys.byteorder == "little"


def cast_source(array: Array, dtype: str) -> Source:
    """`array` as if it were of `dtype`: its elements are converted as they are sent."""
    return _ArraySource(array, _dtypes.NUMBERS[dtype], _as_numpy, in_place=False, casting="unsafe")


def _open_npy(path: str | os.PathLike[str]) -> Array:
    try:
        array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        text = f"{os.fspath(path)}: not a .npy file that can be reduced: {error}"
        raise ArgumentValueError(text, field="input") from None
    if not isinstance(array, np.ndarray):
        array.close()
        raise ArgumentTypeError(f"{os.fspath(path)}: an archive of several arrays, not a .npy file", field="input")
    return array


def _dlpack_source(x: Any) -> Source:
    device = x.__dlpack_device__()
    # kDLCPU and the two kinds of pinned memory, which the CPU reads too.
    if int(device[0]) not in (1, 3, 11):
        kind = {2: "cuda", 4: "opencl", 7: "vulkan", 8: "metal", 10: "rocm", 13: "cuda (managed)", 14: "oneapi"}
        raise _elsewhere(f"{kind.get(int(device[0]), f'DLPack device {int(device[0])}')}:{device[1]}")
    try:
        array = np.from_dlpack(x)
    except (BufferError, RuntimeError, TypeError) as error:
        # NumPy's DLPack lacks dtypes that others have, such as bfloat16.
        if not hasattr(x, "__array__"):
            text = f"argument 'input': {type(x).__name__}.__dlpack__: {error}"
            raise ArgumentTypeError(text, field="input") from None
        array = np.asarray(x)
    namespace = x.__array_namespace__() if hasattr(x, "__array_namespace__") else None
    give: Any = getattr(namespace, "from_dlpack", None)
    if give is None:
        return _array_source(array, _as_numpy)
    return _array_source(array, lambda stored, dtype: give(np.asarray(_as_numpy(stored, dtype))))


def _elsewhere(device: str) -> RequestError:
    return RequestError(
        f"the tensor is on {device}; only tensors in the CPU's memory can be sent: x.cpu() copies it there",
        reason="NOT_ON_CPU",
        field="input",
    )


def _is_torch(x: Any) -> bool:
    # Without importing PyTorch: who has a tensor of it has imported it.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def _torch_source(x: Any) -> Source:
    array = torch_array(x.detach().resolve_conj().resolve_neg())
    if x.dtype != sys.modules["torch"].bfloat16:
        return _array_source(array, _as_torch)
    in_place = array.flags.c_contiguous and _LITTLE_ENDIAN
    return _ArraySource(array.view(np.uint16), _dtypes.BFLOAT16, _as_torch, in_place=in_place)


def torch_array(x: Any) -> Array:
    """The memory of a PyTorch tensor; of bfloat16 its bits."""
    torch = sys.modules["torch"]
    if x.device.type != "cpu":
        raise _elsewhere(str(x.device))
    if x.layout != torch.strided:
        text = f"tensors of layout {x.layout} cannot be reduced; x.to_dense() makes one that can"
        raise ArgumentTypeError(text, field="input")
    try:
        array: Array = (x.view(torch.int16) if x.dtype == torch.bfloat16 else x).numpy()
    except (TypeError, RuntimeError) as error:
        raise ArgumentTypeError(f"argument 'input': {error}", field="input") from None
    return array


# The kinds of results: made of the stored elements, which may be another's if they are of 0 dims, and their dtype.


def _as_numpy(stored: Array, dtype: int) -> Any:
    return _dtypes.result_array(dtype, stored)[()]  # as NumPy's own functions, which return 0-d results as scalars


def _as_torch(stored: Array, dtype: int) -> Any:
    torch = sys.modules["torch"]
    stored = stored if stored.flags.writeable else stored.copy()
    if dtype == _dtypes.BFLOAT16:
        return torch.from_numpy(stored.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(stored)


def _shape(shape: Any) -> tuple[int, ...]:
    try:
        extents = (int(shape.__index__()),) if hasattr(shape, "__index__") else tuple(int(n.__index__()) for n in shape)
    except (AttributeError, TypeError):
        raise ArgumentTypeError(f"shape must be int or tuple of ints, not {shape!r}", field="shape") from None
    if any(extent < 0 for extent in extents):
        text = f"negative dimensions are not allowed, but got {extents}"
        raise ArgumentValueError(text, reason="NEGATIVE_EXTENT", field="shape")
    return extents
