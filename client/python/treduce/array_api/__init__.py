"""The reductions of the Python array API standard 2025.12, by a treduce server; everything else is NumPy's.

    import treduce.array_api as xp

    xp.var(x, axis=(0, 1))

Arrays are NumPy's. They are reduced by the server that `use` names, else by one of their own (`treduce.local`). Where
the standard differs from PyTorch these functions follow the standard: sums of unsigned integers are unsigned,
`correction` is 0, `axis` may be a tuple, and an empty one reduces nothing, variances without degrees of freedom are
NaN, `all` and `any` give bool. Where the standard leaves open what happens they follow NumPy, in that `mean`, `var`,
`std` and `vector_norm` of integers are of float64, and that results of 0 dims are scalars. Complex numbers have no
`max` or `min`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from treduce.array_api import linalg
from treduce.array_api._server import Axis, reduced, use

__array_api_version__ = "2025.12"

__all__ = [
    "all",
    "any",
    "argmax",
    "argmin",
    "count_nonzero",
    "linalg",
    "max",
    "mean",
    "min",
    "prod",
    "std",
    "sum",
    "use",
    "var",
]


def sum(x: Any, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """The sum; of unsigned integers in uint64, of other integers in int64, else in the dtype of `x`."""
    return reduced("sum", x, axis, keepdims, dtype=_sum_dtype(x, dtype))


def prod(x: Any, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """The product, in the dtype that `sum` has."""
    return reduced("prod", x, axis, keepdims, dtype=_sum_dtype(x, dtype))


def mean(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """The arithmetic mean."""
    return reduced("mean", x, axis, keepdims, dtype="float64" if _is_integer(x) else None)


def var(x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """The variance, with the divisor n - correction; NaN where that is not positive."""
    return _spread("var", x, axis, correction, keepdims)


def std(x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """The standard deviation, with the divisor n - correction; NaN where that is not positive."""
    return _spread("std", x, axis, correction, keepdims)


def max(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """The maximum. NaN wins."""
    return reduced("amax", x, axis, keepdims)


def min(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """The minimum. NaN wins."""
    return reduced("amin", x, axis, keepdims)


def all(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether all elements are non-zero, as NaN is."""
    return numpy.not_equal(reduced("all", x, axis, keepdims), 0)


def any(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether any element is non-zero, as NaN is."""
    return numpy.not_equal(reduced("any", x, axis, keepdims), 0)


def argmax(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the first maximum. The first NaN wins."""
    return reduced("argmax", _orderable(x), axis, keepdims)


def argmin(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the first minimum. The first NaN wins."""
    return reduced("argmin", _orderable(x), axis, keepdims)


def count_nonzero(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """The number of elements that are non-zero, as NaN is."""
    return reduced("count_nonzero", x, axis, keepdims)


def _spread(op: str, x: Any, axis: Axis, correction: float, keepdims: bool) -> Any:
    x = numpy.asarray(x)
    cast = "float64" if _is_integer(x) else None
    result = reduced(op, x, axis, keepdims, cast=cast, correction=correction)
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if math.prod(x.shape[a] for a in axes) - correction > 0:
        return result
    return numpy.full_like(result, numpy.nan)[()]


def _sum_dtype(x: Any, dtype: Any) -> Any:
    return "uint64" if dtype is None and numpy.asarray(x).dtype.kind == "u" else dtype


def _is_integer(x: Any) -> bool:
    return numpy.asarray(x).dtype.kind in "iub"


def _orderable(x: Any) -> Any:
    x = numpy.asarray(x)
    return x.view(numpy.uint8) if x.dtype.kind == "b" else x


def __getattr__(name: str) -> Any:
    return getattr(numpy, name)


def __dir__() -> list[str]:
    return sorted({*__all__, "__array_api_version__", *dir(numpy)})
