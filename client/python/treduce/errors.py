"""The exceptions: what PyTorch and Python raise for the same mistake, and `treduce.Error` besides.

    try:
        t.sum(x, dim=2)
    except IndexError as error:     # as of PyTorch; or treduce.DimError, or treduce.Error
        print(error.code, error.reason, error.field)

An error of the server carries the server's text, its status code, and its detail as `reason`, `field` and `limit`. An
error that the client finds itself looks the same.
"""

from __future__ import annotations

from typing import NamedTuple

import grpc

from treduce import _wire

__all__ = [
    "ArgumentError",
    "Cancelled",
    "DeadlineExceeded",
    "DimError",
    "EmptyError",
    "Error",
    "InternalError",
    "RequestError",
    "ResourceExhausted",
    "ServerNotFound",
    "SizeError",
    "Unavailable",
    "UnsupportedError",
]

_INVALID = grpc.StatusCode.INVALID_ARGUMENT


class Error(Exception):
    """Any failure of a call.

    Attributes:
        code: the canonical code, a `grpc.StatusCode`.
        reason: what is wrong, stable and in UPPER_SNAKE_CASE ("DIM_OUT_OF_RANGE"); empty where there is none.
        field: the field of the request at fault ("reductions[1].dim"); empty where there is none.
        limit: the limit that was exceeded, a decimal number; empty where there is none.
    """

    code: grpc.StatusCode = _INVALID
    reason: str = ""
    field: str = ""
    limit: str = ""

    def __init__(
        self,
        message: str = "",
        *,
        code: grpc.StatusCode | None = None,
        reason: str = "",
        field: str = "",
        limit: str = "",
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.reason = reason
        self.field = field
        self.limit = limit


class DimError(Error, IndexError):
    """A dim is out of range."""


class UnsupportedError(Error, NotImplementedError):
    """An op does not take this dtype, or is not offered. NotImplementedError is a RuntimeError; PyTorch raises either."""


class EmptyError(Error, IndexError, RuntimeError):
    """There are no elements, of which the op has no value. PyTorch raises IndexError or RuntimeError, by op."""


class ArgumentError(Error, TypeError):
    """An argument is of the wrong type, or one that the op does not take."""


class SizeError(Error, ValueError):
    """The data are not what their shape says, or a value makes no sense."""


class RequestError(Error, RuntimeError):
    """The request is refused for another reason: a duplicate dim, a quantile out of range, an `out` of another shape."""


class ResourceExhausted(Error, RuntimeError):
    """The server is full, also after retries; or the request is larger than it ever takes."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class Unavailable(Error, ConnectionError):
    """The server is not there, went away during the call, or drains."""

    code = grpc.StatusCode.UNAVAILABLE


class DeadlineExceeded(Error, TimeoutError):
    """The call did not end within its `timeout`."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED


class Cancelled(Error, RuntimeError):
    """The call was cancelled: its client was closed."""

    code = grpc.StatusCode.CANCELLED


class ServerNotFound(Error, FileNotFoundError):
    """`treduce.local()` did not find the program `treduce-server`."""

    code = grpc.StatusCode.NOT_FOUND


class InternalError(Error, RuntimeError):
    """A fault of the server or of the connection, not of the request."""

    code = grpc.StatusCode.INTERNAL


# By reason, where INVALID_ARGUMENT is not a RequestError.
_BY_REASON: dict[str, type[Error]] = {
    "DIM_OUT_OF_RANGE": DimError,
    "UNSUPPORTED_DTYPE": UnsupportedError,
    "UNKNOWN_OP": UnsupportedError,
    "UNKNOWN_DTYPE": UnsupportedError,
    "EMPTY_REDUCTION": EmptyError,
    "UNEXPECTED_DTYPE": ArgumentError,
    "UNEXPECTED_KEEPDIM": ArgumentError,
    "OPTIONS_MISMATCH": ArgumentError,
    "SIZE_MISMATCH": SizeError,
    "NO_REDUCTIONS": SizeError,
    "TOO_MANY_REDUCTIONS": SizeError,
}

_BY_CODE: dict[grpc.StatusCode, type[Error]] = {
    grpc.StatusCode.INVALID_ARGUMENT: RequestError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.CANCELLED: Cancelled,
}

_DETAILS_KEY = "grpc-status-details-bin"


class Failure(NamedTuple):
    """A failed call: what to raise, and after how many seconds a full server asks to try again."""

    error: Error
    retry_delay: float | None


def failure_of(rpc_error: grpc.RpcError, address: str) -> Failure:
    """The failure that gRPC, or a server through it, reports."""
    code, message = rpc_error.code(), rpc_error.details() or ""
    details = next((value for key, value in rpc_error.trailing_metadata() or () if key == _DETAILS_KEY), b"")
    info = _wire.error_details(details)
    kind = _BY_CODE.get(code, InternalError)
    if kind is RequestError:
        kind = _BY_REASON.get(info.reason, RequestError)
    if kind is Unavailable:
        message = f"{address}: {message}"
    error = kind(message, code=code, reason=info.reason, field=info.field, limit=info.limit)
    return Failure(error, info.retry_delay)
