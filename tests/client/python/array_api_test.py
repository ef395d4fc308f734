"""treduce.array_api: the standard where it differs from PyTorch, and NumPy's results for everything else."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import treduce
from treduce import array_api as xp

REAL = ["float64", "float32", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
SHAPE = (2, 3, 4)
AXES = [None, 0, -1, 1, (0,), (0, 2), (-1, 0), (0, 1, 2), ()]


@pytest.fixture(autouse=True)
def _server(t: treduce.Client) -> Iterator[None]:
    xp.use(t)
    yield
    xp.use(None)


def numbers(dtype: str) -> np.ndarray[Any, Any]:
    x = np.random.default_rng(1).integers(0, 9, SHAPE)
    return (x - 4 * (np.dtype(dtype).kind not in "ub")).astype(dtype)


def check(got: Any, expected: Any) -> None:
    assert type(got) is type(expected)
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    precision = np.finfo(got.dtype).eps if got.dtype.kind in "fc" else 0
    np.testing.assert_allclose(got, expected, rtol=24 * precision)  # NumPy rounds up to once an element


# With NumPy 1.24 these follow the standard already, but for the names of the arguments.
@pytest.mark.parametrize("dtype", [*REAL, "bool", "complex64", "complex128"])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES, ids=str)
def test_as_numpy(dtype: str, keepdims: bool, axis: Any) -> None:
    x = numbers(dtype)
    is_complex = x.dtype.kind == "c"
    for op in ("sum", "prod", "mean", "all", "any", "var", "std", *([] if is_complex else ["max", "min"])):
        check(getattr(xp, op)(x, axis=axis, keepdims=keepdims), getattr(np, op)(x, axis=axis, keepdims=keepdims))
    if axis != ():
        got = xp.count_nonzero(x, axis=axis, keepdims=keepdims)
        expected = np.count_nonzero(x, axis=axis, keepdims=keepdims)
        np.testing.assert_array_equal(got, expected)
        assert got.dtype == np.int64
    if not isinstance(axis, tuple) and not is_complex:
        for op in ("argmax", "argmin"):
            check(getattr(xp, op)(x, axis=axis, keepdims=keepdims), getattr(np, op)(x, axis=axis, keepdims=keepdims))


def test_functions_have_the_arguments_of_the_standard() -> None:
    wanted = {
        "sum": "(x, /, *, axis=None, dtype=None, keepdims=False)",
        "prod": "(x, /, *, axis=None, dtype=None, keepdims=False)",
        "mean": "(x, /, *, axis=None, keepdims=False)",
        "var": "(x, /, *, axis=None, correction=0.0, keepdims=False)",
        "std": "(x, /, *, axis=None, correction=0.0, keepdims=False)",
        "argmax": "(x, /, *, axis=None, keepdims=False)",
        "count_nonzero": "(x, /, *, axis=None, keepdims=False)",
    }
    for op, signature in wanted.items():
        parameters = inspect.signature(getattr(xp, op)).parameters.values()
        plain = inspect.Signature([p.replace(annotation=inspect.Parameter.empty) for p in parameters])
        assert str(plain) == signature


@pytest.mark.parametrize("op", ["sum", "prod"])
def test_sums_of_unsigned_integers_are_unsigned(op: str) -> None:
    for dtype in ("uint8", "uint16", "uint32", "uint64"):
        assert getattr(xp, op)(numbers(dtype)).dtype == np.uint64
    assert xp.sum(np.full(2, 2**63, np.uint64)) == 0
    assert xp.sum(np.array([2**63, 5], np.uint64)) == 2**63 + 5
    assert xp.sum(numbers("uint8"), dtype=np.float32).dtype == np.float32


def test_correction() -> None:
    x = numbers("float64")
    for op, correction, axis in itertools.product(("var", "std"), (0, 1, 0.5, 2.0), (None, 1, (0, 2))):
        got = getattr(xp, op)(x, axis=axis, correction=correction)
        check(got, getattr(np, op)(x, axis=axis, ddof=correction))


def test_no_degrees_of_freedom_give_nan() -> None:
    x = np.array([[1.0, 2.0], [5.0, 9.0]])
    for op in (xp.var, xp.std):
        assert np.isnan(op(x, correction=4))
        assert np.isnan(op(x, correction=5))
        assert np.isnan(op(x, axis=0, correction=2)).tolist() == [True, True]
        assert np.isnan(op(x, axis=(), correction=1)).all()
        assert op(x, axis=(), correction=1).shape == (2, 2)
        assert np.isnan(op(np.zeros((0, 2)), axis=0)).tolist() == [True, True]
        assert op(np.zeros((0, 2)), axis=1).shape == (0,)
        assert np.isnan(op(np.float32(3), correction=1))
        assert op(np.float32(3), correction=1).dtype == np.float32


def test_nan_wins() -> None:
    x = np.array([1.0, np.nan, 3.0])
    assert np.isnan(xp.max(x))
    assert np.isnan(xp.min(x))
    assert xp.argmax(x) == 1


def test_vector_norm() -> None:
    x = numbers("float64")
    for order, axis in itertools.product((2, 1, 0, 3, 0.5, np.inf, -np.inf), (None, 0, (0, 2))):
        expected = np.sum(np.abs(x) ** order, axis) ** (1 / order) if order not in (0, np.inf, -np.inf) else None
        if order == 0:
            expected = np.sum(x != 0, axis).astype(float)
        if np.isinf(order):
            expected = (np.max if order > 0 else np.min)(np.abs(x), axis)
        check(xp.linalg.vector_norm(x, axis=axis, ord=order), expected)
    assert xp.linalg.vector_norm(x, axis=(0, 1, 2), keepdims=True).shape == (1, 1, 1)
    assert xp.linalg.vector_norm(np.array([3, 4])) == 5.0
    assert xp.linalg.vector_norm(np.array([[3 + 4j]]), axis=()).tolist() == [[5.0]]


def test_everything_else_is_numpys() -> None:
    assert xp.asarray is np.asarray
    assert xp.float32 is np.float32
    assert xp.linalg.norm is np.linalg.norm
    assert "arange" in dir(xp)
    assert "det" in dir(xp.linalg)
    assert xp.__array_api_version__ == "2025.12"
    with pytest.raises(AttributeError):
        xp.nothing_of_the_kind  # noqa: B018


def test_errors_are_of_the_kinds_that_numpy_raises() -> None:
    with pytest.raises(IndexError):
        xp.sum(numbers("int8"), axis=3)
    with pytest.raises(TypeError):
        xp.max(np.array([None]))
    with pytest.raises(NotImplementedError):
        xp.max(np.array([1j]))


def test_without_a_server_one_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    import pathlib

    from server_process import PROGRAM

    monkeypatch.setenv("PATH", str(pathlib.Path(PROGRAM).parent), prepend=":")
    xp.use(None)
    assert xp.sum(np.arange(4)) == 6
