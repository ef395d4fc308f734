"""The reductions as values: what `Client.reduce` takes, several for one pass over the tensor.

    total, largest, spread = t.reduce(x, [treduce.sum(dim=0), "max", treduce.var(correction=0)])

Each function has the arguments of the method of `Client` of that name, less the tensor; there they are described. They
are PyTorch's, with PyTorch's defaults. Where PyTorch takes one dim, several are taken too; `axis` and `keepdims` mean
`dim` and `keepdim`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, Union

import numpy as np

from treduce import _dtypes, _wire
from treduce.errors import ArgumentTypeError, DimError, RequestError, UnsupportedError

if TYPE_CHECKING:
    from typing_extensions import TypedDict, Unpack

    class Names(TypedDict, total=False):
        """NumPy's names of two arguments."""

        axis: Dims
        keepdims: bool


__all__ = ["Reduction", *_wire.OPS, "norm"]

Dims = Union[int, Iterable[int], None]


class Reduction(NamedTuple):
    """One reduction: an op, the dims it reduces, and its options. Its repr makes it again."""

    op: str
    dims: tuple[int, ...] = ()  # all where empty
    keepdim: bool = False
    dtype: int = 0  # of the API; 0 for that of the input
    correction: float | None = None
    ord: float | None = None
    q: float | tuple[float, ...] | None = None
    interpolation: int = 0
    return_inverse: bool = False
    return_counts: bool = False

    def __repr__(self) -> str:
        arguments = []
        for name in ("correction", "ord", "q"):
            value = getattr(self, name)
            if value is not None:
                arguments.append(f"{name}={list(value) if isinstance(value, tuple) else value!r}")
        if self.dims:
            arguments.append(f"dim={self.dims[0] if len(self.dims) == 1 else self.dims}")
        elif self.op == "mode":
            arguments.append("dim=None")
        arguments += [f"{name}=True" for name in ("keepdim", "return_inverse", "return_counts") if getattr(self, name)]
        if self.dtype:
            arguments.append(f"dtype={_dtypes.NAMES[self.dtype - 1]!r}")
        if self.interpolation > 1:
            arguments.append(f"interpolation={_wire.INTERPOLATIONS[self.interpolation - 1]!r}")
        return f"treduce.{self.op}({', '.join(arguments)})"


def of(reduction: Reduction | str) -> Reduction:
    """A reduction as it is given to `reduce`: itself, or the name of an op for that op with PyTorch's defaults."""
    if isinstance(reduction, Reduction):
        return reduction
    if not isinstance(reduction, str):
        text = f"a reduction is one that treduce.sum() and the like make, or the name of an op, not {reduction!r}"
        raise ArgumentTypeError(text, field="reductions")
    if reduction not in __all__[1:]:
        raise UnsupportedError(f"there is no op {reduction!r}; there are {', '.join(_wire.OPS)}", reason="UNKNOWN_OP")
    if reduction in ("quantile", "nanquantile"):
        raise ArgumentTypeError(f"which quantile? For instance treduce.{reduction}(0.5)", field="q")
    function: Callable[[], Reduction] = globals()[reduction]
    return function()


def named(reduction: Reduction, names: Any) -> Reduction:
    """`reduction` with `axis` and `keepdims`, if they are among `names`, in place of dim and keepdim."""
    changes: dict[str, Any] = {}
    for name, value in names.items():
        if name == "axis":
            if reduction.dims != (DEFAULT_MODE_DIM if reduction.op == "mode" else ()):
                raise ArgumentTypeError(f"{reduction.op}() got both dim and axis", field="dim")
            changes["dims"] = _dims(reduction.op, value)
        elif name == "keepdims":
            changes["keepdim"] = _flag(reduction.op, "keepdims", value)
        else:
            raise ArgumentTypeError(f"{reduction.op}() got an unexpected keyword argument {name!r}", field=name)
    return reduction._replace(**changes)


# The default of PyTorch's mode, unlike that of all others.
DEFAULT_MODE_DIM = (-1,)


def _reduction(op: str, dim: Dims, keepdim: Any, names: Any, dtype: Any = None, **options: Any) -> Reduction:
    reduction = Reduction(
        op,
        () if dim is None else _dims(op, dim),
        keepdim if type(keepdim) is bool else _flag(op, "keepdim", keepdim),
        0 if dtype is None else _dtypes.number_of(dtype),
        **options,
    )
    return named(reduction, names) if names else reduction


