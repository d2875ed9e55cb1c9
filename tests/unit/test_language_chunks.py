"""Which iterations of chunked loops make a task (DSL_REFERENCE.md section 3.4)."""

import numpy as np
import pytest

import npusim.language as pl
from npusim.errors import KernelError


def record(kernel, rows=8, cols=8):
    x = np.arange(rows * cols, dtype=np.float32).reshape(rows, cols)
    out = np.zeros_like(x)
    program = pl.record(kernel, {"x": x, "out": out}, outputs={"out"})
    return x, out, program


def automatic(hint="tile", **flags):
    return pl.at(level=pl.Level.CORE_GROUP, optimizations=[pl.auto_chunk], name_hint=hint, **flags)


@pytest.mark.parametrize(
    ("rows", "chunk", "tasks"), [(1024, 128, 8), (8, 3, 3), (8, 8, 1), (8, 1, 8)]
)
def test_each_chunk_of_a_loop_is_a_task(rows, chunk, tasks):
    def kernel(x, out):
        with automatic():
            for r in pl.parallel(0, rows, 1, chunk=chunk):
                out = pl.assemble(out, pl.add(x[r : r + 1, :], 1.0), [r, 0])

    x, out, program = record(kernel, rows)
    np.testing.assert_array_equal(out, x + 1)
    assert len(program.tasks) == tasks
    assert {task.name for task in program.tasks} == {"tile"}
    assert [task.loops[-1].iteration for task in program.tasks] == list(range(tasks))


def test_nested_chunked_loops_are_interchanged():
    """Tasks are the product of the outer trip counts, although Python runs row by row."""

    def kernel(x, out):
        with automatic():
            for m in pl.parallel(0, 8, 2, chunk=2):
                for n in pl.parallel(0, 8, 2, chunk=2):
                    out = pl.assemble(out, pl.mul(x[m : m + 2, n : n + 2], 2.0), [m, n])

    x, out, program = record(kernel)
    np.testing.assert_array_equal(out, x * 2)
    assert len(program.tasks) == 4
    assert [task.first_block for task in program.tasks] == [0, 1, 2, 3]
    stores = program.kind_index("store")
    assert [(program.block_ops(b)["kind"] == stores).sum() for b in range(4)] == [4, 4, 4, 4]
    first = program.block_ops(0)
    offsets = program.accesses["offset"][first["access"][first["kind"] == stores]]
    assert offsets.tolist() == [0, 2, 16, 18], "the upper left quarter"


def test_statements_between_the_loops_are_tasks_of_their_own():
    def kernel(x, out):
        with automatic("norm"):
            total = pl.full([1, 8], pl.FP32, 0.0)
            for r in pl.range(8):
                total = pl.add(total, x[r : r + 1, :])
            scaled = pl.mul(total, 0.5)
            for r in pl.parallel(8, chunk=4):
                out[r : r + 1, :] = pl.add(x[r : r + 1, :], scaled)

    x, out, program = record(kernel)
    np.testing.assert_array_equal(out, x + x.sum(axis=0) / 2)
    assert [task.name for task in program.tasks] == ["norm_0", "norm_1", "norm_1"]
    assert [len(task.loops) for task in program.tasks] == [0, 1, 1]
    assert [role.role.value for role in program.tensors] == ["input", "output", "implicit"]


def test_a_loop_of_the_source_around_a_chunked_loop_repeats_its_tasks():
    def kernel(x, out):
        with automatic():
            for half in pl.range(2):
                for r in pl.parallel(4, chunk=2):
                    row = half * 4 + r
                    out[row : row + 1, :] = pl.neg(x[row : row + 1, :])

    x, out, program = record(kernel)
    np.testing.assert_array_equal(out, -x)
    assert [[one.iteration for one in task.loops] for task in program.tasks] == [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
    ]


def test_reads_belong_to_the_chunk_and_to_the_orchestrator_elsewhere():
    def kernel(x, out):
        with automatic():
            first = pl.read(x, [0, 0])
            for r in pl.parallel(2, chunk=1):
                value = pl.read(x, [r, 1]) + first
                pl.write(out, [r, 0], value)

    x, out, program = record(kernel)
    assert out[:2, 0].tolist() == [x[0, 1], x[1, 1]]
    assert [event.kind.value for event in program.events] == ["read"]
    assert len(program.tasks) == 2


def test_chunk_changes_nothing_outside_an_automatic_scope():
    def kernel(x, out):
        for r in pl.parallel(4, chunk=2):
            with pl.at(name_hint="row"):
                out[r : r + 1, :] = pl.neg(x[r : r + 1, :])

    assert len(record(kernel)[2].tasks) == 4


def test_other_spellings_and_the_split_of_the_scope():
    def kernel(x, out):
        with pl.auto_incore():
            for r in pl.parallel(2, chunk=1):
                out[r : r + 1, :] = pl.neg(x[r : r + 1, :])
        with pl.at(optimization=pl.chunked_loop_optimizer, name_hint="old"):
            for r in pl.parallel(2, chunk=2):
                out[r : r + 1, :] = pl.neg(x[r : r + 1, :])
        with pl.at(
            optimizations=[pl.auto_chunk, pl.split(pl.SplitMode.UP_DOWN)], name_hint="mix"
        ) as tids:
            for r in pl.parallel(2, chunk=1):
                out[r : r + 1, :] = pl.neg(x[r : r + 1, :])
        with pl.incore():
            out[0:1, :] = x[0:1, :]
        pl.system.task_dummy(deps=[tids])

    program = record(kernel)[2]
    names = [task.name for task in program.tasks]
    assert names == [
        *("kernel_incore_0", "kernel_incore_0", "old", "mix", "mix"),
        *("kernel_incore_1", "task_dummy"),
    ]
    assert [task.split_mode for task in program.tasks[3:5]] == ["up_down", "up_down"]
    assert program.tasks[-1].deps == (3, 4)


def test_a_scope_in_a_chunked_loop_is_refused():
    def kernel(x, out):
        with automatic():
            for _ in pl.parallel(2, chunk=1):
                with pl.at(name_hint="inner"):
                    out[0:1, :] = x[0:1, :]

    with pytest.raises(
        KernelError, match=r"^test_language_chunks\.py:\d+: a scope opens in a loop"
    ):
        record(kernel)


def test_chunk_must_be_positive():
    def kernel(x, out):
        for _ in pl.parallel(2, chunk=0):
            pass

    with pytest.raises(
        KernelError, match=r"^test_language_chunks\.py:\d+: pl\.parallel chunk is 0"
    ):
        record(kernel)
