"""Every row of the op table against numpy: values, unit, cost key, counted shape, tiles."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import npusim.language as pl
from npusim.language.table import op_row, op_rows
from npusim.program import NO_INDEX, Program, Space, Unit

RNG = np.random.default_rng(7)


def grid(*shape: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    return RNG.uniform(low, high, shape).astype(np.float32)


def whole(*shape: int) -> np.ndarray:
    """Small integers: every order of summing them is exact."""
    return RNG.integers(-4, 5, shape).astype(np.float32)


A, B = grid(3, 8), grid(3, 8)
P = grid(3, 8, low=0.25, high=4.0)
COL, ROW = grid(3, 1, low=0.5, high=2.0), grid(1, 8, low=0.5, high=2.0)
INTS = RNG.integers(-50, 50, (3, 8)).astype(np.int32)
PICK = RNG.integers(0, 8, (3, 4)).astype(np.int32)
PLACES = np.array([[0, 5], [7, 2], [3, 4]], np.int32)
LEFT, RIGHT = whole(16, 32), whole(32, 8)


@dataclass(frozen=True)
class Case:
    """What one row does: ``call`` gets a tile per input and returns the result tile."""

    call: Callable[..., Any]
    inputs: tuple[np.ndarray, ...]
    expected: np.ndarray
    unit: Unit
    cost_key: str
    shape: tuple[int, int, int] | None = None
    """Counted rows, columns, depth; those of the result unless given."""


def vector(call: Any, inputs: Any, expected: Any, key: str, shape: Any = None) -> Case:
    return Case(call, inputs, np.asarray(expected), Unit.VECTOR, key, shape)


def scattered(x: np.ndarray, index: np.ndarray, values: np.ndarray) -> np.ndarray:
    result = x.copy()
    for row in range(len(index)):
        result[row, index[row]] = values[row]
    return result


def spread(x: np.ndarray) -> np.ndarray:
    result = np.zeros((3, 16), np.float32)
    result[:, 1::2] = x
    return result


def pasted(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    result = x.copy()
    result[1:3, 2:6] = y
    return result


def pairs(values: np.ndarray, labels: np.ndarray, run: int) -> np.ndarray:
    """Runs of ``run`` (value, index bits) pairs, each run in descending order of values."""
    rows = []
    for row in values:
        lanes: list[float] = []
        for start in range(0, len(row), run):
            chunk = list(zip(row[start : start + run], labels[start : start + run], strict=True))
            for value, label in sorted(chunk, key=lambda pair: -pair[0]):
                lanes += [value, label.view(np.float32)]
        rows.append(lanes)
    return np.array(rows, np.float32)


LABELS = np.arange(128, dtype=np.uint32)
KEYS = RNG.permutation(128).astype(np.float32)[None]
UNARY = {
    "neg": (pl.neg, A, -A, "unary_scalar"),
    "abs": (pl.abs, A, np.abs(A), "unary_scalar"),
    "exp": (pl.exp, A, np.exp(A), "exp"),
    "log": (pl.log, P, np.log(P), "log"),
    "sqrt": (pl.sqrt, P, np.sqrt(P), "sqrt"),
    "rsqrt": (pl.rsqrt, P, np.float32(1) / np.sqrt(P), "rsqrt"),
    "recip": (pl.recip, P, np.float32(1) / P, "recip"),
    "sin": (pl.sin, A, np.sin(A), "trig"),
    "cos": (pl.cos, A, np.cos(A), "trig"),
}
BINARY = {
    "add": (pl.add, A + B, A + np.float32(1.5), "binary", "scalar_operand"),
    "sub": (pl.sub, A - B, A - np.float32(1.5), "binary", "scalar_operand"),
    "mul": (pl.mul, A * B, A * np.float32(1.5), "mul", "scalar_operand"),
    "div": (pl.div, A / B, A / np.float32(1.5), "div", "div_scalar"),
    "maximum": (pl.maximum, np.fmax(A, B), np.fmax(A, 1.5), "binary", "scalar_operand"),
    "minimum": (pl.minimum, np.fmin(A, B), np.fmin(A, 1.5), "binary", "scalar_operand"),
    "fmod": (pl.fmod, np.fmod(A, B), np.fmod(A, np.float32(1.5)), "fmod", "fmod"),
}
EXPAND = {
    "add": (lambda x, v: x + v, "expand_binary"),
    "sub": (lambda x, v: x - v, "expand_binary"),
    "mul": (lambda x, v: x * v, "expand_binary"),
    "div": (lambda x, v: x / v, "expand_div"),
    "expdif": (lambda x, v: np.exp(x - v), "expand_expdif"),
}
REDUCE = {
    "row_sum": (A, A.sum(axis=1, keepdims=True)),
    "row_max": (A, A.max(axis=1, keepdims=True)),
    "row_min": (A, A.min(axis=1, keepdims=True)),
    "row_argmax": (A, A.argmax(axis=1, keepdims=True).astype(np.int32)),
    "col_sum": (A, A.sum(axis=0, keepdims=True)),
    "col_max": (A, A.max(axis=0, keepdims=True)),
    "col_min": (A, A.min(axis=0, keepdims=True)),
}

CASES: dict[str, Case] = {
    **{n: vector(f, (x,), want, key) for n, (f, x, want, key) in UNARY.items()},
    **{n: vector(f, (A, B), want, key) for n, (f, want, _, key, _) in BINARY.items()},
    **{
        f"{n}s": vector(lambda x, f=f: f(x, 1.5), (A,), np.float32(want), key)
        for n, (f, _, want, _, key) in BINARY.items()
    },
    **{
        f"{axis}_expand_{n}": vector(
            getattr(pl, f"{axis}_expand_{n}"), (A, v), f(A, v), f"{axis}_{key}"
        )
        for n, (f, key) in EXPAND.items()
        for axis, v in (("row", COL), ("col", ROW))
    },
    **{n: vector(getattr(pl, n), (x,), want, n, (3, 8, 0)) for n, (x, want) in REDUCE.items()},
    "row_expand": vector(pl.row_expand, (A, COL), COL + 0 * A, "row_expand"),
    "col_expand": vector(pl.col_expand, (A, ROW), ROW + 0 * A, "copy"),
    "cmp": vector(lambda x, y: pl.cmp(x, y, 4), (A, B), np.float32(A > B), "compare"),
    "cmps": vector(lambda x: pl.cmp(x, 0.5, 2), (A,), np.float32(A < 0.5), "compare"),
    "cast": vector(lambda x: pl.cast(x, pl.INT32, mode="trunc"), (A,), np.int32(A), "cast"),
    "full": vector(lambda: pl.full([3, 8], pl.FP32, 2.5), (), np.full((3, 8), 2.5, "f4"), "dup"),
    "arange": vector(lambda: pl.arange(4, [1, 8]), (), np.arange(4, 12, dtype="i4")[None], "dup"),
    "concat": vector(pl.concat, (A, P), np.hstack([A, P]), "copy"),
    "fillpad": vector(lambda x: pl.fillpad(x[:, :]), (A,), A, "dup"),
    "transpose": vector(lambda x: pl.transpose(x, 0, 1), (A,), A.T.copy(), "transpose"),
    "gather": vector(
        lambda x: pl.gather(x, mask_pattern=pl.MaskPattern.P1010), (A,), A[:, 1::2], "gather"
    ),
    "gather_index": vector(pl.gather, (A, PICK), np.take_along_axis(A, PICK, 1), "gather_index"),
    "scatter": vector(
        lambda x, d: pl.scatter(x, mask_pattern=pl.MaskPattern.P1010, dst=d),
        (A, np.zeros((3, 16), np.float32)),
        spread(A),
        "scatter",
        (3, 8, 0),
    ),
    "scatter_index": vector(
        lambda x, i, s: pl.scatter(x, index=i, src=s),
        (A, PLACES, B[:, :2].copy()),
        scattered(A, PLACES, B[:, :2]),
        "scatter",
        (3, 2, 0),
    ),
    "assemble": vector(
        lambda x, y: pl.assemble(x, y, [1, 2]),
        (A, B[:2, :4].copy()),
        pasted(A, B[:2, :4]),
        "copy",
        (2, 4, 0),
    ),
    "expands": vector(lambda x: pl.tile.expands(x, 2.5), (A,), np.full_like(A, 2.5), "dup"),
    "sort32": vector(
        pl.sort32, (KEYS, LABELS[None]), pairs(KEYS, LABELS, 32), "sort32", (1, 128, 0)
    ),
    "mrgsort": vector(
        lambda x: pl.mrgsort(x, block_len=64),
        (pairs(KEYS, LABELS, 32),),
        pairs(KEYS, LABELS, 128),
        "mrgsort",
    ),
    "matmul": Case(pl.matmul, (LEFT, RIGHT), LEFT @ RIGHT, Unit.CUBE, "mmad", (16, 8, 32)),
    "matmul_acc": Case(
        lambda a, b: pl.matmul_acc(pl.matmul(a, b), a, b),
        (LEFT, RIGHT),
        LEFT @ RIGHT + LEFT @ RIGHT,
        Unit.CUBE,
        "mmad",
        (16, 8, 32),
    ),
}
MOVES = {
    "load": Unit.MOVE,
    "store": Unit.MOVE,
    "cube_to_vector": Unit.MOVE,
    "vector_to_cube": Unit.MOVE,
    "acc_to_l1": Unit.MOVE,
    "scalar_read": Unit.SCALAR,
    "scalar_write": Unit.SCALAR,
}
"""Rows without a cost key; tested in test_language_block.py and test_language_scalar.py."""


def run(case: Case) -> tuple[Program, np.ndarray]:
    arrays = {f"x{i}": x.copy() for i, x in enumerate(case.inputs)}
    out = np.zeros(case.expected.shape, case.expected.dtype)

    def kernel(*handles: pl.Tensor) -> None:
        with pl.at(name_hint="op"):
            tiles = [pl.slice(x, x.shape, [0] * len(x.shape)) for x in handles[:-1]]
            pl.assemble(handles[-1], case.call(*tiles), [0] * out.ndim)

    return pl.record(kernel, {**arrays, "out": out}, outputs={"out"}), out


def test_every_row_has_a_case() -> None:
    assert {row.kind.name for row in op_rows()} == {*CASES, *MOVES}


@pytest.mark.parametrize("name", sorted(CASES))
def test_values_equal_numpy(name: str) -> None:
    _, out = run(CASES[name])
    np.testing.assert_array_equal(out, CASES[name].expected)


@pytest.mark.parametrize("name", sorted(CASES))
def test_row_is_recorded_with_its_unit_cost_key_shape_and_tiles(name: str) -> None:
    case = CASES[name]
    program, _ = run(case)
    kind = program.op_kinds[program.kind_index(name)]
    assert (kind.unit, kind.cost_key) == (case.unit, case.cost_key)
    ops = program.block_ops(0)
    (op,) = ops[ops["kind"] == program.kind_index(name)]
    expected = case.shape or (*case.expected.shape, 0)
    assert (op["rows"], op["cols"], op["depth"]) == expected
    tiles = program.block_tiles(0)
    space = Space.L0C if case.unit is Unit.CUBE else Space.UB
    assert tiles[op["out"]]["space"] == space
    source = Space.L1 if case.unit is Unit.CUBE else Space.UB
    loaded = [load["out"] for load in ops[ops["kind"] == program.kind_index("load")]]
    operands = [op[column] for column in ("in0", "in1", "in2")]
    read = [tile for tile in operands if tile not in (NO_INDEX, op["out"])]
    assert [tiles[tile]["space"] for tile in read] == [source] * len(read)
    assert set(read) <= set(loaded)
    assert program.sites[op["site"]].startswith("test_language_ops.py:")


@pytest.mark.parametrize("name", sorted(MOVES))
def test_moves_and_scalar_accesses_have_no_cost_key(name: str) -> None:
    kind = op_row(name).kind
    assert (kind.unit, kind.cost_key) == (MOVES[name], "")


@pytest.mark.parametrize("name", [n for n in sorted(CASES) if op_row(n).function is not None])
def test_summary_is_a_sentence(name: str) -> None:
    assert op_row(name).summary.endswith(".")


def apply(call: Callable[..., Any], *inputs: np.ndarray, dtype: Any = np.float32) -> np.ndarray:
    """The values of one operation, at the shape it makes."""
    kept: list[np.ndarray] = []

    def kernel(*handles: pl.Tensor) -> None:
        with pl.at(name_hint="op"):
            kept.append(call(*handles).array.copy())

    pl.record(kernel, {f"x{i}": x for i, x in enumerate(inputs)})
    assert kept[0].dtype == dtype
    return kept[0]


@pytest.mark.parametrize(
    ("x", "y", "dtype"),
    [
        (np.float32, np.float16, np.float32),
        (np.float16, np.int32, np.float16),
        (np.int8, np.int32, np.int32),
        (np.uint32, np.int32, np.int32),
        (ml_dtypes.bfloat16, np.float32, np.float32),
        (ml_dtypes.bfloat16, ml_dtypes.bfloat16, ml_dtypes.bfloat16),
    ],
)
def test_result_type_is_promoted(x: Any, y: Any, dtype: Any) -> None:
    got = apply(pl.add, np.ones((2, 4), x), np.ones((2, 4), y), dtype=dtype)
    np.testing.assert_array_equal(got.astype(np.float32), np.full((2, 4), 2.0))


def test_bf16_arithmetic_runs_in_fp32_and_rounds_once() -> None:
    # 1 + 2**-9 needs 10 bits: BF16 holds 8, so the sum is a tie and goes to the even 1.
    # 3 * (1 + 2**-7) = 3.0234375 lies half-way between 3.015625 and 3.03125, and 3.03125 is even.
    x = np.array([[1.0, 1.0078125]], ml_dtypes.bfloat16)
    y = np.array([[2.0**-9, 3.0]], ml_dtypes.bfloat16)
    total = apply(pl.add, x, y, dtype=ml_dtypes.bfloat16)
    product = apply(pl.mul, x, y, dtype=ml_dtypes.bfloat16)
    assert float(total[0, 0]) == 1.0
    assert float(product[0, 1]) == 3.03125


def test_int8_matmul_accumulates_in_int32_where_int8_would_wrap() -> None:
    a, b = np.full((16, 2048), 127, np.int8), np.full((2048, 16), 127, np.int8)
    got = apply(pl.matmul, a, b, dtype=np.int32)
    assert got[0, 0] == 127 * 127 * 2048
    assert (a @ b)[0, 0] != got[0, 0]


@pytest.mark.parametrize("k", [1024, 1040])
def test_int8_matmul_is_exact_on_both_sides_of_the_fp32_limit(k: int) -> None:
    a = RNG.integers(-128, 128, (16, k)).astype(np.int8)
    b = RNG.integers(-128, 128, (k, 16)).astype(np.int8)
    got = apply(pl.matmul, a, b, dtype=np.int32)
    np.testing.assert_array_equal(got, a.astype(np.int64) @ b.astype(np.int64))


def test_bf16_matmul_accumulates_in_fp32() -> None:
    a = np.full((16, 512), 1.0, ml_dtypes.bfloat16)
    b = np.full((512, 16), 1.0, ml_dtypes.bfloat16)
    assert apply(pl.matmul, a, b)[0, 0] == 512.0


def test_integer_sums_wrap_as_the_vector_unit_does() -> None:
    x = np.full((1, 8), 100, np.int8)
    assert apply(pl.row_sum, x, dtype=np.int8)[0, 0] == np.int8(800 - 768)


@pytest.mark.parametrize("name", ["zero", "min", "max"])
@pytest.mark.parametrize(
    "dtype",
    [np.float32, np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, np.int8, np.bool_],
)
def test_fillpad_writes_finite_limits(name: str, dtype: Any) -> None:
    x = np.ones((2, 4), dtype)
    pad = pl.PadValue[name]
    got = apply(
        lambda t: pl.fillpad(pl.slice(t, [2, 4], [0, 0], valid_shape=[2, 3]), pad), x, dtype=dtype
    )
    if dtype is np.bool_:
        limits = {"zero": False, "min": False, "max": True}
    else:
        info = ml_dtypes.finfo if got.dtype.kind in "fV" else np.iinfo
        limits = {"zero": 0, "min": info(dtype).min, "max": info(dtype).max}
    assert got[0, 2] == dtype(1)
    assert got[0, 3] == limits[name]
    assert np.isfinite(got.astype(np.float64)).all()


@pytest.mark.parametrize(
    ("name", "residue", "modulus"),
    [("P0101", 0, 2), ("P1010", 1, 2), ("P0001", 0, 4), ("P0010", 1, 4), ("P1000", 3, 4)],
)
def test_mask_patterns_select_columns(name: str, residue: int, modulus: int) -> None:
    got = apply(lambda x: pl.gather(x, mask_pattern=pl.MaskPattern[name]), A)
    np.testing.assert_array_equal(got, A[:, residue::modulus])


def test_gather_reinterprets_bits_and_does_not_convert() -> None:
    got = apply(
        lambda x: pl.gather(x, mask_pattern=pl.MaskPattern.P1111, output_dtype=pl.UINT32),
        A,
        dtype=np.uint32,
    )
    np.testing.assert_array_equal(got, A.view(np.uint32))


def test_flat_gather_is_the_tile_form() -> None:
    index = np.array([[23, 0, 9]], np.int32)
    got = apply(lambda x, i: pl.tile.gather(x, i, object()), A, index)
    np.testing.assert_array_equal(got, A.reshape(-1)[index])


@pytest.mark.parametrize("mode", range(6))
def test_cmp_keeps_the_type_of_the_first_operand(mode: int) -> None:
    compare = [np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal][mode]
    y = INTS.astype(np.float32) * (RNG.random(INTS.shape) < 0.5)
    got = apply(lambda a, b: pl.cmp(a, b, mode), INTS, y.astype(np.float32), dtype=np.int32)
    np.testing.assert_array_equal(got, compare(INTS, y).astype(np.int32))


def test_operators_are_the_operations_also_reflected() -> None:
    got = apply(lambda x, y: (3.0 - x) * y / 2.0 + (-x), A, B)
    expected = (np.float32(3) - A) * B / np.float32(2) + -A
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(apply(lambda x: 2.0 / x, P), np.float32(2) / P)
    np.testing.assert_array_equal(apply(lambda x: x > 0.5, A), (A > 0.5).astype(np.float32))
    np.testing.assert_array_equal(apply(lambda x: 0.5 > x, A), (A < 0.5).astype(np.float32))  # noqa: SIM300


def test_numpy_scalar_on_the_left_leaves_the_operation_to_the_tile() -> None:
    got = apply(lambda x: np.float32(3) - x[:, :], A)
    np.testing.assert_array_equal(got, np.float32(3) - A)


def test_integer_tile_takes_whole_scalars_in_its_own_type() -> None:
    got = apply(lambda x: pl.mul(x, 2.0), INTS, dtype=np.int32)
    np.testing.assert_array_equal(got, INTS * 2)


def test_bf16_tile_takes_scalars_rounded_to_bf16() -> None:
    x = np.ones((1, 8), ml_dtypes.bfloat16)
    got = apply(lambda t: pl.mul(t, 0.1), x, dtype=ml_dtypes.bfloat16)
    assert got[0, 0] == ml_dtypes.bfloat16(0.1)


def test_integer_division_floors() -> None:
    x = np.array([[7, -7, 8, -8]], np.int32)
    np.testing.assert_array_equal(apply(lambda t: pl.div(t, 2), x, dtype=np.int32), x // 2)


def test_descending_ramp() -> None:
    got = apply(lambda: pl.arange(7, [1, 8], descending=True), dtype=np.int32)
    np.testing.assert_array_equal(got, np.arange(7, -1, -1, dtype=np.int32)[None])


def test_vectors_are_a_row_on_the_left_and_a_column_on_the_right() -> None:
    a, v = whole(4, 8), whole(8)
    np.testing.assert_array_equal(apply(pl.matmul, a, v), (a @ v)[:, None])
    np.testing.assert_array_equal(apply(pl.matmul, v, a.T.copy()), (v @ a.T)[None])
    assert apply(pl.matmul, v, v).shape == (1, 1)


def test_leading_axes_of_a_product_broadcast_and_count_as_rows() -> None:
    a, b = whole(4, 8), whole(3, 5, 8)
    got = apply(lambda x, y: pl.matmul(x, y, b_trans=True), a, b)
    np.testing.assert_array_equal(got, np.matmul(a, b.swapaxes(1, 2)))

    def kernel(x: pl.Tensor, y: pl.Tensor) -> None:
        with pl.at():
            pl.matmul(x, y, b_trans=True)

    op = pl.record(kernel, {"x": a, "y": b}).ops[-1]
    assert (op["rows"], op["cols"], op["depth"]) == (12, 5, 8)


@pytest.mark.parametrize("storage", [np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn])
def test_narrow_floats_multiply_in_fp32(storage: Any) -> None:
    a = whole(16, 32).astype(storage)
    got = apply(lambda x: pl.matmul(x, x, b_trans=True), a)
    wide = a.astype(np.float32)
    np.testing.assert_array_equal(got, wide @ wide.T)


def test_transposed_operands() -> None:
    right = whole(7, 16)
    got = apply(lambda x, y: pl.matmul(x, y, a_trans=True, b_trans=True), LEFT, right)
    np.testing.assert_array_equal(got, LEFT.T @ right.T)