def _dims(op: str, dim: Dims) -> tuple[int, ...]:
    if dim is None:
        return ()
    if type(dim) is int:
        return (_index(op, dim),)
    try:
        dims = tuple(_index(op, d) for d in dim)  # type: ignore[union-attr]
    except ArgumentTypeError:
        raise
    except TypeError:
        return (_index(op, dim),)
    if not dims and op in ("all", "any"):
        text = f"{op}() with dim=() reduces nothing in PyTorch; leave dim out to reduce all dims"
        raise UnsupportedError(text, field="dim")
    return dims


def _index(op: str, dim: Any) -> int:
    # To PyTorch True is not a dim, though it is an int to Python.
    if isinstance(dim, (bool, str)) or not hasattr(dim, "__index__"):
        text = f"{op}(): argument 'dim' must be int or tuple of ints, not {type(dim).__name__}"
        raise ArgumentTypeError(text, field="dim")
    try:
        index = operator.index(dim)
    except TypeError as error:
        raise ArgumentTypeError(f"{op}(): argument 'dim': {error}", field="dim") from None
    if not -(2**63) <= index < 2**63:
        raise DimError(f"Dimension out of range (got {index})", reason="DIM_OUT_OF_RANGE", field="dim")
    return index


def _flag(op: str, name: str, value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise ArgumentTypeError(f"{op}(): argument {name!r} must be bool, not {type(value).__name__}", field=name)


def _real(op: str, name: str, value: Any) -> float:
    if isinstance(value, (str, bytes, complex)):
        text = f"{op}(): argument {name!r} must be a real number, not {type(value).__name__}"
        raise ArgumentTypeError(text, field=name)
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"{op}(): argument {name!r}: {error}", field=name) from None


def _correction(op: str, correction: Any, unbiased: Any) -> float:
    if unbiased is None:
        return 1.0 if correction is None else _real(op, "correction", correction)
    if correction is not None:
        raise ArgumentTypeError(f"{op}() takes correction or unbiased, not both", field="correction")
    return float(_flag(op, "unbiased", unbiased))


def _q(op: str, q: Any) -> float | tuple[float, ...]:
    dims = getattr(q, "ndim", None)
    if dims is None:
        dims = 1 if isinstance(q, Iterable) and not isinstance(q, (str, bytes)) else 0
    if dims > 1:
        raise RequestError(f"{op}() q must be a scalar or 1D tensor", reason="Q_OUT_OF_RANGE", field="q")
    if isinstance(q, bool):
        raise ArgumentTypeError(f"{op}(): argument 'q' must be float or a list of them, not bool", field="q")
    return _real(op, "q", q) if dims == 0 else tuple(_real(op, "q", each) for each in q)


def _interpolation(op: str, interpolation: Any) -> int:
    if interpolation not in _wire.INTERPOLATIONS:
        raise RequestError(
            f"{op}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}",
            reason="UNKNOWN_INTERPOLATION",
            field="interpolation",
        )
    return _wire.INTERPOLATIONS.index(interpolation) + 1


# The functions. Their parameters are those of the methods in _operations.py, which a test holds them to; their
# docstrings are made of the methods'.


def sum(dim: Dims = None, keepdim: bool = False, *, dtype: Any = None, **names: Unpack[Names]) -> Reduction:
    return _reduction("sum", dim, keepdim, names, dtype)


def nansum(dim: Dims = None, keepdim: bool = False, *, dtype: Any = None, **names: Unpack[Names]) -> Reduction:
    return _reduction("nansum", dim, keepdim, names, dtype)


def mean(dim: Dims = None, keepdim: bool = False, *, dtype: Any = None, **names: Unpack[Names]) -> Reduction:
    return _reduction("mean", dim, keepdim, names, dtype)


def nanmean(dim: Dims = None, keepdim: bool = False, *, dtype: Any = None, **names: Unpack[Names]) -> Reduction:
    return _reduction("nanmean", dim, keepdim, names, dtype)


def prod(dim: Dims = None, keepdim: bool = False, *, dtype: Any = None, **names: Unpack[Names]) -> Reduction:
    return _reduction("prod", dim, keepdim, names, dtype)


def max(dim: Dims = None, keepdim: bool = False, **names: Unpack[Names]) -> Reduction:
    return _reduction("max", dim, keepdim, names)


def min(dim: Dims = None, keepdim: bool = False, **names: Unpack[Names]) -> Reduction:
    return _reduction("min", dim, keepdim, names)


def amax(dim: Dims = None, keepdim: bool = False, **names: Unpack[Names]) -> Reduction:
    return _reduction("amax", dim, keepdim, names)


def amin(dim: Dims = None, keepdim: bool = False, **names: Unpack[Names]) -> Reduction:
    return _reduction("amin", dim, keepdim, names)


