"""_wire.py against the proto: the same numbers, and bytes that Protobuf reads and writes as well."""

from __future__ import annotations

import random
from typing import Any

import pytest
import treduce
from proto import messages
from treduce import _dtypes, _wire, ops
from treduce.client import CHUNK_BYTES


@pytest.fixture(scope="module")
def pb() -> dict[str, Any]:
    return messages("treduce/v1/treduce.proto", "treduce.v1")


@pytest.mark.parametrize(
    ("enum", "names"),
    [
        ("Op", _wire.OPS),
        ("Dtype", _dtypes.NAMES),
        ("Interpolation", _wire.INTERPOLATIONS),
        ("Backend", _wire.BACKENDS),
    ],
)
def test_enums_are_those_of_the_proto(pb: dict[str, Any], enum: str, names: tuple[str, ...]) -> None:
    values = {value.name: value.number for value in pb[enum].values if value.number != 0}
    assert values == {f"{enum.upper()}_{name.upper()}": number for number, name in enumerate(names, 1)}


REDUCTIONS = (
    treduce.sum(),
    treduce.sum(dim=(0, -1), keepdim=True, dtype="float64"),
    treduce.var(dim=300, correction=0.5),
    treduce.std(unbiased=False),
    treduce.vector_norm(ord=float("-inf"), dtype="complex128"),
    treduce.quantile(0.25, interpolation="nearest"),
    treduce.nanquantile([0.0, 0.5, 1.0], dim=-1),
    treduce.quantile([]),
    treduce.unique(return_inverse=True, dim=2),
    treduce.unique_consecutive(return_counts=True),
    treduce.mode(),
)


def test_specs_are_read_by_protobuf(pb: dict[str, Any]) -> None:
    shape = (3, 0, 1, 2**40, 127, 128)
    request = pb["ReduceRequest"].FromString(_wire.spec_field(2, shape, REDUCTIONS) + _wire.head(2, 3) + b"abc")
    assert request.data == b"abc"
    assert request.spec.dtype == 2
    assert tuple(request.spec.shape) == shape
    assert len(request.spec.reductions) == len(REDUCTIONS)
    for message, reduction in zip(request.spec.reductions, REDUCTIONS):
        assert read_reduction(message) == reduction
    # As Protobuf itself writes it, too: the same fields, with nothing unknown.
    request.DiscardUnknownFields()
    again = pb["ReduceRequest"].FromString(request.SerializeToString())
    assert again == request


def read_reduction(message: Any) -> ops.Reduction:
    kind = message.WhichOneof("options")
    q: Any = None
    if kind == "quantile":
        q = tuple(message.quantile.list.values) if message.quantile.HasField("list") else message.quantile.scalar
    return ops.Reduction(
        _wire.OPS[message.op - 1],
        tuple(message.dim),
        message.keepdim,
        message.dtype,
        message.variance.correction if kind == "variance" else None,
        message.norm.ord if kind == "norm" else None,
        q,
        message.quantile.interpolation if kind == "quantile" else 0,
        message.unique.return_inverse,
        message.unique.return_counts,
    )


def test_messages_of_a_stream_are_read_by_protobuf(pb: dict[str, Any]) -> None:
    read = pb["ReduceStreamRequest"].FromString
    assert read(_wire.spec_field(1, (2,), REDUCTIONS)).spec.shape == [2]
    chunk = bytes(CHUNK_BYTES)
    assert read(_wire.head(_wire.PAYLOAD_FIELD, len(chunk)) + chunk).chunk == chunk


def response(pb: dict[str, Any]) -> Any:
    message = pb["ReduceResponse"]()
    for shapes in ([(2, 3)], [(), (0, 300)]):
        result = message.results.add()
        for shape in shapes:
            result.tensors.add(dtype=2, shape=shape, data=bytes(range(200)) * 3)
    info = message.execution_info
    info.backend = 1
    info.queue_time.FromMicroseconds(3)
    info.receive_time.FromMicroseconds(2_500_000)
    info.received_bytes = 1 << 40
    return message


def test_responses_of_protobuf_are_read(pb: dict[str, Any]) -> None:
    message = response(pb)
    reply = _wire.reply(message.SerializeToString())
    got = [[(tensor.dtype, tensor.shape, bytes(tensor.data)) for tensor in result] for result in reply.results]
    assert got == [[(t.dtype, tuple(t.shape), t.data) for t in result.tensors] for result in message.results]
    info = treduce.ExecutionInfo(reply.execution_info)
    assert (info.backend, info.received_bytes) == ("cpu", 1 << 40)
    assert (info.queue_time, info.receive_time, info.compute_time) == pytest.approx((3e-6, 2.5, 0.0))


def test_responses_of_a_stream_are_read(pb: dict[str, Any]) -> None:
    write = pb["ReduceStreamResponse"]
    kind, content = _wire.stream_message(write(chunk=b"abc").SerializeToString())
    assert (kind, bytes(content)) == (_wire.CHUNK, b"abc")
    header = pb["ResultHeader"](results=response(pb).results)
    kind, content = _wire.stream_message(write(header=header).SerializeToString())
    assert kind == _wire.HEADER
    assert [len(result) for result in _wire.reply(content).results] == [1, 2]
    kind, content = _wire.stream_message(write(execution_info=response(pb).execution_info).SerializeToString())
    assert kind == _wire.EXECUTION_INFO
    assert treduce.ExecutionInfo(content).backend == "cpu"


def test_fields_of_newer_servers_are_passed_over(pb: dict[str, Any]) -> None:
    newer = b"\x98\x06\x01" + b"\xa2\x06\x03abc" + b"\xa9\x06" + bytes(8) + b"\xb5\x06" + bytes(4)
    reply = _wire.reply(newer + response(pb).SerializeToString() + newer)
    assert [len(result) for result in reply.results] == [1, 2]
    description = _wire.description(pb["DescribeServerResponse"](backends=[1, 9]).SerializeToString() + newer)
    assert description.backends == ["cpu", "9"]


def test_error_details_of_protobuf_are_read() -> None:
    status = messages("google/rpc/status.proto", "google.rpc")["Status"](code=8, message="full")
    details = messages("google/rpc/error_details.proto", "google.rpc")
    info = details["ErrorInfo"](reason="FULL", domain="treduce")
    info.metadata["field"] = "dim"
    info.metadata["limit"] = "7"
    for message in (info, details["BadRequest"](), details["RetryInfo"]()):
        if message.DESCRIPTOR.name == "RetryInfo":
            message.retry_delay.FromMilliseconds(1500)
        packed = status.details.add()
        packed.type_url = f"type.googleapis.com/{message.DESCRIPTOR.full_name}"
        packed.value = message.SerializeToString()
    assert _wire.error_details(status.SerializeToString()) == _wire.ErrorDetails("FULL", "dim", "7", 1.5)


def test_bytes_that_are_no_message_are_refused() -> None:
    rng = random.Random(1)
    for _ in range(3000):
        junk = rng.randbytes(rng.randrange(1, 40))
        for read in (_wire.reply, _wire.stream_message, _wire.description, _wire.is_serving):
            try:
                read(junk)
            except treduce.InternalError:
                pass
        _wire.error_details(junk)
