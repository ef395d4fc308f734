"""What a server says about itself."""

from __future__ import annotations

import dataclasses

from treduce import _dtypes, _wire


@dataclasses.dataclass(frozen=True)
class OpDescription:
    """One op of a server."""

    name: str
    summary: str
    dtypes: tuple[str, ...]  # the input dtypes it takes
    options: str  # "variance", "norm", "quantile", "unique", or empty for none


@dataclasses.dataclass(frozen=True)
class DeviceDescription:
    """One device that a server can reduce on."""

    name: str  # as `device` of a call takes it: "cpu", "cuda:0"
    description: str
    memory_bytes: int  # of its own that requests may hold together; 0 for the CPU
    working: bool


@dataclasses.dataclass(frozen=True)
class ServerDescription:
    """A server: its version, what it can do, and how much of it."""

    version: str
    ops: dict[str, OpDescription] = dataclasses.field(repr=False)
    backends: tuple[str, ...]
    simd: str  # the SIMD instructions in use: "AVX2"
    thread_count: int
    max_unary_bytes: int  # of a tensor, and of its results, in one message
    max_dims: int
    max_reductions: int
    byte_budget: int  # of memory that all requests together may hold
    devices: tuple[DeviceDescription, ...] = ()


def describe(message: bytes) -> ServerDescription:
    """The description that a DescribeServerResponse is."""
    response = _wire.description(message)
    ops = {}
    for op in response.ops:
        # A newer server may have dtypes that this client does not know.
        dtypes = tuple(_dtypes.NAMES[dtype - 1] for dtype in op.dtypes if 0 < dtype <= len(_dtypes.NAMES))
        ops[op.name] = OpDescription(op.name, op.summary, dtypes, op.options)
    limit = response.limits.get
    return ServerDescription(
        version=response.version,
        ops=ops,
        backends=tuple(response.backends),
        simd=response.simd,
        thread_count=response.thread_count,
        max_unary_bytes=limit(1, 0),
        max_dims=limit(2, 0),
        max_reductions=limit(3, 0),
        byte_budget=limit(4, 0),
        devices=tuple(DeviceDescription(*device) for device in response.devices),
    )
