"""Scopes, dispatches, loops and what the orchestrator does between them."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import npusim.language as pl
from npusim.errors import KernelError
from npusim.language.recorder import activate, current
from npusim.program import CoreType, EventKind, LoopFrame, Program, TensorRole


def record(kernel: Any, *arrays: np.ndarray, **options: Any) -> Program:
    return pl.record(kernel, {f"x{i}": x for i, x in enumerate(arrays)}, **options)


def vec() -> np.ndarray:
    return np.arange(4, dtype=np.float32).reshape(1, 4)


def test_each_execution_of_a_scope_is_a_task_of_one_block() -> None:
    def kernel() -> None:
        for _ in range(3):
            with pl.at(level=pl.Level.CORE_GROUP, name_hint="step"):
                pl.full([1, 4], pl.FP32, 0.0)

    program = record(kernel)
    rows = [(t.task_id, t.name, t.block_num, t.first_block, t.is_spmd) for t in program.tasks]
    assert rows == [(i, "step", 1, i, False) for i in range(3)]
    assert all(task.site.startswith("test_language_scopes.py:") for task in program.tasks)


def test_spmd_is_one_task_of_n_blocks_with_consecutive_rows() -> None:
    seen: list[tuple[int, int]] = []

    def kernel() -> None:
        with pl.at(name_hint="before"):
            pl.full([1, 4], pl.FP32, 0.0)
        for i in pl.spmd(3, name_hint="pack"):
            seen.append((i, pl.tile.get_block_idx()))
            pl.full([1, 4], pl.FP32, float(i))

    program = record(kernel)
    task = program.tasks[1]
    assert (task.block_num, task.first_block, task.is_spmd) == (3, 1, True)
    assert program.blocks["task"].tolist() == [0, 1, 1, 1]
    assert program.blocks["block_idx"].tolist() == [0, 0, 1, 2]
    assert seen == [(0, 0), (1, 1), (2, 2)]


def test_scope_without_a_hint_is_named_after_its_function() -> None:
    def kernel() -> None:
        for _ in range(2):
            with pl.at():
                pl.full([1, 4], pl.FP32, 0.0)
        with pl.at():
            pl.full([1, 4], pl.FP32, 0.0)

    names = [task.name for task in record(kernel).tasks]
    assert names == ["kernel_incore_0", "kernel_incore_0", "kernel_incore_1"]


def test_flags_reach_the_task() -> None:
    def kernel() -> None:
        with pl.at(
            allow_early_resolve=True,
            sync_start=True,
            optimizations=[object(), pl.split(pl.SplitMode.UP_DOWN)],
        ):
            pl.full([1, 4], pl.FP32, 0.0)
        with pl.at():
            pl.full([1, 4], pl.FP32, 0.0)

    first, second = record(kernel).tasks
    assert (first.allow_early_resolve, first.sync_start, first.split_mode) == (
        True,
        True,
        "up_down",
    )
    assert (second.allow_early_resolve, second.sync_start, second.split_mode) == (False, False, "")


def test_no_dep_args_mark_the_handle() -> None:
    def kernel(x: pl.Tensor, y: pl.Tensor) -> None:
        with pl.at(no_dep_args=[x]):
            pl.add(x, y)

    (task,) = record(kernel, vec(), vec()).tasks
    assert [argument.is_no_dep for argument in task.arguments] == [True, False]


def test_manual_dep_marks_the_buffer() -> None:
    def kernel() -> None:
        pl.create_tensor([4], pl.FP32, manual_dep=True)
        pl.create_tensor([4], pl.FP32)

    assert [t.is_manual_dep for t in record(kernel).tensors] == [True, False]


def test_deps_take_ids_lists_arrays_and_empty_places() -> None:
    def kernel() -> None:
        tids = pl.array.create(3, pl.TASK_ID)
        for i in range(2):
            with pl.at() as tid:
                pl.full([1, 4], pl.FP32, 0.0)
            tids[i] = tid
        with pl.at(deps=[tids]) as last:
            pl.full([1, 4], pl.FP32, 0.0)
        for _ in pl.spmd(1, deps=[last, tids[0], last]):
            pl.full([1, 4], pl.FP32, 0.0)
        with pl.at(deps=[tids[k] for k in range(2)]):
            pl.full([1, 4], pl.FP32, 0.0)
        with pl.at(deps=tids[0]):
            pl.full([1, 4], pl.FP32, 0.0)

    assert [task.deps for task in record(kernel).tasks] == [(), (), (0, 1), (0, 2), (0, 1), (0,)]


def test_task_dummy_has_no_block_and_joins_dependencies() -> None:
    def kernel() -> None:
        with pl.at() as tid:
            pl.full([1, 4], pl.FP32, 0.0)
        joined = pl.system.task_dummy(deps=[tid])
        with pl.at(deps=[joined]):
            pl.full([1, 4], pl.FP32, 0.0)

    program = record(kernel)
    dummy = program.tasks[1]
    assert (dummy.is_dummy, dummy.block_num, dummy.deps) == (True, 0, (0,))
    assert program.tasks[2].deps == (1,)
    assert program.blocks["task"].tolist() == [0, 2]


def test_manual_scope_marks_the_tasks_inside_also_after_an_error() -> None:
    def kernel() -> None:
        with pl.at():
            pl.full([1, 4], pl.FP32, 0.0)
        with pl.scope(), contextlib.suppress(ZeroDivisionError), pl.manual_scope():
            with pl.at():
                pl.full([1, 4], pl.FP32, 0.0)
            raise ZeroDivisionError
        with pl.at():
            pl.full([1, 4], pl.FP32, 0.0)

    assert [task.is_manual for task in record(kernel).tasks] == [False, True, False]


def test_loop_frames_name_kind_iteration_and_execution() -> None:
    def kernel() -> None:
        for _ in pl.parallel(0, 4, 2):
            for _ in pl.range(2):
                with pl.at():
                    pl.full([1, 4], pl.FP32, 0.0)
        for _ in pl.unroll(1):
            for _ in pl.pipeline(1):
                pl.system.task_dummy()

    frames = [task.loops for task in record(kernel).tasks]
    outer = [LoopFrame(0, "parallel", i) for i in (0, 1)]
    assert frames[:4] == [
        (outer[0], LoopFrame(1, "range", 0)),
        (outer[0], LoopFrame(1, "range", 1)),
        (outer[1], LoopFrame(2, "range", 0)),
        (outer[1], LoopFrame(2, "range", 1)),
    ]
    assert frames[4] == (LoopFrame(3, "unroll", 0), LoopFrame(4, "pipeline", 0))


def test_loops_left_half_way_leave_no_frame() -> None:
    def kernel() -> None:
        for _ in pl.parallel(4):
            break
        with contextlib.suppress(ZeroDivisionError):
            for _ in pl.range(4):
                raise ZeroDivisionError
        with pl.at():
            pl.full([1, 4], pl.FP32, 0.0)

    assert record(kernel).tasks[0].loops == ()


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [((3,), [0, 1, 2]), ((1, 3), [1, 2]), ((0, 5, 2), [0, 2, 4]), ((3, 0, -1), [3, 2, 1])],
)
@pytest.mark.parametrize("kind", ["range", "parallel", "unroll", "pipeline"])
def test_loops_count_like_range(kind: str, bounds: tuple[int, ...], expected: list[int]) -> None:
    seen: list[list[int]] = []

    def kernel() -> None:
        seen.append(list(getattr(pl, kind)(*bounds)))
        with pl.at():
            seen.append(list(getattr(pl, kind)(*bounds)))

    record(kernel)
    assert seen == [expected, expected]


def test_a_write_inside_a_loop_of_the_scope_is_not_direct() -> None:
    def kernel(looped: pl.Tensor, direct: pl.Tensor, read: pl.Tensor) -> None:
        with pl.at():
            for k in pl.range(2):
                pl.assemble(looped, pl.slice(read, [1, 2], [0, 2 * k]), [0, 2 * k])
            pl.assemble(direct, pl.slice(looped, [1, 4], [0, 0]), [0, 0])

    (task,) = record(kernel, vec(), vec(), vec(), outputs={"x0", "x1"}).tasks
    rows = {a.tensor_id: (a.is_read, a.is_written, a.is_direct_write) for a in task.arguments}
    assert rows == {
        0: (True, True, False),
        1: (False, True, True),
        2: (True, False, False),
    }


def test_orchestration_reads_writes_and_allocations_are_events() -> None:
    def kernel(x: pl.Tensor) -> None:
        pl.create_tensor([4], pl.FP32)
        with pl.at():
            pl.full([1, 4], pl.FP32, 0.0)
        assert pl.read(x, [0, 2]) == 2.0
        assert x[0, 3] == 3.0
        pl.write(x, [0, 2], 7.0)

    program = record(kernel, vec(), outputs={"x0"})
    rows = [(event.kind, event.tensor_id, event.before_task) for event in program.events]
    assert rows == [
        (EventKind.ALLOC, 1, 0),
        (EventKind.READ, 0, 1),
        (EventKind.READ, 0, 1),
        (EventKind.WRITE, 0, 1),
    ]


def test_core_type_of_a_task_without_tile_work_is_vector() -> None:
    def kernel(x: pl.Tensor) -> None:
        with pl.at():
            pl.read(x, [0, 0])

    assert record(kernel, vec()).tasks[0].core_type is CoreType.AIV


def test_an_empty_kernel_is_an_empty_program() -> None:
    program = record(lambda: None)
    assert (program.tasks, len(program.ops), program.block_count) == ((), 0, 0)


def test_an_error_in_a_scope_leaves_no_recorder_and_the_next_recording_works() -> None:
    def broken() -> None:
        with pl.at():
            raise ZeroDivisionError

    def broken_dispatch() -> None:
        for _ in pl.spmd(3):
            raise ZeroDivisionError

    def fine() -> None:
        with pl.at():
            pl.full([1, 4], pl.FP32, 0.0)

    for kernel in (broken, broken_dispatch):
        with pytest.raises(ZeroDivisionError):
            record(kernel)
        with pytest.raises(KernelError, match=r"^no recording is running; run the kernel through "):
            current()
        assert len(record(fine).tasks) == 1


def test_a_kernel_may_catch_an_error_of_its_scope() -> None:
    def kernel() -> None:
        with pytest.raises(ZeroDivisionError), pl.at(name_hint="broken"):
            raise ZeroDivisionError
        with pl.at(name_hint="fine"):
            pl.full([1, 4], pl.FP32, 0.0)

    assert [task.name for task in record(kernel).tasks] == ["broken", "fine"]


def test_recordings_nest_without_seeing_each_other() -> None:
    inner: list[Program] = []

    def small() -> None:
        with pl.at(name_hint="inner"):
            pl.full([1, 4], pl.FP32, 0.0)

    def kernel() -> None:
        with pl.at(name_hint="outer"):
            inner.append(record(small))
            pl.full([1, 4], pl.FP32, 0.0)

    outer = record(kernel)
    assert [task.name for task in outer.tasks] == ["outer"]
    assert [task.name for task in inner[0].tasks] == ["inner"]
    assert len(outer.ops) == len(inner[0].ops) == 1


def test_recordings_in_two_threads_are_independent() -> None:
    barrier = threading.Barrier(2, timeout=10)
    programs: dict[int, Program] = {}

    def work(count: int) -> None:
        def kernel() -> None:
            for _ in range(count):
                with pl.at(name_hint=f"t{count}"):
                    if count == 2 or len(current().tasks) <= 2:
                        barrier.wait()
                    pl.full([1, 4], pl.FP32, 0.0)

        programs[count] = record(kernel)

    threads = [threading.Thread(target=work, args=(n,)) for n in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [task.name for task in programs[2].tasks] == ["t2"] * 2
    assert [task.name for task in programs[3].tasks] == ["t3"] * 3


def test_activate_restores_the_recorder_that_ran_before() -> None:
    def kernel() -> None:
        outer = current()
        with pytest.raises(ZeroDivisionError), activate(type(outer)(outer.options)):
            raise ZeroDivisionError
        assert current() is outer

    record(kernel)


def test_arguments_become_tensors_with_roles_from_outputs_and_annotations() -> None:
    def kernel(
        x: pl.Tensor[[1, 4], pl.FP32],
        state: pl.InOut[pl.Tensor[[1, 4], pl.FP32]],
        out: pl.Out[pl.Tensor[[1, 4], pl.FP32]],
        scale: pl.Scalar[pl.BF16],
        count: int,
    ) -> None:
        assert (x.shape, x.dtype) == ((1, 4), pl.FP32)
        assert scale == float(pl.BF16.numpy.type(0.1))
        assert count == 3

    arguments = {"x": vec(), "state": vec(), "out": vec(), "scale": 0.1, "count": 3}
    program = pl.record(pl.jit(kernel), arguments, outputs={"state", "out"})
    assert [(t.name, t.role) for t in program.tensors] == [
        ("x", TensorRole.INPUT),
        ("state", TensorRole.INOUT),
        ("out", TensorRole.OUTPUT),
    ]


def test_options_name_the_program() -> None:
    options = pl.RecordOptions(kernel="k", variant="v", parameters={"tile": 4})
    program = record(lambda: None, options=options)
    assert (program.kernel, program.variant, program.parameters) == ("k", "v", {"tile": 4})


def test_a_handle_counts_once_however_often_it_is_used() -> None:
    def kernel(x: pl.Tensor) -> None:
        with pl.at():
            pl.assemble(x, pl.exp(x), [0, 0])
            pl.read(x, [0, 0])
            pl.write(x, [0, 0], 1.0)

    (task,) = record(kernel, vec(), outputs={"x0"}).tasks
    (argument,) = task.arguments
    assert (argument.is_read, argument.is_written, argument.is_direct_write) == (True, True, True)


def test_generators_of_one_dispatch_close_in_order() -> None:
    def blocks(n: int) -> Iterator[int]:
        yield from pl.spmd(n, name_hint="wrapped")

    def kernel() -> None:
        for _ in blocks(2):
            pl.full([1, 4], pl.FP32, 0.0)
        with pl.at():
            pl.full([1, 4], pl.FP32, 0.0)

    assert [task.block_num for task in record(kernel).tasks] == [2, 1]


class Unsigned:
    """A callable without a signature that Python can read."""

    __signature__ = "none"

    def __call__(self, x: pl.Tensor) -> None:
        with pl.at():
            pl.neg(x)


def test_a_kernel_without_a_signature_is_run_all_the_same() -> None:
    assert len(record(Unsigned(), vec()).tasks) == 1
