"""The server that the functions of the namespace call, and the way to it that they share."""

from __future__ import annotations

import threading
from typing import Any, Tuple, Union

import numpy

from treduce import client
from treduce._source import cast_source

Axis = Union[int, Tuple[int, ...], None]

_client: client.Client | None = None
_lock = threading.Lock()


def use(t: client.Client | None) -> None:
    """Makes the functions of `treduce.array_api` call the server of `t`; with None one of their own, as at first."""
    global _client
    with _lock:
        _client = t


def reduced(op: str, x: Any, axis: Axis, keepdims: bool, *, cast: str | None = None, **options: Any) -> Any:
    """`op` of `x`, converted to `cast` first."""
    x = numpy.asarray(x)
    if axis == ():
        # Reduces nothing: each element on its own.
        x, axis, keepdims = x[..., numpy.newaxis], -1, False
    source = x if cast is None else cast_source(x, cast)
    method = getattr(_current(), op)
    return method(source, dim=axis, keepdim=keepdims, **options)


def _current() -> client.Client:
    global _client
    with _lock:
        if _client is None:
            _client = client.local()
        return _client
