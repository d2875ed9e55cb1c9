"""Rings: back-pressure, lifetimes of scopes, and the deadlocks that they cause."""

from dataclasses import replace

import numpy as np
import pytest

from npusim.errors import DeadlockError, UsageError
from npusim.program import CoreType, EventKind, LoopFrame
from npusim.simulator import simulate
from npusim.simulator.program_work import work_of_program
from npusim.simulator.ring_sizes import RingSizes, parse_sizes
from npusim.simulator.rings import Rings, amounts
from npusim.simulator.work import Allocation, RuntimeScope
from npusim.trace import RING_COUNTERS, EdgeSource, RingEvent, RingScope
from tests.program_builder import ProgramBuilder, graph, round_chip
from tests.runtime_builder import make_work, quick_chip, run

AIV = CoreType.AIV
BODY = RuntimeScope(-1, 0, "the body of the kernel")


def iterations(count):
    """The body and ``count`` iterations of one loop in it."""
    return (BODY, *[RuntimeScope(0, 1, f"iteration {i}") for i in range(count)])


def tasks(count, duration_ns=2000):
    return [(f"t{i}", AIV, [duration_ns]) for i in range(count)]


def test_a_full_ring_holds_the_orchestrator_until_the_oldest_task_is_consumed():
    free, full = (
        run(make_work(tasks(6, 9000)), quick_chip(ring_slot_count=slots)) for slots in (100, 2)
    )
    assert full.makespan_ps > free.makespan_ps
    submit = [task.submit_start_ps for task in full.tasks]
    finish = sorted(full.slices["finish_ps"].tolist())
    assert submit[2] >= finish[0]
    assert submit[1] < finish[0]


def test_slots_are_given_back_in_order():
    # The first task is the long one: what is done behind it keeps its slot.
    work = make_work([("long", AIV, [50_000]), *tasks(5, 100)])
    trace = run(work, quick_chip(ring_slot_count=3))
    assert trace.tasks[3].submit_start_ps >= trace.slices["finish_ps"][0]


def test_a_scope_keeps_its_tasks_until_it_ends():
    scope = [1, 1, 2, 2, 3, 3]
    work = make_work(tasks(6), scope=scope, scopes=iterations(3))
    trace = run(work, quick_chip(ring_slot_count=2))
    finish = sorted(trace.slices["finish_ps"].tolist())
    assert trace.tasks[2].submit_start_ps >= finish[0]
    assert trace.tasks[5].submit_start_ps >= finish[3]


def test_a_scope_larger_than_its_ring_is_a_deadlock_at_once():
    work = make_work(tasks(6), scope=[1] * 6, scopes=iterations(1))
    with pytest.raises(
        DeadlockError,
        match=r"^ring 1, task slots: task 4 \(t4\) needs 1 more slots, 4 of 4 are held and "
        r"iteration 0 cannot end before this submit; expected the tasks of a scope to fit its "
        r"ring; split iteration 0 into smaller scopes \(each iteration of a loop is one\) or raise "
        r"--ring-slots \(ring_task_window\)$",
    ):
        run(work, quick_chip(ring_slot_count=4))


def test_the_same_tasks_in_two_scopes_run():
    work = make_work(tasks(6), scope=[1] * 3 + [2] * 3, scopes=iterations(2))
    assert len(run(work, quick_chip(ring_slot_count=4)).slices) == 6


def test_tasks_of_closed_scopes_do_not_hide_a_deadlock_behind_them():
    work = make_work(tasks(8), scope=[1] * 2 + [2] * 6, scopes=iterations(2))
    with pytest.raises(DeadlockError, match=r"^ring 1, task slots: task 6 .* and iteration 1"):
        run(work, quick_chip(ring_slot_count=4))


def test_scopes_of_another_depth_use_another_ring():
    scopes = (BODY, RuntimeScope(0, 1, "loop"))
    work = make_work(tasks(6), scope=[0, 1, 1, 1, 0, 0], scopes=scopes)
    assert len(run(work, quick_chip(ring_slot_count=3)).slices) == 6


def test_heap_and_dependency_lists_hold_as_well():
    heap = make_work(tasks(6, 9000), heap_bytes=[4096] * 6)
    slow = run(heap, quick_chip(ring_heap_bytes=8192))
    assert slow.tasks[2].submit_start_ps >= slow.slices["finish_ps"].min()
    edges = [(0, i) for i in range(1, 6)]
    listed = run(make_work(tasks(6, 9000), *edges), quick_chip(ring_dependency_count=2))
    assert listed.tasks[3].submit_start_ps >= listed.slices["finish_ps"].min()


