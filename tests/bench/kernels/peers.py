#!/usr/bin/env python3
"""PyTorch's and NumPy's side of the kernel benchmark.

treduce-kernel-bench starts it, sends one JSON object a line and waits for one in return:

  {"do": "start", "keep_memory"}                          {"torch": "2.1", "numpy": "1.26"}
  {"do": "open", "name", "path", "dtype", "count"}        {}   elements in a file, for "data" below
  {"do": "close"}                                         {}   forgets them
  {"do": "run", "peer", "op", "data", "shape", "dim", "threads", "result"}
                                                          {"seconds", "outputs": [{"dtype", "shape"}]}
  {"do": "time", "peer", "threads", "repeats"}            {"seconds"}   of all repeats of what that peer ran last

"run" writes the outputs, one after the other, to the file "result" unless that is "". Where a peer has no kernel it
answers {"unavailable": why}.
"""
import ctypes
import json
import mmap
import os
import sys
import time
import warnings

import numpy as np

try:
    import torch
except ImportError:
    torch = None
try:
    import ml_dtypes  # NumPy's bfloat16
except ImportError:
    ml_dtypes = None


def one_dim(x, dim, permute):
    """For functions of one dim: `x` with the reduced dims as its last one, copied if there are several."""
    if len(dim) == 1:
        return x, dim[0]
    kept = [d for d in range(x.ndim) if d not in dim]
    return permute(x, kept + dim).reshape([x.shape[d] for d in kept] + [-1]), -1


def torch_call(op, x, dim):
    """What PyTorch's users would call, as a function without arguments; `dim` is [] for all dims."""
    names = {"vector_norm": torch.linalg.vector_norm, "fused": None}
    function = names[op] if op in names else getattr(torch, op)
    if op == "fused":
        calls = [torch_call(name, x, dim) for name in ("sum", "amin", "amax", "mean", "std")]
        return lambda: [call() for call in calls]
    if op in ("unique", "unique_consecutive"):
        if dim:
            raise ValueError("of all dims only")
        return lambda: function(x)
    if op in ("quantile", "nanquantile"):
        if not dim:
            return lambda: function(x, 0.5)
        if len(dim) == 1:
            return lambda: function(x, 0.5, dim=dim[0])

        def quantile():
            y, last = one_dim(x, dim, torch.permute)
            return function(y, 0.5, dim=last)

        return quantile
    if op == "mode" and not dim:
        return lambda: function(x.flatten())
    if op == "logsumexp" and not dim:
        dim = list(range(x.ndim))
    if not dim:
        return lambda: function(x)
    if op in ("prod", "max", "min", "aminmax", "argmax", "argmin", "median", "nanmedian", "mode"):
        if len(dim) == 1:
            return lambda: function(x, dim=dim[0])

        def of_one_dim():
            y, last = one_dim(x, dim, torch.permute)
            return function(y, dim=last)

        return of_one_dim
    return lambda: function(x, dim=dim)


def numpy_of_one_axis(function, x, axis):
    if axis is None or len(axis) == 1:
        return lambda: function(x, axis=axis and axis[0])

    def of_one_axis():
        y, last = one_dim(x, list(axis), np.transpose)
        return function(y, axis=last)

    return of_one_axis


def numpy_mode(x):
    values, counts = np.unique(x, return_counts=True)
    return values[counts.argmax()]


def numpy_unique_consecutive(x):
    x = x.reshape(-1)
    return x[np.concatenate(([True], x[1:] != x[:-1]))]


def numpy_call(op, x, dim):
    """What NumPy's users would call, as a function without arguments; `dim` is [] for all dims."""
    axis = tuple(dim) or None
    if op == "fused":
        calls = [numpy_call(name, x, dim) for name in ("sum", "amin", "amax", "mean", "std")]
        return lambda: [call() for call in calls]
    if op in ("max", "min"):
        values, indices = (np.max, np.argmax) if op == "max" else (np.min, np.argmin)
        if axis is None:
            return lambda: values(x)
        of_indices = numpy_of_one_axis(indices, x, axis)
        return lambda: (values(x, axis=axis), of_indices())
    if op in ("argmax", "argmin"):
        return numpy_of_one_axis(getattr(np, op), x, axis)
    if op in ("unique", "unique_consecutive", "mode"):
        if axis:
            raise ValueError("of all axes only")
        function = {"unique": np.unique, "unique_consecutive": numpy_unique_consecutive, "mode": numpy_mode}[op]
        return lambda: function(x)
    calls = {
        "aminmax": lambda: (np.min(x, axis=axis), np.max(x, axis=axis)),
        "var": lambda: np.var(x, axis=axis, ddof=1),
        "std": lambda: np.std(x, axis=axis, ddof=1),
        "var_mean": lambda: (np.var(x, axis=axis, ddof=1), np.mean(x, axis=axis)),
        "std_mean": lambda: (np.std(x, axis=axis, ddof=1), np.mean(x, axis=axis)),
        "vector_norm": lambda: np.linalg.vector_norm(x, axis=axis),
        "logsumexp": lambda: np.logaddexp.reduce(x, axis=axis),
        "quantile": lambda: np.quantile(x, 0.5, axis=axis),
        "nanquantile": lambda: np.nanquantile(x, 0.5, axis=axis),
    }
    if op in calls:
        return calls[op]
    function = getattr(np, op)
    return lambda: function(x, axis=axis)


