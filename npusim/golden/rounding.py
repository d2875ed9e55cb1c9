"""Casts of whole arrays that lose no value in silence."""

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import KernelError


def cast_array(array: npt.ArrayLike, dtype: np.dtype[Any], *, where: str) -> npt.NDArray[Any]:
    """A new row-major array with the values of ``array`` as ``dtype``.

    Floats round to nearest even; floats to integers truncate, as numpy and torch do. The result
    never shares memory with ``array``.

    Args:
        array: Numbers of any dtype and shape.
        dtype: A numpy dtype, those of ``ml_dtypes`` included.
        where: Names the array in the error.

    Raises:
        KernelError: If an integer dtype cannot hold a value, NaN included, or these are no numbers.
    """
    values = np.asarray(array)
    _refuse_overflow(values, dtype, where=where)
    try:
        with np.errstate(over="ignore"):
            return np.array(values, dtype=dtype, order="C", copy=True)
    except (ValueError, TypeError) as error:
        msg = f"{where}: {values.dtype} cannot become {dtype} ({error}); expected numbers"
        raise KernelError(msg) from error


def _refuse_overflow(values: npt.NDArray[Any], dtype: np.dtype[Any], *, where: str) -> None:
    # numpy wraps integers in silence, and floats too where the hardware gives no flag.
    is_text = values.dtype.kind in "OSU"
    if dtype.kind not in "iu" or is_text or values.size == 0 or np.can_cast(values.dtype, dtype):
        return
    low, high, limits = values.min(), values.max(), np.iinfo(dtype)
    is_finite = bool(np.isfinite(low) and np.isfinite(high))
    # As Python integers: float32 would round the limits of int32 up.
    if not (is_finite and limits.min <= int(low) and int(high) <= limits.max):
        msg = (
            f"{where}: values from {low} to {high} do not fit {dtype}; expected {limits.min} to "
            f"{limits.max}; scale or clip them, or choose another dtype"
        )
        raise KernelError(msg)
