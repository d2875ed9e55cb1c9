"""What must hold for every program, whatever the figures."""

from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.hardware import ChipSpec, load_chip
from npusim.program import CoreType, Space
from npusim.simulator import simulate
from npusim.simulator.poll import PollLoop
from tests.program_builder import ProgramBuilder, graph, round_chip

pytestmark = pytest.mark.property

SETTINGS = settings(max_examples=40, deadline=None, derandomize=True)
CHIP = load_chip("a2a3")


@st.composite
def programs(draw):
    """A program of random tasks, and a random acyclic graph over them."""
    builder = ProgramBuilder()
    x = builder.tensor("x", (8192, 64))
    count = draw(st.integers(1, 12))
    for index in range(count):
        kind = draw(st.sampled_from(CoreType))
        task = builder.task(f"t{index}", kind, is_dummy=draw(st.integers(0, 9)) == 0)
        for _ in range(draw(st.integers(1, 5))):
            block = task.block()
            rows = draw(st.sampled_from((16, 64, 256)))
            if kind is CoreType.AIC:
                block.load(x, rows, 64, space=Space.L1, offset=draw(st.integers(0, 64)) * 4096)
            else:
                tile = block.load(x, rows, 64, offset=draw(st.integers(0, 32)) * 4096)
                block.vector("add", tile, rows=rows)
    pairs = [(one, two) for two in range(count) for one in range(two)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=20)) if pairs else []
    return builder.build(), graph(count, *edges)


@SETTINGS
@given(programs(), st.integers(1, 3), st.integers(1, 2))
def test_makespan_is_bounded_by_the_critical_path_and_the_work(case, clusters, threads):
    program, dag = case
    # Building the trace checks busy + waits == span on every lane.
    trace = simulate(program, dag, round_chip(clusters=clusters, threads=threads))
    if not len(trace.slices):
        return
    longest = [0] * len(trace.tasks)
    duration = [0] * len(trace.tasks)
    for row in trace.slices:
        duration[row["task"]] = max(
            duration[row["task"]], int(row["end_ps"]) - int(row["start_ps"])
        )
    for task in range(len(longest)):
        before = [longest[pred] for pred, succ in dag.edges.tolist() if succ == task]
        longest[task] = max(before, default=0) + duration[task]
    assert trace.makespan_ps >= max(longest)
    cores = len({int(lane) for lane in trace.slices["lane"]})
    work = int((trace.slices["end_ps"] - trace.slices["start_ps"]).sum())
    assert trace.makespan_ps * cores >= work


@SETTINGS
@given(programs())
def test_a_consumer_starts_after_all_its_producers_finished(case):
    program, dag = case
    trace = simulate(program, dag, CHIP)
    start = {int(row["task"]): int(row["receive_ps"]) for row in trace.slices[::-1]}
    for pred, succ in dag.edges.tolist():
        finishes = trace.slices["finish_ps"][trace.slices["task"] == pred]
        if succ in start and len(finishes):
            assert start[succ] > finishes.max()


@SETTINGS
@given(programs())
def test_every_block_runs_once_on_each_of_its_cores(case):
    program, dag = case
    trace = simulate(program, dag, CHIP)
    ran = sorted((int(row["task"]), int(row["block"]), int(row["slot"])) for row in trace.slices)
    slots = {CoreType.AIC: (0,), CoreType.AIV: None, CoreType.MIX: (0, 1, 2)}
    for task in program.tasks:
        own = [(block, slot) for one, block, slot in ran if one == task.task_id]
        blocks = 0 if task.is_dummy else task.block_num
        if slots[task.core_type] is None:
            assert [block for block, _ in own] == list(range(blocks))
        else:
            expected = [(block, slot) for block in range(blocks) for slot in slots[task.core_type]]
            assert own == expected


@SETTINGS
@given(st.integers(1, 24), st.integers(1, 6), st.sampled_from((64, 512)))
def test_a_core_more_never_slows_equal_independent_tasks(blocks, clusters, rows):
    builder = ProgramBuilder()
    task = builder.task("spmd", CoreType.AIC)
    for _ in range(blocks):
        block = task.block()
        a, b = (block.tile(Space.L1, rows, 64, "BF16") for _ in range(2))
        for _ in range(20):
            block.matmul(a, b, 64, 64, rows)
    # The schedulers cost next to nothing here: a batch that grows delays its first block, and
    # completions are handled one by one.
    runtime = round_chip().runtime
    free = {
        one.name: 0.001
        for one in fields(runtime)
        if one.name.startswith(("pop_", "prepare_", "publish_", "poll_", "completion_", "resolve_"))
    }
    ends = [
        simulate(builder.build(), graph(1), round_chip(clusters=count, **free)).span_ps[1]
        for count in (clusters, clusters + 1)
    ]
    rest_ps = 1000 * blocks
    assert ends[1] <= ends[0] + rest_ps


def twice_as_fast(chip: ChipSpec) -> ChipSpec:
    """The same chip with every clock and rate doubled and every latency halved."""

    def halved(spec):
        return replace(
            spec,
            **{
                one.name: getattr(spec, one.name) / 2
                for one in fields(spec)
                if one.name.endswith("_ns")
            },
        )

    memory = replace(
        halved(chip.memory),
        l2_bytes_per_us=2 * chip.memory.l2_bytes_per_us,
        hbm_bytes_per_us=2 * chip.memory.hbm_bytes_per_us,
    )
    return replace(
        chip,
        clock=replace(chip.clock, core_mhz=2 * chip.clock.core_mhz),
        memory=memory,
        scalar=halved(chip.scalar),
        sync=halved(chip.sync),
        runtime=halved(chip.runtime),
    )


@SETTINGS
@given(programs())
def test_twice_the_rate_is_half_the_time(case):
    program, dag = case
    slow, fast = (simulate(program, dag, one).makespan_ps for one in (CHIP, twice_as_fast(CHIP)))
    # Each duration on the way rounds to half a picosecond.
    assert abs(slow - 2 * fast) <= 2 * len(program.blocks)


@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=6, unique=True).map(sorted),
    st.integers(0, 5_000_000),
)
def test_a_sample_is_never_early_and_never_a_pass_late(cores, not_before_ps):
    loop = PollLoop(round_chip().runtime)
    mask = sum(1 << core for core in cores)
    loop.begin(0, mask)
    period_ps = 100_000 * len(cores) + 50_000
    for core in cores:
        late_ps = loop.sample_ps(core, mask, not_before_ps) - not_before_ps
        assert 0 <= late_ps < period_ps + (period_ps if not_before_ps == 0 else 0)