def aminmax(*, dim: Dims = None, keepdim: bool = False, **names: Unpack[Names]) -> Reduction:
    return _reduction("aminmax", dim, keepdim, names)


def argmax(dim: Dims = None, keepdim: bool = False, **names: Unpack[Names]) -> Reduction:
    return _reduction("argmax", dim, keepdim, names)


def argmin(dim: Dims = None, keepdim: bool = False, **names: Unpack[Names]) -> Reduction:
    return _reduction("argmin", dim, keepdim, names)


def all(dim: Dims = None, keepdim: bool = False, **names: Unpack[Names]) -> Reduction:
    return _reduction("all", dim, keepdim, names)


def any(dim: Dims = None, keepdim: bool = False, **names: Unpack[Names]) -> Reduction:
    return _reduction("any", dim, keepdim, names)


def count_nonzero(dim: Dims = None, keepdim: bool = False, **names: Unpack[Names]) -> Reduction:
    return _reduction("count_nonzero", dim, keepdim, names)


def var(
    dim: Dims = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    **names: Unpack[Names],
) -> Reduction:
    return _reduction("var", dim, keepdim, names, correction=_correction("var", correction, unbiased))


def std(
    dim: Dims = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    **names: Unpack[Names],
) -> Reduction:
    return _reduction("std", dim, keepdim, names, correction=_correction("std", correction, unbiased))


def var_mean(
    dim: Dims = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    **names: Unpack[Names],
) -> Reduction:
    return _reduction("var_mean", dim, keepdim, names, correction=_correction("var_mean", correction, unbiased))


def std_mean(
    dim: Dims = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    **names: Unpack[Names],
) -> Reduction:
    return _reduction("std_mean", dim, keepdim, names, correction=_correction("std_mean", correction, unbiased))


def vector_norm(
    ord: float = 2, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None, **names: Unpack[Names]
) -> Reduction:
    return _reduction("vector_norm", dim, keepdim, names, dtype, ord=_real("vector_norm", "ord", ord))


def norm(
    p: float | str | None = "fro", dim: Dims = None, keepdim: bool = False, dtype: Any = None, **names: Unpack[Names]
) -> Reduction:
    if p == "nuc":
        raise UnsupportedError("norm(): the nuclear norm is a norm of matrices, which are not reduced here", field="p")
    return vector_norm(2 if p in ("fro", None) else p, dim, keepdim, dtype=dtype, **names)  # type: ignore[arg-type]


def logsumexp(dim: Dims = None, keepdim: bool = False, **names: Unpack[Names]) -> Reduction:
    return _reduction("logsumexp", dim, keepdim, names)


def median(dim: Dims = None, keepdim: bool = False, **names: Unpack[Names]) -> Reduction:
    return _reduction("median", dim, keepdim, names)


def nanmedian(dim: Dims = None, keepdim: bool = False, **names: Unpack[Names]) -> Reduction:
    return _reduction("nanmedian", dim, keepdim, names)


def mode(dim: Dims = -1, keepdim: bool = False, **names: Unpack[Names]) -> Reduction:
    return _reduction("mode", dim, keepdim, names)


def quantile(
    q: float | Iterable[float],
    dim: Dims = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    dtype: Any = None,
    **names: Unpack[Names],
) -> Reduction:
    q, rank = _q("quantile", q), _interpolation("quantile", interpolation)
    return _reduction("quantile", dim, keepdim, names, dtype, q=q, interpolation=rank)


def nanquantile(
    q: float | Iterable[float],
    dim: Dims = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    dtype: Any = None,
    **names: Unpack[Names],
) -> Reduction:
    q, rank = _q("nanquantile", q), _interpolation("nanquantile", interpolation)
    return _reduction("nanquantile", dim, keepdim, names, dtype, q=q, interpolation=rank)


def unique(
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
    **names: Unpack[Names],
) -> Reduction:
    _flag("unique", "sorted", sorted)
    return _unique("unique", return_inverse, return_counts, dim, names)


def unique_consecutive(
    return_inverse: bool = False, return_counts: bool = False, dim: int | None = None, **names: Unpack[Names]
) -> Reduction:
    return _unique("unique_consecutive", return_inverse, return_counts, dim, names)


def _unique(op: str, return_inverse: bool, return_counts: bool, dim: int | None, names: Any) -> Reduction:
    inverse, counts = _flag(op, "return_inverse", return_inverse), _flag(op, "return_counts", return_counts)
    return _reduction(op, dim, False, names, return_inverse=inverse, return_counts=counts)
