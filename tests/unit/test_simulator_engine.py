"""Whole simulations, small enough to check by hand."""

from dataclasses import replace

import numpy as np
import pytest

from npusim.errors import BufferOverflowError, DeadlockError, NpuSimError, UsageError
from npusim.hardware import load_chip
from npusim.program import CoreType, EventKind, Space
from npusim.simulator import SimulationOptions, simulate
from npusim.trace import PhaseKind, WaitReason
from tests.program_builder import ProgramBuilder, graph, round_chip


def add_task(builder, name="t", core_type=CoreType.AIV, *, blocks=1, rows=64, **flags):
    """A task whose blocks take ``issue + 2*rows + 24`` cycles: 160 ns for 64 rows."""
    task = builder.task(name, core_type, **flags)
    for _ in range(blocks):
        block = task.block()
        block.vector("add", block.tile(Space.UB, rows, 64), rows=rows)
    return task


def events(trace):
    """Everything that happened, as (start ns, lane, what, end ns), in order."""
    found = []
    for row in trace.slices:
        name = trace.tasks[row["task"]].name
        found.append((row["start_ps"], row["lane"], f"{name}/{row['block']}", row["end_ps"]))
    found += [
        (row["start_ps"], row["lane"], PhaseKind(row["kind"]).name, row["end_ps"])
        for row in trace.phases
    ]
    found += [
        (row["start_ps"], row["lane"], f"wait {WaitReason(row['reason']).name}", row["end_ps"])
        for row in trace.waits
    ]
    return [
        f"{int(start) // 1000} {trace.lanes[lane].name} {what} {int(end) // 1000}"
        for start, lane, what, end in sorted(found)
    ]


def test_a_consumer_on_an_idle_device():
    builder = ProgramBuilder()
    add_task(builder, "a")
    add_task(builder, "b")
    trace = simulate(builder.build(), graph(2, (0, 1)), round_chip())
    # a: 1930 dispatched, 2075 received, 2125 started, 2285 ended; the FIN is visible at 2305 and
    # polls read it at 2035 + k * 150. b is ready first when it is submitted, at 3100.
    assert events(trace) == [
        "500 Orch[0] SUBMIT 1500",
        "1500 Sched[0] DISPATCH 1935",
        "2000 Orch[0] SUBMIT 3100",
        "2125 AIC[0] wait NO_WORK 3920",
        "2125 AIV[0] a/0 2285",
        "2125 AIV[1] wait NO_WORK 3920",
        "2285 AIV[0] wait SUBMIT 3100",
        "2335 Sched[0] COMPLETE 2835",
        "2485 Sched[0] RESOLVE 2835",
        "3100 AIV[0] wait QUEUE 3135",
        "3135 AIV[0] wait DISPATCH 3760",
        "3135 Sched[0] DISPATCH 3570",
        "3760 AIV[0] b/0 3920",
        "3970 Sched[0] COMPLETE 4470",
        "4120 Sched[0] RESOLVE 4470",
    ]


def test_the_slice_holds_every_time_of_its_life():
    builder = ProgramBuilder()
    add_task(builder, "a")
    (row,) = simulate(builder.build(), graph(1), round_chip()).slices.tolist()
    assert row == (1, 0, 0, 1, 1930000, 2075000, 2125000, 2285000, 2335000, 0)


def test_a_wait_for_a_predecessor_blames_the_last_one():
    builder = ProgramBuilder()
    fast = round_chip(submit_fixed_ns=1, submit_user_code_ns=1, submit_per_edge_ns=1)
    for name, rows in (("short", 64), ("long", 256), ("join", 64)):
        add_task(builder, name, rows=rows)
    trace = simulate(builder.build(), graph(3, (0, 2), (1, 2)), fast)
    waits = trace.waits[trace.waits["task"] == 2]
    blamed = [(WaitReason(row["reason"]).name, row["blamed"]) for row in waits]
    assert blamed[:2] == [("DEPENDENCY", 1), ("DISPATCH", -1)]


