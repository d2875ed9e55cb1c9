"""Queues, and the words for tasks that are stuck."""

from dataclasses import replace

import pytest

from npusim.errors import DeadlockError, NpuSimError
from npusim.program import CoreType, EventKind
from npusim.simulator import simulate
from npusim.simulator.deadlock import check_all_complete
from npusim.simulator.task_state import ReadyQueues, TaskState
from tests.program_builder import ProgramBuilder, graph, round_chip


def state(task_id=0, blocks=1):
    return TaskState(task_id, f"t{task_id}", CoreType.AIV, blocks, task_id)


def claim(queues, places):
    return [(one.task_id, block) for one, block in queues.claim(CoreType.AIV, places)]


def test_a_task_with_blocks_left_goes_back_to_the_tail():
    queues = ReadyQueues()
    queues.push(state(0, blocks=5))
    queues.push(state(1))
    assert claim(queues, 2) == [(0, 0), (0, 1)]
    assert claim(queues, 3) == [(1, 0), (0, 2), (0, 3)]
    assert queues.depths == (0, 1, 0)
    assert claim(queues, 9) == [(0, 4)]
    assert claim(queues, 9) == []


def test_a_task_without_blocks_is_served_like_a_dummy():
    queues = ReadyQueues()
    queues.push(state(0, blocks=0))
    dummy = state(1)
    dummy.is_dummy = True
    queues.push(dummy)
    assert (len(queues.dummies), queues.depths) == (2, (0, 0, 0))


def test_a_cohort_has_a_lane_of_its_own_and_a_single_block_has_not():
    queues = ReadyQueues()
    for task_id, blocks in ((0, 4), (1, 1)):
        task = state(task_id, blocks)
        task.sync_start = True
        queues.push(task)
    assert [one.task_id for one in queues.sync[CoreType.AIV]] == [0]
    assert queues.depths == (0, 2, 0)
    assert not queues.is_empty


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ({}, "was never submitted"),
        (
            {"submit_end_ps": 1, "ready_ps": 2},
            "is ready with 3 blocks, but no scheduler has a free core for it",
        ),
        (
            {"submit_end_ps": 1, "ready_ps": 2, "next_block": 3},
            "runs, but its completion was never seen",
        ),
    ],
)
def test_a_stuck_task_says_what_it_waits_for(times, words):
    stuck = state(0, blocks=3)
    for name, value in times.items():
        setattr(stuck, name, value)
    with pytest.raises(
        DeadlockError,
        match=rf"^no progress at 41.250 us: 1 of 1 tasks wait - task 0 \(t0\) on AIV {words}; ",
    ):
        check_all_complete([stuck], 41_250_000, None)


def test_ids_must_count_in_submission_order():
    builder = ProgramBuilder()
    builder.task("a", CoreType.AIV)
    builder.tasks[0].task = replace(builder.tasks[0].task, task_id=7)
    with pytest.raises(NpuSimError, match=r"^program tiny: task 0 has id 7; expected ids to count"):
        simulate(builder.build(), graph(1), round_chip())


def test_an_orchestrator_reads_at_once_what_is_complete():
    builder = ProgramBuilder()
    x = builder.tensor("x", (8, 8))
    writer = builder.task("a", CoreType.AIV)
    writer.block()
    builder.uses(writer, x, is_written=True)
    for name in "bc":
        builder.task(name, CoreType.AIV).block()
    builder.event(EventKind.READ, x)
    builder.task("d", CoreType.AIV).block()
    slow = round_chip(submit_user_code_ns=5000)
    trace = simulate(builder.build(), graph(4), slow)
    gap_ps = trace.tasks[3].submit_start_ps - trace.tasks[2].submit_end_ps
    assert gap_ps == 5_000_000


def test_a_scalar_write_is_posted():
    builder = ProgramBuilder()
    x = builder.tensor("x", (8, 8))
    block = builder.task("a", CoreType.AIV).block()
    block.op("scalar_write", 1, 3, access=builder.access(x, 1, 0, 1, 3))
    chip = round_chip()
    (row,) = simulate(builder.build(), graph(1), chip).slices
    cycles = chip.scalar.issue_cycles + 3 * chip.scalar.gm_read_hit_cycles
    expected_ns = cycles + chip.memory.write_latency_ns
    assert row["end_ps"] - row["start_ps"] == round(expected_ns * 1000)
