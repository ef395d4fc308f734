"""All conformance vectors through the client and its asyncio twin: right answers, and the very bits of the server.

The bits of the server, which are those of its engine, are seen here through Protobuf's own messages, as any other
client would see them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import pytest
import treduce
import vectors
from proto import messages
from server_process import ServerProcess
from treduce import _dtypes, _wire, ops
from treduce._source import Source, source_of

# The tensors as one message, and as chunks that elements straddle.
CLIENTS = {"unary": {}, "streamed": {"unary_limit": 0, "chunk_bytes": 61}}
CONCURRENT_CALLS = 16

Answer = Any  # a list of vectors.Tensor, or the name of a status code


@pytest.fixture(scope="module")
def cases() -> list[vectors.Case]:
    return list(vectors.read())


@pytest.fixture(scope="module")
def bits(server: ServerProcess, cases: list[vectors.Case]) -> dict[str, Answer]:
    """What the server answers, by the case's id."""
    proto = messages("treduce/v1/treduce.proto", "treduce.v1")
    with grpc.insecure_channel(server.address) as channel:
        call = channel.unary_unary(
            _wire.REDUCE, proto["ReduceRequest"].SerializeToString, proto["ReduceResponse"].FromString
        )
        return {case.id: _of_server(proto, call, case) for case in cases}


def _of_server(proto: dict[str, Any], call: Callable[..., Any], case: vectors.Case) -> Answer:
    reduction = proto["Reduction"](op=_wire.OPS.index(case.op) + 1)
    arguments = case.arguments
    dim = arguments["dim"]
    reduction.dim.extend([] if dim is None else dim if isinstance(dim, list) else [dim])
    reduction.keepdim = arguments.get("keepdim", False)
    reduction.dtype = _dtypes.NUMBERS.get(arguments.get("dtype"), 0)
    if "correction" in arguments:
        reduction.variance.correction = arguments["correction"]
    if "ord" in arguments:
        reduction.norm.ord = arguments["ord"]
    if "q" in arguments:
        if isinstance(arguments["q"], list):
            reduction.quantile.list.values.extend(arguments["q"])
            reduction.quantile.list.SetInParent()
        else:
            reduction.quantile.scalar = arguments["q"]
        reduction.quantile.interpolation = _wire.INTERPOLATIONS.index(arguments.get("interpolation", "linear")) + 1
    request = proto["ReduceRequest"](data=case.input.stored.tobytes())
    request.spec.dtype = _dtypes.NUMBERS[case.input.dtype]
    request.spec.shape.extend(case.input.stored.shape)
    request.spec.reductions.append(reduction)
    try:
        (result,) = call(request).results
    except grpc.RpcError as error:
        return error.code().name
    return [(tensor.dtype, tuple(tensor.shape), tensor.data) for tensor in result.tensors]


class Bits(Source):
    """A case's input. Its results are given as they are stored, so that bfloat16 is seen as it is."""

    def __init__(self, tensor: vectors.Tensor) -> None:
        self._source = source_of(tensor.stored)
        self.dtype = _dtypes.NUMBERS[tensor.dtype]
        self.shape = tensor.stored.shape
        self.byte_count = tensor.stored.nbytes
        self.whole = self._source.whole
        self.pieces = self._source.pieces

    @staticmethod
    def give(stored: np.ndarray[Any, Any], dtype: int) -> vectors.Tensor:
        return vectors.Tensor(_dtypes.NAMES[dtype - 1], stored.copy())


def ask(t: Any, case: vectors.Case) -> Any:
    arguments = case.arguments
    if isinstance(arguments["dim"], list) and not arguments["dim"]:
        arguments = {**arguments, "dim": None}
    return getattr(t, case.op)(Bits(case.input), **arguments)


def judge(case: vectors.Case, answer: Any, bits: Answer) -> Iterator[str]:
    if isinstance(answer, treduce.Error):
        answer = answer.code.name
        if answer != case.refusal:
            yield f"{case.id}: refused with {answer}, not {case.refusal or 'answered'}"
        same = answer == bits
    else:
        outputs = list(answer) if not isinstance(answer, vectors.Tensor) else [answer]
        text = vectors.mismatch(case, outputs)
        if text:
            yield f"{case.id}: {text}"
        got = [(_dtypes.NUMBERS[output.dtype], output.stored.shape, output.stored.tobytes()) for output in outputs]
        same = got == bits
    if not same:
        yield f"{case.id}: not the bits of the server"


def test_there_are_vectors_of_nearly_every_op(cases: list[vectors.Case]) -> None:
    assert len(cases) > 7000
    assert {case.op for case in cases} == {*_wire.OPS} - {"unique", "unique_consecutive"}


@pytest.mark.parametrize("client", CLIENTS)
def test_client(server: ServerProcess, cases: list[vectors.Case], bits: dict[str, Answer], client: str) -> None:
    wrong: list[str] = []
    with treduce.connect(server.address, timeout=60, **CLIENTS[client]) as t:
        for case in cases:
            try:
                answer = ask(t, case)
            except treduce.Error as error:
                answer = error
            wrong += judge(case, answer, bits[case.id])
    assert not wrong, f"{len(wrong)} of {len(cases)}: " + "\n".join(wrong[:20])


@pytest.mark.parametrize("client", CLIENTS)
def test_asyncio_client(server: ServerProcess, cases: list[vectors.Case], bits: dict[str, Answer], client: str) -> None:
    async def main() -> list[str]:
        todo = iter(cases)
        wrong: list[str] = []

        async def work(t: treduce.aio.AsyncClient) -> None:
            for case in todo:
                try:
                    answer = await ask(t, case)
                except treduce.Error as error:
                    answer = error
                wrong.extend(judge(case, answer, bits[case.id]))

        async with treduce.aio.connect(server.address, timeout=60, **CLIENTS[client]) as t:
            await asyncio.gather(*(work(t) for _ in range(CONCURRENT_CALLS)))
        return wrong

    wrong = asyncio.run(main())
    assert not wrong, f"{len(wrong)} of {len(cases)}: " + "\n".join(wrong[:20])


def test_a_wrong_answer_is_seen(cases: list[vectors.Case]) -> None:
    for case in cases:
        if case.answers and case.answers[0][0].stored.size and case.answers[0][0].dtype == "float64":
            right = case.answers[0]
            assert vectors.mismatch(case, right) == ""
            with np.errstate(all="ignore"):
                wrong = right[0]._replace(stored=right[0].stored + (1 + abs(right[0].stored)))
            if np.isfinite(wrong.stored).all():
                assert vectors.mismatch(case, [wrong, *right[1:]])


def test_reductions_of_names_are_those_of_the_methods() -> None:
    for op in _wire.OPS:
        if op not in ("quantile", "nanquantile"):
            assert ops.of(op) == getattr(ops, op)()