def test_blocks_of_one_task_run_in_waves():
    builder = ProgramBuilder()
    add_task(builder, "spmd", blocks=5)
    trace = simulate(builder.build(), graph(1), round_chip())
    slices = trace.slices
    assert slices["block"].tolist() == [0, 1, 2, 3, 4]
    assert len(set(slices["dispatch_ps"].tolist())) == 4
    dispatches = trace.phases[trace.phases["kind"] == PhaseKind.DISPATCH]
    assert dispatches["count"].tolist() == [2, 1, 1, 1]
    assert dispatches["ready_end"][:, 1].tolist() == [1, 1, 1, 0]


def test_threads_share_the_blocks_of_one_task():
    builder = ProgramBuilder()
    add_task(builder, "spmd", blocks=8)
    trace = simulate(builder.build(), graph(1), round_chip(clusters=4, threads=2))
    lanes = [trace.lanes[lane].name for lane in sorted(trace.slices["lane"])]
    assert lanes == [f"AIV[{core}]" for core in range(8)]
    owners = [trace.lanes[lane].thread for lane in sorted(trace.slices["lane"])]
    assert owners == [0, 0, 1, 1, 0, 0, 1, 1]


def test_a_mix_task_takes_a_whole_cluster_and_waits_for_it():
    builder = ProgramBuilder()
    # The cluster is taken by the time the second task is ready.
    fast = round_chip(submit_fixed_ns=100, submit_user_code_ns=1)
    add_task(builder, "vector", rows=256)
    add_task(builder, "mix", CoreType.MIX)
    trace = simulate(builder.build(), graph(2), fast)
    mixed = trace.slices[trace.slices["task"] == 1]
    assert [(trace.lanes[row["lane"]].name, int(row["slot"])) for row in mixed] == [
        ("AIC[0]", 0),
        ("AIV[0]", 1),
        ("AIV[1]", 2),
    ]
    assert len(set(mixed["start_ps"].tolist())) == len(set(mixed["end_ps"].tolist())) == 1
    first = trace.slices[trace.slices["task"] == 0][0]
    sync = trace.waits[trace.waits["reason"] == WaitReason.SYNC]
    assert {trace.lanes[lane].name for lane in sync["lane"]} == {"AIC[0]", "AIV[1]"}
    assert set(sync["end_ps"].tolist()) == {int(first["end_ps"])}


def test_newer_consumers_become_ready_first():
    builder = ProgramBuilder()
    fast = round_chip(submit_fixed_ns=1, submit_user_code_ns=1, submit_per_edge_ns=1)
    add_task(builder, "a", rows=256)
    for name in "bcd":
        add_task(builder, name)
    trace = simulate(builder.build(), graph(4, (0, 1), (0, 2), (0, 3)), fast)
    ready = [task.ready_ps for task in trace.tasks]
    assert np.diff(ready[1:]).tolist() == [-100_000, -100_000]


def test_a_dummy_completes_inline_and_passes_its_dependency_on():
    builder = ProgramBuilder()
    add_task(builder, "a")
    builder.task("barrier", CoreType.AIV, is_dummy=True)
    add_task(builder, "b")
    trace = simulate(builder.build(), graph(3, (0, 1), (1, 2)), round_chip())
    (dummy,) = trace.phases[trace.phases["kind"] == PhaseKind.DUMMY]
    assert dummy["task"] == 1
    assert trace.tasks[2].ready_ps >= dummy["start_ps"]
    assert sorted(trace.slices["task"].tolist()) == [0, 2]


