"""Results of several tensors, named as PyTorch's `torch.return_types`: tuples whose items are attributes too."""

from __future__ import annotations

from typing import Any, NamedTuple


class _ValuesIndices(NamedTuple):
    values: Any
    indices: Any


class max(_ValuesIndices):
    """Of `max` with a dim."""


class min(_ValuesIndices):
    """Of `min` with a dim."""


class median(_ValuesIndices):
    """Of `median` with a dim."""


class nanmedian(_ValuesIndices):
    """Of `nanmedian` with a dim."""


class mode(_ValuesIndices):
    """Of `mode`."""


class aminmax(NamedTuple):
    """Of `aminmax`."""

    min: Any
    max: Any
