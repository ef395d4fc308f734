"""Mistakes raise what they raise in PyTorch, and `treduce.Error`.

Where PyTorch is installed each mistake is made there, too. Its classes are written down for where it is not.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest
import treduce

X = np.arange(6, dtype=np.float32).reshape(2, 3)

# Each is made with `t`, a client or the module torch, and `a`, which makes a tensor of an array.
Mistake = Callable[[Any, Callable[[Any], Any]], Any]
MISTAKES: dict[str, tuple[Mistake, type[Exception]]] = {
    "a dim out of range": (lambda t, a: t.sum(a(X), dim=2), IndexError),
    "a negative dim out of range": (lambda t, a: t.amax(a(X), dim=(0, -3)), IndexError),
    "a dim of a 0-d tensor": (lambda t, a: t.argmax(a(np.float32(1)), dim=1), IndexError),
    "a dim twice": (lambda t, a: t.mean(a(X), dim=(0, -2)), RuntimeError),
    "a dim that is a bool": (lambda t, a: t.sum(a(X), dim=True), TypeError),
    "a dim that is a string": (lambda t, a: t.sum(a(X), dim="rows"), TypeError),
    "a dim that is a float": (lambda t, a: t.var(a(X), dim=1.0), TypeError),
    "a list for a tensor": (lambda t, a: t.sum([1, 2, 3]), TypeError),
    "a number for a tensor": (lambda t, a: t.max(3.5), TypeError),
    "the mean of integers": (lambda t, a: t.mean(a(np.arange(3))), RuntimeError),
    "the variance of bools": (lambda t, a: t.var(a(np.array([True, False]))), RuntimeError),
    "the maximum of complex numbers": (lambda t, a: t.max(a(np.array([1j, 2]))), NotImplementedError),
    "argmax of bools": (lambda t, a: t.argmax(a(np.array([True, False]))), RuntimeError),
    "a quantile of float16": (lambda t, a: t.quantile(a(X.astype(np.float16)), 0.5), RuntimeError),
    "a quantile beyond 1": (lambda t, a: t.quantile(a(X), 1.5), RuntimeError),
    "an unknown interpolation": (lambda t, a: t.quantile(a(X), 0.5, interpolation="cubic"), RuntimeError),
    "no quantile": (lambda t, a: t.quantile(a(X)), TypeError),
    "the quantile of nothing": (lambda t, a: t.quantile(a(np.zeros(0)), 0.5), RuntimeError),
    "the maximum of nothing": (lambda t, a: t.max(a(np.zeros(0))), RuntimeError),
    "argmin of nothing": (lambda t, a: t.argmin(a(np.zeros(0))), IndexError),
    "the maximum along an empty dim": (lambda t, a: t.amax(a(np.zeros((2, 0))), dim=1), IndexError),
    "the median along an empty dim": (lambda t, a: t.median(a(np.zeros((2, 0))), dim=1), IndexError),
    "a dtype that the op does not take": (lambda t, a: t.amax(a(X), dtype=a(X).dtype), TypeError),
    "correction and unbiased": (lambda t, a: t.var(a(X), dim=0, unbiased=True, correction=1), TypeError),
    "a keepdim that is a string": (lambda t, a: t.sum(a(X), dim=0, keepdim="yes"), TypeError),
    "an unknown argument": (lambda t, a: t.sum(a(X), dims=0), TypeError),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_raise_what_they_raise_in_pytorch(t: treduce.Client, name: str) -> None:
    mistake, expected = MISTAKES[name]
    with pytest.raises(expected) as error:
        mistake(t, lambda x: x)
    # The arguments that Python itself misses raise Python's own TypeError.
    assert isinstance(error.value, treduce.Error) or name == "no quantile"
    assert str(error.value)


@pytest.mark.parametrize("name", MISTAKES)
def test_pytorch_raises_what_is_written_here(t: treduce.Client, name: str) -> None:
    torch = pytest.importorskip("torch")
    mistake, expected = MISTAKES[name]
    with pytest.raises(Exception) as of_torch:  # noqa: PT011
        mistake(torch, lambda x: torch.from_numpy(np.asarray(x)))
    assert issubclass(of_torch.type, expected)
    with pytest.raises(of_torch.type):
        mistake(t, lambda x: torch.from_numpy(np.asarray(x)))


def test_errors_carry_the_servers_text_and_details(t: treduce.Client) -> None:
    with pytest.raises(treduce.DimError) as error:
        t.reduce(X, ["sum", treduce.sum(dim=2)])
    text = "reductions[1].dim: Dimension out of range (expected to be in range of [-2, 1], but got 2)"
    assert str(error.value) == text
    assert error.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert (error.value.reason, error.value.field) == ("DIM_OUT_OF_RANGE", "reductions[1].dim")
    with pytest.raises(treduce.ArgumentValueError) as error:
        t.reduce(X, ["sum"] * 257)
    assert error.value.limit == "256"
    with pytest.raises(treduce.ArgumentValueError, match="at least one reduction"):
        t.reduce(X, [])


def test_errors_can_be_pickled(t: treduce.Client) -> None:
    with pytest.raises(treduce.DimError) as error:
        t.sum(X, dim=2)
    again = pickle.loads(pickle.dumps(error.value))
    assert type(again) is treduce.DimError
    assert (str(again), again.reason, again.code) == (str(error.value), error.value.reason, error.value.code)


@pytest.mark.parametrize("kind", [getattr(treduce.errors, name) for name in treduce.errors.__all__])
def test_every_error_is_of_pythons_own_class_too(kind: type[treduce.Error]) -> None:
    error = kind("text", reason="REASON", field="field", limit="1")
    assert isinstance(error, treduce.Error)
    assert kind is treduce.Error or len(kind.__mro__) > len(treduce.Error.__mro__) + 1
    assert (str(error), error.reason, error.field, error.limit) == ("text", "REASON", "field", "1")
    assert kind.__doc__


def test_all_and_any_of_no_dims_are_refused(t: treduce.Client) -> None:
    for op in (t.all, t.any):
        with pytest.raises(NotImplementedError, match="reduces nothing in PyTorch"):
            op(X, dim=())
        with pytest.raises(NotImplementedError):
            op(X, axis=())


def test_reduce_refuses_what_is_no_reduction(t: treduce.Client) -> None:
    for wrong in ("sum", treduce.sum(), [3], [treduce.sum], [None]):
        with pytest.raises(TypeError):
            t.reduce(X, wrong)
    with pytest.raises(NotImplementedError, match="no op 'softmax'"):
        t.reduce(X, ["softmax"])
    with pytest.raises(TypeError, match="which quantile"):
        t.reduce(X, ["quantile"])
    with pytest.raises(NotImplementedError, match="nuclear"):
        t.norm(X, "nuc")


def test_dims_beyond_64_bits_are_out_of_range(t: treduce.Client) -> None:
    for dim in (2**64, -(2**63) - 1):
        with pytest.raises(IndexError):
            t.sum(X, dim=dim)


def test_options_that_are_no_numbers_are_refused(t: treduce.Client) -> None:
    for wrong in (
        lambda: t.var(X, correction="1"),
        lambda: t.vector_norm(X, ord=1j),
        lambda: t.quantile(X, "0.5"),
        lambda: t.quantile(X, ["0.5"]),
        lambda: t.quantile(X, True),
        lambda: t.var(X, unbiased=1),
        lambda: t.unique(X, return_counts=1),
        lambda: t.sum(X, timeout="1"),
        lambda: t.sum(X, progress="yes"),
    ):
        with pytest.raises(treduce.ArgumentTypeError):
            wrong()
    with pytest.raises(RuntimeError, match="scalar or 1D"):
        t.quantile(X, np.zeros((1, 1)))


@pytest.mark.parametrize(
    "address",
    ["", "localhost", "localhost:", ":50051", "localhost:0", "localhost:65536", "unix:", "http://localhost:1", "a:1?"],
)
def test_addresses_that_are_none_are_refused(address: str) -> None:
    for connect in (treduce.connect, treduce.aio.connect):
        with pytest.raises(ValueError, match="expected HOST:PORT or unix:PATH") as error:
            connect(address)
        assert error.value.reason == "INVALID_ADDRESS"


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="1 to"):
        treduce.connect("a:1", chunk_bytes=0)
    with pytest.raises(ValueError, match="1 to"):
        treduce.connect("a:1", unary_limit=-1)
    with pytest.raises(TypeError):
        treduce.connect(50051)
    with pytest.raises(TypeError):
        treduce.connect("a:1", timeout="1")
