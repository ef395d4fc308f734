"""`vector_norm` of the linear algebra extension, by a treduce server; everything else is numpy.linalg's."""

from __future__ import annotations

from typing import Any

import numpy

from treduce.array_api._server import Axis, reduced

__all__ = ["vector_norm"]


def vector_norm(x: Any, /, *, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Any:
    """(sum |x|^ord)^(1/ord); 0 counts the elements that are non-zero, infinity takes max |x| and -infinity min |x|."""
    cast = "float64" if numpy.asarray(x).dtype.kind in "iub" else None
    return reduced("vector_norm", x, axis, keepdims, cast=cast, ord=ord)


def __getattr__(name: str) -> Any:
    return getattr(numpy.linalg, name)


def __dir__() -> list[str]:
    return sorted({*__all__, *dir(numpy.linalg)})
