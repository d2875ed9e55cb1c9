"""The aliasing rules of DSL_REFERENCE.md section 1.3, one test each."""

from typing import Any

import numpy as np
import pytest

import npusim.language as pl
from npusim.program import NO_INDEX, AccessMode, Program, TensorRole


def ramp(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def kinds(program: Program, block: int = 0) -> list[str]:
    return [program.op_kinds[op["kind"]].name for op in program.block_ops(block)]


def accesses(program: Program, block: int = 0) -> list[tuple[str, int, str]]:
    """Tensor name, mode and kind of each access of a block, in order."""
    rows = []
    for op in program.block_ops(block):
        if op["access"] != NO_INDEX:
            row = program.accesses[op["access"]]
            name = program.tensors[row["tensor"]].name
            rows.append((name, int(row["mode"]), program.op_kinds[op["kind"]].name))
    return rows


def test_writes_are_in_place_and_return_the_same_handle() -> None:
    x = np.zeros((4, 4), np.float32)
    seen: list[Any] = []

    def kernel(x: pl.Tensor) -> None:
        with pl.at():
            one = pl.full([1, 4], pl.FP32, 1.0)
            seen.append(pl.assemble(x, one, [0, 0]) is x)
            seen.append(pl.store(one, [1, 0], x) is x)
            seen.append(pl.write(x, [2, 0], 5.0) is x)
            x[3:4, :] = one

    pl.record(kernel, {"x": x}, outputs={"x"})
    assert seen == [True, True, True]
    assert x.tolist() == [[1] * 4, [1] * 4, [5, 0, 0, 0], [1] * 4]


def test_an_older_name_sees_a_later_write() -> None:
    x, seen = ramp(2, 4), []

    def kernel(x: pl.Tensor) -> None:
        older = x
        with pl.at():
            newer = pl.assemble(x, pl.full([1, 4], pl.FP32, 9.0), [0, 0])
            seen.append((pl.read(older, [0, 0]), pl.read(newer, [0, 0])))

    pl.record(kernel, {"x": x}, outputs={"x"})
    assert seen == [(9.0, 9.0)]


def test_inline_functions_see_the_tensor_of_the_caller() -> None:
    x = np.zeros((1, 4), np.float32)

    @pl.jit.inline
    def fill(target: pl.Tensor) -> Any:
        with pl.at():
            return pl.assemble(target, pl.full([1, 4], pl.FP32, 2.0), [0, 0])

    def kernel(x: pl.Tensor) -> None:
        assert fill(x) is x

    pl.record(kernel, {"x": x}, outputs={"x"})
    assert x.tolist() == [[2.0] * 4]


def test_outside_scopes_slices_reshapes_and_transposes_are_views() -> None:
    x = np.zeros((4, 6), np.float32)

    def kernel(x: pl.Tensor) -> None:
        views = [
            pl.slice(x, [1, 6], [0, 0]),
            pl.slice(pl.reshape(x, [2, 12]), [1, 6], [1, 6]),  # the last row of x
            pl.slice(pl.transpose(x, 0, 1), [6, 1], [0, 1]),  # the second row of x
        ]
        for value, view in enumerate(views, 1):
            with pl.at():
                pl.assemble(view, pl.full(view.shape, pl.FP32, value), [0, 0])

    pl.record(kernel, {"x": x}, outputs={"x"})
    assert x.tolist() == [[1.0] * 6, [3.0] * 6, [0.0] * 6, [2.0] * 6]


def test_a_view_is_captured_as_that_view_and_a_slice_inside_as_the_whole_tensor() -> None:
    def kernel(x: pl.Tensor) -> None:
        view = pl.slice(x, [4, 2], [0, 2])
        with pl.at():
            pl.exp(view)
        with pl.at():
            pl.exp(pl.slice(x, [4, 2], [0, 2]))

    program = pl.record(kernel, {"x": ramp(4, 6)})
    (first,), (second,) = (task.arguments for task in program.tasks)
    assert (first.offset, first.shape, first.strides) == (2, (4, 2), (6, 1))
    assert (second.offset, second.shape, second.strides) == (0, (4, 6), (6, 1))
    rows = program.accesses
    assert rows[0] == rows[1]  # both load the same elements


def test_inside_a_scope_a_slice_is_a_snapshot() -> None:
    x, out = ramp(2, 4), np.zeros((2, 4), np.float32)

    def kernel(x: pl.Tensor, out: pl.Tensor) -> None:
        with pl.at():
            before = pl.slice(x, [1, 4], [0, 0])
            pl.assemble(x, pl.full([1, 4], pl.FP32, 9.0), [0, 0])
            pl.assemble(out, before, [0, 0])
            pl.assemble(out, pl.slice(x, [1, 4], [0, 0]), [1, 0])

    pl.record(kernel, {"x": x, "out": out}, outputs={"x", "out"})
    assert out.tolist() == [[0, 1, 2, 3], [9, 9, 9, 9]]


def test_reshape_inside_a_scope_is_a_view_and_keeps_the_captured_handle() -> None:
    x = np.zeros((4, 6), np.float32)

    def kernel(x: pl.Tensor) -> None:
        with pl.at():
            flat = pl.reshape(x, [2, 12])
            pl.assemble(flat, pl.full([1, 12], pl.FP32, 3.0), [1, 0])

    program = pl.record(kernel, {"x": x}, outputs={"x"})
    assert x.tolist() == [[0.0] * 6] * 2 + [[3.0] * 6] * 2
    (argument,) = program.tasks[0].arguments
    assert (argument.shape, argument.is_written, argument.is_read) == ((4, 6), True, False)
    assert program.accesses[0]["offset"] == 12
    assert program.accesses[0]["run"] == 12


def test_a_slice_of_a_tile_is_a_value_of_its_own() -> None:
    out = np.zeros((2, 2), np.float32)

    def kernel(x: pl.Tensor, out: pl.Tensor) -> None:
        with pl.at():
            tile = pl.slice(x, [2, 4], [0, 0])
            part = pl.slice(pl.slice(tile, [2, 3], [0, 1]), [2, 2], [0, 1])
            tile[0:1, :] = pl.full([1, 4], pl.FP32, 9.0)
            pl.assemble(out, part, [0, 0])

    pl.record(kernel, {"x": ramp(2, 4), "out": out}, outputs={"out"})
    assert out.tolist() == [[2, 3], [6, 7]]


@pytest.mark.parametrize("form", ["assemble", "subscript", "write", "scatter"])
def test_explicit_in_place_operations_change_the_tile(form: str) -> None:
    out = np.zeros((1, 4), np.float32)

    def kernel(x: pl.Tensor, out: pl.Tensor) -> None:
        with pl.at():
            tile = pl.slice(x, [1, 4], [0, 0])
            alias = pl.reshape(tile, [4, 1])
            if form == "assemble":
                assert pl.assemble(tile, pl.full([1, 1], pl.FP32, 9.0), [0, 1]) is tile
            elif form == "subscript":
                tile[0:1, 1:2] = pl.full([1, 1], pl.FP32, 9.0)
            elif form == "write":
                tile[0, 1] = 9.0
            else:
                index = pl.full([1, 1], pl.INT32, 1)
                pl.scatter(tile, index=index, src=pl.full([1, 1], pl.FP32, 9.0))
            pl.assemble(out, pl.reshape(alias, [1, 4]), [0, 0])

    pl.record(kernel, {"x": ramp(1, 4), "out": out}, outputs={"out"})
    assert out.tolist() == [[0, 9, 2, 3]]


def test_create_tensor_is_global_memory_outside_and_a_tile_inside() -> None:
    seen: list[Any] = []

    def kernel() -> None:
        seen.append(pl.create_tensor([2, 4], pl.FP32, init_value=1.5))
        with pl.at():
            seen.append(pl.create_tensor([2, 4], pl.FP32, init_value=2.5))
            pl.exp(seen[1])

    program = pl.record(kernel, {})
    assert isinstance(seen[0], pl.Tensor)
    assert isinstance(seen[1], pl.Tile)
    assert (seen[0].array == 1.5).all()
    assert (seen[1].array == 2.5).all()
    assert [tensor.role for tensor in program.tensors] == [TensorRole.SCRATCH]


@pytest.mark.parametrize(
    ("dtype", "zero", "poison"),
    [
        (pl.FP32, 0.0, np.nan),
        (pl.BF16, 0.0, np.nan),
        (pl.INT8, 0, 127),
        (pl.INT32, 0, 2**31 - 1),
        (pl.BOOL, False, True),
    ],
)
def test_fresh_memory_is_zero_or_poison(dtype: pl.DType, zero: Any, poison: Any) -> None:
    seen: list[np.ndarray] = []

    def kernel() -> None:
        seen.append(pl.create_tensor([1, 2], dtype).array)
        with pl.at():
            seen.append(pl.create_tensor([1, 2], dtype).array)
            seen.append(pl.create_tile([1, 2], dtype).array)

    pl.record(kernel, {})
    pl.record(kernel, {}, options=pl.RecordOptions(poison=True))
    values = np.concatenate(seen).astype(np.float64)
    np.testing.assert_array_equal(values, [[zero, zero]] * 3 + [[poison, poison]] * 3)


def test_an_escaping_tile_is_stored_once_and_loaded_once_per_consumer() -> None:
    out = np.zeros((3, 4), np.float32)

    def kernel(x: pl.Tensor, out: pl.Tensor) -> None:
        with pl.at(name_hint="make"):
            tile = pl.exp(pl.slice(x, [1, 4], [0, 0]))
        for row in pl.range(3):
            with pl.at(name_hint="use"):
                pl.assemble(out, pl.add(tile, tile), [row, 0])

    x = ramp(1, 4)
    program = pl.record(kernel, {"x": x, "out": out}, outputs={"out"})
    np.testing.assert_array_equal(out, np.repeat(2 * np.exp(x), 3, axis=0))
    (implicit,) = [t for t in program.tensors if t.role is TensorRole.IMPLICIT]
    assert (implicit.shape, implicit.dtype) == ((1, 4), "FP32")
    assert kinds(program, 0) == ["load", "exp", "store"]
    for block in (1, 2, 3):
        assert kinds(program, block) == ["load", "add", "store"]
        assert accesses(program, block)[0] == (implicit.name, AccessMode.READ, "load")
    producer, *consumers = program.tasks
    written = [a for a in producer.arguments if a.tensor_id == implicit.tensor_id]
    assert [(a.is_written, a.is_read, a.is_direct_write) for a in written] == [(True, False, True)]
    for task in consumers:
        read = [a for a in task.arguments if a.tensor_id == implicit.tensor_id]
        assert [(a.is_written, a.is_read) for a in read] == [(False, True)]


def test_the_store_of_an_escaping_tile_ends_the_block_that_made_it() -> None:
    def kernel(x: pl.Tensor) -> None:
        tiles = []
        for i in pl.spmd(2, name_hint="first"):
            tiles.append(pl.exp(pl.slice(x, [1, 4], [i, 0])))
            pl.neg(tiles[-1])
        with pl.at(name_hint="join"):
            pl.add(tiles[0], tiles[1])

    program = pl.record(kernel, {"x": ramp(2, 4)})
    for block in (0, 1):
        assert kinds(program, block) == ["load", "exp", "neg", "store"]
    assert kinds(program, 2) == ["load", "load", "add"]
    assert len(program.ops) == 11


def test_a_write_into_an_escaped_tile_is_a_store_to_its_tensor() -> None:
    out = np.zeros((4, 4), np.float32)

    def kernel(x: pl.Tensor, out: pl.Tensor) -> None:
        with pl.at(name_hint="make"):
            total = pl.full([4, 4], pl.FP32, 0.0)
        for i in pl.spmd(4, name_hint="rows"):
            total = pl.assemble(total, pl.slice(x, [1, 4], [i, 0]), [i, 0])
        with pl.at(name_hint="corner"):
            pl.write(total, [0, 0], 7.0)
        with pl.at(name_hint="use"):
            pl.assemble(out, total, [0, 0])

    x = ramp(4, 4)
    program = pl.record(kernel, {"x": x, "out": out}, outputs={"out"})
    x[0, 0] = 7.0
    np.testing.assert_array_equal(out, x)
    (implicit,) = [t for t in program.tensors if t.role is TensorRole.IMPLICIT]
    for block in (1, 2, 3, 4):
        assert accesses(program, block)[1] == (implicit.name, AccessMode.WRITE, "store")
        assert kinds(program, block) == ["load", "store"]
    offsets = program.accesses[program.accesses["tensor"] == implicit.tensor_id]["offset"]
    assert sorted(offsets.tolist()) == [0, 0, 0, 0, 4, 8, 12]
    assert accesses(program, 5) == [(implicit.name, AccessMode.WRITE, "scalar_write")]
    assert accesses(program, 6)[0] == (implicit.name, AccessMode.READ, "load")


def test_a_consumer_reloads_an_escaped_tile_after_its_own_write() -> None:
    out = np.zeros((1, 4), np.float32)

    def kernel(out: pl.Tensor) -> None:
        with pl.at():
            tile = pl.full([1, 4], pl.FP32, 1.0)
        with pl.at():
            before = pl.neg(tile)
            pl.assemble(tile, pl.full([1, 1], pl.FP32, 5.0), [0, 2])
            pl.assemble(out, pl.add(before, tile), [0, 0])

    program = pl.record(kernel, {"out": out}, outputs={"out"})
    assert out.tolist() == [[0, 0, 4, 0]]
    assert kinds(program, 1) == ["load", "neg", "full", "store", "load", "add", "store"]


def test_vector_work_in_place_on_an_escaped_tile_makes_a_new_one() -> None:
    out = np.zeros((2, 4), np.float32)

    def kernel(out: pl.Tensor) -> None:
        with pl.at(name_hint="make"):
            tile = pl.full([1, 4], pl.FP32, 1.0)
            older = pl.reshape(tile, [1, 4])
        with pl.at(name_hint="change"):
            index, src = pl.full([1, 1], pl.INT32, 2), pl.full([1, 1], pl.FP32, 5.0)
            tile = pl.scatter(tile, index=index, src=src)
        with pl.at(name_hint="use"):
            pl.assemble(out, tile, [0, 0])
            pl.assemble(out, older, [1, 0])

    program = pl.record(kernel, {"out": out}, outputs={"out"})
    assert out.tolist() == [[1, 1, 5, 1], [1, 1, 1, 1]]
    names = [t.name for t in program.tensors if t.role is TensorRole.IMPLICIT]
    assert len(names) == 2
    read = [name for name, mode, _ in accesses(program, 2) if mode == AccessMode.READ]
    assert sorted(read) == sorted(names)
    change = {a.tensor_id: a for a in program.tasks[1].arguments}
    assert [(a.is_read, a.is_written) for a in change.values()] == [(True, False), (False, True)]


def test_the_orchestrator_can_read_an_escaped_tile() -> None:
    seen: list[float] = []

    def kernel() -> None:
        with pl.at():
            tile = pl.full([1, 4], pl.FP32, 3.0)
        seen.append(pl.read(tile, [0, 2]))

    program = pl.record(kernel, {})
    assert seen == [3.0]
    (implicit,) = program.tensors
    kinds_of_events = [(str(event.kind), event.before_task) for event in program.events]
    assert kinds_of_events == [("alloc", 0), ("read", 1)]
    assert kinds(program) == ["full", "store"]
    assert implicit.role is TensorRole.IMPLICIT


def test_loop_carried_and_branch_values_are_plain_python() -> None:
    out = np.zeros((1, 4), np.float32)

    def kernel(out: pl.Tensor) -> None:
        with pl.at():
            total = None
            for k in pl.range(3):
                total = pl.full([1, 4], pl.FP32, 1.0) if k == 0 else pl.add(total, total)
            pl.assemble(out, total, [0, 0])

    pl.record(kernel, {"out": out}, outputs={"out"})
    assert out.tolist() == [[4.0] * 4]


def test_widened_values_of_a_bf16_operand_follow_in_place_writes() -> None:
    """The products of one tile share its FP32 copy; a write through an alias makes it stale."""
    seen: list[np.ndarray] = []

    def kernel(x: pl.Tensor) -> None:
        with pl.at():
            tile = pl.slice(x, [16, 16], [0, 0])
            seen.append(pl.matmul(tile, tile).array)
            alias = pl.reshape(tile, [1, 256])
            pl.assemble(alias, pl.full([1, 256], pl.BF16, 2.0), [0, 0])
            seen.append(pl.matmul(tile, tile).array)

    pl.record(kernel, {"x": np.ones((16, 16), pl.BF16.numpy)})
    assert (seen[0] == 16).all()
    assert (seen[1] == 64).all()


def test_vector_work_in_place_on_a_part_of_an_escaped_tile_keeps_the_whole() -> None:
    seen: list[np.ndarray] = []

    def kernel() -> None:
        with pl.at():
            whole = pl.full([1, 4], pl.FP32, 1.0)
            part = pl.slice(whole, [1, 2], [0, 2])
        with pl.at():
            src = pl.full([1, 1], pl.FP32, 5.0)
            changed = pl.scatter(part, index=pl.full([1, 1], pl.INT32, 1), src=src)
            seen.extend([changed.array, whole.array])

    pl.record(kernel, {})
    assert [array.tolist() for array in seen] == [[[1, 5]], [[1, 1, 1, 1]]]
