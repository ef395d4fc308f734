"""treduce: PyTorch's tensor reductions, by a server.

    import numpy, treduce

    t = treduce.connect("localhost:50051")      # or treduce.local(): a server of its own
    x = numpy.random.rand(1000, 1000)
    t.sum(x, dim=0)
    t.reduce(x, [treduce.mean(dim=0), treduce.std(dim=0), "max"])   # one pass

`help(treduce.Client)` lists the ops, `treduce.aio` has the asyncio twin, `treduce.array_api` the functions of the
Python array API standard.
"""

from treduce import aio, array_api, errors, ops, return_types
from treduce._description import OpDescription, ServerDescription
from treduce._results import ExecutionInfo, Results
from treduce._source import Chunks
from treduce.client import Client, connect, local
from treduce.errors import *
from treduce.ops import *

__version__ = "0.1.0"

__all__ = [
    "Chunks",
    "Client",
    "ExecutionInfo",
    "OpDescription",
    "Results",
    "ServerDescription",
    "aio",
    "array_api",
    "connect",
    "errors",
    "local",
    "ops",
    "return_types",
    *errors.__all__,
]
# Of the functions that make reductions, those with names of Python's own stay out of `from treduce import *`.
