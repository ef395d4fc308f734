"""What can be reduced, and what cannot."""

from __future__ import annotations

import array
import asyncio
import math
import pathlib
import tracemalloc
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
import treduce
from treduce import _dtypes
from treduce._source import source_of

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)

STRIDED = {
    "transposed": X.T,
    "reversed": X[::-1, :, ::-1],
    "every other": X[:, ::2, 1::2],
    "Fortran order": np.asfortranarray(X),
    "repeated": np.broadcast_to(X[0, 0], (5, 3, 4)),
    "big-endian": X.astype(">f4"),
    "big-endian, transposed": X.astype(">f4").T,
    "unaligned": np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(np.float32),
    "of integers": X.astype(np.int16)[:, ::-1],
    "of complex numbers": (X + 1j * X).astype(np.complex64).T,
    "of bools": (X > 5)[::-1],
}


@pytest.mark.parametrize("size", [1, 3, 16, 1000])
@pytest.mark.parametrize("name", STRIDED)
def test_strided_arrays_are_sent_in_order(name: str, size: int) -> None:
    x = STRIDED[name]
    source = source_of(x)
    pieces = [bytes(piece) for piece in source.pieces(size)]
    assert b"".join(pieces) == np.ascontiguousarray(x, x.dtype.newbyteorder("<")).tobytes()
    assert {len(piece) for piece in pieces[:-1]} <= {size}
    assert bytes(source.whole()) == b"".join(pieces)


@pytest.mark.parametrize("name", STRIDED)
def test_strided_arrays_are_reduced(t: treduce.Client, streaming: treduce.Client, name: str) -> None:
    x = STRIDED[name]
    for client in (t, streaming):
        np.testing.assert_array_equal(client.sum(x, dim=0), x.sum(0, dtype=None if x.dtype.kind in "fc" else np.int64))


def test_large_arrays_are_not_copied() -> None:
    for x in (np.zeros(8 << 20, np.uint8), np.zeros((4096, 2048), np.uint8).T):
        source = source_of(x)
        tracemalloc.start()
        for piece in source.pieces(1 << 20):
            assert len(piece) == 1 << 20
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 5 << 20  # a piece, its parts and NumPy's buffer


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1,), (1,) * 30])
def test_extreme_shapes(t: treduce.Client, streaming: treduce.Client, shape: tuple[int, ...]) -> None:
    x = np.full(shape, 3.0)
    for client in (t, streaming):
        assert client.sum(x) == 3.0 * math.prod(shape)
        assert client.sum(x.astype(">f8")) == 3.0 * math.prod(shape)
        kept = client.sum(x, keepdim=True)
        assert np.shape(kept) == (1,) * len(shape)


def test_more_dims_than_numpy_has(t: treduce.Client, streaming: treduce.Client) -> None:
    for client in (t, streaming):
        x = treduce.Chunks([X], (1,) * 61 + X.shape, "float32")
        assert client.sum(x) == X.sum()
        try:
            assert client.sum(treduce.Chunks([X], x.shape, "float32"), keepdim=True).shape == (1,) * 64
        except treduce.InternalError as error:
            assert "NumPy cannot hold a result" in str(error)


def test_scalars_of_numpy(t: treduce.Client) -> None:
    assert t.sum(np.float32(2.5)) == 2.5
    assert t.all(np.bool_(True))


def test_read_only_arrays(t: treduce.Client) -> None:
    x = X.copy()
    x.flags.writeable = False
    assert t.sum(x) == X.sum()


BUFFERS = [
    (bytes([1, 2, 250]), 253),
    (bytearray([1, 2]), 3),
    (array.array("d", [1.5, 2]), 3.5),
    (array.array("h", [-1, 5]), 4),
    (memoryview(np.arange(6).reshape(2, 3))[::-1], 15),
    (memoryview(b"\1\0\2\0").cast("H"), 3),
]


@pytest.mark.parametrize(("x", "expected"), BUFFERS, ids=str)
def test_buffers(t: treduce.Client, x: Any, expected: float) -> None:
    assert t.sum(x) == expected


def test_files(t: treduce.Client, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, X)
    assert t.sum(path, dim=0).tolist() == X.sum(0).tolist()
    assert t.sum(str(path)) == X.sum()
    np.save(path, np.asfortranarray(X).astype(">f4"))
    assert t.argmax(path) == 23
    assert t.sum(np.load(path, mmap_mode="r")) == X.sum()
    with pytest.raises(FileNotFoundError):
        t.sum(tmp_path / "none.npy")


