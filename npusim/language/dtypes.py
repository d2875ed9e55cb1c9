"""The data types of the DSL and their rounding.

BF16 is stored as ``ml_dtypes.bfloat16``; arithmetic on it runs in FP32, as the vector unit does,
and rounds once when the result is stored. Rounding modes: DSL_REFERENCE.md section 5.4.
"""

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from npusim.errors import KernelError

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, repr=False)
class DType:
    """A data type of the DSL; ``numpy`` is what stores it."""

    name: str
    index: int
    numpy: np.dtype[Any]
    nbytes: int
    is_float: bool

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"pl.{self.name}"


_ROWS: tuple[tuple[str, Any, bool], ...] = (
    ("FP32", np.float32, True),
    ("FP16", np.float16, True),
    ("BF16", ml_dtypes.bfloat16, True),
    ("FP8E4M3FN", ml_dtypes.float8_e4m3fn, True),
    ("INT8", np.int8, False),
    ("INT16", np.int16, False),
    ("INT32", np.int32, False),
    ("INT64", np.int64, False),
    ("UINT8", np.uint8, False),
    ("UINT16", np.uint16, False),
    ("UINT32", np.uint32, False),
    ("UINT64", np.uint64, False),
    ("BOOL", np.bool_, False),
    ("INDEX", np.int64, False),
)

ALL_DTYPES: tuple[DType, ...] = tuple(
    DType(name, index, np.dtype(storage), np.dtype(storage).itemsize, is_float)
    for index, (name, storage, is_float) in enumerate(_ROWS)
)
BY_NAME = {dtype.name: dtype for dtype in ALL_DTYPES}
_BY_NUMPY = {dtype.numpy: dtype for dtype in reversed(ALL_DTYPES)}

FP32, FP16, BF16, FP8E4M3FN = (BY_NAME[n] for n in ("FP32", "FP16", "BF16", "FP8E4M3FN"))
INT8, INT16, INT32, INT64 = (BY_NAME[n] for n in ("INT8", "INT16", "INT32", "INT64"))
UINT8, UINT16, UINT32, UINT64 = (BY_NAME[n] for n in ("UINT8", "UINT16", "UINT32", "UINT64"))
BOOL, INDEX = BY_NAME["BOOL"], BY_NAME["INDEX"]

ROUND_MODES = ("none", "rint", "round", "floor", "ceil", "trunc", "odd")


def dtype_of(array: Array) -> DType:
    """The DSL type that stores ``array``.

    Raises:
        KernelError: If no DSL type uses that numpy type.
    """
    try:
        return _BY_NUMPY[array.dtype]
    except KeyError:
        known = ", ".join(dtype.name for dtype in ALL_DTYPES)
        msg = f"numpy type {array.dtype} has no DSL type; expected one of {known}"
        raise KernelError(msg) from None


def largest(dtype: DType) -> Any:
    """The largest finite value of ``dtype``."""
    if dtype.is_float:
        return ml_dtypes.finfo(dtype.numpy).max  # type: ignore[no-untyped-call]
    return dtype.numpy.type(True) if dtype is BOOL else np.iinfo(dtype.numpy).max


def lowest(dtype: DType) -> Any:
    """The lowest finite value of ``dtype``."""
    if dtype.is_float:
        return ml_dtypes.finfo(dtype.numpy).min  # type: ignore[no-untyped-call]
    return dtype.numpy.type(False) if dtype is BOOL else np.iinfo(dtype.numpy).min


def promote(lhs: DType, rhs: DType) -> DType:
    """Result type of a binary operation: float beats int, more bits win, signed wins a tie."""
    if lhs is rhs:
        return lhs
    if lhs.is_float != rhs.is_float:
        return lhs if lhs.is_float else rhs
    if lhs.nbytes != rhs.nbytes:
        return lhs if lhs.nbytes > rhs.nbytes else rhs
    return rhs if lhs.name.startswith("U") else lhs


def to_compute(array: Array) -> Array:
    """``array`` in the type the vector unit computes in: BF16 and FP8 widen to FP32."""
    if array.dtype in (BF16.numpy, FP8E4M3FN.numpy):
        return array.astype(np.float32)
    return array


def round_to(array: Array, target: DType, mode: str = "rint") -> Array:
    """``array`` converted to ``target`` with rounding ``mode``.

    Shapes: any; same shape out. Narrowing to integers saturates at the target's range, as a2a3
    does by default; NaN becomes 0. Integers of one width keep their bits. Widening is exact in
    every mode. Narrowing to FP16 and BF16 overflows to infinity where the mode rounds outwards.

    Raises:
        KernelError: If ``mode`` is not one of ``ROUND_MODES``.
    """
    if mode not in ROUND_MODES:
        msg = f"cast mode is {mode!r}; expected one of {', '.join(ROUND_MODES)}"
        raise KernelError(msg)
    if array.dtype == target.numpy:
        return array.copy()
    with np.errstate(all="ignore"):  # overflow and NaN have their defined results here
        return _converted(to_compute(array), target, mode)


