"""Progress of a tensor on its way: a function of the user's, or a bar where tqdm is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treduce.errors import ArgumentTypeError

# Called with the bytes sent so far, and of all.
Progress = Callable[[int, int], Any]


def progress_of(progress: Any, byte_count: int) -> Progress | None:
    """The function that `progress=` asks for. True is a bar, or nothing where tqdm is not installed."""
    if callable(progress):
        return progress  # type: ignore[no-any-return]
    if progress is not True:
        raise ArgumentTypeError(f"progress must be bool or a function, not {type(progress).__name__}", field="progress")
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    bar = tqdm(total=byte_count, unit="B", unit_scale=True, unit_divisor=1024)

    def show(sent_bytes: int, total_bytes: int) -> None:
        bar.update(sent_bytes - bar.n)
        if sent_bytes == total_bytes:
            bar.close()

    return show