def test_an_output_larger_than_the_heap_is_a_deadlock():
    work = make_work(tasks(1), heap_bytes=[8193])
    with pytest.raises(
        DeadlockError, match=r"^ring 0, output heap: task 0 \(t0\) needs 8193 more bytes, 0 of 8192"
    ):
        run(work, quick_chip(ring_heap_bytes=8192))


def test_an_allocation_holds_its_heap_for_its_users():
    step = Allocation(scope=1, tensors=1, nbytes=4096, users=(0,))
    steps = {0: (step,), 2: (Allocation(2, 1, 4096, (2,)),)}
    work = make_work(tasks(3, 9000), scope=[1, 1, 2], scopes=iterations(2), steps=steps)
    tight, wide = (run(work, quick_chip(ring_heap_bytes=size)) for size in (4096, 16384))
    assert tight.tasks[2].submit_start_ps > wide.tasks[2].submit_start_ps
    assert tight.tasks[2].submit_start_ps >= tight.slices["finish_ps"][0]


def test_an_explicit_consumer_holds_the_slot_of_its_producer():
    def third_submit(source):
        work = make_work(
            [("p", AIV, [100]), ("c", AIV, [40_000]), ("x", AIV, [100])],
            (0, 1),
            sources=[source],
        )
        return run(work, quick_chip(ring_slot_count=2)).tasks[2].submit_start_ps

    assert third_submit(EdgeSource.EXPLICIT) > third_submit(EdgeSource.TENSORMAP) + 30_000_000


def test_the_end_of_a_scope_costs_the_orchestrator():
    one = make_work(tasks(4), scope=[1, 1, 1, 1], scopes=iterations(1))
    two = make_work(tasks(4), scope=[1, 1, 2, 2], scopes=iterations(2))
    chip = quick_chip(scope_end_per_task_ns=500)
    later = run(two, chip).tasks[2].submit_start_ps - run(one, chip).tasks[2].submit_start_ps
    assert later == 2 * 500_000


def test_rings_are_shared_by_the_deepest_scopes():
    deep = tuple(RuntimeScope(i - 1, i, f"depth {i}") for i in range(6))
    rings = Rings(round_chip().runtime, deep, RingSizes())
    assert [rings.ring_of(scope).index for scope in (-1, 0, 1, 2, 3, 4, 5)] == [0, 0, 1, 2, 3, 3, 3]
    assert amounts(1, 0, 0) is amounts(1, 0, 0)


def loop_task(builder, name, *iteration):
    loops = tuple(LoopFrame(depth, "range", one) for depth, one in enumerate(iteration))
    task = builder.task(name, AIV)
    task.block()
    task.task = replace(task.task, loops=loops)


def test_iterations_of_orchestration_loops_are_scopes():
    builder = ProgramBuilder()
    for name, *where in (("a",), ("b", 0), ("c", 0), ("d", 1), ("e", 1, 0)):
        loop_task(builder, name, *where)
    work = work_of_program(builder.build(), graph(5), round_chip())
    depths = [work.scopes[scope].depth for scope in work.scope]
    assert depths == [0, 1, 1, 1, 2]
    assert work.scope[1] == work.scope[2] != work.scope[3]


def test_buffers_of_one_scope_are_allocated_together():
    builder = ProgramBuilder()
    for name in "xyz":
        tensor = builder.tensor(name, (100, 10))
        builder.event(EventKind.ALLOC, tensor)
        task = builder.task(name, AIV)
        task.block()
        builder.uses(task, tensor, is_written=True)
    work = work_of_program(builder.build(), graph(3), round_chip())
    (only,) = [step for steps in work.steps.values() for step in steps]
    # 4000 bytes each, placed at multiples of 1024.
    assert only == Allocation(0, 3, 3 * 4096, (0, 1, 2))


def test_a_program_whose_body_does_not_fit_its_ring_is_refused():
    builder = ProgramBuilder()
    for index in range(5):
        builder.task(f"t{index}", AIV).block()
    with pytest.raises(DeadlockError, match=r"^ring 0, task slots: .* the body of the kernel"):
        simulate(builder.build(), graph(5), round_chip(ring_slot_count=4))
    assert len(simulate(builder.build(), graph(5), round_chip(ring_slot_count=5)).slices) == 5


