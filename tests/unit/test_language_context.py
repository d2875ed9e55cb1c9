"""What tasks are called, what an exception is told, and stores of the orchestrator."""

import numpy as np
import pytest

import npusim.language as pl
from npusim.dependencies import DependencyMode, build_graph
from npusim.errors import KernelError
from npusim.hardware import load_chip
from npusim.simulator import simulate


def record(kernel):
    x, out = np.arange(32, dtype=np.float32).reshape(4, 8), np.zeros((4, 8), np.float32)
    return x, out, pl.record(kernel, {"x": x, "out": out}, outputs={"out"})


def notes(kernel, kind):
    with pytest.raises(kind) as caught:
        record(kernel)
    return caught.value.__notes__


def copy_row(x, out, row):
    out[row : row + 1, :] = x[row : row + 1, :]


def other_function(x, out):
    with pl.at(name_hint="copy"):
        copy_row(x, out, 3)


def test_names_come_from_hints_and_functions():
    def kernel(x, out):
        for _ in pl.range(2):
            with pl.at():
                copy_row(x, out, 0)
        with pl.at(name_hint="copy"):
            copy_row(x, out, 1)
        with pl.at(name_hint="copy"):
            copy_row(x, out, 2)
        for _i in pl.spmd(1):
            copy_row(x, out, 2)
        with pl.at(name_hint="once"):
            copy_row(x, out, 2)
        other_function(x, out)

    names = [task.name for task in record(kernel)[2].tasks]
    assert names == [
        *("kernel_incore_0", "kernel_incore_0", "copy_0", "copy_1", "kernel_incore_1"),
        *("once", "other_function_copy"),
    ]


def test_a_note_says_where_an_exception_was():
    def kernel(x, out):
        for block in pl.range(2, 4):  # noqa: B007 - its value is in the note
            with pl.at(name_hint="qk"):
                for kb in pl.pipeline(8, stage=2):
                    part = pl.set_validshape(x[0:2, :], 1, 8)
                    1 / (kb - 3)
                    del part

    (note,) = notes(kernel, ZeroDivisionError)
    assert note.startswith("npusim: in test_language_context.py:")
    assert "; scope qk, task 0, block 0; loops block=2, kb=3; with " in note
    assert "part: Tile([2, 8], FP32) valid [1, 8]" in note
    assert "x: Tensor(x, [4, 8], FP32)" in note


def test_a_note_names_the_block_of_a_dispatch_and_outer_functions():
    def kernel(x, out):
        for i in pl.spmd(4, name_hint="rows"):
            if i == 2:
                copy_row(x, out, 9)

    (note,) = notes(kernel, KernelError)
    assert "; scope rows, task 0, block 2; loops i=2; with " in note


def test_a_note_of_the_orchestrator_has_no_scope():
    (note,) = notes(lambda x, out: pl.no_such_operation, KernelError)
    assert "scope" not in note


def test_a_tile_assembled_outside_is_stored_by_its_task():
    def kernel(x, out):
        for row in pl.range(4):
            with pl.at(name_hint="make"):
                double = pl.mul(x[row : row + 1, :], 2.0)
            out = pl.assemble(out, double, [row, 0])
        with pl.at(name_hint="use"):
            out[0:1, :] = pl.neg(out[0:1, :])

    x, out, program = record(kernel)
    np.testing.assert_array_equal(out, np.vstack([-2 * x[:1], 2 * x[1:]]))
    kinds = [program.op_kinds[op["kind"]].name for op in program.block_ops(1)]
    assert kinds == ["load", "muls", "store"]
    assert program.tasks[1].arguments[1].offset == 8
    assert [tensor.role.value for tensor in program.tensors] == ["input", "output"]
    for mode in DependencyMode:
        graph = build_graph(program, mode)
        assert 4 in graph.edges[:, 1].tolist(), mode


def test_a_tensor_assembled_outside_is_an_output_of_the_tasks_that_filled_it():
    def kernel(x, out):
        row = pl.create_tensor([1, 8], dtype=pl.FP32)
        for half in pl.range(2):
            with pl.at(name_hint="half"):
                row[:, half * 4 : half * 4 + 4] = x[0:1, half * 4 : half * 4 + 4]
        out[2:3, :] = row
        with pl.at(name_hint="use"):
            out[0:1, :] = out[2:3, :]

    x, out, program = record(kernel)
    np.testing.assert_array_equal(out[[0, 2]], x[[0, 0]])
    written = [[one.tensor_id for one in t.arguments if one.is_written] for t in program.tasks]
    assert written == [[2, 1], [2, 1], [1]]
    # The simulator knows how the row gets into ``out``, though no tile of that task is named.
    graph = build_graph(program, DependencyMode.EXACT)
    assert simulate(program, graph, load_chip("a2a3")).makespan_ps > 0


def test_an_atomic_store_outside_is_refused():
    match = r"^test_language_context\.py:\d+: misplaced tensor operation: pl\.assemble of Tensor"
    with pytest.raises(KernelError, match=match):
        record(lambda x, out: pl.assemble(out, x, [0, 0], atomic=pl.AtomicType.Add))
