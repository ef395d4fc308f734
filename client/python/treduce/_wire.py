"""The messages of treduce.proto as bytes, written and read by hand.

Protobuf's Python library would copy a tensor into a message and again out of it into bytes, and its generated code
works only with the library versions that its compiler was made for. The messages are few and small beside the tensor,
so here they are put together by field: the payload, which comes last, is joined to its message in the one copy that
gRPC's Python API needs, and what a server sends is looked at where it lies. tests/client/python/wire_test.py holds this
file to the proto.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Union

from treduce.errors import InternalError

if TYPE_CHECKING:
    from treduce.ops import Reduction

SERVICE = "/treduce.v1.ReductionService/"
REDUCE = SERVICE + "Reduce"
REDUCE_STREAM = SERVICE + "ReduceStream"
DESCRIBE_SERVER = SERVICE + "DescribeServer"
HEALTH_CHECK = "/grpc.health.v1.Health/Check"

# Names by number, as the proto's enums have them; the first is 1.
OPS = (
    "sum", "nansum", "mean", "nanmean", "prod", "max", "min", "amax", "amin", "aminmax", "argmax", "argmin",
    "all", "any", "count_nonzero", "var", "std", "var_mean", "std_mean", "vector_norm", "logsumexp",
    "median", "nanmedian", "mode", "quantile", "nanquantile", "unique", "unique_consecutive",
)  # fmt: skip
INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")
BACKENDS = ("cpu", "cuda")
_OP_NUMBERS = {name: number for number, name in enumerate(OPS, 1)}

Field = Union[int, float, memoryview]

_DOUBLE = struct.Struct("<d")


# Writing.


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # negative numbers as two's complement
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


@lru_cache(maxsize=256)
def head(field: int, length: int) -> bytes:
    """The tag and length of a field of `length` bytes."""
    return _varint(field << 3 | 2) + _varint(length)


def _bytes(field: int, content: bytes) -> bytes:
    return head(field, len(content)) + content


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value) if value else b""


def _integers(field: int, values: Sequence[int]) -> bytes:
    return _bytes(field, b"".join(map(_varint, values))) if values else b""


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + _DOUBLE.pack(value)


def _reduction(reduction: Reduction) -> bytes:
    message = _integer(1, _OP_NUMBERS[reduction.op]) + _integers(2, reduction.dims)
    message += _integer(3, reduction.keepdim) + _integer(4, reduction.dtype)
    if reduction.correction is not None:
        message += _bytes(5, _double(1, reduction.correction))
    if reduction.ord is not None:
        message += _bytes(6, _double(1, reduction.ord))
    if reduction.q is not None:
        if isinstance(reduction.q, tuple):
            q = _bytes(2, _bytes(1, struct.pack(f"<{len(reduction.q)}d", *reduction.q)))
        else:
            q = _double(1, reduction.q)
        message += _bytes(7, q + _integer(3, reduction.interpolation))
    if reduction.return_inverse or reduction.return_counts:
        message += _bytes(8, _integer(1, reduction.return_inverse) + _integer(2, reduction.return_counts))
    return message


def spec_field(dtype: int, shape: tuple[int, ...], reductions: tuple[Reduction, ...], device: str = "") -> bytes:
    """Field 1, a ReductionSpec, of ReduceRequest and ReduceStreamRequest alike."""
    spec = _integer(1, dtype) + _integers(2, shape)
    spec += b"".join(_bytes(3, _reduction(reduction)) for reduction in reductions)
    return _bytes(1, spec + (_bytes(4, device.encode()) if device else b""))


# Field 2 of the same two messages: `data` and `chunk`.
PAYLOAD_FIELD = 2


# Reading.


def malformed(what: str) -> InternalError:
    """The error that a server makes which does not keep to the API."""
    return InternalError(f"the server's response is malformed: {what}", reason="MALFORMED_RESPONSE")


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message):
            raise malformed("a field is cut short")
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise malformed("a varint is too long")


def fields(message: memoryview) -> list[tuple[int, Field]]:
    """The fields of a message: their numbers and values. Those of bytes, strings and messages stay where they lie."""
    found: list[tuple[int, Field]] = []
    at, end = 0, len(message)
    try:
        while at < end:
            tag = message[at]
            at += 1
            if tag > 127:
                tag, at = _read_varint(message, at - 1)
            wire_type = tag & 7
            if wire_type == 2:
                length = message[at]
                at += 1
                if length > 127:
                    length, at = _read_varint(message, at - 1)
                start, at = at, at + length
                if at > end:
                    raise malformed("a field is cut short")
                found.append((tag >> 3, message[start:at]))
            elif wire_type == 0:
                value = message[at]
                at += 1
                if value > 127:
                    value, at = _read_varint(message, at - 1)
                found.append((tag >> 3, value))
            elif wire_type == 1:
                found.append((tag >> 3, _DOUBLE.unpack_from(message, at)[0]))
                at += 8
            elif wire_type == 5:
                at += 4  # no field that is known here
            else:
                raise malformed(f"there is no wire type {wire_type}")
    except (IndexError, struct.error):
        raise malformed("a field is cut short") from None
    return found


def _int(value: Field) -> int:
    if not isinstance(value, int):
        raise malformed("something else where an integer should be")
    return value


def _message(value: Field) -> memoryview:
    if not isinstance(value, memoryview):
        raise malformed("a number where bytes should be")
    return value


def _text(value: Field) -> str:
    return bytes(value).decode("utf-8", "replace") if isinstance(value, memoryview) else ""


def _append_integers(values: list[int], value: Field) -> None:
    """Appends a packed or a single value of a repeated integer field; of 64 bits, signed."""
    if isinstance(value, memoryview):
        at = 0
        while at < len(value):
            number, at = _read_varint(value, at)
            values.append(_signed(number))
    else:
        values.append(_signed(_int(value)))


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _name(names: Sequence[str], number: Field) -> str:
    """The name of an enum value; its number where a newer server has one more."""
    number = _int(number)
    return names[number - 1] if 0 < number <= len(names) else str(number)


class TensorMessage(NamedTuple):
    dtype: int
    shape: tuple[int, ...]
    data: memoryview


def _tensor(message: memoryview) -> TensorMessage:
    dtype = 0
    shape: list[int] = []
    data = _NO_BYTES
    for number, value in fields(message):
        if number == 3:
            data = _message(value)
        elif number == 1:
            dtype = _int(value)
        elif number == 2:
            _append_integers(shape, value)
    return TensorMessage(dtype, tuple(shape), data)


_NO_BYTES = memoryview(b"")


class ReplyMessage(NamedTuple):
    """A ReduceResponse, or a ResultHeader, which has no execution info and tensors without data."""

    results: list[list[TensorMessage]]
    execution_info: memoryview


def reply(message: bytes | memoryview) -> ReplyMessage:
    results = []
    execution_info = _NO_BYTES
    for number, value in fields(memoryview(message)):
        if number == 1:
            results.append([_tensor(_message(tensor)) for n, tensor in fields(_message(value)) if n == 1])
        elif number == 2:
            execution_info = _message(value)
    return ReplyMessage(results, execution_info)


# The numbers of ReduceStreamResponse's fields.
HEADER, CHUNK, EXECUTION_INFO = 1, 2, 3


def stream_message(message: bytes) -> tuple[int, memoryview]:
    """The one field that a ReduceStreamResponse holds, and its content."""
    for number, value in fields(memoryview(message)):
        if isinstance(value, memoryview):
            return number, value
    raise malformed("a message of the stream is empty")


def _duration(message: Field) -> float:
    values = dict(fields(message)) if isinstance(message, memoryview) else {}
    return _int(values.get(1, 0)) + _int(values.get(2, 0)) * 1e-9


def execution_info(message: memoryview) -> dict[str, object]:
    """The attributes of an ExecutionInfo."""
    values = dict(fields(message))
    return {
        "backend": _name(BACKENDS, values.get(1, 0)),
        "queue_time": _duration(values.get(2, 0)),
        "receive_time": _duration(values.get(3, 0)),
        "compute_time": _duration(values.get(4, 0)),
        "received_bytes": values.get(5, 0),
        "device": _text(values.get(6, _NO_BYTES)),
    }


class OpMessage(NamedTuple):
    name: str
    summary: str
    dtypes: list[int]
    options: str


class DeviceMessage(NamedTuple):
    name: str
    description: str
    memory_bytes: int
    working: bool


class DescriptionMessage(NamedTuple):
    version: str
    ops: list[OpMessage]
    limits: dict[int, int]
    backends: list[str]
    simd: str
    thread_count: int
    devices: list[DeviceMessage]


def description(message: bytes) -> DescriptionMessage:
    """A DescribeServerResponse. Its limits are by field number."""
    texts = {1: "", 5: ""}
    ops, limits, backends, devices, threads = [], {}, [], [], 0
    for number, value in fields(memoryview(message)):
        if number in texts:
            texts[number] = _text(value)
        elif number == 2 and isinstance(value, memoryview):
            ops.append(_op(value))
        elif number == 3 and isinstance(value, memoryview):
            limits = {key: _int(limit) for key, limit in fields(value)}
        elif number == 4:
            numbers: list[int] = []
            _append_integers(numbers, value)
            backends += [_name(BACKENDS, backend) for backend in numbers]
        elif number == 6:
            threads = _int(value)
        elif number == 7 and isinstance(value, memoryview):
            devices.append(_device(value))
    return DescriptionMessage(texts[1], ops, limits, backends, texts[5], threads, devices)


def _device(message: memoryview) -> DeviceMessage:
    values = dict(fields(message))
    name, about = _text(values.get(1, _NO_BYTES)), _text(values.get(2, _NO_BYTES))
    return DeviceMessage(name, about, _int(values.get(3, 0)), bool(values.get(4, 0)))


def _op(message: memoryview) -> OpMessage:
    texts = {2: "", 3: "", 5: ""}
    dtypes: list[int] = []
    for number, value in fields(message):
        if number == 4:
            _append_integers(dtypes, value)
        elif number in texts:
            texts[number] = _text(value)
    return OpMessage(texts[2], texts[3], dtypes, texts[5])


def is_serving(message: bytes) -> bool:
    """Whether a HealthCheckResponse says SERVING."""
    return dict(fields(memoryview(message))).get(1) == 1


class ErrorDetails(NamedTuple):
    reason: str = ""
    field: str = ""
    limit: str = ""
    retry_delay: float | None = None


def error_details(message: bytes) -> ErrorDetails:
    """What a google.rpc.Status carries beside code and text; nothing if it is none."""
    try:
        return _error_details(memoryview(message))
    except InternalError:
        return ErrorDetails()


def _error_details(message: memoryview) -> ErrorDetails:
    details = ErrorDetails()
    for number, value in fields(message):
        if number != 3 or not isinstance(value, memoryview):
            continue
        packed = dict(fields(value))  # google.protobuf.Any
        name = _text(packed.get(1, 0)).rpartition("/")[2]
        content = packed.get(2)
        if not isinstance(content, memoryview):
            continue
        if name == "google.rpc.ErrorInfo":
            metadata = {}
            for key, entry in fields(content):
                if key == 1:
                    details = details._replace(reason=_text(entry))
                elif key == 3 and isinstance(entry, memoryview):
                    pair = dict(fields(entry))
                    metadata[_text(pair.get(1, 0))] = _text(pair.get(2, 0))
            details = details._replace(field=metadata.get("field", ""), limit=metadata.get("limit", ""))
        elif name == "google.rpc.RetryInfo":
            details = details._replace(retry_delay=_duration(dict(fields(content)).get(1, 0)))
    return details
