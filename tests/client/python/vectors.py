"""Reads the conformance vectors and judges answers by them; their README says how."""

from __future__ import annotations

import base64
import json
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from treduce import _dtypes

FOLDER = pathlib.Path(__file__).parents[2] / "conformance" / "vectors"

# The integer type whose order is that of a float's steps.
_STEPS = {np.dtype("f8"): "i8", np.dtype("f4"): "i4", np.dtype("f2"): "i2"}


class Tensor(NamedTuple):
    """The elements as they are stored; of bfloat16, their bits."""

    dtype: str
    stored: np.ndarray[Any, Any]

    @property
    def values(self) -> np.ndarray[Any, Any]:
        """The elements as numbers; of bfloat16, as float32."""
        if self.dtype != "bfloat16":
            return self.stored
        return np.left_shift(self.stored, 16, dtype=np.uint32).view(np.float32)


class Case(NamedTuple):
    id: str
    op: str
    arguments: dict[str, Any]
    input: Tensor
    answers: list[list[Tensor]]
    checks: list[Any]
    refusal: str | None


def read() -> Iterator[Case]:
    """All cases but those that the API cannot express."""
    for path in sorted(FOLDER.glob("*.jsonl")):
        with path.open() as file:
            header = json.loads(next(file))
            cases = [json.loads(line) for line in file]
        assert header["format"] == "treduce-conformance/1"
        assert header["cases"] == len(cases)
        for case in cases:
            if case["op"] in ("all", "any") and case["params"].get("dim") == []:
                continue  # reduces nothing in PyTorch and all dims here
            yield _case(case)


def _case(case: dict[str, Any]) -> Case:
    right = ["expect", "or_expect"] + ["torch"] * bool(case.get("accept_torch"))
    answers = [[_tensor(tensor) for tensor in case[name]] for name in right if case.get(name) is not None]
    check = case.get("check")
    checks = check if isinstance(check, list) else [check] * len(answers[0] if answers else [])
    refusal = case["error"]["code"] if "error" in case else "INVALID_ARGUMENT" if case.get("may_refuse") else None
    return Case(case["id"], case["op"], _arguments(case["params"]), _tensor(case["input"]), answers, checks, refusal)


def _tensor(tensor: dict[str, Any]) -> Tensor:
    stored = _dtypes.STORED[_dtypes.NUMBERS[tensor["dtype"]]]
    return Tensor(tensor["dtype"], np.frombuffer(base64.b64decode(tensor["data"]), stored).reshape(tensor["shape"]))


def _arguments(params: dict[str, Any]) -> dict[str, Any]:
    arguments = {name: _number(value) for name, value in params.items() if value is not None}
    return {"dim": None, **arguments} if "dim" in params else arguments


def _number(value: Any) -> Any:
    return float(value) if value in ("inf", "-inf", "nan") else value


def mismatch(case: Case, got: list[Tensor]) -> str:
    """Why `got` is not a right answer; empty if it is one."""
    if not case.answers:
        return f"answered, not refused with {case.refusal}"
    texts = []
    for want in case.answers:
        if len(got) != len(want):
            return f"{len(got)} outputs, not {len(want)}"
        text = ""
        for index, (g, w, check) in enumerate(zip(got, want, case.checks)):
            if g.dtype != w.dtype or g.stored.shape != w.stored.shape:
                text = f"output {index}: {g.dtype} {g.stored.shape}, not {w.dtype} {w.stored.shape}"
            elif check == "index":
                text = "" if _points_at(case, got[0], g) else f"output {index}: where the input has another value"
            elif not _close(g, w, {} if check == "exact" else check):
                text = f"output {index}: {g.values}, not {w.values} within {check}"
            if text:
                break
        if not text:
            return ""
        texts.append(text)
    return texts[0]


def _points_at(case: Case, values: Tensor, indices: Tensor) -> bool:
    """Whether each index is that of an element like the value beside it, along the one dim that is reduced."""
    x = case.input.values
    dim = case.arguments["dim"]
    dim = dim[0] if isinstance(dim, list) else dim
    if x.ndim == 0:
        x, dim = x.reshape(1), 0
    keepdim = case.arguments.get("keepdim", False) and case.input.values.ndim > 0
    index = indices.stored if keepdim else np.expand_dims(indices.stored, dim)
    value = values.values if keepdim else np.expand_dims(values.values, dim)
    if not ((index >= 0) & (index < x.shape[dim])).all():
        return False
    found = np.take_along_axis(x, index, dim)
    return bool(((found == value) | ((found != found) & (value != value))).all())


def _close(got: Tensor, want: Tensor, tolerance: dict[str, float]) -> bool:
    g, w = np.atleast_1d(got.values), np.atleast_1d(want.values)
    if g.dtype.kind not in "fc":
        return bool((g == w).all())
    near = _ulps(g.real, w.real, got.dtype) <= tolerance.get("ulp", 0)
    wide = np.longdouble
    if g.dtype.kind == "c":
        near &= _ulps(g.imag, w.imag, got.dtype) <= tolerance.get("ulp", 0)
        wide = np.clongdouble
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(g.astype(wide) - w.astype(wide))
        near |= np.isfinite(error) & (error <= tolerance.get("abs", -1))
        near |= np.isfinite(error) & (error <= tolerance.get("rel", -1) * np.abs(w.astype(wide)))
    return bool(near.all())


def _ulps(g: np.ndarray[Any, Any], w: np.ndarray[Any, Any], dtype: str) -> np.ndarray[Any, Any]:
    """Steps between the two; 0 between NaNs, very many between a NaN and a number."""
    g_steps, w_steps = _steps(g, dtype), _steps(w, dtype)
    distance = np.maximum(g_steps, w_steps).astype(object) - np.minimum(g_steps, w_steps)
    return np.where(np.isnan(g) & np.isnan(w), 0, np.where(np.isnan(g) | np.isnan(w), 1 << 64, distance))


def _steps(x: np.ndarray[Any, Any], dtype: str) -> np.ndarray[Any, Any]:
    bits = np.ascontiguousarray(x).view(_STEPS[x.dtype]).astype(np.int64)
    size = x.dtype.itemsize
    if dtype == "bfloat16":
        bits >>= 16
        size = 2
    return np.where(bits < 0, -(bits & (1 << (8 * size - 1)) - 1), bits)
