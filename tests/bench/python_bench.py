"""The benchmark of the Python client. Explained in README.md; run by `scripts/bench python`.

Contenders take turns within a round, in an order that moves on by one each round; ratios are taken within a round, then
the median over rounds. Answers are checked before anything is timed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "client" / "python"))

import grpc  # noqa: E402
import numpy as np  # noqa: E402
import treduce  # noqa: E402
from treduce import _wire  # noqa: E402

try:
    import torch
except ImportError:
    torch = None

SMALL_CALLS = 300
CHUNK_ELEMENTS = (1 << 20) // 4
Contenders = dict[str, Callable[[], float]]  # each returns the seconds that it took


def timed(call: Callable[[], object], times: int = 1) -> Callable[[], float]:
    def run() -> float:
        start = time.perf_counter()
        for _ in range(times):
            call()
        return (time.perf_counter() - start) / times

    return run


def race(contenders: Contenders, rounds: int) -> dict[str, list[float]]:
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(-1, rounds):
        for i in range(len(names)):
            name = names[(i + turn) % len(names)]
            took = contenders[name]()
            if turn >= 0:  # the first round warms up
                seconds[name].append(took)
    return seconds


def spread(values: list[float], scale: float = 1.0) -> str:
    low, middle, high = (f(values) * scale for f in (min, statistics.median, max))
    return f"{middle:.4g} [{low:.4g}..{high:.4g}]"


def ratios(of: list[float], to: list[float]) -> list[float]:
    return [a / b for a, b in zip(of, to)]


def check(condition: bool, what: str) -> None:
    if not condition:
        sys.exit(f"python_bench: wrong answer: {what}")


def target(text: str, value: float, met: bool) -> None:
    print(f"  {'met   ' if met else 'MISSED'} {text}: {value:.3f}")


@contextlib.contextmanager
def serve(program: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="treduce-", dir="/tmp") as folder:
        address = f"unix:{folder}/socket"
        process = subprocess.Popen([program, "--listen", address, "--log-level", "error"])
        try:
            with treduce.connect(address) as t:
                for _ in range(500):
                    with contextlib.suppress(treduce.Unavailable):
                        t.health()
                        break
                    time.sleep(0.01)
            yield address
        finally:
            process.kill()
            process.wait()


def small(options: argparse.Namespace) -> None:
    """1 KiB, one call at a time."""
    x = np.arange(256, dtype=np.float32)
    with serve(options.server) as address, treduce.connect(address) as t, grpc.insecure_channel(address) as channel:
        bare = channel.unary_unary(_wire.REDUCE)
        request = b"".join((_wire.spec_field(2, x.shape, (treduce.sum(),)), _wire.head(2, x.nbytes), x.tobytes()))
        check(t.sum(x) == x.sum(), "sum of 1 KiB")
        check(len(bare(request)) > 0, "a bare call")
        loop = asyncio.new_event_loop()
        aio = treduce.aio.connect(address)

        async def several() -> None:
            for _ in range(SMALL_CALLS):
                await aio.sum(x)

        contenders = {
            "bare grpcio": timed(lambda: bare(request), SMALL_CALLS),
            "t.sum": timed(lambda: t.sum(x), SMALL_CALLS),
            "asyncio": lambda: timed(lambda: loop.run_until_complete(several()))() / SMALL_CALLS,
        }
        seconds = race(contenders, options.rounds)
        loop.run_until_complete(aio.close())
        loop.close()
    print(f"\nsmall: the sum of 1 KiB, one call at a time; microseconds, median [min..max] of {options.rounds} rounds")
    for name, values in seconds.items():
        print(f"  {name:<12} {spread(values, 1e6):<24} {spread(ratios(values, seconds['bare grpcio']))} x bare grpcio")
    ratio = statistics.median(ratios(seconds["t.sum"], seconds["bare grpcio"]))
    target("t.sum / bare grpcio, at most 1.3", ratio, ratio <= 1.3)


def bulk(options: argparse.Namespace) -> None:
    """256 MiB from memory, streamed."""
    x = np.ones(options.bytes // 4, np.float32)
    with serve(options.server) as address, treduce.connect(address) as t, grpc.insecure_channel(address) as channel:
        loop = asyncio.new_event_loop()
        aio = treduce.aio.connect(address)
        bare = channel.stream_stream(_wire.REDUCE_STREAM)
        chunks = [x[i : i + CHUNK_ELEMENTS].tobytes() for i in range(0, x.size, CHUNK_ELEMENTS)]
        messages = [_wire.head(_wire.PAYLOAD_FIELD, len(chunk)) + chunk for chunk in chunks]
        messages.insert(0, _wire.spec_field(2, x.shape, (treduce.sum(),)))
        del chunks
        cpp = subprocess.Popen(
            [options.client_loop, address, str(x.nbytes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

        def by_cpp() -> float:
            assert cpp.stdin and cpp.stdout
            cpp.stdin.write("\n")
            cpp.stdin.flush()
            total, took = cpp.stdout.readline().split()
            check(float(total) == x.size, "the C++ client's sum")
            return float(took)

        check(t.sum(x) == x.size, "t.sum")
        check(loop.run_until_complete(aio.sum(x)) == x.size, "the asyncio client's sum")
        check(len(list(bare(iter(messages)))) > 1, "a bare stream")
        contenders = {
            "C++ client": by_cpp,
            "bare grpcio": timed(lambda: list(bare(iter(messages)))),
            "t.sum": timed(lambda: t.sum(x)),
            "asyncio": timed(lambda: loop.run_until_complete(aio.sum(x))),
        }
        seconds = race(contenders, options.rounds)
        loop.run_until_complete(aio.close())
        loop.close()
        assert cpp.stdin
        cpp.stdin.close()
        cpp.wait()
    print(f"\nbulk: the sum of {x.nbytes >> 20} MiB of float32; GB/s, median [min..max] of {options.rounds} rounds")
    rates = {name: [x.nbytes / 1e9 / s for s in values] for name, values in seconds.items()}
    for name, values in rates.items():
        print(f"  {name:<12} {spread(values):<24} {spread(ratios(values, rates['C++ client']))} x the C++ client")
    ratio = statistics.median(ratios(rates["t.sum"], rates["C++ client"]))
    target("t.sum / C++ client, at least 0.7", ratio, ratio >= 0.7)
    print(f"  t.sum / bare grpcio: {spread(ratios(rates['t.sum'], rates['bare grpcio']))}")


def local(options: argparse.Namespace) -> None:
    """treduce.local() beside libraries that have the array in their own process."""
    count = options.local_bytes // 4 - 1  # an odd one, so that all agree about the median
    x = np.random.default_rng(1).integers(-1000, 1000, count, dtype=np.int16).astype(np.float32)
    x[count // 3] = 2000
    of_torch = None if torch is None else torch.from_numpy(x)
    print(f"\nlocal: {x.nbytes >> 20} MiB of float32, treduce.local() with its transport; seconds, median [min..max]")
    with treduce.local(server=options.server) as t:
        for op in ("sum", "var", "argmax", "median"):
            arguments = {"correction": 0} if op == "var" else {}
            contenders: Contenders = {"treduce.local": timed(lambda: getattr(t, op)(x, **arguments))}
            contenders["NumPy"] = timed(lambda: getattr(np, op)(x))
            got, expected = float(getattr(t, op)(x, **arguments)), float(getattr(np, op)(x.astype(np.float64)))
            check(abs(got - expected) <= 1e-6 * abs(expected), f"{op}: {got}, not {expected}")
            if of_torch is not None:
                contenders["PyTorch"] = timed(lambda: getattr(torch, op)(of_torch, **arguments))
                by_torch = float(getattr(torch, op)(of_torch, **arguments))
                check(abs(by_torch - expected) <= 1e-3 * abs(expected) + 1e3, f"PyTorch's {op}")
            seconds = race(contenders, options.local_rounds)
            print(f"  {op}")
            for name, values in seconds.items():
                times = ratios(values, seconds["treduce.local"])
                print(f"    {name:<14} {spread(values):<28} treduce.local is {spread(times)} x as fast")
        one_pass = [treduce.sum(), treduce.var(correction=0), treduce.argmax(), treduce.median()]
        took = race({"all": timed(lambda: t.reduce(x, one_pass))}, options.local_rounds)["all"]
        print(f"  all four by one treduce.local().reduce: {spread(took)}")


def main() -> None:
    build = ROOT / "build" / "release" / "bin"
    parser = argparse.ArgumentParser(prog="scripts/bench python", description=__doc__)
    parser.add_argument("--parts", default="small,bulk,local", help="any of small, bulk, local")
    parser.add_argument("--rounds", type=int, default=9, help="of small and bulk")
    parser.add_argument("--bytes", type=int, default=256 << 20, help="of bulk")
    parser.add_argument("--local-bytes", type=int, default=1 << 30, help="of local")
    parser.add_argument("--local-rounds", type=int, default=3, help="of local")
    parser.add_argument("--server", default=str(build / "treduce-server"), help="the program treduce-server")
    parser.add_argument("--client-loop", default=str(build / "treduce-client-loop"), help="the program of that name")
    options = parser.parse_args()
    parts = {"small": small, "bulk": bulk, "local": local}
    versions = f"Python {sys.version.split()[0]}, grpcio {grpc.__version__}, NumPy {np.__version__}"
    print(versions + ("" if torch is None else f", PyTorch {torch.__version__}, {torch.get_num_threads()} threads"))
    for name in options.parts.split(","):
        if name not in parts:
            parser.error(f"there is no part {name}")
        parts[name](options)


if __name__ == "__main__":
    main()
