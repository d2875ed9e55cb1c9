"""Matrix multiplication on the cube unit (DSL_REFERENCE.md section 5.5)."""

import numpy as np

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.block import Block
from npusim.language.compute import Operand, as_tile
from npusim.language.dtypes import FP32, INT32, Array, DType, to_compute
from npusim.language.recorder import current_block
from npusim.language.values import Shape, Tile, rows_and_cols
from npusim.program import NO_INDEX, Space, Unit

_ORDER = "Floats are added up in another order: FP32 results differ in the last bits."
_MATMUL = table.add_row(
    "matmul",
    Unit.CUBE,
    "mmad",
    summary="Matrix product; FP32 or INT32 accumulation.",
    differs=_ORDER,
)
_MATMUL_ACC = table.add_row(
    "matmul_acc",
    Unit.CUBE,
    "mmad",
    summary="Matrix product added into an accumulator.",
    differs=_ORDER,
)
_FP32_EXACT = 1 << 24
_INT8_PRODUCT = 128 * 128


def matmul(
    a: Operand,
    b: Operand,
    out_dtype: DType | None = None,
    a_trans: bool = False,
    b_trans: bool = False,
) -> Tile:
    """Matrix product: FP32 from floats, INT32 from integers, whatever ``out_dtype`` says.

    Shapes: a (M, K) or (K, M) with ``a_trans``; b (K, N) or (N, K) with ``b_trans``; leading axes
    broadcast → (..., M, N) in L0C. The valid region is (rows of a, columns of b) that are valid.
    A vector a (K,) is one row, b (K,) one column.

    Raises:
        KernelError: If an extent or a type does not fit.
    """
    del out_dtype  # type information of the front end; the cube decides (section 5.5)
    block = current_block("matmul")
    left, right = as_tile(block, a, "matmul"), as_tile(block, b, "matmul")
    product, shape = _multiply(block, "matmul", left, right, a_trans, b_trans)
    valid = _valid_product(left, right, a_trans, b_trans, product.shape)
    in0, in1 = block.operand(left, Space.L1, 0), block.operand(right, Space.L1, 1)
    site = block.recorder.site()
    dtype = FP32 if left.dtype.is_float else INT32
    tile = block.new_tile(product, dtype, Space.L0C, site)
    tile.valid = valid
    tiles = (tile.storage.tile_id, in0, in1, NO_INDEX)
    block.emit(_MATMUL, (left.dtype, dtype), shape, tiles, site=site)
    return tile


def matmul_acc(
    acc: Tile,
    a: Operand,
    b: Operand,
    a_trans: bool = False,
    b_trans: bool = False,
    init_cond: bool | None = None,
) -> Tile:
    """``acc + a @ b``, in the accumulator; ``init_cond`` true overwrites it instead.

    Shapes: acc (..., M, N); a, b as for ``matmul`` → acc, with its valid region.

    Raises:
        KernelError: If a shape or a type does not fit, or ``acc`` is not in L0C.
    """
    block = current_block("matmul_acc")
    if not isinstance(acc, Tile):
        msg = (
            f"{block.recorder.where()}: pl.matmul_acc into {acc!r}; expected a tile that pl.matmul "
            "or pl.create_tensor made in this scope"
        )
        raise KernelError(msg)
    left, right = as_tile(block, a, "matmul_acc"), as_tile(block, b, "matmul_acc")
    product, shape = _multiply(block, "matmul_acc", left, right, a_trans, b_trans)
    is_alike = product.shape == acc.shape or _core(product.shape) == _core(acc.shape)
    if not is_alike or product.dtype != acc.array.dtype:
        msg = (
            f"{block.recorder.where()}: pl.matmul_acc of {list(product.shape)} {product.dtype} "
            f"into an accumulator {list(acc.shape)} {acc.dtype}; expected the same shape and type"
        )
        raise KernelError(msg)
    in0, in1 = block.operand(left, Space.L1, 0), block.operand(right, Space.L1, 1)
    target = block.accumulator(acc)
    if not init_cond:
        product += acc.array.reshape(product.shape)  # fresh, so it may take the sum
    tiles = (target, in0, in1, target)
    block.emit(_MATMUL_ACC, (left.dtype, acc.dtype), shape, tiles, site=block.recorder.site())
    valid = acc.valid
    if init_cond:
        valid = _valid_product(left, right, a_trans, b_trans, product.shape)
    result = acc.alias(product.reshape(acc.shape), valid)
    result.storage.full = result.array
    return result