def test_even_threads_serve_the_cube_first_and_odd_ones_the_vector():
    def first(thread_count, cluster):
        builder = ProgramBuilder()
        quick = round_chip(
            clusters=2, threads=thread_count, submit_fixed_ns=1, submit_user_code_ns=1,
            poll_base_ns=1000,
        )  # fmt: skip
        # Two blocks each, so that both clusters get one of each kind.
        for name, kind in (("v", CoreType.AIV), ("c", CoreType.AIC)):
            task = builder.task(name, kind)
            for _ in range(4 if kind is CoreType.AIV else 2):
                task.block()
        slices = simulate(builder.build(), graph(2), quick).slices
        lanes = {0: {0, 2, 3}, 1: {1, 4, 5}}[cluster]
        own = [row for row in slices if int(row["lane"]) in lanes]
        return min(own, key=lambda row: int(row["dispatch_ps"]))["task"]

    assert (first(2, 0), first(2, 1)) == (1, 0)


def test_the_orchestrator_waits_for_a_value_it_reads():
    builder = ProgramBuilder()
    x = builder.tensor("x", (64, 64))
    builder.uses(add_task(builder, "a"), x, is_written=True)
    builder.event(EventKind.READ, x)
    add_task(builder, "b")
    trace = simulate(builder.build(), graph(2), round_chip())
    assert trace.tasks[1].submit_start_ps - 500_000 >= trace.slices["finish_ps"][0]


def second_submit(kind):
    builder = ProgramBuilder()
    x = builder.tensor("x", (64, 64))
    builder.uses(add_task(builder, "a"), x, is_written=False)
    builder.event(kind, x)
    add_task(builder, "b")
    return simulate(builder.build(), graph(2), round_chip())


def test_writing_a_value_waits_for_its_readers():
    read, write = (
        second_submit(kind).tasks[1].submit_start_ps for kind in (EventKind.READ, EventKind.WRITE)
    )
    assert read < write


def test_allocating_is_a_submit_that_no_task_waits_for():
    plain, alloc = (second_submit(kind) for kind in (EventKind.READ, EventKind.ALLOC))
    # User code 500 ns, fixed 1000 ns, one tensor 10 ns.
    assert alloc.tasks[1].submit_start_ps - plain.tasks[1].submit_start_ps == 1_510_000
    hidden = alloc.phases[(alloc.phases["kind"] == PhaseKind.SUBMIT) & (alloc.phases["task"] < 0)]
    assert (hidden["end_ps"] - hidden["start_ps"]).tolist() == [1_010_000]
    assert len(alloc.slices) == len(plain.slices)


def test_observing_costs_setup_and_records():
    builder = ProgramBuilder()
    add_task(builder, "spmd", blocks=4)
    program, chip = builder.build(), round_chip(record_swimlane_ns=5000)

    def slices(**options):
        return simulate(program, graph(1), chip, SimulationOptions(**options)).slices

    off, on = slices(observer=False), slices(observer=True)
    silent = slices(observer=True, swimlane_level=0)
    assert np.array_equal(off, silent)
    assert on["start_ps"][0] - off["start_ps"][0] == 230_000
    # The record of the first wave delays when its cores take the second.
    assert on["receive_ps"][2] == on["end_ps"][0] + 5_000_000


def memory_bound(tasks: int, *, blocks: int = 8):
    builder = ProgramBuilder()
    x = builder.tensor("x", (65536, 256))
    y = builder.tensor("y", (65536, 256))
    for index in range(tasks):
        task = builder.task(f"t{index % 3}", CoreType.AIV)
        for number in range(blocks):
            block = task.block()
            for trip in range(4):
                row = (index * 31 + number * 4 + trip) % 512 * 64
                where = {"site": 0, "slot": trip % 2, "stages": 2}
                tile = block.load(x, 32, 256, offset=row * 256, **where)
                out = block.tile(Space.UB, 32, 256, site=1)
                block.vector("add", tile, rows=32, cols=256, out=out)
                block.store(y, out, 32, 256, offset=row * 256)
    return builder.build()


def columns(trace):
    return [getattr(trace, name).tobytes() for name in ("slices", "waits", "phases", "edges")]


