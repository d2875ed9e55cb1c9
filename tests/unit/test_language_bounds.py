"""Boxes that leave a tensor, padding loads, and regions that pass an expand operation."""

import numpy as np
import pytest

import npusim.language as pl
from npusim.errors import KernelError


def run(body, *, clips=False):
    x, out = np.arange(32, dtype=np.float32).reshape(4, 8), np.full((8, 8), -1, np.float32)

    def kernel(x, out):
        with pl.at(name_hint="op"):
            body(x, out)

    options = pl.RecordOptions(clips_bounds=clips)
    program = pl.record(kernel, {"x": x, "out": out}, outputs={"out"}, options=options)
    return x, out, program


def test_clamp_reads_zeros_beyond_the_tensor_and_moves_only_what_is_there():
    def body(x, out):
        tile = pl.slice(x, [4, 8], [2, 4], clamp=True)
        assert tile.valid == (2, 4)
        pl.assemble(out, pl.add(tile, 1.0), [0, 0])

    x, out, program = run(body)
    np.testing.assert_array_equal(out[:2, :4], x[2:, 4:] + 1)
    assert (out == -1).sum() == 64 - 8
    assert program.ops[0][["rows", "cols"]].tolist() == (2, 4)


def test_a_box_far_beyond_is_empty():
    def body(x, out):
        assert pl.slice(x, [4, 8], [9, 0], clamp=True).valid == (0, 8)

    run(body)


def test_bounds_are_errors_unless_the_recording_clips_them():
    def read(x, out):
        out[0:4, 0:8] = pl.fillpad(x[2:6, :], pl.PadValue.zero)

    def write(x, out):
        pl.assemble(out, x[:, :], [6, 0])

    with pytest.raises(KernelError, match=r"pl\.slice of Tensor.* takes \[2, 6\) of axis 0; "):
        run(read)
    with pytest.raises(KernelError, match=r"pl\.assemble writes \[6, 10\) of axis 0 "):
        run(write)
    x, out, _ = run(read, clips=True)
    np.testing.assert_array_equal(out[:4], np.vstack([x[2:], 0 * x[2:]]))
    x, out, _ = run(write, clips=True)
    np.testing.assert_array_equal(out[6:], x[:2])


@pytest.mark.parametrize(
    ("pad", "value"),
    [
        (pl.PadValue.zero, 0),
        (pl.PadValue.min, np.finfo(np.float32).min),
        (pl.PadValue.max, np.finfo(np.float32).max),
    ],
)
def test_a_slice_pads_as_it_loads(pad, value):
    def body(x, out):
        tile = pl.slice(x, [4, 8], [0, 0], valid_shape=[3, 5], pad_value=pad)
        assert tile.valid is None
        pl.assemble(out, tile, [0, 0])

    x, out, program = run(body)
    expected = np.full((4, 8), value, np.float32)
    expected[:3, :5] = x[:3, :5]
    np.testing.assert_array_equal(out[:4], expected)
    assert [program.op_kinds[op["kind"]].name for op in program.ops] == ["load", "store"]


def test_an_expand_keeps_the_region_of_a_loaded_tile_and_drops_that_of_a_slice():
    """Only at tile level does the first operand decide the region (section 5.3)."""

    def body(x, out):
        loaded = pl.load(x, [0, 0], [4, 8], valid_shape=[3, 5])
        sliced = pl.slice(x, [4, 8], [0, 0], valid_shape=[3, 5])
        column, row = x[:, 0:1], x[0:1, :]
        for tile, region in ((loaded, (3, 5)), (sliced, None)):
            assert pl.row_expand_mul(tile, column).valid == region
            assert pl.col_expand_add(tile, row).valid == region
            assert pl.col_expand(tile, row).valid == region
            assert pl.exp(pl.row_expand_sub(tile, column)).valid == region
        assert (
            pl.row_expand_mul(x[:, :], pl.load(x, [0, 0], [4, 1], valid_shape=[2, 1])).valid is None
        )

    run(body)
