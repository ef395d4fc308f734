"""The dtypes of the API, of NumPy, and by the names that users have for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from treduce.errors import ArgumentTypeError, UnsupportedError

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

# In the order of the API's enum, whose first value is 1.
NAMES = (
    "float64", "float32", "float16", "bfloat16", "int8", "int16", "int32", "int64",
    "uint8", "uint16", "uint32", "uint64", "bool", "complex64", "complex128",
)  # fmt: skip
NUMBERS = {name: number for number, name in enumerate(NAMES, 1)}
BFLOAT16 = NUMBERS["bfloat16"]

# What the elements are stored as. NumPy has no bfloat16: its bits, for which ml_dtypes has a type.
STORED = {
    number: np.dtype("<u2") if number == BFLOAT16 else np.dtype(name).newbyteorder("<")
    for name, number in NUMBERS.items()
}
ITEM_SIZES = {number: dtype.itemsize for number, dtype in STORED.items()}

# By NumPy's dtype of this machine's byte order. Others are not in it, nor are structured and object dtypes.
BY_NUMPY = {np.dtype(name): number for name, number in NUMBERS.items() if number != BFLOAT16}
if ml_dtypes is not None:
    BY_NUMPY[np.dtype(ml_dtypes.bfloat16)] = BFLOAT16


def number_of(dtype: Any) -> int:
    """The API's number of a dtype as users name it: "float32", `float`, one of NumPy, PyTorch or ml_dtypes."""
    name = dtype if isinstance(dtype, str) else str(dtype) if type(dtype).__module__ == "torch" else None
    number = NUMBERS.get(name.rpartition(".")[2]) if name is not None else None
    if number is not None:
        return number
    try:
        return number_of_numpy(np.dtype(dtype))
    except TypeError as error:
        if isinstance(error, ArgumentTypeError):
            raise
        raise ArgumentTypeError(f"not a dtype: {dtype!r}", reason="UNKNOWN_DTYPE", field="dtype") from None


def number_of_numpy(dtype: np.dtype[Any]) -> int:
    """The API's number of NumPy's `dtype`, of any byte order."""
    number = BY_NUMPY.get(dtype) or BY_NUMPY.get(dtype.newbyteorder("="))
    if number is None or dtype.hasobject or dtype.names:
        raise ArgumentTypeError(
            f"tensors of dtype {dtype} cannot be reduced; supported are {', '.join(NAMES)}",
            reason="UNSUPPORTED_DTYPE",
            field="dtype",
        )
    return number


def result_array(number: int, stored: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """`stored` elements as NumPy shows them: bfloat16 as that of ml_dtypes or else, the same values, as float32."""
    if number != BFLOAT16:
        return stored
    if ml_dtypes is not None:
        return stored.view(ml_dtypes.bfloat16)
    return np.left_shift(stored, 16, dtype=np.uint32).view(np.float32)


def known(number: int) -> int:
    """`number` if it is a dtype of this client; a newer server may have others."""
    if number not in STORED:
        raise UnsupportedError(f"this client does not know dtype {number} of the server", reason="UNKNOWN_DTYPE")
    return number
