"""Results: their kinds, `out`, and what a faulty server sends."""

from __future__ import annotations

import numpy as np
import pytest
import treduce
from treduce import _results, _wire

X = np.arange(12.0).reshape(3, 4)


def test_results_are_the_users_own(t: treduce.Client, streaming: treduce.Client) -> None:
    for client in (t, streaming):
        result = client.sum(X, dim=0)
        result += 1
        assert result.flags.owndata or result.base is not None
        assert isinstance(client.sum(X), np.float64)
        assert isinstance(client.argmax(X), np.int64)


def test_large_results_are_streamed(t: treduce.Client) -> None:
    x = np.arange(1 << 20, dtype=np.float64)[None]
    np.testing.assert_array_equal(t.sum(x, dim=0), x[0])
    values, indices = t.max(x, dim=0)
    np.testing.assert_array_equal(values, x[0])
    assert not indices.any()


@pytest.mark.parametrize(
    "out",
    [np.empty(4), np.empty(8)[::2], np.empty((4, 2))[:, 1], np.empty(4, ">f8").astype("<f8"), np.empty(4)[::-1]],
)
def test_out_is_filled_and_returned(t: treduce.Client, streaming: treduce.Client, out: np.ndarray) -> None:
    for client in (t, streaming):
        out[:] = -1
        assert client.sum(X, dim=0, out=out) is out
        assert out.tolist() == X.sum(0).tolist()


def test_out_of_several(t: treduce.Client) -> None:
    values, indices = np.empty(3), np.empty(3, np.int64)
    answer = t.max(X, dim=1, out=(values, indices))
    assert answer.values is values
    assert answer.indices is indices
    assert indices.tolist() == [3, 3, 3]
    total = np.empty(())
    answers = t.reduce(X, ["sum", treduce.max(dim=1), "min"], out=[total, (values, indices), None])
    assert answers[0] is total
    assert total == 66
    assert answers[2] == 0


@pytest.mark.parametrize(
    ("out", "text"),
    [
        (np.empty(3), r"shape of the result, \(4,\), but got \(3,\)"),
        (np.empty((1, 4)), "shape of the result"),
        (np.empty(4, np.float32), "dtype of the result, float64, but got float32"),
        (np.empty(4, ">f4"), "dtype of the result"),
    ],
)
def test_out_of_another_shape_or_dtype_is_refused(
    t: treduce.Client, streaming: treduce.Client, out: np.ndarray, text: str
) -> None:
    out[:] = 7
    for client in (t, streaming):
        with pytest.raises(RuntimeError, match=text) as error:
            client.sum(X, dim=0, out=out)
        assert (error.value.reason, error.value.field) == ("OUT_MISMATCH", "out")
        assert (out == 7).all()


def test_out_that_cannot_be_written_to(t: treduce.Client) -> None:
    out = np.empty(4)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        t.sum(X, dim=0, out=out)
    for wrong in ([0.0] * 4, "out", 3):
        with pytest.raises(TypeError, match="out"):
            t.sum(X, dim=0, out=wrong)
    with pytest.raises(TypeError, match="2 results, but out has 1"):
        t.max(X, dim=0, out=np.empty(4))
    with pytest.raises(TypeError, match="a list of 2 items"):
        t.reduce(X, ["sum", "max"], out=[None])


def tensor(shape: bytes, data: bytes) -> bytes:
    content = b"\x08\x01\x12" + bytes([len(shape)]) + shape + b"\x1a" + bytes([len(data)]) + data
    return b"\x0a" + bytes([len(content)]) + content


def message(*results: bytes) -> bytes:
    return b"".join(b"\x0a" + bytes([len(result)]) + result for result in results)


GOOD = tensor(b"\x02", bytes(16))
BAD_RESPONSES = {
    "no results": b"",
    "two results": message(GOOD, GOOD),
    "no tensors": message(b""),
    "fewer bytes": message(tensor(b"\x03", bytes(16))),
    "more bytes": message(tensor(b"\x01", bytes(16))),
    "a negative extent": message(tensor(b"\xff" * 9 + b"\x01", bytes(16))),
    "negative extents": message(tensor((b"\xff" * 9 + b"\x01") + b"\xfe" + b"\xff" * 8 + b"\x01", bytes(16))),
    "an extent beyond memory": message(tensor(b"\xff" * 8 + b"\x7f", bytes(16))),
    "an endless varint": b"\xff" * 20,
    "cut short": message(GOOD)[:-3],
    "an unknown wire type": b"\x0f",
    "a number for a message": b"\x08\x01",
    "another dtype": message(tensor(b"\x02", bytes(16)).replace(b"\x08\x01", b"\x08\x63")),
}


def give(array: np.ndarray, dtype: int) -> np.ndarray:
    return array


@pytest.mark.parametrize("name", BAD_RESPONSES)
def test_a_faulty_response_is_an_error(name: str) -> None:
    wanted = [treduce.sum()]
    with pytest.raises(treduce.Error):
        _results.results_of(BAD_RESPONSES[name], wanted, give)
    receiver = _results.Receiver(None)
    with pytest.raises(treduce.Error):
        receiver.take_response(BAD_RESPONSES[name])
        receiver.finish(wanted, give)


def test_a_faulty_stream_is_an_error() -> None:
    def stream(*messages: bytes) -> None:
        receiver = _results.Receiver(None)
        for each in messages:
            receiver.take_streamed(each)
        receiver.finish([treduce.sum()], give)

    header = _wire.head(1, len(message(tensor(b"\x02", b"")))) + message(tensor(b"\x02", b""))
    chunk = _wire.head(2, 16) + bytes(16)
    stream(header, chunk)
    stream(header, _wire.head(2, 9) + bytes(9), _wire.head(2, 7) + bytes(7))
    for faulty in ([chunk], [header], [header, header], [header, chunk, chunk], [header, b""], [header, chunk[:5]]):
        with pytest.raises(treduce.InternalError, match="malformed"):
            stream(*faulty)
