"""Elementwise operations (DSL_REFERENCE.md section 5.3).

Device ``recip``, ``rsqrt``, ``div`` and ``exp`` are approximations in their fast forms (relative
error up to about 1e-3); numpy's are exact to rounding. The op tests show both.
"""

import numpy as np

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.compute import (
    Operand,
    as_tile,
    binary_op,
    broadcast,
    unary_op,
    with_scalar,
)
from npusim.language.dtypes import Array
from npusim.language.enums import CmpMode
from npusim.language.recorder import current_block
from npusim.language.values import Tile
from npusim.program import Unit

_FAST = "The fast form is an approximation with a relative error up to about 1e-3."


@binary_op("add", "binary")
def add(x: Array, y: Array) -> Array:
    """Sum.

    Shapes: x (M, N), y (M, N) or broadcastable, or a scalar → (M, N).
    """
    return np.add(x, y)


@binary_op("sub", "binary")
def sub(x: Array, y: Array) -> Array:
    """Difference.

    Shapes: x (M, N), y (M, N) or broadcastable, or a scalar → (M, N).
    """
    return np.subtract(x, y)


@binary_op("mul", "mul")
def mul(x: Array, y: Array) -> Array:
    """Product.

    Shapes: x (M, N), y (M, N) or broadcastable, or a scalar → (M, N).
    """
    return np.multiply(x, y)


@binary_op("div", "div", scalar_cost_key="div_scalar", differs=_FAST)
def div(x: Array, y: Array) -> Array:
    """Quotient; integers divide towards minus infinity.

    Shapes: x (M, N), y (M, N) or broadcastable, or a scalar → (M, N).
    """
    return np.floor_divide(x, y) if x.dtype.kind in "iu" else np.divide(x, y)


@binary_op("maximum", "binary")
def maximum(x: Array, y: Array) -> Array:
    """Larger of two values.

    Shapes: x (M, N), y (M, N) or broadcastable, or a scalar → (M, N).
    """
    return np.maximum(x, y)


@binary_op("minimum", "binary")
def minimum(x: Array, y: Array) -> Array:
    """Smaller of two values.

    Shapes: x (M, N), y (M, N) or broadcastable, or a scalar → (M, N).
    """
    return np.minimum(x, y)


@binary_op("fmod", "fmod", scalar_cost_key="fmod")
def fmod(x: Array, y: Array) -> Array:
    """Remainder with the sign of the dividend, as in C.

    Shapes: x (M, N), y (M, N) or broadcastable, or a scalar → (M, N).
    """
    return np.fmod(x, y)


fmods = fmod
"""The scalar form by its own name."""


@unary_op("neg", "unary_scalar")
def neg(x: Array) -> Array:
    """Negation.

    Shapes: x (M, N) → (M, N).
    """
    return np.negative(x)


@unary_op("abs", "unary_scalar")
def abs_(x: Array) -> Array:
    """Absolute value.

    Shapes: x (M, N) → (M, N).
    """
    return np.abs(x)


@unary_op("exp", "exp", differs=_FAST)
def exp(x: Array) -> Array:
    """Natural exponential.

    Shapes: x (M, N) → (M, N).
    """
    return np.exp(x)


@unary_op("log", "log", differs=_FAST)
def log(x: Array) -> Array:
    """Natural logarithm.

    Shapes: x (M, N) → (M, N).
    """
    return np.log(x)


@unary_op("sqrt", "sqrt")
def sqrt(x: Array) -> Array:
    """Square root.

    Shapes: x (M, N) → (M, N).
    """
    return np.sqrt(x)


@unary_op("rsqrt", "rsqrt", differs=_FAST)
def rsqrt(x: Array) -> Array:
    """Reciprocal square root.

    Shapes: x (M, N) → (M, N).
    """
    return np.reciprocal(np.sqrt(x))


@unary_op("recip", "recip", differs=_FAST)
def recip(x: Array) -> Array:
    """Reciprocal.

    Shapes: x (M, N) → (M, N).
    """
    return np.reciprocal(x)


@unary_op("sin", "trig")
def sin(x: Array) -> Array:
    """Sine of radians.

    Shapes: x (M, N) → (M, N).
    """
    return np.sin(x)


@unary_op("cos", "trig")
def cos(x: Array) -> Array:
    """Cosine of radians.

    Shapes: x (M, N) → (M, N).
    """
    return np.cos(x)


_COMPARE = (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
_CMP = table.add_row(
    "cmp",
    Unit.VECTOR,
    "compare",
    summary="Comparison; 0 or 1 in the type of the first operand.",
    differs="At tile level the result is a mask with one bit per element.",
)
_CMP_SCALAR = table.add_row("cmps", Unit.VECTOR, "compare", summary="Comparison with a scalar.")


def cmp(x: Operand, y: Operand, cmp_type: int = CmpMode.EQ) -> Tile:
    """Comparison; 0 or 1 in the type of the first operand.

    Shapes: x (M, N), y (M, N) or broadcastable, or a scalar → (M, N). ``cmp_type``: 0 eq, 1 ne,
    2 lt, 3 le, 4 gt, 5 ge.

    Raises:
        KernelError: If ``cmp_type`` is not one of them.
    """
    block = current_block("cmp")
    if cmp_type not in set(CmpMode):
        msg = f"{block.recorder.where()}: pl.cmp with cmp_type {cmp_type!r}; expected 0 to 5"
        raise KernelError(msg)
    first = as_tile(block, x, "cmp")
    compare = _COMPARE[cmp_type]
    if isinstance(y, int | float | np.generic):
        return with_scalar(block, _CMP_SCALAR, "cmp", compare, first, y)
    second = as_tile(block, y, "cmp")
    return broadcast(block, _CMP, "cmp", compare, first, second, out_dtype=first.dtype)
