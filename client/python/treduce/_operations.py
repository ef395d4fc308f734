"""The ops as methods, the same ones of `Client` and of the asyncio twin, where they return awaitables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from treduce import _wire, ops
from treduce._call import Call, Settings, outs_of
from treduce.errors import ArgumentTypeError
from treduce.ops import Dims, Reduction

if TYPE_CHECKING:
    from treduce._progress import Progress
    from typing_extensions import TypedDict, Unpack

    class Options(TypedDict, total=False):
        """Of every call; see Operations."""

        axis: Dims
        keepdims: bool
        timeout: float | None
        progress: bool | Progress
        device: Any


class Operations:
    """PyTorch's reductions, with PyTorch's names, arguments and defaults.

    `input` is an array of NumPy, of any strides and byte order; of anything with DLPack or the buffer protocol, tensors
    of PyTorch among them; the path of a `.npy` file; or `treduce.Chunks`. Results are of the same kind: PyTorch's
    tensors for PyTorch's, arrays of NumPy for what has no kind of its own. bfloat16 is that of ml_dtypes; where that is
    not installed, NumPy's results have the same values as float32.

    Every method also takes

    - `out`: an array, or a tuple of them where there are several results, of the very shape and dtype of the result. It
      is filled, and returned;
    - `axis` and `keepdims`, NumPy's names of dim and keepdim;
    - `timeout`: seconds that the call may take;
    - `device`: where the server reduces, "cpu", "cuda", "cuda:1" or a torch.device; without it the server chooses;
    - `progress`: True for a bar, where tqdm is installed, or a function that is called with the bytes sent and of all.

    `dim` is one dim or several; all dims where it is None or empty. `keepdim` keeps reduced dims with extent 1. `dtype`
    is what the input is cast to before it is reduced, "float64", `float`, numpy.float64 or torch.float64.
    """

    _settings: Settings

    def reduce(
        self,
        input: Any,
        reductions: Iterable[Reduction | str],
        *,
        out: Any = None,
        timeout: float | None = None,
        progress: bool | Progress = False,
        device: Any = None,
    ) -> Any:
        """Several reductions in one pass: the tensor is sent, and read, once.

            total, largest = t.reduce(x, [treduce.sum(dim=0), "max"])

        Args:
            reductions: made by `treduce.sum` and the like, or names of ops.
            out: a list, with what the method of that op takes as `out`, or None, for each reduction.

        Returns:
            A list of the answers, whose attribute `execution_info` says how the server executed them.
        """
        if isinstance(reductions, (str, Reduction)):
            raise ArgumentTypeError("reductions must be a list of them", field="reductions")
        wanted = tuple(ops.of(reduction) for reduction in reductions)
        outs = outs_of(wanted, out)
        return self._perform(
            Call(self._settings, input, wanted, outs, single=False, timeout=timeout, progress=progress, device=device)
        )

    def _one(self, input: Any, reduction: Reduction, out: Any, options: Any) -> Any:
        if not options:
            outs = None if out is None else outs_of((reduction,), [out])
            return self._perform(Call(self._settings, input, (reduction,), outs))
        call_options = {name: options.pop(name) for name in ("timeout", "progress", "device") if name in options}
        reduction = ops.named(reduction, options)
        outs = None if out is None else outs_of((reduction,), [out])
        return self._perform(Call(self._settings, input, (reduction,), outs, **call_options))

    def _perform(self, call: Call) -> Any:
        raise NotImplementedError

    def sum(
        self,
        input: Any,
        dim: Dims = None,
        keepdim: bool = False,
        *,
        dtype: Any = None,
        out: Any = None,
        **options: Unpack[Options],
    ) -> Any:
        """The sum. Integers and bool give int64, which wraps around."""
        return self._one(input, ops.sum(dim, keepdim, dtype=dtype), out, options)

    def nansum(
        self,
        input: Any,
        dim: Dims = None,
        keepdim: bool = False,
        *,
        dtype: Any = None,
        out: Any = None,
        **options: Unpack[Options],
    ) -> Any:
        """The sum with NaN taken as 0. Real dtypes."""
        return self._one(input, ops.nansum(dim, keepdim, dtype=dtype), out, options)

    def mean(
        self,
        input: Any,
        dim: Dims = None,
        keepdim: bool = False,
        *,
        dtype: Any = None,
        out: Any = None,
        **options: Unpack[Options],
    ) -> Any:
        """The arithmetic mean, of floating point and complex dtypes; others need `dtype`."""
        return self._one(input, ops.mean(dim, keepdim, dtype=dtype), out, options)

    def nanmean(
        self,
        input: Any,
        dim: Dims = None,
        keepdim: bool = False,
        *,
        dtype: Any = None,
        out: Any = None,
        **options: Unpack[Options],
    ) -> Any:
        """The mean of the elements that are not NaN; NaN where there are none."""
        return self._one(input, ops.nanmean(dim, keepdim, dtype=dtype), out, options)

    def prod(
        self,
        input: Any,
        dim: Dims = None,
        keepdim: bool = False,
        *,
        dtype: Any = None,
        out: Any = None,
        **options: Unpack[Options],
    ) -> Any:
        """The product. Integers and bool give int64, which wraps around."""
        return self._one(input, ops.prod(dim, keepdim, dtype=dtype), out, options)

    def max(
        self, input: Any, dim: Dims = None, keepdim: bool = False, *, out: Any = None, **options: Unpack[Options]
    ) -> Any:
        """The maximum. With `dim`, (values, indices), the indices those of the first occurrences. NaN wins."""
        return self._one(input, ops.max(dim, keepdim), out, options)

    def min(
        self, input: Any, dim: Dims = None, keepdim: bool = False, *, out: Any = None, **options: Unpack[Options]
    ) -> Any:
        """The minimum. With `dim`, (values, indices), the indices those of the first occurrences. NaN wins."""
        return self._one(input, ops.min(dim, keepdim), out, options)

    def amax(
        self, input: Any, dim: Dims = None, keepdim: bool = False, *, out: Any = None, **options: Unpack[Options]
    ) -> Any:
        """The maximum, values only. NaN wins."""
        return self._one(input, ops.amax(dim, keepdim), out, options)

    def amin(
        self, input: Any, dim: Dims = None, keepdim: bool = False, *, out: Any = None, **options: Unpack[Options]
    ) -> Any:
        """The minimum, values only. NaN wins."""
        return self._one(input, ops.amin(dim, keepdim), out, options)

    def aminmax(
        self, input: Any, *, dim: Dims = None, keepdim: bool = False, out: Any = None, **options: Unpack[Options]
    ) -> Any:
        """(min, max). NaN wins."""
        return self._one(input, ops.aminmax(dim=dim, keepdim=keepdim), out, options)

    def argmax(
        self, input: Any, dim: Dims = None, keepdim: bool = False, *, out: Any = None, **options: Unpack[Options]
    ) -> Any:
        """The index of the first maximum among the reduced elements, in row-major order. The first NaN wins."""
        return self._one(input, ops.argmax(dim, keepdim), out, options)

    def argmin(
        self, input: Any, dim: Dims = None, keepdim: bool = False, *, out: Any = None, **options: Unpack[Options]
    ) -> Any:
        """The index of the first minimum among the reduced elements, in row-major order. The first NaN wins."""
        return self._one(input, ops.argmin(dim, keepdim), out, options)

    def all(
        self, input: Any, dim: Dims = None, keepdim: bool = False, *, out: Any = None, **options: Unpack[Options]
    ) -> Any:
        """Whether all elements are non-zero, as NaN is. bool, or uint8 of uint8."""
        return self._one(input, ops.all(dim, keepdim), out, options)

    def any(
        self, input: Any, dim: Dims = None, keepdim: bool = False, *, out: Any = None, **options: Unpack[Options]
    ) -> Any:
        """Whether any element is non-zero, as NaN is. bool, or uint8 of uint8."""
        return self._one(input, ops.any(dim, keepdim), out, options)

    def count_nonzero(
        self, input: Any, dim: Dims = None, keepdim: bool = False, *, out: Any = None, **options: Unpack[Options]
    ) -> Any:
        """The number of elements that are non-zero, as NaN is."""
        return self._one(input, ops.count_nonzero(dim, keepdim), out, options)

    def var(
        self,
        input: Any,
        dim: Dims = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: float | None = None,
        out: Any = None,
        **options: Unpack[Options],
    ) -> Any:
        """The variance, of floating point and complex dtypes.

        The divisor is max(0, n - correction), so that the result may be infinite or NaN; `correction` may be any real
        number and is 1 where it is None. `unbiased` is PyTorch's older way to say correction=1 or correction=0.
        """
        return self._one(input, ops.var(dim, unbiased, keepdim, correction=correction), out, options)

    def std(
        self,
        input: Any,
        dim: Dims = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: float | None = None,
        out: Any = None,
        **options: Unpack[Options],
    ) -> Any:
        """The standard deviation, of floating point and complex dtypes.

        `correction` and `unbiased` as of `var`.
        """
        return self._one(input, ops.std(dim, unbiased, keepdim, correction=correction), out, options)

    def var_mean(
        self,
        input: Any,
        dim: Dims = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: float | None = None,
        out: Any = None,
        **options: Unpack[Options],
    ) -> Any:
        """(variance, mean), of floating point and complex dtypes.

        `correction` and `unbiased` as of `var`.
        """
        return self._one(input, ops.var_mean(dim, unbiased, keepdim, correction=correction), out, options)

    def std_mean(
        self,
        input: Any,
        dim: Dims = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: float | None = None,
        out: Any = None,
        **options: Unpack[Options],
    ) -> Any:
        """(standard deviation, mean), of floating point and complex dtypes.

        `correction` and `unbiased` as of `var`.
        """
        return self._one(input, ops.std_mean(dim, unbiased, keepdim, correction=correction), out, options)

    def vector_norm(
        self,
        input: Any,
        ord: float = 2,
        dim: Dims = None,
        keepdim: bool = False,
        *,
        dtype: Any = None,
        out: Any = None,
        **options: Unpack[Options],
    ) -> Any:
        """(sum |x|^ord)^(1/ord), PyTorch's `linalg.vector_norm`.

        `ord` is any real number: 0 counts the elements that are non-zero, infinity takes max |x| and -infinity min |x|.
        """
        return self._one(input, ops.vector_norm(ord, dim, keepdim, dtype=dtype), out, options)

    def norm(
        self,
        input: Any,
        p: float | str | None = "fro",
        dim: Dims = None,
        keepdim: bool = False,
        dtype: Any = None,
        *,
        out: Any = None,
        **options: Unpack[Options],
    ) -> Any:
        """PyTorch's `norm`: `vector_norm` with ord=p, where "fro" and None are 2."""
        return self._one(input, ops.norm(p, dim, keepdim, dtype), out, options)

    def logsumexp(
        self, input: Any, dim: Dims = None, keepdim: bool = False, *, out: Any = None, **options: Unpack[Options]
    ) -> Any:
        """log(sum(exp(x))) without overflow on the way. Integers and bool give float32."""
        return self._one(input, ops.logsumexp(dim, keepdim), out, options)

    def median(
        self, input: Any, dim: Dims = None, keepdim: bool = False, *, out: Any = None, **options: Unpack[Options]
    ) -> Any:
        """The lower of the two middle elements; with `dim`, (values, indices) of first occurrences. NaN wins."""
        return self._one(input, ops.median(dim, keepdim), out, options)

    def nanmedian(
        self, input: Any, dim: Dims = None, keepdim: bool = False, *, out: Any = None, **options: Unpack[Options]
    ) -> Any:
        """The median of the elements that are not NaN; NaN where there are none."""
        return self._one(input, ops.nanmedian(dim, keepdim), out, options)

    def mode(
        self, input: Any, dim: Dims = -1, keepdim: bool = False, *, out: Any = None, **options: Unpack[Options]
    ) -> Any:
        """(values, indices) of the most frequent elements, the smallest of several, and where they first occur.

        Of the last dim by default, as in PyTorch; of all where `dim` is None.
        """
        return self._one(input, ops.mode(dim, keepdim), out, options)

    def quantile(
        self,
        input: Any,
        q: float | Iterable[float],
        dim: Dims = None,
        keepdim: bool = False,
        *,
        interpolation: str = "linear",
        dtype: Any = None,
        out: Any = None,
        **options: Unpack[Options],
    ) -> Any:
        """The quantile `q` in [0, 1]; of several, as a dim in front. NaN wins.

        `interpolation` is what stands for a rank between two elements: linear, lower, higher, midpoint or nearest.
        float32 and float64; others need `dtype`.
        """
        return self._one(input, ops.quantile(q, dim, keepdim, interpolation=interpolation, dtype=dtype), out, options)

    def nanquantile(
        self,
        input: Any,
        q: float | Iterable[float],
        dim: Dims = None,
        keepdim: bool = False,
        *,
        interpolation: str = "linear",
        dtype: Any = None,
        out: Any = None,
        **options: Unpack[Options],
    ) -> Any:
        """The quantile of the elements that are not NaN; NaN where there are none.

        Arguments as of `quantile`.
        """
        reduction = ops.nanquantile(q, dim, keepdim, interpolation=interpolation, dtype=dtype)
        return self._one(input, reduction, out, options)

    def unique(
        self,
        input: Any,
        sorted: bool = True,
        return_inverse: bool = False,
        return_counts: bool = False,
        dim: int | None = None,
        *,
        out: Any = None,
        **options: Unpack[Options],
    ) -> Any:
        """The distinct elements, or slices along `dim`, sorted, whatever `sorted` says. No NaN is equal to another.

        With `return_inverse` and `return_counts` a tuple: also where among them each element, or slice, is, and how
        often each occurs.
        """
        return self._one(input, ops.unique(sorted, return_inverse, return_counts, dim), out, options)

    def unique_consecutive(
        self,
        input: Any,
        return_inverse: bool = False,
        return_counts: bool = False,
        dim: int | None = None,
        *,
        out: Any = None,
        **options: Unpack[Options],
    ) -> Any:
        """The elements, or slices along `dim`, that differ from the one before them.

        `return_inverse` and `return_counts` as of `unique`.
        """
        return self._one(input, ops.unique_consecutive(return_inverse, return_counts, dim), out, options)


for _name in (*_wire.OPS, "norm"):
    getattr(ops, _name).__doc__ = f"A reduction for `Client.reduce`. {getattr(Operations, _name).__doc__}"
