"""Times PyTorch on the cells of gpu_bench, given as its JSON lines on standard input, on the same GPU."""

import json
import sys

import torch

DTYPES = {"float32": torch.float32, "float64": torch.float64, "float16": torch.float16, "bfloat16": torch.bfloat16,
          "int8": torch.int8, "int16": torch.int16, "int32": torch.int32, "int64": torch.int64, "uint8": torch.uint8}


def run_of(what, x, dim):
    kwargs = {} if dim is None else {"dim": dim}
    if what == "five":
        return lambda: (x.sum(), x.amin(), x.amax(), x.mean(), x.std())
    if what == "vector_norm":
        return lambda: torch.linalg.vector_norm(x, **kwargs)
    if what in ("logsumexp", "argmax"):
        return lambda: getattr(torch, what)(x, dim=0 if dim is None else dim)
    if what == "count_nonzero":
        return lambda: torch.count_nonzero(x)
    if what in ("median", "quantile"):
        return lambda: getattr(torch, what)(x, *([0.5] if what == "quantile" else []), **kwargs)
    return lambda: getattr(torch, what)(x, **kwargs)


def median_us(run, rounds, repeats):
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    times = []
    for i in range(rounds + 2):
        begin.record()
        for _ in range(repeats):
            run()
        end.record()
        end.synchronize()
        if i >= 2:
            times.append(begin.elapsed_time(end) * 1e3 / repeats)
    return sorted(times)[len(times) // 2]


def main():
    print(f"# torch {torch.__version__}, {torch.cuda.get_device_name()}")
    memory = torch.randn(1 << 28, device="cuda") * 100
    for line in sys.stdin:
        if not line.startswith("{"):
            continue
        cell = json.loads(line)
        dtype, shape, rest = cell["cell"].split(" ", 2)
        shape = [int(n) for n in shape.strip("[]").split(",")]
        what, *dims = rest.split(" ")
        dim = None
        if dims:
            dims = [int(d) for d in dims[0].split("=")[1].split(",")]
            dim = dims[0] if len(dims) == 1 else tuple(dims)
        count = 1
        for n in shape:
            count *= n
        try:
            x = memory.view(DTYPES[dtype]) if DTYPES[dtype] != torch.float32 else memory
            if DTYPES[dtype].is_floating_point and dtype != "float32":
                x = memory[:1 << 26].to(DTYPES[dtype]).repeat(-(-count // (1 << 26)))
            x = x[:count].view(shape)
            us = median_us(run_of(what, x, dim), 5 if count > 1 << 24 else 21, 1 if count > 1 << 21 else 32)
            print(json.dumps({"torch_us": round(us, 2), "vs_torch": round(us / cell["us"], 3), **cell}), flush=True)
        except (RuntimeError, KeyError) as error:
            print(json.dumps({"cell": cell["cell"], "torch": str(error).split("\n")[0][:80]}), flush=True)


main()