def test_a_run_may_ask_for_rings_of_another_size():
    work = make_work(tasks(6), scope=[1] * 6, scopes=iterations(1))
    chip = quick_chip(ring_slot_count=4)
    for slots in ((6,), (0, 6, 0, 0)):
        assert len(run(work, chip, rings=RingSizes(slots=slots)).slices) == 6
    for slots in ((5,), (6, 0, 0, 0)):
        with pytest.raises(DeadlockError, match=r"^ring 1, task slots: "):
            run(work, chip, rings=RingSizes(slots=slots))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, (0,)),
        ("", (0,)),
        (4096, (4096,)),
        ("4096", (4096,)),
        ("1,2, 3,4", (1, 2, 3, 4)),
        ([0, 9], (0, 9)),
    ],
)
def test_sizes_are_read_as_the_device_runtime_reads_them(given, expected):
    assert parse_sizes("x", given) == expected


def test_sizes_that_are_none_are_refused():
    for given in ("much", [1, "x"], 2.5, [4096.7], True, [False], "1_0"):
        with pytest.raises(UsageError, match=r"^ring_heap: .*; expected whole numbers, one for"):
            parse_sizes("ring_heap", given)
    for slots in ((), (-1,), (1.5,)):
        with pytest.raises(UsageError, match=r"^ring slots: \[.*\]; expected whole numbers of at"):
            RingSizes(slots=slots)
    with pytest.raises(UsageError, match=r"^ring heap_bytes: 2 sizes; expected 1 or 4, one per"):
        RingSizes(heap_bytes=(1, 2)).of_ring(0, round_chip().runtime)


def watched(work, chip, **options):
    return run(work, chip, scope_stats=True, **options)


def test_a_log_of_the_rings_by_hand():
    """Two iterations of two tasks each: what a scope took, what is given back when it ends."""
    work = make_work(
        tasks(4), (0, 2), scope=[1, 1, 2, 2], scopes=iterations(2), heap_bytes=[512] * 4
    )
    rings = watched(work, quick_chip()).rings
    assert rings.scopes[1] == RingScope("iteration 0", 1, 1)
    marks = rings.samples[rings.samples["event"] != RingEvent.CHANGE]
    names = ("event", "scope", "ring", "slots_taken", "heap_taken_bytes", "dependencies_taken")
    assert [tuple(int(row[name]) for name in names) for row in marks] == [
        (RingEvent.BEGIN, 0, 0, 0, 0, 0),
        (RingEvent.BEGIN, 1, 1, 0, 0, 0),
        (RingEvent.END, 1, 1, 2, 1024, 0),
        (RingEvent.BEGIN, 2, 1, 2, 1024, 0),
        (RingEvent.END, 2, 1, 4, 2048, 1),
        (RingEvent.END, 0, 0, 0, 0, 0),
    ]
    last = rings.of_ring(1)[-1]
    assert all(last[freed] == last[taken] for freed, taken in RING_COUNTERS)
    assert (rings.samples["tensormap_entries"] == -1).all()


def test_a_log_never_shows_more_than_there_is_room_for():
    work = make_work(tasks(12, 9000), scope=[1] * 4 + [2] * 4 + [3] * 4, scopes=iterations(3))
    rings = watched(work, quick_chip(ring_slot_count=4)).rings
    own = rings.of_ring(1)
    held = own["slots_taken"] - own["slots_freed"]
    assert held.max() == 4 == rings.limits[1].slots
    submits = rings.samples[rings.samples["event"] == RingEvent.CHANGE]
    assert len(submits) >= 12


def test_a_submit_takes_its_slot_when_it_begins():
    trace = watched(make_work(tasks(3)), quick_chip())
    taken = trace.rings.samples[np.diff(trace.rings.samples["slots_taken"], prepend=0) > 0]
    assert taken["time_ps"].tolist() == [task.submit_start_ps for task in trace.tasks]


def test_watching_the_rings_changes_nothing_else():
    work = make_work(tasks(12, 9000), scope=[1] * 6 + [2] * 6, scopes=iterations(2))
    plain, seen = (
        run(work, quick_chip(ring_slot_count=6), scope_stats=wanted) for wanted in (False, True)
    )
    assert not len(plain.rings.samples)
    assert len(seen.rings.samples)
    for name in ("slices", "waits", "phases", "edges"):
        assert (getattr(plain, name) == getattr(seen, name)).all()
    assert plain.tasks == seen.tasks
