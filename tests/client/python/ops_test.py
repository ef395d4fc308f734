"""Every op: PyTorch's arguments and defaults, and the reductions as values."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest
import treduce
from treduce import _wire, ops

OPS = [*_wire.OPS, "norm"]
X = np.array([[1.0, 4.0, 2.0], [3.0, 0.0, 5.0]])


@pytest.mark.parametrize("op", OPS)
def test_method_and_reduction_take_the_same_arguments(op: str) -> None:
    method = list(inspect.signature(getattr(treduce.Client, op)).parameters.values())
    reduction = list(inspect.signature(getattr(ops, op)).parameters.values())
    assert [p.name for p in method[:2]] == ["self", "input"]
    own = [p for p in method[2:] if p.name not in ("out", "options")]
    assert [(p.name, p.default) for p in own] == [(p.name, p.default) for p in reduction if p.name != "names"]


@pytest.mark.parametrize("op", OPS)
def test_method_has_a_docstring(op: str) -> None:
    text = getattr(treduce.Client, op).__doc__
    assert len(text) > 10
    assert text in getattr(ops, op).__doc__


def test_server_has_the_ops(t: treduce.Client) -> None:
    description = t.describe()
    assert list(description.ops) == list(_wire.OPS)
    assert description.ops["quantile"].dtypes == ("float64", "float32")
    assert description.backends[0] == "cpu"
    assert description.max_unary_bytes == 8 << 20


CASES = [
    ("sum", {}, 15.0),
    ("sum", {"dim": 0}, [4.0, 4.0, 7.0]),
    ("sum", {"dim": (0, 1), "keepdim": True}, [[15.0]]),
    ("sum", {"dim": 1, "dtype": "int8"}, [7, 8]),
    ("nansum", {"dim": -1}, [7.0, 8.0]),
    ("mean", {"dim": 0}, [2.0, 2.0, 3.5]),
    ("nanmean", {}, 2.5),
    ("prod", {"dim": 1}, [8.0, 0.0]),
    ("amax", {"dim": 0}, [3.0, 4.0, 5.0]),
    ("amin", {"dim": (0, 1)}, 0.0),
    ("max", {}, 5.0),
    ("min", {}, 0.0),
    ("argmax", {}, 5),
    ("argmin", {"dim": 1}, [0, 1]),
    ("all", {"dim": 1}, [True, False]),
    ("any", {}, True),
    ("count_nonzero", {"dim": 0}, [2, 1, 2]),
    ("var", {"dim": 0}, [2.0, 8.0, 4.5]),
    ("var", {"dim": 0, "correction": 0}, [1.0, 4.0, 2.25]),
    ("var", {"dim": 0, "unbiased": False}, [1.0, 4.0, 2.25]),
    ("std", {"dim": 0, "correction": 0}, [1.0, 2.0, 1.5]),
    ("vector_norm", {"ord": 1}, 15.0),
    ("vector_norm", {"ord": float("inf"), "dim": 1}, [4.0, 5.0]),
    ("norm", {"p": "fro"}, np.sqrt(55.0)),
    ("norm", {"p": 1, "dim": 0}, [4.0, 4.0, 7.0]),
    ("logsumexp", {"dim": (0, 1)}, np.log(np.sum(np.exp(X)))),
    ("median", {}, 2.0),
    ("nanmedian", {}, 2.0),
    ("quantile", {"q": 0.5}, 2.5),
    ("quantile", {"q": [0.0, 1.0], "dim": 1}, [[1.0, 0.0], [4.0, 5.0]]),
    ("quantile", {"q": 0.5, "interpolation": "higher"}, 3.0),
    ("nanquantile", {"q": np.array([0.5])}, [2.5]),
    ("unique", {}, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
    ("unique_consecutive", {}, [1.0, 4.0, 2.0, 3.0, 0.0, 5.0]),
]


@pytest.mark.parametrize(("op", "arguments", "expected"), CASES)
def test_answers(t: treduce.Client, op: str, arguments: dict[str, object], expected: object) -> None:
    got = getattr(t, op)(X, **arguments)
    np.testing.assert_allclose(got, expected, rtol=1e-15)
    assert np.shape(got) == np.shape(expected)
    (same,) = t.reduce(X, [getattr(treduce, op)(**arguments)])
    np.testing.assert_array_equal(same, got)


@pytest.mark.parametrize("op", ["max", "min", "median", "nanmedian", "mode"])
def test_values_and_indices_have_names(t: treduce.Client, op: str) -> None:
    answer = getattr(t, op)(X, dim=1)
    assert type(answer).__name__ == op
    values, indices = answer
    assert answer.values is values
    assert answer.indices is indices
    np.testing.assert_array_equal(np.take_along_axis(X, indices[:, None], 1)[:, 0], values)
    assert pickle.loads(pickle.dumps(answer)).values.tolist() == values.tolist()


def test_pairs(t: treduce.Client) -> None:
    extremes = t.aminmax(X, dim=1)
    assert (extremes.min.tolist(), extremes.max.tolist()) == ([1.0, 0.0], [4.0, 5.0])
    assert t.var_mean(X) == (3.5, 2.5)
    assert t.std_mean(X, dim=0, correction=0)[1].tolist() == [2.0, 2.0, 3.5]


def test_mode_is_of_the_last_dim(t: treduce.Client) -> None:
    x = np.array([[1, 1, 2], [2, 2, 2]])
    assert t.mode(x).values.tolist() == [1, 2]
    assert t.mode(x, dim=None).values == 2
    assert t.mode(x, axis=0).values.tolist() == [1, 1, 2]


def test_unique_gives_what_is_asked_for(t: treduce.Client) -> None:
    x = np.array([3, 1, 3])
    assert t.unique(x).tolist() == [1, 3]
    assert [a.tolist() for a in t.unique(x, return_counts=True)] == [[1, 3], [1, 2]]
    assert [a.tolist() for a in t.unique(x, return_inverse=True, return_counts=True)] == [[1, 3], [1, 0, 1], [1, 2]]


def test_numpys_names_are_taken(t: treduce.Client) -> None:
    assert t.sum(X, axis=0, keepdims=True).shape == (1, 3)
    assert treduce.sum(axis=0, keepdims=True) == treduce.sum(dim=0, keepdim=True)
    with pytest.raises(TypeError, match="both dim and axis"):
        t.sum(X, dim=0, axis=0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'where'"):
        t.sum(X, where=True)


def test_reduce_answers_in_order(t: treduce.Client) -> None:
    total, largest, spread = answers = t.reduce(X, [treduce.sum(dim=0), "max", treduce.var(correction=0)])
    assert total.tolist() == [4.0, 4.0, 7.0]
    assert largest == 5.0
    assert spread == np.var(X)
    assert answers.execution_info.backend == "cpu"
    assert answers.execution_info.received_bytes == X.nbytes
    assert answers.execution_info.compute_time >= 0
    assert "received_bytes=48" in repr(answers.execution_info)


def test_repr_makes_the_reduction_again() -> None:
    for reduction in (
        treduce.sum(),
        treduce.sum(dim=(0, -1), keepdim=True, dtype="float64"),
        treduce.var(dim=0, correction=0),
        treduce.vector_norm(ord=3, dim=1),
        treduce.quantile([0.25, 0.75], dim=0, interpolation="lower"),
        treduce.unique(return_counts=True),
        treduce.mode(),
        treduce.mode(dim=None),
    ):
        assert eval(repr(reduction)) == reduction
    assert repr(treduce.sum(dim=0, keepdim=True)) == "treduce.sum(dim=0, keepdim=True)"


def test_dims_of_any_integer_type(t: treduce.Client) -> None:
    assert t.sum(X, dim=np.int64(0)).tolist() == [4.0, 4.0, 7.0]
    assert t.sum(X, dim=range(2)) == 15.0
    assert t.sum(X, dim=np.array([0, 1])) == 15.0


def test_dtypes_by_any_name(t: treduce.Client) -> None:
    for dtype in ("float32", np.float32, np.dtype("f4")):
        assert t.sum(X, dtype=dtype).dtype == np.float32
    assert t.sum(X, dtype=float).dtype == np.float64
    assert t.sum(X, dtype=bool).dtype == np.bool_
    assert t.sum(X, dtype=complex).dtype == np.complex128
    with pytest.raises(TypeError, match="not a dtype"):
        t.sum(X, dtype="float33")
    with pytest.raises(TypeError, match="cannot be reduced"):
        t.sum(X, dtype=object)


def test_device_says_where(t: treduce.Client) -> None:
    assert t.describe().devices[0].name == "cpu"
    assert t.sum(X, device="cpu") == 15
    answers = t.reduce(X, ["sum"], device="cpu")
    assert (answers.execution_info.backend, answers.execution_info.device) == ("cpu", "cpu")
    with pytest.raises(RuntimeError, match="expected cpu, cuda or cuda:N") as error:
        t.sum(X, device="gpu")
    assert error.value.field == "device"
    with pytest.raises(RuntimeError, match="there is no cuda:99") as missing:
        t.sum(X, device="cuda:99")
    assert missing.value.reason == "NO_SUCH_DEVICE"
    with pytest.raises(TypeError, match="device must be str"):
        t.sum(X, device=0)
