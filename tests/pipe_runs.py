"""Tiny simulated runs with a look inside their cores; a cycle of the chip is a nanosecond."""

from dataclasses import replace
from typing import Any

from npusim.hardware import ChipSpec
from npusim.program import CoreType, Program, Space
from npusim.simulator import simulate
from npusim.simulator.pipe_lanes import add_pipe_lanes
from npusim.simulator.pipe_view import CoreView
from npusim.trace import Trace, WaitReason
from npusim.trace.model import Records
from tests.program_builder import ProgramBuilder, graph, round_chip

FIRST_CLUSTER = ("AIC[0]", "AIV[0]", "AIV[1]")


def vector_program(tasks: int = 1, *, rows: int = 64) -> Program:
    """Independent AIV tasks that load a tile, add it to itself twice and store the result."""
    builder = ProgramBuilder()
    x, y = (builder.tensor(name, (rows * tasks, 64)) for name in "xy")
    for number in range(tasks):
        block = builder.task("twice", CoreType.AIV).block()
        offset = number * rows * 64
        tile = block.load(x, rows, 64, offset=offset)
        total = block.vector("add", block.vector("add", tile, tile, rows=rows), tile, rows=rows)
        block.store(y, total, rows, 64, offset=offset)
    return builder.build()


def loading_program(blocks: int, loads: int = 8) -> Program:
    """One AIV task whose blocks do little but load, so that they compete for the memory."""
    builder = ProgramBuilder()
    x = builder.tensor("x", (64 * blocks * loads, 64))
    task = builder.task("load", CoreType.AIV)
    for number in range(blocks):
        block = task.block()
        for load in range(loads):
            block.load(x, 64, 64, offset=(number * loads + load) * 64 * 64)
    return builder.build()


def mix_program(**flags: Any) -> Program:
    """A MIX task: a product of loaded tiles crosses to the vector side and is stored there."""
    builder = ProgramBuilder()
    a, b, c = (
        builder.tensor(name, (64, 64), dtype)
        for name, dtype in zip("abc", ("BF16", "BF16", "FP32"), strict=True)
    )
    block = builder.task("mix", CoreType.MIX, **flags).block()
    left = block.load(a, 64, 64, space=Space.L1, dtype="BF16")
    right = block.load(b, 64, 64, space=Space.L1, dtype="BF16")
    product = block.matmul(left, right, 64, 64, 64)
    crossed = block.tile(Space.UB, 64, 64)
    block.op("cube_to_vector", 64, 64, out=crossed, ins=(product,))
    block.scalar_read(c, 0)
    block.store(c, block.vector("exp", crossed), 64, 64)
    return builder.build()


def slow_memory_chip(*, clusters: int = 1) -> ChipSpec:
    """A chip whose shared memory is hardly faster than the port of one core."""
    chip = round_chip(clusters=clusters)
    port = chip.memory.core_read_bytes_per_cycle * chip.clock.core_mhz
    memory = replace(chip.memory, l2_bytes_per_us=1.2 * port, hbm_bytes_per_us=1.1 * port)
    return replace(chip, memory=memory)


def view_of(program: Program, chip: ChipSpec | None = None) -> CoreView:
    """The program, simulated without dependencies, seen from inside."""
    chip = chip or round_chip()
    return CoreView(simulate(program, graph(len(program.tasks)), chip), program, chip)


def pipe_trace(
    program: Program, chip: ChipSpec | None = None, cores: tuple[str, ...] = FIRST_CLUSTER
) -> Trace:
    """The trace of ``view_of`` with pipe lanes."""
    return add_pipe_lanes(view_of(program, chip), cores)


def lane_time_ps(trace: Trace, rows: Records, lane: int) -> int:
    """Total length of the rows on a lane."""
    own = rows[rows["lane"] == lane]
    return int((own["end_ps"] - own["start_ps"]).sum())


def lane_events(trace: Trace, lane: str) -> list[str]:
    """What happens on a pipe lane, in order."""
    index = next(i for i, one in enumerate(trace.lanes) if one.name == lane)
    slices = trace.op_slices[trace.op_slices["lane"] == index]
    waits = trace.waits[trace.waits["lane"] == index]
    found = [(row["start_ps"], row["end_ps"], trace.op_names[row["op"]]) for row in slices]
    found += [(row["start_ps"], row["end_ps"], WaitReason(row["reason"]).name) for row in waits]
    return [what for _, _, what in sorted(found)]
