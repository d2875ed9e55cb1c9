"""One tile operation alone on a core: what the timing of an operation is checked with.

Elementwise operations, reductions, casts, transposes, products and loads of a given shape and type,
one task, one operation between its loads and its store.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import npusim.language as pl
from npusim.errors import GuardError
from npusim.golden import KernelCase, KernelDefinition, TensorSpec, allclose, uniform

Values = dict[str, Any]
DTYPES = {"fp32": pl.FP32, "fp16": pl.FP16, "int8": pl.INT8, "int16": pl.INT16, "uint8": pl.UINT8}


@dataclass(frozen=True)
class Micro:
    """One operation: how the kernel says it, and what numpy says."""

    apply: Callable[..., Any]
    """Takes the tiles, returns the result."""
    expect: Callable[..., Any]
    """Takes the arrays, returns the values."""
    operands: int = 1
    out_shape: Callable[[int, int, int], tuple[int, int]] = lambda rows, cols, _: (rows, cols)
    out_dtype: str = ""
    """Type of the result; that of the operands if empty."""


_COLUMN = {"out_shape": lambda rows, cols, _: (rows, 1)}
_ROW = {"out_shape": lambda rows, cols, _: (1, cols)}
OPS = {
    "add": Micro(pl.add, np.add, 2),
    "sub": Micro(pl.sub, np.subtract, 2),
    "mul": Micro(pl.mul, np.multiply, 2),
    "div": Micro(pl.div, np.divide, 2),
    "exp": Micro(pl.exp, np.exp),
    "sqrt": Micro(pl.sqrt, np.sqrt),
    "abs": Micro(pl.abs, np.abs),
    "adds": Micro(lambda x: pl.add(x, 1.0), lambda x: x + x.dtype.type(1)),
    "divs": Micro(lambda x: pl.div(x, 3.0), lambda x: x / x.dtype.type(3)),
    "cast": Micro(
        lambda x: pl.cast(x, target_type=pl.FP16, mode="rint"),
        lambda x: x.astype(np.float16),
        out_dtype="fp16",
    ),
    "row_max": Micro(pl.row_max, lambda x: x.max(axis=1, keepdims=True), **_COLUMN),
    "row_sum": Micro(pl.row_sum, lambda x: x.sum(axis=1, keepdims=True), **_COLUMN),
    "col_sum": Micro(pl.col_sum, lambda x: x.sum(axis=0, keepdims=True), **_ROW),
    "col_max": Micro(pl.col_max, lambda x: x.max(axis=0, keepdims=True), **_ROW),
    "transpose": Micro(
        lambda x: pl.transpose(x, 0, 1),
        lambda x: x.T,
        out_shape=lambda rows, cols, _: (cols, rows),
    ),
    "load": Micro(lambda x: x, lambda x: x),
    "matmul": Micro(pl.matmul, np.matmul, 2, out_dtype="acc"),
}


@dataclass(frozen=True)
class Tiling:
    """The operation and its shape."""

    op: str = "add"
    rows: int = 64
    cols: int = 64
    depth: int = 0
    """Inner extent of a product; 0 for other operations."""
    dtype: str = "fp32"


def operand_shapes(t: Tiling) -> list[tuple[int, int]]:
    """Shapes of the operands."""
    if t.op == "matmul":
        return [(t.rows, t.depth), (t.depth, t.cols)]
    return [(t.rows, t.cols)] * OPS[t.op].operands


def out_dtype(t: Tiling) -> Any:
    """Type of the result."""
    name = OPS[t.op].out_dtype or t.dtype
    if name == "acc":
        return pl.INT32 if t.dtype.startswith(("int", "uint")) else pl.FP32
    return DTYPES[name]


def build_kernel(t: Tiling) -> Any:
    """The kernel for one operation."""
    micro, shapes = OPS[t.op], operand_shapes(t)

    @pl.jit
    def vector_micro(*tensors):
        *operands, out = tensors
        with pl.at(level=pl.Level.CORE_GROUP, name_hint=t.op):
            tiles = [
                pl.slice(operand, list(shape), [0, 0])
                for operand, shape in zip(operands, shapes, strict=True)
            ]
            out = pl.assemble(out, micro.apply(*tiles), [0, 0])

    return vector_micro


def golden(t: Tiling, inputs: Values) -> Values:
    """What numpy says, in the type of the result."""
    arrays = [inputs[f"x{index}"] for index in range(len(operand_shapes(t)))]
    if t.op == "matmul":
        arrays = [one.astype(out_dtype(t).numpy) for one in arrays]
    return {"out": np.asarray(OPS[t.op].expect(*arrays)).astype(out_dtype(t).numpy)}


def values(seed: int, shape: tuple[int, ...], dtype: str) -> Any:
    """Seeded values from 0.5 to 1.5, or small integers."""
    if dtype.startswith(("int", "uint")):
        return np.floor(uniform(seed, shape) * 8)
    return uniform(seed, shape) + np.float32(0.5)


def check(t: Tiling) -> None:
    """Refuse an unknown operation or type, or an empty shape.

    Raises:
        GuardError: Naming what is allowed.
    """
    if t.op not in OPS or t.dtype not in DTYPES:
        msg = (
            f"vector_micro: op {t.op!r}, dtype {t.dtype!r}; expected one of {', '.join(OPS)} and "
            f"one of {', '.join(DTYPES)}; correct them"
        )
        raise GuardError(msg)
    is_product = t.op == "matmul"
    if t.rows < 1 or t.cols < 1 or (t.depth < 1 if is_product else t.depth != 0):
        msg = (
            f"vector_micro: {t.op} of rows {t.rows}, cols {t.cols}, depth {t.depth}; expected "
            "positive rows and cols, a positive depth for matmul and 0 for others; correct them"
        )
        raise GuardError(msg)


def build(tiling: Any, options: dict[str, Any]) -> KernelCase:
    del options
    check(tiling)
    out_shape = OPS[tiling.op].out_shape(tiling.rows, tiling.cols, tiling.depth)
    operands = [
        TensorSpec(
            f"x{index}",
            shape,
            DTYPES[tiling.dtype],
            lambda index=index, shape=shape: values(index, shape, tiling.dtype),
        )
        for index, shape in enumerate(operand_shapes(tiling))
    ]
    return KernelCase(
        name="",
        variant="",
        parameters={},
        entry=build_kernel(tiling),
        specs=(*operands, TensorSpec("out", out_shape, out_dtype(tiling), is_output=True)),
        golden=lambda inputs: golden(tiling, inputs),
        compare={"out": allclose(rtol=2e-3, atol=2e-3)},
    )


KERNEL = KernelDefinition(
    name="vector_micro",
    summary="One tile operation alone on a core: elementwise, reduction, cast, transpose, product",
    variants={"one": Tiling()},
    options={},
    build=build,
)
