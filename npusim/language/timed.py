"""Arrays without values, for a recording that is only timed.

Every tile is one element seen through zero strides, so that a kernel with gigabytes of operands
runs at the speed of its recording. Shapes and types are exact, values are not there: a kernel whose
control flow depends on values it computed takes the branch for zero.
"""

from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

_WIDEST_BYTES = 16


class TimedArray(np.ndarray[Any, Any]):
    """A numpy array whose operations give shapes and types and compute nothing."""

    def copy(self, order: Any = "C") -> "TimedArray":
        """An array of the same shape and type."""
        del order
        return empty_array(self.shape, self.dtype)

    def astype(self, dtype: npt.DTypeLike, *args: Any, **kwargs: Any) -> "TimedArray":  # type: ignore[override]
        """An array of the same shape and of type ``dtype``."""
        del args, kwargs
        return empty_array(self.shape, np.dtype(dtype))

    def __setitem__(self, key: Any, value: Any) -> None:
        """Nothing is stored; the index is checked all the same."""
        self[key]

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if out := kwargs.get("out"):
            return out[0]
        operands = [np.asarray(one) for one in inputs]
        dtype = kwargs.get("dtype") or _result_dtype(ufunc, operands, method)
        if method == "reduce":
            axis, keepdims = kwargs.get("axis", 0), kwargs.get("keepdims", False)
            return empty_array(_reduced(operands[0].shape, axis, keepdims=keepdims), dtype)
        if ufunc is np.matmul:
            a, b = operands[0].shape, operands[1].shape
            lead = np.broadcast_shapes(a[:-2], b[:-2])
            return empty_array((*lead, a[-2], b[-1]), dtype)
        return empty_array(np.broadcast_shapes(*(one.shape for one in operands)), dtype)


def empty_array(shape: tuple[int, ...], dtype: npt.DTypeLike) -> TimedArray:
    """A writable array of that shape whose elements all share one place in memory."""
    place = np.zeros(_WIDEST_BYTES, np.uint8)
    return TimedArray(shape, dtype, buffer=place.data, strides=(0,) * len(shape))


def timed_view(array: npt.NDArray[Any]) -> TimedArray:
    """``array`` with its own strides, but never read or written."""
    return array.view(TimedArray)


def _result_dtype(ufunc: np.ufunc, operands: list[npt.NDArray[Any]], method: str) -> Any:
    if method == "reduce":
        return operands[0].dtype
    return ufunc(*(np.ones((1,) * max(one.ndim, 0), one.dtype) for one in operands)).dtype


def _reduced(
    shape: tuple[int, ...], axis: SupportsIndex | None, *, keepdims: bool
) -> tuple[int, ...]:
    if axis is None:
        return (1,) * len(shape) if keepdims else ()
    kept = list(shape)
    if keepdims:
        kept[axis] = 1
    else:
        del kept[axis]
    return tuple(kept)
