"""Slices, reshapes, transposes, subscripts and valid regions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import npusim.language as pl
from npusim.program import Program


def ramp(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return np.arange(1, 1 + np.prod(shape), dtype=dtype).reshape(shape)


def values(body: Callable[..., Any], *arrays: np.ndarray) -> tuple[np.ndarray, Any, Program]:
    """The array and the valid region of the tile that ``body`` makes in a scope."""
    kept: list[Any] = []

    def kernel(*handles: pl.Tensor) -> None:
        with pl.at():
            kept.append(body(*handles))

    program = pl.record(kernel, {f"x{i}": x for i, x in enumerate(arrays)}, outputs={"x0"})
    return kept[0].array, kept[0].valid, program


def stored(body: Callable[..., Any], x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """What a store of the tile that ``body`` makes writes into a field of -1."""
    out = np.full(shape, -1, x.dtype)

    def kernel(x: pl.Tensor, out: pl.Tensor) -> None:
        with pl.at():
            pl.assemble(out, body(x), [0] * len(shape))

    pl.record(kernel, {"x": x, "out": out}, outputs={"out"})
    return out


X = ramp(4, 6)


def test_a_slice_with_a_valid_shape_is_zero_outside_it() -> None:
    array, valid, program = values(
        lambda x: pl.slice(x, [4, 4], [2, 3], valid_shape=[2, 3]), X.copy()
    )
    expected = np.zeros((4, 4), np.float32)
    expected[:2, :3] = X[2:4, 3:6]
    np.testing.assert_array_equal(array, expected)
    assert valid == (2, 3)
    assert (program.accesses[0]["n2"], program.accesses[0]["run"]) == (2, 3)


def test_a_valid_shape_equal_to_the_box_is_everything() -> None:
    assert values(lambda x: pl.slice(x, [2, 2], [0, 0], valid_shape=[2, 2]), X.copy())[1] is None


@pytest.mark.parametrize(
    ("box", "offset", "asked", "valid"),
    [
        ([2, 2], [0, 0], None, None),
        ([4, 2], [0, 0], None, (3, 2)),
        ([2, 3], [2, 3], None, (1, 2)),
        ([4, 6], [0, 0], [2, 6], (2, 5)),
        ([1, 6], [3, 0], None, (0, 5)),
        ([2, 2], [1, 1], [1, 2], (1, 2)),
    ],
)
def test_a_slice_of_a_tile_keeps_what_is_valid_of_it(
    box: list[int], offset: list[int], asked: list[int] | None, valid: Any
) -> None:
    def body(x: pl.Tensor) -> Any:
        tile = pl.slice(x, [4, 6], [0, 0], valid_shape=[3, 5])
        part = pl.slice(tile, [4, 6], [0, 0])
        return pl.slice(part, box, offset, valid_shape=asked)

    array, got, _ = values(body, X.copy())
    assert got == valid
    region = valid or tuple(box)
    expected = np.zeros(box, np.float32)
    source = X[offset[0] : offset[0] + region[0], offset[1] : offset[1] + region[1]]
    expected[: region[0], : region[1]] = source
    np.testing.assert_array_equal(array, expected)


def test_a_slice_of_a_full_tile_with_a_valid_shape_is_zero_outside_it() -> None:
    def body(x: pl.Tensor) -> Any:
        return pl.slice(pl.neg(x), [2, 4], [0, 0], valid_shape=[1, 3])

    array, valid, _ = values(body, X.copy())
    assert array.tolist() == [[-1, -2, -3, 0], [0, 0, 0, 0]]
    assert valid == (1, 3)


def test_a_store_writes_the_valid_region_only() -> None:
    out = stored(lambda x: pl.slice(x, [4, 6], [0, 0], valid_shape=[2, 3]), X.copy(), (4, 6))
    assert (out[:2, :3] == X[:2, :3]).all()
    assert (out != -1).sum() == 6


@pytest.mark.parametrize(
    ("call", "valid"),
    [
        (pl.exp, (3, 5)),
        (lambda t: pl.mul(t, 2.0), (3, 5)),
        (lambda t: pl.cast(t, pl.BF16), (3, 5)),
        (lambda t: pl.add(t, t), (3, 5)),
        (lambda t: pl.cmp(t, t), (3, 5)),
        (lambda t: pl.add(t, pl.full([4, 6], pl.FP32, 1.0)), None),
        (lambda t: pl.add(t, pl.full([1, 6], pl.FP32, 1.0)), None),
        (lambda t: pl.col_expand_mul(t, pl.full([1, 6], pl.FP32, 1.0)), None),
        (lambda t: pl.row_expand_mul(pl.full([4, 6], pl.FP32, 1.0), t[:, 0:1]), None),
        (lambda t: pl.fillpad(t, pl.PadValue.max), None),
        (lambda t: pl.set_validshape(t, 4, 6), None),
        (lambda t: pl.set_validshape(t, 1, 2), (1, 2)),
        (lambda t: pl.transpose(t, 0, 1), (5, 3)),
        (lambda t: pl.transpose(t, -1, -2), (5, 3)),
        (lambda t: pl.concat(t, t), None),
        (pl.row_sum, None),
        (pl.col_max, None),
    ],
)
def test_where_a_valid_region_survives(call: Callable[..., Any], valid: Any) -> None:
    tile = lambda x: pl.slice(x, [4, 6], [0, 0], valid_shape=[3, 5])  # noqa: E731
    assert values(lambda x: call(tile(x)), X.copy())[1] == valid


@pytest.mark.parametrize(
    ("a_trans", "b_trans", "valid"), [(False, False, (10, 4)), (True, True, (12, 6))]
)
def test_a_product_is_valid_in_rows_of_a_and_columns_of_b(
    a_trans: bool, b_trans: bool, valid: tuple[int, int]
) -> None:
    def body(x: pl.Tensor) -> Any:
        a = pl.slice(x, [16, 16], [0, 0], valid_shape=[10, 12])
        b = pl.slice(x, [16, 16], [0, 0], valid_shape=[6, 4])
        product = pl.matmul(a, b, a_trans=a_trans, b_trans=b_trans)
        again = pl.matmul_acc(product, a, b, a_trans=a_trans, b_trans=b_trans)
        fresh = pl.create_tensor([16, 16], pl.FP32)
        first = pl.matmul_acc(fresh, a, b, a_trans=a_trans, b_trans=b_trans, init_cond=True)
        assert product.valid == again.valid == first.valid
        return again

    assert values(body, ramp(16, 16))[1] == valid


@pytest.mark.parametrize(
    ("name", "empty"),
    [("row_sum", 0.0), ("row_max", np.finfo("f4").min), ("row_min", np.finfo("f4").max)],
)
def test_row_reductions_take_the_valid_columns(name: str, empty: float) -> None:
    reduce = {"row_sum": np.sum, "row_max": np.max, "row_min": np.min}[name]

    def body(x: pl.Tensor, cols: int) -> Any:
        return getattr(pl, name)(pl.slice(x, [4, 6], [0, 0], valid_shape=[2, cols]))

    array, _, _ = values(lambda x: body(x, 3), -X)
    expected = np.zeros((4, 1), np.float32)  # rows beyond the region hold zeros after a load
    expected[:2] = reduce(-X[:2, :3], axis=1, keepdims=True)
    np.testing.assert_array_equal(array, expected)
    assert (values(lambda x: body(x, 0), -X)[0] == empty).all()


@pytest.mark.parametrize(
    ("name", "empty"),
    [("col_sum", 0.0), ("col_max", np.finfo("f4").min), ("col_min", np.finfo("f4").max)],
)
def test_column_reductions_take_the_valid_rows(name: str, empty: float) -> None:
    reduce = {"col_sum": np.sum, "col_max": np.max, "col_min": np.min}[name]

    def body(x: pl.Tensor, rows: int) -> Any:
        return getattr(pl, name)(pl.slice(x, [4, 6], [0, 0], valid_shape=[rows, 6]))

    array, _, _ = values(lambda x: body(x, 3), -X)
    np.testing.assert_array_equal(array, reduce(-X[:3], axis=0, keepdims=True))
    assert (values(lambda x: body(x, 0), -X)[0] == empty).all()


def test_argmax_takes_the_valid_columns_and_the_first_of_equals() -> None:
    x = np.array([[1, 3, 3, 9], [2, 2, 2, 2]], np.float32)
    body = lambda t: pl.row_argmax(pl.slice(t, [2, 4], [0, 0], valid_shape=[2, 3]))  # noqa: E731
    assert values(body, x)[0].tolist() == [[1], [0]]
    empty = lambda t: pl.row_argmax(pl.slice(t, [2, 4], [0, 0], valid_shape=[2, 0]))  # noqa: E731
    assert values(empty, x)[0].tolist() == [[0], [0]]


def test_row_max_of_a_valid_region_equals_that_of_the_padded_tile() -> None:
    tile = lambda x: pl.slice(x, [4, 6], [0, 0], valid_shape=[4, 2])  # noqa: E731
    direct = values(lambda x: pl.row_max(tile(x)), -X)[0]
    padded = values(lambda x: pl.row_max(pl.fillpad(tile(x), pl.PadValue.min)), -X)[0]
    np.testing.assert_array_equal(direct, padded)


@pytest.mark.parametrize(
    ("shape", "valid", "target", "expected"),
    [
        ([4, 6], [3, 5], [1, 4, 6], (1, 3, 5)),
        ([4, 6], [3, 6], [24], (18,)),
        ([4, 6], [2, 6], [8, 3], (4, 3)),
        ([1, 6], [1, 4], [6, 1], (4, 1)),
        ([1, 6], [1, 4], [6], (4,)),
        ([4, 6], [0, 6], [24], (0,)),
        ([1, 6], [0, 6], [6, 1], (0, 0)),
        ([4, 6], [2, 6], [-1, 3], (4, 3)),
    ],
)
def test_reshape_keeps_a_region_that_has_a_shape_there(
    shape: list[int], valid: list[int], target: list[int], expected: tuple[int, ...]
) -> None:
    def body(x: pl.Tensor) -> Any:
        return pl.reshape(pl.slice(x, shape, [0, 0], valid_shape=valid), target)

    assert values(body, X.copy())[1] == expected


SUBSCRIPTS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "rows": (lambda x: x[1:2, :], (slice(1, 2),)),
    "open": (lambda x: x[:, 1:, :2], (slice(None), slice(1, None), slice(0, 2))),
    "int axis": (lambda x: x[1, :, 2:4], (1, slice(None), slice(2, 4))),
    "middle int": (lambda x: x[:, 2, :], (slice(None), 2)),
    "fewer": (lambda x: x[1], (1,)),
    "one slice": (lambda x: x[0:1], (slice(0, 1),)),
    "step 1": (lambda x: x[0:2:1], (slice(0, 2),)),
    "numpy ints": (lambda x: x[np.int64(1), np.int32(0) : 2], (1, slice(0, 2))),
}


@pytest.mark.parametrize("name", sorted(SUBSCRIPTS))
@pytest.mark.parametrize("in_scope", [True, False])
def test_subscripts_read_what_numpy_reads(name: str, in_scope: bool) -> None:
    x, (subscript, index) = ramp(2, 3, 4), SUBSCRIPTS[name]
    kept: list[Any] = []

    def kernel(t: pl.Tensor) -> None:
        if in_scope:
            with pl.at():
                kept.append(subscript(t))
        else:
            kept.append(subscript(t))

    pl.record(kernel, {"x": x})
    np.testing.assert_array_equal(kept[0].array, x[index])
    assert isinstance(kept[0], pl.Tile if in_scope else pl.Tensor)


def test_a_row_of_a_matrix_stays_two_dimensional_on_a_core() -> None:
    assert values(lambda x: x[1, :], X.copy())[0].shape == (1, 6)
    assert values(lambda x: x[:, 1], X.copy())[0].shape == (1, 4)


@pytest.mark.parametrize(
    ("index", "shape"),
    [
        ((1, slice(None), slice(0, 2)), (3, 2)),
        ((slice(None), 2, slice(None)), (2, 4)),
        ((slice(None), slice(None), 3), (2, 3)),
        ((0, 1, slice(1, 3)), (1, 2)),
        ((slice(0, 1), slice(0, 3), slice(0, 4)), (1, 3, 4)),
    ],
)
def test_subscript_stores_land_where_numpy_puts_them(index: Any, shape: tuple[int, ...]) -> None:
    x, expected = ramp(2, 3, 4), ramp(2, 3, 4)

    def kernel(t: pl.Tensor) -> None:
        with pl.at():
            t[index] = pl.full(shape, pl.FP32, 50.0)

    pl.record(kernel, {"x": x}, outputs={"x"})
    expected[index] = 50.0
    np.testing.assert_array_equal(x, expected)


def test_a_partly_valid_tile_fills_only_its_region_of_a_subscript() -> None:
    out = np.zeros((4, 6), np.float32)

    def kernel(x: pl.Tensor, out: pl.Tensor) -> None:
        with pl.at():
            out[0:4, :] = pl.slice(x, [4, 6], [0, 0], valid_shape=[2, 3])

    pl.record(kernel, {"x": X.copy(), "out": out}, outputs={"out"})
    assert (out[:2, :3] == X[:2, :3]).all()
    assert np.count_nonzero(out) == 6


@pytest.mark.parametrize(
    ("shape", "offset"),
    [
        ([2, 3], [1, 1]),
        ([1, 2, 3], [1, 1]),
        ([1, 1, 2, 3], [1, 1]),
        ([3], [1, 1]),
        ([1, 1], [3, 5]),
    ],
)
def test_assemble_takes_any_rank_with_leading_unit_axes(
    shape: list[int], offset: list[int]
) -> None:
    out = np.zeros((4, 6), np.float32)

    def kernel(out: pl.Tensor) -> None:
        with pl.at():
            pl.assemble(out, pl.full(shape, pl.FP32, 1.0), offset)

    pl.record(kernel, {"out": out}, outputs={"out"})
    rows, cols = ([1, *shape])[-2:]
    assert (out[offset[0] : offset[0] + rows, offset[1] : offset[1] + cols] == 1).all()
    assert out.sum() == rows * cols


def test_a_partly_valid_tile_of_another_shape_is_cut_by_its_region() -> None:
    out = np.zeros((4, 6), np.float32)

    def kernel(x: pl.Tensor, out: pl.Tensor) -> None:
        with pl.at():
            out[1:3, 0:3] = pl.slice(x, [4, 6], [0, 0], valid_shape=[2, 3])

    pl.record(kernel, {"x": X.copy(), "out": out}, outputs={"out"})
    assert (out[1:3, :3] == X[:2, :3]).all()


def test_load_takes_offsets_first_and_both_names_of_the_valid_shape() -> None:
    for keyword in ("valid_shape", "valid_shapes"):
        array, valid, _ = values(
            lambda x, k=keyword: pl.load(x, [1, 2], [2, 4], **{k: [1, 4]}), X.copy()
        )
        assert array.tolist() == [X[1, 2:6].tolist(), [0, 0, 0, 0]]
        assert valid == (1, 4)


def test_drop_dims_removes_unit_axes() -> None:
    def kernel(x: pl.Tensor) -> None:
        view = pl.slice(x, [1, 3, 4], [1, 0, 0], drop_dims=[0])
        assert (view.shape, view.offset, view.strides) == ((3, 4), 12, (4, 1))

    pl.record(kernel, {"x": ramp(2, 3, 4)})


def test_transpose_of_a_tile_moves_data_and_of_a_view_does_not() -> None:
    array, _, program = values(lambda x: pl.transpose(x, 0, 1), X.copy())
    np.testing.assert_array_equal(array, X.T)
    assert array.flags.c_contiguous
    assert [program.op_kinds[op["kind"]].name for op in program.ops] == ["load", "transpose"]

    def kernel(x: pl.Tensor) -> None:
        view = pl.transpose(x, 0, 1)
        assert (view.shape, view.strides) == ((6, 4), (1, 6))

    assert len(pl.record(kernel, {"x": X.copy()}).ops) == 0


def test_dynamic_extents_are_concrete() -> None:
    rows = pl.dynamic("ROWS")

    def kernel(x: pl.Tensor[[rows, 6], pl.FP32]) -> None:
        x.bind_dynamic(0, rows)
        assert pl.tensor.dim(x, 0) == 4

    pl.record(kernel, {"x": X.copy()})


def test_values_and_types_name_themselves() -> None:
    def kernel(x: pl.Tensor) -> None:
        assert repr(x) == "Tensor(x, [4, 6], FP32)"
        with pl.at():
            assert repr(pl.neg(x)) == "Tile([4, 6], FP32)"

    pl.record(kernel, {"x": X.copy()})
    assert repr(pl.Tensor[[4], pl.FP32]) == "pl.Tensor[([4], pl.FP32)]"
    assert repr(pl.Tile[[4], pl.FP32]).startswith("pl.Tile[")
    assert repr(pl.Out[pl.Tensor[[4]]]) == "pl.Out[pl.Tensor[[4]]]"
    assert str(pl.BF16) == "BF16"