def as_list(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


def torch_bytes(output):
    flat = output.contiguous().reshape(-1)
    return (flat.to(torch.uint8) if flat.dtype == torch.bool else flat.view(torch.uint8)).numpy()


class Peers:
    def __init__(self):
        self.data = {}
        self.calls = {}

    def start(self, request):
        if request["keep_memory"]:
            libc = ctypes.CDLL(None)
            libc.mallopt(-4, 0)  # M_MMAP_MAX: large blocks come from the heap,
            libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: which keeps what is freed
        return {"torch": torch.__version__ if torch else "", "numpy": np.__version__}

    def open(self, request):
        with open(request["path"], "r+b") as file:
            flags = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
            memory = mmap.mmap(file.fileno(), 0, flags=flags)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            try:
                memory.madvise(mmap.MADV_HUGEPAGE)
            except OSError:
                pass  # not where the kernel has none
        dtype, count = request["dtype"], request["count"]
        arrays = {}
        if torch:
            arrays["torch"] = torch.frombuffer(memory, dtype=getattr(torch, dtype), count=count)
        if dtype != "bfloat16":
            arrays["numpy"] = np.frombuffer(memory, dtype=dtype, count=count)
        elif ml_dtypes:
            arrays["numpy"] = np.frombuffer(memory, dtype=ml_dtypes.bfloat16, count=count)
        self.data[request["name"]] = arrays
        return {}

    def close(self, request):
        self.data, self.calls = {}, {}
        return {}

    def run(self, request):
        peer, shape = request["peer"], request["shape"]
        self.calls.pop(peer, None)
        if peer not in self.data[request["data"]]:
            return {"unavailable": "no such dtype"}
        x = self.data[request["data"]][peer]
        try:
            x = x[: int(np.prod(shape, dtype=np.int64))].reshape(shape)
            call = (torch_call if peer == "torch" else numpy_call)(request["op"], x, request["dim"])
            self.set_threads(peer, request["threads"])
            start = time.perf_counter()
            outputs = call()
            seconds = time.perf_counter() - start
            outputs = as_list(outputs)
            if peer == "numpy":
                outputs = [np.ascontiguousarray(output) for output in outputs]
            described = [{"dtype": str(o.dtype).removeprefix("torch."), "shape": list(o.shape)} for o in outputs]
        except Exception as error:  # whatever a peer refuses a call with
            return {"unavailable": str(error).split("\n")[0][:100]}
        self.calls[peer] = call
        if request["result"]:
            with open(request["result"], "wb") as file:
                for output in outputs:
                    (torch_bytes(output) if peer == "torch" else output).tofile(file)
        self.settle(peer, request["threads"])
        return {"seconds": seconds, "outputs": described}

    def time(self, request):
        peer, call = request["peer"], self.calls[request["peer"]]
        self.set_threads(peer, request["threads"])
        repeats = range(request["repeats"])
        start = time.perf_counter()
        for _ in repeats:
            call()
        seconds = time.perf_counter() - start
        self.settle(peer, request["threads"])
        return {"seconds": seconds}

    def set_threads(self, peer, threads):
        if peer == "torch" and torch.get_num_threads() != threads:
            torch.set_num_threads(threads)

    def settle(self, peer, threads):
        """PyTorch's threads spin for some milliseconds after a call: not while others are timed."""
        if peer == "torch" and threads > 1:
            time.sleep(0.01)


def main():
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    peers = Peers()
    for line in sys.stdin:
        request = json.loads(line)
        answers.write(json.dumps(getattr(peers, request["do"])(request)) + "\n")


if __name__ == "__main__":
    main()
