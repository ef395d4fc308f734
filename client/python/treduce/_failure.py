"""From a status of gRPC to the exception that it is."""

from __future__ import annotations

from typing import NamedTuple

import grpc

from treduce import _wire
from treduce.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    Cancelled,
    DeadlineExceeded,
    DimError,
    EmptyError,
    Error,
    InternalError,
    RequestError,
    ResourceExhausted,
    Unavailable,
    UnsupportedError,
)

# By reason, where INVALID_ARGUMENT is not a RequestError.
_BY_REASON: dict[str, type[Error]] = {
    "DIM_OUT_OF_RANGE": DimError,
    "UNSUPPORTED_DTYPE": UnsupportedError,
    "UNKNOWN_OP": UnsupportedError,
    "UNKNOWN_DTYPE": UnsupportedError,
    "EMPTY_REDUCTION": EmptyError,
    "UNEXPECTED_DTYPE": ArgumentTypeError,
    "UNEXPECTED_KEEPDIM": ArgumentTypeError,
    "OPTIONS_MISMATCH": ArgumentTypeError,
    "SIZE_MISMATCH": ArgumentValueError,
    "NO_REDUCTIONS": ArgumentValueError,
    "TOO_MANY_REDUCTIONS": ArgumentValueError,
}

_BY_CODE: dict[grpc.StatusCode, type[Error]] = {
    grpc.StatusCode.INVALID_ARGUMENT: RequestError,
    grpc.StatusCode.FAILED_PRECONDITION: RequestError,
    grpc.StatusCode.UNIMPLEMENTED: UnsupportedError,
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