def _converted(source: Array, target: DType, mode: str) -> Array:
    if target.is_float:
        return _to_float(source, target, mode)
    if target is BOOL:
        flags: Array = source != 0
        return flags
    if source.dtype.kind == "f":
        return _float_to_int(source, target, mode)
    if source.dtype.itemsize > target.nbytes:
        info = np.iinfo(target.numpy)
        low = info.min if source.dtype.kind == "i" else 0
        source = np.clip(source, low, info.max)
    return source.astype(target.numpy)


def _to_float(source: Array, target: DType, mode: str) -> Array:
    if mode in {"none", "rint"}:
        return source.astype(target.numpy)
    if target is BF16:
        return _narrow_bits(source.astype(np.float32), mode)
    if source.dtype.kind == "f" and source.dtype.itemsize <= target.nbytes:
        return source.astype(target.numpy)
    return _narrow_directed(source.astype(np.float64), target, mode)


def _narrow_bits(source: npt.NDArray[np.float32], mode: str) -> Array:
    """FP32 to BF16 in a directed mode, on the bit patterns; the low 16 bits decide."""
    bits = source.view(np.uint32)
    is_nan = np.isnan(source)
    negative = bits >> np.uint32(31)
    if mode == "round":
        rounded = bits + np.uint32(0x8000)
    elif mode == "floor":
        rounded = bits + negative * np.uint32(0xFFFF)
    elif mode == "ceil":
        rounded = bits + (np.uint32(1) - negative) * np.uint32(0xFFFF)
    elif mode == "trunc":
        rounded = bits
    else:
        sticky = (bits & np.uint32(0xFFFF)) != 0
        rounded = bits | (sticky.astype(np.uint32) << np.uint32(16))
    high = (rounded >> np.uint32(16)).astype(np.uint16)
    if is_nan.any():
        high[is_nan] = np.uint16(0x7FC0)
    return high.view(BF16.numpy)


def _narrow_directed(source: npt.NDArray[np.float64], target: DType, mode: str) -> Array:
    """Narrow with a directed mode: take the nearest value, then step where the mode says so."""
    nearest = source.astype(target.numpy)
    back = nearest.astype(np.float64)
    top = largest(target) if target is FP8E4M3FN else target.numpy.type(np.inf)
    up, down = np.nextafter(nearest, top), np.nextafter(nearest, -top)
    too_low, too_high = back < source, back > source
    if mode == "floor":
        return np.where(too_high, down, nearest)
    if mode == "ceil":
        return np.where(too_low, up, nearest)
    outward = np.where(source > 0, up, down)
    if mode == "round":  # nearest-even already, except that it took the inner value of a tie
        gap = np.abs(source - back)
        is_tie = np.abs(outward.astype(np.float64) - source) == gap
        return np.where((np.abs(back) < np.abs(source)) & is_tie, outward, nearest)
    inner = np.where((source > 0) & too_high, down, np.where((source < 0) & too_low, up, nearest))
    if mode == "trunc":
        return inner
    beyond = np.where(source > 0, np.nextafter(inner, top), np.nextafter(inner, -top))
    is_even = (inner.view(f"u{target.nbytes}") & 1) == 0
    is_inexact = inner.astype(np.float64) != source
    return np.where(is_inexact & is_even, beyond, inner)


def _float_to_int(source: Array, target: DType, mode: str) -> Array:
    values = _whole(source.astype(np.float64), mode)
    info = np.iinfo(target.numpy)
    is_above, is_below = values >= float(info.max), values <= float(info.min)
    # float64 cannot hold the 64-bit limits: set them as integers instead of clipping
    result = np.where(is_above | is_below | np.isnan(values), 0, values).astype(target.numpy)
    result[is_above] = info.max
    result[is_below] = info.min
    return result


def _whole(values: npt.NDArray[np.float64], mode: str) -> npt.NDArray[np.float64]:
    """``values`` without their fractions, rounded by ``mode``."""
    if mode in {"none", "rint"}:
        return np.rint(values)
    if mode == "round":
        return np.copysign(np.floor(np.abs(values) + 0.5), values)
    if mode == "ceil":
        return np.ceil(values)
    if mode == "trunc":
        return np.trunc(values)
    floor = np.floor(values)
    if mode == "floor":
        return floor
    is_even = np.mod(floor, 2) == 0
    return np.where((values != floor) & is_even, floor + 1, floor)
