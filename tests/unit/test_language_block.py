"""Where tiles live, how they move, and what a task becomes by it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import npusim.language as pl
from npusim.language.block import NO_TILES
from npusim.program import NO_INDEX, CoreType, Program, Space

BF16 = pl.BF16.numpy


def record(body: Callable[..., Any], *arrays: np.ndarray) -> Program:
    """One scope around ``body``."""

    def kernel(*handles: pl.Tensor) -> None:
        with pl.at(name_hint="op"):
            body(*handles)

    return pl.record(kernel, {f"x{i}": x for i, x in enumerate(arrays)}, outputs={"x0"})


def kinds(program: Program, block: int = 0) -> list[str]:
    return [program.op_kinds[op["kind"]].name for op in program.block_ops(block)]


def spaces(program: Program, kind: str) -> list[tuple[Space, Space]]:
    """From and to space of every operation of that kind; the missing side is UNRESOLVED."""
    tiles = program.block_tiles(0)
    found = []
    for op in program.block_ops(0):
        if program.op_kinds[op["kind"]].name == kind:
            ends = (op["in0"], op["out"])
            found.append(
                tuple(Space.UNRESOLVED if e == NO_INDEX else Space(tiles[e]["space"]) for e in ends)
            )
    return found


def square(fill: float = 1.0, dtype: Any = BF16) -> np.ndarray:
    return np.full((16, 16), fill, dtype)


def test_a_loaded_tile_goes_where_its_consumer_is() -> None:
    vector = record(lambda x: pl.exp(pl.slice(x, [16, 16], [0, 0])), square())
    cube = record(lambda x: pl.matmul(x, x), square())
    assert spaces(vector, "load") == [(Space.UNRESOLVED, Space.UB)]
    assert spaces(cube, "load") == [(Space.UNRESOLVED, Space.L1)] * 2
    assert (vector.tasks[0].core_type, cube.tasks[0].core_type) == (CoreType.AIV, CoreType.AIC)


def test_a_whole_tensor_operand_is_loaded_at_every_use() -> None:
    program = record(lambda x: pl.add(x, x), square())
    assert kinds(program) == ["load", "load", "add"]


def test_a_slice_used_twice_is_loaded_once() -> None:
    def body(x: pl.Tensor) -> None:
        tile = pl.slice(x, [16, 16], [0, 0])
        pl.add(tile, tile)

    assert kinds(record(body, square())) == ["load", "add"]


def test_a_tile_used_by_both_units_is_loaded_twice_and_makes_a_mix_task() -> None:
    def body(x: pl.Tensor) -> None:
        tile = pl.slice(x, [16, 16], [0, 0])
        pl.matmul(tile, tile)
        pl.exp(tile)
        pl.neg(tile)

    program = record(body, square())
    assert kinds(program) == ["load", "matmul", "load", "exp", "neg"]
    assert [to for _, to in spaces(program, "load")] == [Space.L1, Space.UB]
    assert len(program.accesses) == 1
    assert program.block_ops(0)["access"].tolist() == [0, -1, 0, -1, -1]
    assert program.tasks[0].core_type is CoreType.MIX


def test_cube_result_is_handed_to_the_vector_unit_once() -> None:
    def body(x: pl.Tensor) -> None:
        product = pl.matmul(x, x)
        pl.exp(product)
        pl.neg(product)

    program = record(body, square())
    assert kinds(program) == ["load", "load", "matmul", "cube_to_vector", "exp", "neg"]
    assert spaces(program, "cube_to_vector") == [(Space.L0C, Space.UB)]
    assert program.tasks[0].core_type is CoreType.MIX


def test_vector_result_is_handed_to_the_cube() -> None:
    def body(x: pl.Tensor) -> None:
        tile = pl.neg(x)
        pl.matmul(tile, tile)

    program = record(body, square())
    assert kinds(program) == ["load", "neg", "vector_to_cube", "matmul"]
    assert spaces(program, "vector_to_cube") == [(Space.UB, Space.L1)]


def test_cube_result_drains_to_l1_for_the_next_matmul() -> None:
    def body(x: pl.Tensor) -> None:
        pl.matmul(pl.matmul(x, x), x)

    program = record(body, square())
    assert spaces(program, "acc_to_l1") == [(Space.L0C, Space.L1)]
    assert program.tasks[0].core_type is CoreType.AIC


def test_a_matmul_stored_directly_stays_pure_cube() -> None:
    def body(out: pl.Tensor, x: pl.Tensor) -> None:
        pl.assemble(out, pl.matmul(x, x), [0, 0])

    program = record(body, square(0.0, np.float32), square())
    assert spaces(program, "store") == [(Space.L0C, Space.UNRESOLVED)]
    assert program.tasks[0].core_type is CoreType.AIC


def test_a_copy_through_a_core_uses_the_vector_unit() -> None:
    def body(out: pl.Tensor, x: pl.Tensor) -> None:
        pl.assemble(out, pl.slice(x, [16, 16], [0, 0]), [0, 0])

    program = record(body, square(0.0), square())
    assert spaces(program, "store") == [(Space.UB, Space.UNRESOLVED)]
    assert program.tasks[0].core_type is CoreType.AIV


def test_a_tile_nobody_uses_lands_in_the_buffer_of_the_task() -> None:
    def body(x: pl.Tensor) -> None:
        pl.slice(x, [16, 16], [0, 0])
        pl.matmul(x, x)

    program = record(body, square())
    assert [to for _, to in spaces(program, "load")] == [Space.L1] * 3
    only_load = record(lambda x: pl.slice(x, [16, 16], [0, 0]), square())
    assert spaces(only_load, "load") == [(Space.UNRESOLVED, Space.UB)]


@pytest.mark.parametrize(
    ("memory", "space"), [("Vec", Space.UB), ("Mat", Space.L1), ("Left", Space.L1)]
)
def test_an_explicit_load_names_its_space(memory: str, space: Space) -> None:
    def body(x: pl.Tensor) -> None:
        pl.load(x, [0, 8], [16, 8], target_memory=pl.MemorySpace[memory])

    program = record(body, square())
    assert spaces(program, "load") == [(Space.UNRESOLVED, space)]
    assert program.accesses[0]["offset"] == 8


def test_create_tile_names_its_space() -> None:
    def body(x: pl.Tensor) -> None:
        acc = pl.create_tile([16, 16], pl.FP32, target_memory=pl.MemorySpace.Acc)
        pl.matmul_acc(acc, x, x)

    program = record(body, square())
    assert kinds(program) == ["load", "load", "matmul_acc"]
    assert program.tasks[0].core_type is CoreType.AIC


def test_create_tensor_in_a_scope_becomes_an_accumulator() -> None:
    values: list[np.ndarray] = []

    def body(x: pl.Tensor) -> None:
        acc = pl.create_tensor([16, 16], pl.FP32)
        for _ in pl.range(3):
            acc = pl.matmul_acc(acc, x, x)
        values.append(acc.array)

    program = record(body, square())
    assert (values[0] == 48).all()
    rows = [op for op in program.block_ops(0) if op["depth"]]
    assert {(op["out"], op["in2"]) for op in rows} == {(0, 0)}
    assert program.block_tiles(0)[0]["space"] == Space.L0C


def test_init_cond_overwrites_the_accumulator() -> None:
    values: list[np.ndarray] = []

    def body(x: pl.Tensor) -> None:
        acc = pl.create_tensor([16, 16], pl.FP32, init_value=5.0)
        for k in pl.range(2):
            acc = pl.matmul_acc(acc, x, x, init_cond=(k == 0))
        values.append(acc.array)

    record(body, square())
    assert (values[0] == 32).all()


def test_an_escaping_accumulator_carries_its_final_value() -> None:
    out = square(0.0, np.float32)

    def kernel(out: pl.Tensor, x: pl.Tensor) -> None:
        with pl.at(name_hint="mm"):
            acc = pl.matmul(x, x)
            acc = pl.matmul_acc(acc, x, x)
        with pl.at(name_hint="epilogue"):
            pl.assemble(out, pl.neg(acc), [0, 0])

    program = pl.record(kernel, {"out": out, "x": square()}, outputs={"out"})
    assert (out == -32).all()
    assert [str(task.core_type) for task in program.tasks] == ["aic", "aiv"]
    assert kinds(program, 0)[-1] == "store"
    assert kinds(program, 1) == ["load", "neg", "store"]


def test_in_place_work_makes_the_vector_copy_the_tile() -> None:
    """A stale L1 copy, or the region it was loaded from, must not feed the next matmul."""
    values: list[np.ndarray] = []

    def body(x: pl.Tensor) -> None:
        tile = pl.slice(x, [16, 16], [0, 0])
        pl.matmul(tile, tile)
        pl.assemble(tile, pl.full([16, 16], pl.BF16, 2.0), [0, 0])
        values.append(pl.matmul(tile, tile).array)

    program = record(body, square())
    assert (values[0] == 64).all()
    assert kinds(program) == [
        "load",
        "matmul",
        "full",
        "load",
        "assemble",
        "vector_to_cube",
        "matmul",
    ]
    assemble, move, matmul = program.block_ops(0)[-3:]
    assert assemble["out"] == assemble["in1"] == move["in0"]
    assert matmul["in0"] == matmul["in1"] == move["out"]


def test_a_write_to_a_loaded_tile_forgets_where_it_was_loaded_from() -> None:
    def body(x: pl.Tensor) -> None:
        tile = pl.slice(x, [16, 16], [0, 0])
        pl.write(tile, [0, 0], 2.0)
        pl.matmul(tile, tile)

    assert kinds(record(body, square())) == ["load", "scalar_write", "vector_to_cube", "matmul"]


def test_a_tile_of_another_scope_is_imported_once_for_each_unit() -> None:
    def kernel(x: pl.Tensor) -> None:
        with pl.at():
            tile = pl.neg(x)
        with pl.at():
            pl.matmul(tile, tile)
            pl.exp(tile)
            pl.neg(tile)

    program = pl.record(kernel, {"x": square()})
    assert kinds(program, 1) == ["load", "matmul", "load", "exp", "neg"]


def test_pipeline_tiles_rotate_through_slots_of_one_site() -> None:
    def body(x: pl.Tensor) -> None:
        for k in pl.pipeline(0, 16, 4, stage=3):
            pl.exp(pl.slice(x, [4, 16], [k, 0]))
        pl.neg(pl.full([1, 16], pl.FP32, 0.0))

    program = record(body, square())
    tiles = program.block_tiles(0)
    loads = [op["out"] for op in program.block_ops(0) if op["access"] != NO_INDEX]
    assert tiles[loads]["slot"].tolist() == [0, 1, 2, 0]
    assert tiles[loads]["stages"].tolist() == [3, 3, 3, 3]
    assert len(set(tiles[loads]["site"].tolist())) == 1
    assert tiles[-2:]["stages"].tolist() == [1, 1]
    assert tiles[-2:]["slot"].tolist() == [0, 0]


def test_a_plain_loop_keeps_the_slot_of_the_pipeline_around_it() -> None:
    def body(x: pl.Tensor) -> None:
        for k in pl.pipeline(2):
            for j in pl.range(2):
                pl.slice(x, [1, 16], [2 * k + j, 0])
        for k in pl.pipeline(3):
            if k == 1:
                break
        pl.slice(x, [1, 16], [0, 0])

    tiles = record(body, square()).block_tiles(0)
    assert tiles["slot"].tolist() == [0, 0, 1, 1, 0]
    assert tiles["stages"].tolist() == [2, 2, 2, 2, 1]


def test_tile_rows_hold_bytes_of_the_padded_tile() -> None:
    def body(x: pl.Tensor) -> None:
        pl.slice(x, [8, 32], [12, 0], valid_shape=[4, 16])

    program = record(body, square())
    assert program.block_tiles(0)["nbytes"].tolist() == [8 * 32 * 2]
    (load,) = program.block_ops(0)
    assert (load["rows"], load["cols"]) == (4, 16)


def test_empty_rows_are_one_constant() -> None:
    assert NO_TILES == (NO_INDEX,) * 4


def test_long_blocks_are_packed_while_they_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("npusim.language.block.CHUNK_ROWS", 4)
    monkeypatch.setattr("npusim.language.rows.CHUNK_ROWS", 4)
    pending: list[int] = []

    def body(x: pl.Tensor) -> None:
        tile = pl.slice(x, [1, 16], [0, 0])
        for _ in pl.range(50):
            tile = pl.neg(tile)
            pending.append(len(tile.storage.block.recorder.ops.rows))

    program = record(body, square())
    assert max(pending) < 4
    assert kinds(program) == ["load"] + ["neg"] * 50
    outs = program.block_ops(0)["out"].tolist()
    assert outs == list(range(51))
