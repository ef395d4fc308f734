"""The exceptions: what PyTorch and Python raise for the same mistake, and `treduce.Error` besides.

    try:
        t.sum(x, dim=2)
    except IndexError as error:     # as of PyTorch; or treduce.DimError, or treduce.Error
        print(error.code, error.reason, error.field)

An error of the server carries the server's text, its status code, and its detail as `reason`, `field` and `limit`. An
error that the client finds itself looks the same.
"""

from __future__ import annotations

import grpc

__all__ = [
    "ArgumentTypeError",
    "ArgumentValueError",
    "Cancelled",
    "Closed",
    "DeadlineExceeded",
    "DimError",
    "EmptyError",
    "Error",
    "InternalError",
    "RequestError",
    "ResourceExhausted",
    "ServerNotFound",
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
    """An op does not take this dtype, or is not there. PyTorch raises NotImplementedError or RuntimeError, its base."""


class EmptyError(Error, IndexError, RuntimeError):
    """There are no elements, of which the op has no value. PyTorch raises IndexError or RuntimeError, by op."""


class ArgumentTypeError(Error, TypeError):
    """An argument is of the wrong type, or one that the op does not take."""


class ArgumentValueError(Error, ValueError):
    """An argument has a value that makes no sense, or data are not as many as their shape says."""


class RequestError(Error, RuntimeError):
    """The request is wrong in another way: a dim given twice, a quantile out of range, an `out` of another shape."""


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
    """The call was cancelled: its client was closed, or its server stops and did not want to wait for it."""

    code = grpc.StatusCode.CANCELLED


class Closed(Error, ValueError):
    """The client was closed before the call."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class ServerNotFound(Error, FileNotFoundError):
    """`treduce.local()` did not find the program `treduce-server`."""

    code = grpc.StatusCode.NOT_FOUND


class InternalError(Error, RuntimeError):
    """A fault of the server or of the connection, not of the request."""

    code = grpc.StatusCode.INTERNAL