def with_memory(bytes_per_us: float):
    """An a2a3 with that rate of HBM, and twice that of L2."""
    chip = load_chip("a2a3")
    rates = {"l2_bytes_per_us": 2 * bytes_per_us, "hbm_bytes_per_us": bytes_per_us}
    return replace(chip, memory=replace(chip.memory, **rates))


CONTENDED, FREE = with_memory(2e5), with_memory(2e8)


@pytest.mark.parametrize("chip", [FREE, CONTENDED], ids=["free", "contended"])
def test_timing_equal_blocks_once_changes_nothing(chip):
    program = memory_bound(12)
    dag = graph(12, *[(one, one + 3) for one in range(9)])
    once, each = (
        simulate(program, dag, chip, SimulationOptions(memoise=memoise))
        for memoise in (True, False)
    )
    assert columns(once) == columns(each)


def test_contention_stalls_and_is_accounted():
    program = memory_bound(6)
    free, slow = (simulate(program, graph(6), chip) for chip in (FREE, CONTENDED))
    assert free.slices["stall_ps"].sum() == 0
    assert slow.slices["stall_ps"].min() > 0
    assert slow.makespan_ps > free.makespan_ps


def test_the_same_input_gives_the_same_bytes():
    program = memory_bound(8)
    assert columns(simulate(program, graph(8), CONTENDED)) == columns(
        simulate(program, graph(8), CONTENDED)
    )


def test_a_program_without_tasks_gives_an_empty_trace():
    trace = simulate(ProgramBuilder().build(), graph(0), round_chip())
    assert (len(trace.slices), trace.makespan_ps) == (0, 0)


def test_a_cycle_is_reported_with_its_chain():
    builder = ProgramBuilder()
    add_task(builder, "a")
    add_task(builder, "b", CoreType.MIX)
    with pytest.raises(
        DeadlockError,
        match=r"^no progress at 3\.2\d\d us: 2 of 2 tasks wait - "
        r"task 0 \(a\) on AIV waits for task 1 \(b\); "
        r"task 1 \(b\) on MIX waits for task 0 \(a\); expected every chain",
    ):
        simulate(builder.build(), graph(2, (0, 1), (1, 0)), round_chip())


def test_the_acyclic_twin_of_the_cycle_runs():
    builder = ProgramBuilder()
    add_task(builder, "a")
    add_task(builder, "b", CoreType.MIX)
    assert len(simulate(builder.build(), graph(2, (1, 0)), round_chip()).slices) == 4


def test_an_orchestrator_that_waits_for_a_later_task_is_reported():
    builder = ProgramBuilder()
    x = builder.tensor("x", (64, 64))
    builder.uses(add_task(builder, "a"), x, is_written=True)
    builder.event(EventKind.READ, x)
    add_task(builder, "b")
    with pytest.raises(
        DeadlockError,
        match=r"^no progress at .*: 2 of 2 tasks wait - "
        r"task 0 \(a\) on AIV waits for task 1 \(b\); "
        r"task 1 \(b\) on AIV is not submitted: Orch\[0\] waits for task 0 \(a\); ",
    ):
        simulate(builder.build(), graph(2, (1, 0)), round_chip())


def test_a_tile_that_does_not_fit_is_reported():
    builder = ProgramBuilder()
    add_task(builder, "wide", rows=1024)
    with pytest.raises(
        BufferOverflowError, match=r"^kernel.py:0 task 0 \(wide\) tile 0: UB has no room for 262144"
    ):
        simulate(builder.build(), graph(1), round_chip())


def test_an_edge_to_nowhere_is_refused():
    with pytest.raises(NpuSimError, match=r"^task graph: edge 0 -> 7; expected task ids from 0"):
        simulate(ProgramBuilder().build(), graph(0, (0, 7)), round_chip())


def test_an_unknown_level_is_refused():
    with pytest.raises(UsageError, match=r"^swimlane_level is 5; expected a level from 0 to 4$"):
        SimulationOptions(swimlane_level=5)
