"""Refusals of operations in a scope: where, what is wrong with the value, what was expected."""

from collections.abc import Callable
from typing import Any

import pytest

import npusim.language as pl
from tests.refusals import SCOPE, in_scope, refuse, tile, vec

VECTOR_OPS: dict[str, tuple[Callable[..., Any], str]] = {
    "add of shapes": (
        lambda x: pl.add(x, tile(3, 8)),
        r"pl\.add of \[4, 8\] and \[3, 8\]; expected shapes that broadcast along trailing axes$",
    ),
    "add of a string": (
        lambda x: pl.add(x, "1"),
        r"pl\.add got str '1'; expected a tile or a tensor$",
    ),
    "fraction on integers": (
        lambda x: pl.mul(tile(4, 8, dtype=pl.INT32), 0.5),
        r"pl\.mul of 0\.5 as INT32; expected a number that INT32 holds; cast the tile, or round",
    ),
    "out of range": (
        lambda x: tile(4, 8, dtype=pl.INT8) + 300,
        r"pl\.add of 300 as INT8; expected a number that INT8 holds; ",
    ),
    "nan on integers": (
        lambda x: pl.maximum(tile(4, 8, dtype=pl.INT32), float("nan")),
        r"pl\.maximum of nan as INT32; expected a number that INT32 holds; ",
    ),
    "full": (lambda x: pl.full([4, 8], pl.UINT8, -1), r"pl\.full of -1 as UINT8; expected a num"),
    "full of text": (lambda x: pl.full([4, 8], pl.FP32, "a"), r"pl\.full of 'a' as FP32; expected"),
    "init value": (
        lambda x: pl.create_tensor([4], pl.INT8, init_value=1.5),
        r"pl\.create_tensor of 1\.5 as INT8; expected a number that INT8 holds; ",
    ),
    "write": (
        lambda x: pl.write(tile(1, 8, dtype=pl.INT8), [0, 0], 128),
        r"pl\.write of 128 as INT8; expected a number that INT8 holds; ",
    ),
    "cmp mode": (lambda x: pl.cmp(x, x, 6), r"pl\.cmp with cmp_type 6; expected 0 to 5$"),
    "truth of a tile": (
        lambda x: 1 if pl.neg(x) > 0.0 else 2,
        r"the truth value of Tile\(\[4, 8\], FP32\); expected a number in a condition; read an el",
    ),
    "row_expand_mul": (
        lambda x: pl.row_expand_mul(x, tile(1, 8)),
        r"pl\.row_expand_mul of x \[4, 8\] and v \[1, 8\]; expected v \[4, 1\]$",
    ),
    "col_expand_mul": (
        lambda x: pl.col_expand_mul(x, tile(4, 1)),
        r"pl\.col_expand_mul of x \[4, 8\] and v \[4, 1\]; expected v \[1, 8\]$",
    ),
    "row_expand": (
        lambda x: pl.row_expand(x, tile(3, 1)),
        r"pl\.row_expand of \[3, 1\] to \[4, 8\]; expected a vector that broadcasts to it$",
    ),
    "concat": (
        lambda x: pl.concat(x, tile(3, 8)),
        r"pl\.concat of \[4, 8\] and \[3, 8\]; expected equal leading axes$",
    ),
    "cast mode": (
        lambda x: pl.cast(x, pl.BF16, mode="up"),
        r"pl\.cast to pl\.BF16 with mode 'up'; expected a type such as pl\.BF16 and",
    ),
    "cast type": (
        lambda x: pl.cast(x, "BF16"),
        r"pl\.cast to 'BF16' with mode 'round'; expected a type such as pl\.BF16 and one of none,",
    ),
    "fillpad": (
        lambda x: pl.fillpad(x, 0),
        r"pl\.fillpad with 0; expected a pl\.PadValue$",
    ),
    "gather selectors": (
        pl.gather,
        r"pl\.gather got neither of mask_pattern and index; expected one of them$",
    ),
    "gather both": (
        lambda x: pl.gather(x, tile(4, 1, dtype=pl.INT32), mask_pattern=pl.MaskPattern.P0101),
        r"pl\.gather got both of mask_pattern and index; expected one of them$",
    ),
    "gather columns": (
        lambda x: pl.gather(tile(2, 7), mask_pattern=pl.MaskPattern.P0101),
        r"pl\.gather by P0101 of Tile\(\[2, 7\], FP32\); expected columns divisible by 2; pad the",
    ),
    "gather width": (
        lambda x: pl.gather(x, mask_pattern=pl.MaskPattern.P0101, output_dtype=pl.INT8),
        r"pl\.gather reinterprets FP32 as INT8; expected types of the same width; use pl\.cast",
    ),
    "gather index type": (
        lambda x: pl.gather(x, tile(4, 1)),
        r"pl\.gather with index Tile\(\[4, 1\], FP32\); expected an integer type; cast the index$",
    ),
    "gather index range": (
        lambda x: pl.gather(x, pl.full([4, 1], pl.INT32, 8)),
        r"pl\.gather with index 8; expected 0 to 7$",
    ),
    "gather negative index": (
        lambda x: pl.gather(x, pl.full([4, 1], pl.INT32, -2)),
        r"pl\.gather with index -2; expected 0 to 7$",
    ),
    "gather rows": (
        lambda x: pl.gather(x, tile(3, 2, dtype=pl.INT32)),
        r"pl\.gather of Tile\(\[4, 8\], FP32\) with index Tile\(\[3, 2\], INT32\); expected equal ",
    ),
    "scatter form": (
        lambda x: pl.scatter(x, mask_pattern=pl.MaskPattern.P0101),
        r"pl\.scatter of Tile\(\[4, 8\], FP32\) without a target; expected mask_pattern and dst, ",
    ),
    "scatter shape": (
        lambda x: pl.scatter(x, mask_pattern=pl.MaskPattern.P0101, dst=tile(4, 8)),
        r"pl\.scatter of Tile\(\[4, 8\], FP32\) by P0101 into Tile\(\[4, 8\], FP32\); expected \[4",
    ),
    "scatter src": (
        lambda x: pl.scatter(pl.neg(x), index=tile(4, 2, dtype=pl.INT32), src=tile(4, 1)),
        r"pl\.scatter of src Tile\(\[4, 1\], FP32\) at index Tile\(\[4, 2\], INT32\) into ",
    ),
}
MOVEMENT: dict[str, tuple[Callable[..., Any], str]] = {
    "slice rank": (
        lambda x: pl.slice(x, [4], [0]),
        r"pl\.slice of Tensor\(x0, \[4, 8\], FP32\) with shape \[4\], offset \[0\]; expected 2 en",
    ),
    "slice valid rank": (
        lambda x: pl.slice(x, [4, 8], [0, 0], valid_shape=[4]),
        r"pl\.slice of Tensor\(x0, .* with shape \[4, 8\], offset \[0, 0\], valid_shape \[4\]; exp",
    ),
    "slice bounds": (
        lambda x: pl.slice(x, [4, 4], [0, 6]),
        r"pl\.slice of Tensor\(x0, \[4, 8\], FP32\) takes \[6, 10\) of axis 1; expected it within "
        r"\[0, 8\); mark the rest with valid_shape$",
    ),
    "slice before": (
        lambda x: x[-1:2, :],
        r"pl\.slice of Tensor\(x0, \[4, 8\], FP32\) takes \[-1, 2\) of axis 0; expected it within ",
    ),
    "slice of a tile": (
        lambda x: pl.slice(pl.neg(x), [4, 9], [0, 0]),
        r"pl\.slice of Tile\(\[4, 8\], FP32\) takes \[0, 9\) of axis 1; expected it within \[0, ",
    ),
    "negative valid shape": (
        lambda x: pl.slice(x, [4, 8], [0, 0], valid_shape=[-1, 8]),
        r"pl\.slice of .* takes \[0, -1\) of axis 0; expected it within \[0, 4\); ",
    ),
    "subscript step": (lambda x: x[0:4:2, :], r"subscript with step 2; expected none$"),
    "subscript count": (
        lambda x: x[0, 0, 0],
        r"3 subscripts of a value with shape \[4, 8\]; expected at most 2$",
    ),
    "subscript type": (
        lambda x: x[..., 0:1],
        r"subscript Ellipsis; expected integers and slices of integers$",
    ),
    "subscript bound type": (
        lambda x: x[0:1.5, :],
        r"subscript 1\.5; expected integers and slices of integers$",
    ),
    "element type": (
        lambda x: x[0, "a"],
        r"subscript 'a'; expected integers and slices of integers$",
    ),
    "assigned shape": (
        lambda x: x.__setitem__((slice(0, 2), slice(0, 8)), tile(4, 8)),
        r"\[4, 8\] assigned to a region \[2, 8\] of Tensor\(x0, \[4, 8\], FP32\); expected the sa",
    ),
    "reshape": (
        lambda x: pl.reshape(x, [5, 8]),
        r"pl\.reshape of \[4, 8\] to \[5, 8\]; expected 32 elements$",
    ),
    "reshape of a region": (
        lambda x: pl.reshape(pl.slice(x, [4, 8], [0, 0], valid_shape=[3, 5]), [8, 4]),
        r"pl\.reshape of a tile \[4, 8\] with valid region \[3, 5\] to \[8, 4\]; the region has no",
    ),
    "transpose axes": (
        lambda x: pl.transpose(x, 0, 2),
        r"pl\.transpose of axes 0 and 2 of Tensor\(x0, \[4, 8\], FP32\); expected axes from 0 ",
    ),
    "set_validshape": (
        lambda x: pl.set_validshape(pl.neg(x), 5, 8),
        r"pl\.set_validshape to \(5, 8\) of a tile \[4, 8\]; expected at most its shape$",
    ),
    "read index": (
        lambda x: pl.read(x, [4, 0]),
        r"element \[4, 0\] of Tensor\(x0, \[4, 8\], FP32\); expected 2 indices within its shape$",
    ),
    "read rank": (
        lambda x: pl.read(x, [0]),
        r"element \[0\] of Tensor\(x0, \[4, 8\], FP32\); expected 2 indices within its shape$",
    ),
    "flat index": (
        lambda x: pl.read(x, 32),
        r"flat element 32 of Tensor\(x0, \[4, 8\], FP32\); expected 0 to 31$",
    ),
    "tile index": (
        lambda x: pl.read(pl.neg(x), [0, -1]),
        r"element \[0, -1\] of Tile\(\[4, 8\], FP32\); expected it within the shape$",
    ),
    "assemble type": (
        lambda x: pl.assemble(x, tile(1, 8, dtype=pl.BF16), [0, 0]),
        r"pl\.assemble of BF16 into Tensor\(x0, \[4, 8\], FP32\); expected the same type; cast the",
    ),
    "assemble bounds": (
        lambda x: pl.assemble(x, tile(2, 8), [3, 0]),
        r"pl\.assemble writes \[3, 5\) of axis 0 of Tensor\(x0, \[4, 8\], FP32\); expected it ",
    ),
    "assemble rank": (
        lambda x: pl.assemble(x, tile(2, 2, 8), [0, 0]),
        r"pl\.assemble of \[2, 2, 8\] at \[0, 0\] into Tensor\(x0, \[4, 8\], FP32\); expected 2 ",
    ),
    "atomic on a tile": (
        lambda x: pl.assemble(tile(4, 8), tile(1, 8), [0, 0], atomic=pl.AtomicType.Add),
        r"atomic store into Tile\(\[4, 8\], FP32\); expected a tensor$",
    ),
}
CUBE: dict[str, tuple[Callable[..., Any], str]] = {
    "inner extents": (
        lambda x: pl.matmul(x, x),
        r"pl\.matmul of a \[4, 8\] and b \[4, 8\]; expected the inner extents to agree, got 8 ",
    ),
    "inner extents transposed": (
        lambda x: pl.matmul(x, x, a_trans=True, b_trans=True),
        r"pl\.matmul of a \[8, 4\] and b \[8, 4\] after transposing; expected the inner extents ",
    ),
    "mixed types": (
        lambda x: pl.matmul(x, tile(8, 4, dtype=pl.INT8)),
        r"pl\.matmul of FP32 and INT8; expected two float or two integer types$",
    ),
    "batch axes": (
        lambda x: pl.matmul(tile(2, 4, 8), tile(3, 8, 4)),
        r"pl\.matmul of a \[2, 4, 8\] and b \[3, 8, 4\]; expected leading axes that broadcast$",
    ),
    "accumulator shape": (
        lambda x: pl.matmul_acc(pl.create_tensor([8, 4], pl.FP32), x, x, b_trans=True),
        r"pl\.matmul_acc of \[4, 4\] float32 into an accumulator \[8, 4\] FP32; expected the same",
    ),
    "accumulator tensor": (
        lambda x: pl.matmul_acc(x, x, x, b_trans=True),
        r"pl\.matmul_acc into Tensor\(x0, \[4, 8\], FP32\); expected a tile that pl\.matmul or ",
    ),
    "accumulator in UB": (
        lambda x: pl.matmul_acc(tile(4, 4), x, x, b_trans=True),
        r"the accumulator of pl\.matmul_acc comes from UB; expected a tile that pl\.matmul or pl\.",
    ),
    "accumulator loaded": (
        lambda x: pl.matmul_acc(pl.slice(x, [4, 4], [0, 0]), x, x, b_trans=True),
        r"the accumulator of pl\.matmul_acc comes from memory; expected a tile that pl\.matmul or ",
    ),
    "L1 to UB": (
        lambda x: pl.exp(pl.create_tile([4, 4], pl.FP32, pl.MemorySpace.Mat)),
        r"a tile in L1 cannot move to UB; load it from global memory where the vector unit needs",
    ),
}
SCOPES: dict[str, tuple[Callable[..., Any], str]] = {
    "nested at": (
        lambda x: pl.at(name_hint="inner").__enter__(),
        r"scope inner opens inside scope op, task 0, block 0; expected scopes side by side; close ",
    ),
    "nested spmd": (
        lambda x: pl.spmd(2, name_hint="inner"),
        r"scope inner opens inside scope op, task 0, block 0; expected scopes side by side; close ",
    ),
    "nested dummy": (
        lambda x: pl.system.task_dummy(),
        r"scope task_dummy opens inside scope op, task 0, block 0; expected scopes side by side; ",
    ),
    "loop step": (
        lambda x: pl.range(0, 4, 0),
        r"loop from 0 to 4 in steps of 0; expected integers and a step other than 0$",
    ),
    "loop bound": (
        lambda x: pl.parallel(2.5),
        r"loop from 0 to 2\.5 in steps of 1; expected integers and a step other than 0$",
    ),
    "stage": (
        lambda x: pl.pipeline(4, stage=0),
        r"pl\.pipeline stage is 0; expected 1 to 255$",
    ),
}


@pytest.mark.parametrize(
    ("body", "match"),
    [
        pytest.param(*case, id=name)
        for name, case in {**VECTOR_OPS, **MOVEMENT, **CUBE, **SCOPES}.items()
    ],
)
def test_refusals_inside_a_scope(body: Callable[..., Any], match: str) -> None:
    refuse(in_scope(body), SCOPE + match, vec())
