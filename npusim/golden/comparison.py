"""Comparators: how close an output must be to the expected one, and how close it is.

A comparator counts bad elements in float32, as torch does, so that a verdict near the limit is
the one that upstream would give. The distances it reports beside are computed in float64.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import KernelError

Array = npt.NDArray[Any]

_SMALLEST_NORMAL_FP16 = 2.0**-14
_DIVISION_GUARD = 1e-9


@dataclass(frozen=True, slots=True)
class Comparison:
    """Verdict and distances of one output.

    ``max_abs`` and ``rel_l2`` (norm of the difference over the norm of the expected values) leave
    out elements that are NaN or Inf on either side; ``nonfinite_elements`` counts those.
    """

    passed: bool
    bad_elements: int
    allowed_bad_elements: int
    elements: int
    nonfinite_elements: int
    max_abs: float
    rel_l2: float
    bit_equal_frac: float
    message: str
    """One line for the reader, without the name of the output."""


Comparator = Callable[[Array, Array], Comparison]


@dataclass(frozen=True, slots=True)
class _Allclose:
    rtol: float
    atol: float

    def __call__(self, actual: Array, expected: Array) -> Comparison:
        a, e = _operands(actual, expected)
        # An expected infinity is met by the same infinity, as in torch.allclose.
        is_bad = _exceeds(a, e, atol=self.atol, rtol=self.rtol) & (a != e)
        return _compare(actual, expected, is_bad, allowed=0)


@dataclass(frozen=True, slots=True)
class _RatioAllclose:
    atol: float
    rtol: float
    max_error_ratio: float

    def __call__(self, actual: Array, expected: Array) -> Comparison:
        a, e = _operands(actual, expected)
        is_bad = _exceeds(a, e, atol=self.atol, rtol=self.rtol)
        allowed = round(self.max_error_ratio * a.size)
        return _compare(actual, expected, is_bad, allowed=allowed, fails=_nonfinite(a, e))


@dataclass(frozen=True, slots=True)
class _RatioReldiff:
    diff_thd: float
    pct_thd: float
    max_diff_hd: float

    def __call__(self, actual: Array, expected: Array) -> Comparison:
        a, e = _operands(actual, expected)
        with np.errstate(invalid="ignore", over="ignore"):
            diff = np.abs(a - e)
            scale = np.maximum(np.maximum(np.abs(a), np.abs(e)), self._floor)
            reldiff = np.where(diff < self.diff_thd, diff, diff / (scale + _DIVISION_GUARD))
            is_bad = ~(reldiff <= self.diff_thd)
        fails = _nonfinite(a, e)
        worst = float(np.max(reldiff, initial=0.0))
        if not fails and not worst < self.max_diff_hd:
            fails = f"relative difference {worst:.3g} reaches the limit {self.max_diff_hd:.3g}"
        return _compare(actual, expected, is_bad, allowed=self._allowed(a.size), fails=fails)

    @property
    def _floor(self) -> float:
        return _SMALLEST_NORMAL_FP16 / self.diff_thd

    def _allowed(self, elements: int) -> int:
        """The largest count whose share of ``elements`` is at most ``pct_thd``."""
        allowed = round(self.pct_thd * elements)
        return allowed - 1 if allowed > self.pct_thd * elements else allowed


def allclose(rtol: float = 1e-5, atol: float = 1e-5) -> Comparator:
    """Every element within ``atol + rtol * |expected|``; NaN fails, Inf only equals itself."""
    return _Allclose(rtol, atol)


def ratio_allclose(atol: float, rtol: float, max_error_ratio: float = 0.005) -> Comparator:
    """As ``allclose``, but ``round(max_error_ratio * elements)`` of them may be off.

    A NaN or Inf on either side fails outright, whatever their number.
    """
    return _RatioAllclose(atol, rtol, max_error_ratio)


def ratio_reldiff(
    diff_thd: float = 0.01, pct_thd: float = 0.05, max_diff_hd: float = math.inf
) -> Comparator:
    """At most a share ``pct_thd`` of elements differs by more than ``diff_thd``, none too much.

    The difference of an element is absolute below ``diff_thd`` and relative to the larger of both
    values above; one of ``max_diff_hd`` or more, NaN or Inf fails outright.
    """
    return _RatioReldiff(diff_thd, pct_thd, max_diff_hd)


def _operands(actual: Array, expected: Array) -> tuple[Array, Array]:
    if actual.shape != expected.shape:
        msg = (
            f"comparison: the output has shape {actual.shape}, the golden {expected.shape}; "
            "expected equal shapes; correct the golden or the tensor spec"
        )
        raise KernelError(msg)
    # float32 would merge integers above 2**24 that differ.
    has_fraction = not (_is_integer(actual) and _is_integer(expected))
    kind = np.float32 if has_fraction else np.float64
    return actual.astype(kind, copy=False), expected.astype(kind, copy=False)


def _is_integer(array: Array) -> bool:
    return array.dtype.kind in "iub"


def _exceeds(actual: Array, expected: Array, *, atol: float, rtol: float) -> npt.NDArray[np.bool_]:
    """Where the difference is not within the tolerance; NaN and Inf on either side always are."""
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(actual - expected)
        is_bad: npt.NDArray[np.bool_] = ~(difference <= atol + rtol * np.abs(expected))
    # An infinite expected value would make the tolerance infinite and excuse any actual one.
    is_bad |= ~np.isfinite(expected) | ~np.isfinite(actual)
    return is_bad


def _nonfinite(actual: Array, expected: Array) -> str:
    for side, array in (("output", actual), ("golden", expected)):
        is_nonfinite = ~np.isfinite(array)
        count = int(np.count_nonzero(is_nonfinite))
        if count:
            index = _first_index(is_nonfinite)
            return f"{count} elements of the {side} are NaN or Inf, first {array[index]} at {index}"
    return ""


def _compare(
    actual: Array, expected: Array, is_bad: npt.NDArray[np.bool_], *, allowed: int, fails: str = ""
) -> Comparison:
    bad = int(np.count_nonzero(is_bad))
    a, e = actual.astype(np.float64), expected.astype(np.float64)
    is_finite = np.isfinite(a) & np.isfinite(e)
    difference = np.where(is_finite, np.subtract(a, e, where=is_finite, out=np.zeros_like(a)), 0.0)
    passed = bad <= allowed and not fails
    message = f"{bad} of {a.size} elements are off, {allowed} allowed"
    if bad:
        index = _first_index(is_bad)
        message += f"; the first at {index}: {actual[index]}, expected {expected[index]}"
    return Comparison(
        passed=passed,
        bad_elements=bad,
        allowed_bad_elements=allowed,
        elements=a.size,
        nonfinite_elements=a.size - int(np.count_nonzero(is_finite)),
        max_abs=float(np.max(np.abs(difference), initial=0.0)),
        rel_l2=_rel_l2(difference, np.where(is_finite, e, 0.0)),
        bit_equal_frac=_bit_equal_frac(actual, expected),
        message=f"{fails}; {message}" if fails else message,
    )


def _first_index(mask: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape))


def _rel_l2(difference: Array, expected: Array) -> float:
    distance, norm = float(np.linalg.norm(difference)), float(np.linalg.norm(expected))
    if norm == 0.0:
        return 0.0 if distance == 0.0 else math.inf
    return distance / norm


def _bit_equal_frac(actual: Array, expected: Array) -> float:
    if actual.size == 0:
        return 1.0
    if actual.dtype == expected.dtype:
        bits = np.dtype(f"u{actual.dtype.itemsize}")
        is_equal = np.ascontiguousarray(actual).view(bits) == np.ascontiguousarray(expected).view(
            bits
        )
    else:
        is_equal = actual.astype(np.float64) == expected.astype(np.float64)
    return float(np.mean(is_equal))