def _multiply(
    block: Block,
    name: str,
    left: Tile,
    right: Tile,
    a_trans: bool,
    b_trans: bool,
) -> tuple[Array, tuple[int, int, int]]:
    """The product and its (m, n, k)."""
    a, b = _oriented(left, left.array, a_trans, 0), _oriented(right, right.array, b_trans, -1)
    if a.shape[-1] != b.shape[-2]:
        msg = (
            f"{block.recorder.where()}: pl.{name} of a {list(a.shape)} and b {list(b.shape)}"
            f"{' after transposing' if a_trans or b_trans else ''}; "
            f"expected the inner extents to agree, got {a.shape[-1]} and {b.shape[-2]}"
        )
        raise KernelError(msg)
    if left.dtype.is_float != right.dtype.is_float:
        msg = (
            f"{block.recorder.where()}: pl.{name} of {left.dtype} and {right.dtype}; "
            "expected two float or two integer types"
        )
        raise KernelError(msg)
    try:
        if left.dtype.is_float:
            wide = a if left.dtype is FP32 else _oriented(left, _wide(left), a_trans, 0)
            other = b if right.dtype is FP32 else _oriented(right, _wide(right), b_trans, -1)
            product = np.matmul(wide, other)
        else:
            product = _integer_product(left.dtype, right.dtype, a, b)
    except ValueError as error:
        msg = (
            f"{block.recorder.where()}: pl.{name} of a {list(a.shape)} and b {list(b.shape)}; "
            "expected leading axes that broadcast"
        )
        raise KernelError(msg) from error
    rows, cols = rows_and_cols(product.shape)
    return product, (rows, cols, a.shape[-1])


def _oriented(tile: Tile, array: Array, transposed: bool, axis: int) -> Array:
    """``array`` as a matrix; a vector gets a unit ``axis``, 0 for a row and -1 for a column."""
    if len(tile.shape) < 2:
        return np.expand_dims(array.reshape(-1), axis)
    return array.swapaxes(-1, -2) if transposed else array


def _core(shape: Shape) -> Shape:
    """``shape`` without leading unit axes."""
    first = next((axis for axis, n in enumerate(shape) if n != 1), len(shape))
    return shape[first:]


def _valid_product(
    left: Tile, right: Tile, a_trans: bool, b_trans: bool, shape: Shape
) -> Shape | None:
    """The valid rows of a and columns of b (section 5.5); ``None`` where that is everything."""
    if left.valid is None and right.valid is None:
        return None
    a, b = left.valid or left.shape, right.valid or right.shape
    rows = shape[-2] if len(a) < 2 else a[-1 if a_trans else -2]
    cols = shape[-1] if len(b) < 2 else b[-2 if b_trans else -1]
    valid = (*shape[:-2], rows, cols)
    return None if valid == shape else valid


def _wide(tile: Tile) -> Array:
    """FP32 values of a tile, kept: the same tile often feeds several products."""
    if tile.widened is None or tile.widened_at != tile.storage.writes:
        tile.widened = tile.array
        if tile.dtype is not FP32:
            tile.widened = to_compute(tile.array).astype(np.float32, copy=False)
        tile.widened_at = tile.storage.writes
    return tile.widened


def _integer_product(a_type: DType, b_type: DType, a: Array, b: Array) -> Array:
    """Exact INT32 product through the float BLAS, which is 30x faster than numpy's integers.

    FP32 holds INT8 sums exactly up to 2**24, that is K <= 1024; FP64 up to 2**53.
    """
    is_int8 = a_type.nbytes == b_type.nbytes == 1
    is_small = is_int8 and a.shape[-1] * _INT8_PRODUCT <= _FP32_EXACT
    wide = np.float32 if is_small else np.float64
    product: Array = np.matmul(a.astype(wide), b.astype(wide)).astype(np.int32)
    return product
