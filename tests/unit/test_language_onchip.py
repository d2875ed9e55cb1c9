"""Tiles placed by hand: create_l1, gather_row, move, transpose_view, expands."""

import numpy as np
import pytest

import npusim.language as pl
from npusim.errors import KernelError
from npusim.program import CoreType, Space

A = np.arange(64, dtype=np.float32).reshape(8, 8)
B = np.arange(64, dtype=np.float32).reshape(8, 8)[::-1].copy()


def run(body, *arrays, shape=(8, 8)):
    out = np.zeros(shape, np.float32)

    def kernel(*handles):
        with pl.at(name_hint="op"):
            pl.assemble(handles[-1], body(*handles[:-1]), [0, 0])

    names = {f"x{i}": x for i, x in enumerate(arrays)}
    return out, pl.record(kernel, {**names, "out": out}, outputs={"out"})


def test_gather_row_fills_an_l1_tile_in_place_for_the_cube():
    def body(a, b):
        rows = pl.create_l1([8, 8], pl.FP32)
        for row in pl.range(6):
            same = pl.gather_row(rows, b, [row, 0], [7 - row, 0], [1, 8])
            assert same is rows
        pl.gather_row(rows, b, [6, 0], [0, 0], [8, 8], valid_shape=[2, 8])
        return pl.matmul(a, rows, b_trans=True)

    out, program = run(body, A, B)
    rows = np.vstack([B[::-1][:6], B[:2]])
    np.testing.assert_array_equal(out, A @ rows.T)
    assert program.tasks[0].core_type is CoreType.AIC
    loads = program.ops[program.ops["kind"] == program.kind_index("load")]
    assert len(set(loads["out"].tolist())) == 2, "seven windows in one tile, and a"
    assert program.accesses["run"][:7].tolist() == [8] * 6 + [16]


def test_gather_row_transposed_fills_columns():
    def body(a, b):
        columns = pl.create_l1([8, 8], pl.FP32, transpose=True)
        for col in pl.range(8):
            pl.gather_row(columns, b, [0, col], [col, 0], [1, 8], transpose=True)
        return pl.matmul(a, columns)

    np.testing.assert_array_equal(run(body, A, B)[0], A @ B.T)


def test_gather_row_stays_within_both():
    where = r"^test_language_onchip\.py:\d+ \(scope op, task 0, block 0\): pl\.gather_row "
    with pytest.raises(KernelError, match=where + r"takes \[1, 8\] at \[8, 0\] of Tensor"):
        run(lambda b: pl.gather_row(pl.create_l1([8, 8], pl.FP32), b, [0, 0], [8, 0], [1, 8]), B)
    with pytest.raises(KernelError, match=where + r"takes \[2, 8\] at \[7, 0\] of Tile"):
        run(lambda b: pl.gather_row(pl.create_l1([8, 8], pl.FP32), b, [7, 0], [0, 0], [2, 8]), B)
    with pytest.raises(KernelError, match=where + r"of Tensor.* expected a tensor and a tile of"):
        run(lambda b: pl.gather_row(pl.create_l1([8, 8], pl.BF16), b, [7, 0], [0, 0], [1, 8]), B)


def test_move_places_a_tile_and_changes_nothing():
    def body(a, b):
        left = pl.move(
            pl.load(a, [0, 0], [8, 8], target_memory=pl.MemorySpace.Mat),
            target_memory=pl.MemorySpace.Left,
        )
        product = pl.matmul(left, b)
        return pl.neg(pl.move(product, target_memory=pl.MemorySpace.Vec))

    out, program = run(body, A, B)
    np.testing.assert_array_equal(out, -(A @ B))
    spaces = [Space(tile["space"]).name for tile in program.tiles]
    assert spaces == ["L1", "L1", "L0C", "UB", "UB"]


def test_transpose_view_moves_nothing():
    out, program = run(lambda a, b: pl.matmul(a, pl.tile.transpose_view(b[:, :])), A, B)
    np.testing.assert_array_equal(out, A @ B.T)
    assert program.kind_index("transpose") not in program.ops["kind"].tolist()


def test_expands_is_a_full_tile_of_the_same_kind():
    np.testing.assert_array_equal(run(lambda a: pl.expands(a, 2.5), A)[0], np.full_like(A, 2.5))