def test_files_that_are_no_tensors(t: treduce.Client, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(b"hello")
    with pytest.raises(treduce.ArgumentValueError, match=r"x\.npy: not a \.npy file"):
        t.sum(path)
    np.save(path, np.array([{}], object), allow_pickle=True)
    with pytest.raises(treduce.ArgumentValueError, match=r"x\.npy: not a \.npy file"):
        t.sum(path)
    np.savez(tmp_path / "x.npz", X=X)
    with pytest.raises(treduce.ArgumentTypeError, match="an archive"):
        t.sum(tmp_path / "x.npz")


class DLPack:
    """An array of another library."""

    def __init__(self, x: np.ndarray[Any, Any], device: tuple[int, int] = (1, 0)) -> None:
        self._x = x
        self._device = device

    def __dlpack__(self, **arguments: Any) -> Any:
        return self._x.__dlpack__(**arguments)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._device


def test_dlpack(t: treduce.Client) -> None:
    assert t.sum(DLPack(X.T), dim=0).tolist() == X.T.sum(0).tolist()


def test_dlpack_results_are_of_the_kind_given(t: treduce.Client) -> None:
    class Namespace:
        from_dlpack = DLPack

    class Array(DLPack):
        def __array_namespace__(self) -> type[Namespace]:
            return Namespace

    values, indices = t.max(Array(X), dim=0)
    assert isinstance(values, DLPack)
    np.testing.assert_array_equal(np.from_dlpack(indices), X.argmax(0))


def test_tensors_on_other_devices_are_refused(t: treduce.Client) -> None:
    with pytest.raises(treduce.RequestError, match=r"the tensor is on cuda:1; .*x\.cpu\(\) copies it"):
        t.sum(DLPack(X, (2, 1)))


REFUSED = [
    (np.array([1, None]), "dtype object"),
    (np.zeros(2, [("a", "f4")]), "dtype"),
    (np.array(["a"]), "dtype <U1"),
    (np.array([1], "M8[s]"), "datetime64"),
    (np.zeros(2, "V2"), r"dtype \|V2"),
    (np.ma.masked_array([1, 2], [0, 1]), "masked arrays"),
    ([1, 2], "must be an array, not list; numpy.asarray makes one"),
    (3.5, "not float; numpy.asarray"),
    (None, "not NoneType"),
    ({1: 2}, "not dict"),
    (iter([X]), "treduce.Chunks"),
    (memoryview(bytes(8)).cast("P"), ""),
]


@pytest.mark.parametrize(("x", "text"), REFUSED, ids=[str(type(x)) + str(n) for n, (x, _) in enumerate(REFUSED)])
def test_what_cannot_be_reduced_is_refused(t: treduce.Client, x: Any, text: str) -> None:
    if text == "" and source_of_or_none(x):
        pytest.skip("this NumPy takes it")
    with pytest.raises(treduce.ArgumentTypeError, match=text):
        t.sum(x)


def source_of_or_none(x: Any) -> Any:
    try:
        return source_of(x)
    except treduce.Error:
        return None


def test_long_doubles_are_refused(t: treduce.Client) -> None:
    with pytest.raises(TypeError, match="cannot be reduced"):
        t.sum(np.zeros(2, np.longdouble))


# Chunks.


def halves() -> Iterator[Any]:
    yield X[0]
    yield X[1]


@pytest.mark.parametrize(
    "chunks",
    [
        lambda: halves(),
        lambda: [X],
        lambda: [X.T.T[:, ::1]],
        lambda: [X.tobytes()[:5], X.tobytes()[5:6], b"", X.tobytes()[6:]],
        lambda: (X.reshape(-1)[n : n + 1] for n in range(24)),
        lambda: [bytearray(X.tobytes())],
    ],
)
def test_chunks_of_any_size(t: treduce.Client, streaming: treduce.Client, chunks: Any) -> None:
    for client in (t, streaming):
        assert client.sum(treduce.Chunks(chunks(), X.shape, "float32"), dim=0).tolist() == X.sum(0).tolist()


def test_chunks_may_be_overwritten_after_they_are_taken(streaming: treduce.Client) -> None:
    def reused() -> Iterator[Any]:
        memory = np.zeros(3)
        for n in range(50):
            memory[:] = n
            yield memory

    assert streaming.sum(treduce.Chunks(reused(), (50, 3), float), dim=0).tolist() == [1225.0] * 3


def test_chunks_that_are_too_many_or_too_few(t: treduce.Client) -> None:
    with pytest.raises(treduce.ArgumentValueError, match="more than the 96 bytes") as too_many:
        t.sum(treduce.Chunks([X, X], X.shape, "float32"))
    assert too_many.value.reason == "SIZE_MISMATCH"
    with pytest.raises(ValueError, match="ended after 48 of the 96 bytes"):
        t.sum(treduce.Chunks([X[0]], X.shape, "float32"))
    with pytest.raises(ValueError, match="ended after 0 of the 4 bytes"):
        t.sum(treduce.Chunks([], (), "float32"))


def test_an_endless_producer_is_stopped(t: treduce.Client) -> None:
    taken = 0

    def endless() -> Iterator[Any]:
        nonlocal taken
        while True:
            taken += 1
            yield np.zeros(1 << 17)

    with pytest.raises(ValueError, match="more than"):
        t.sum(treduce.Chunks(endless(), (4, 1 << 17), float))
    assert taken == 5


def test_what_a_producer_raises_reaches_the_caller(t: treduce.Client) -> None:
    class Mine(Exception):
        pass

    def failing() -> Iterator[Any]:
        yield X[0]
        raise Mine("no more")

    with pytest.raises(Mine, match="no more"):
        t.sum(treduce.Chunks(failing(), X.shape, "float32"))
    assert t.sum(X) == X.sum()  # the client is as good as before


def test_errors_of_another_rpc_are_the_producers_own(t: treduce.Client) -> None:
    class Other(grpc.RpcError):
        pass

    def failing() -> Iterator[Any]:
        yield X[0]
        raise Other

    with pytest.raises(Other):
        t.sum(treduce.Chunks(failing(), X.shape, "float32"))
    for error in (Other, asyncio.InvalidStateError):

        async def main(error: type[Exception] = error) -> None:
            def failing() -> Iterator[Any]:
                yield X[0]
                raise error

            async with treduce.aio.connect(t.address) as client:
                with pytest.raises(error):
                    await client.sum(treduce.Chunks(failing(), X.shape, "float32"))

        asyncio.run(main())


def test_a_producer_is_not_asked_for_more_after_a_refusal(t: treduce.Client) -> None:
    def many() -> Iterator[Any]:
        for _ in range(1000):
            yield np.zeros(1 << 17)

    producer = many()
    with pytest.raises(IndexError):
        t.sum(treduce.Chunks(producer, (1000, 1 << 17), float), dim=3)
    assert sum(1 for _ in producer) > 900


def test_chunks_of_another_dtype_are_refused(t: treduce.Client) -> None:
    with pytest.raises(TypeError, match="a chunk has dtype float64, not float32"):
        t.sum(treduce.Chunks([X.astype(float)], X.shape, "float32"))
    with pytest.raises(TypeError, match="must be an array, not list"):
        t.sum(treduce.Chunks([[1.0]], (1,), "float32"))


def test_chunks_say_what_is_wrong_with_them() -> None:
    with pytest.raises(ValueError, match="negative dimensions"):
        treduce.Chunks([], (2, -1), float)
    with pytest.raises(TypeError, match="shape must be"):
        treduce.Chunks([], (2.5,), float)
    with pytest.raises(TypeError, match="not a dtype"):
        treduce.Chunks([], 2, "float33")
    with pytest.raises(TypeError, match="must be an iterable"):
        treduce.Chunks(3, 2, float)
    assert repr(treduce.Chunks(halves(), (2, 3), float)) == "treduce.Chunks(generator, shape=(2, 3), dtype='float64')"


# bfloat16.


def bits(values: list[float]) -> np.ndarray[Any, Any]:
    return (np.array(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)


def test_bfloat16_without_ml_dtypes_is_float32(t: treduce.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dtypes, "ml_dtypes", None)
    x = treduce.Chunks([bits([1.0, 2.5, -0.5]).tobytes()], 3, "bfloat16")
    largest, index = t.max(x, dim=0)
    assert (largest, index, largest.dtype) == (2.5, 1, np.float32)
    assert t.sum(X, dtype="bfloat16").dtype == np.float32


def test_bfloat16_of_ml_dtypes(t: treduce.Client, streaming: treduce.Client) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = np.array([[1.0, 2.5], [3.0, 0.25]], ml_dtypes.bfloat16)
    for client in (t, streaming):
        for each in (x, x.T, x[::-1]):
            result = client.sum(each, dim=0)
            assert result.dtype == ml_dtypes.bfloat16
            assert result.tolist() == np.asarray(each, np.float32).sum(0).tolist()
    out = np.zeros(2, ml_dtypes.bfloat16)
    assert t.sum(x, dim=0, out=out) is out
    assert out.tolist() == [4.0, 2.75]


# PyTorch.


def test_torch_tensors_give_torch_tensors(t: treduce.Client, streaming: treduce.Client) -> None:
    torch = pytest.importorskip("torch")
    x = torch.arange(12.0).reshape(3, 4)
    for client in (t, streaming):
        for each in (x, x.T, x[:, ::2], x.to(torch.bfloat16), x.to(torch.int8), x > 3, x.to(torch.complex64).conj()):
            assert torch.equal(client.sum(each, dim=0), torch.sum(each, dim=0))
            assert torch.equal(client.sum(each), torch.sum(each))
        assert torch.equal(client.max(x, dim=1).indices, torch.max(x, dim=1).indices)
        assert torch.equal(client.sum(x.requires_grad_(), dim=1), x.detach().sum(1))
        assert client.sum(x, dtype=torch.bfloat16).dtype == torch.bfloat16
    out = torch.empty(4)
    assert t.sum(x, dim=0, out=out) is out
    assert torch.equal(out, x.detach().sum(0))
    with pytest.raises(TypeError, match="to_dense"):
        t.sum(x.detach().to_sparse())
    with pytest.raises(RuntimeError, match="on meta"):
        t.sum(x.detach().to("meta"))
