"""How fast the runtime model schedules, and whether that holds for a million tasks."""

import resource
import time

import numpy as np
import pytest

from npusim.hardware import load_chip
from npusim.program import CoreType
from npusim.simulator import RuntimeWork, SimulationOptions, simulate_runtime

TASKS_PER_S = 20_000
MILLION_S = 90
MEMORY_KIB = 2 * 1024 * 1024
GROWTH = 1.3
KINDS = (CoreType.AIC, CoreType.AIV, CoreType.AIV)


def independent(count):
    """Tasks of one block that no other task waits for."""
    return RuntimeWork.build(
        kernel="independent",
        names=["task"] * count,
        core_types=[KINDS[index % len(KINDS)] for index in range(count)],
        block_num=np.ones(count, np.int64),
        durations_ps=np.full(count, 5_000_000),
        tensors=np.full(count, 3),
        lookups=np.full(count, 2),
        inserts=np.ones(count, np.int64),
    )


def chained(count, width=40):
    """The same, each waiting for the one ``width`` before it."""
    columns = independent(count)
    return RuntimeWork.build(
        kernel="chained",
        names=columns.names,
        core_types=columns.core_types,
        block_num=columns.block_num,
        durations_ps=columns.durations_ps,
        edges=[(index - width, index) for index in range(width, count)],
    )


def simulated(work):
    """Seconds of processor time: others may share the machine."""
    start = time.process_time()
    trace = simulate_runtime(work, load_chip("a2a3"), SimulationOptions(swimlane_level=1))
    seconds = time.process_time() - start
    assert len(trace.slices) == work.task_count
    return seconds


@pytest.mark.parametrize("make", [independent, chained])
def test_tasks_per_second(benchmark, make):
    work = make(20_000)
    seconds = benchmark.pedantic(simulated, args=(work,), rounds=3)
    benchmark.extra_info["tasks_per_s"] = round(work.task_count / seconds)
    assert work.task_count / seconds >= TASKS_PER_S


@pytest.mark.slow
def test_a_million_tasks(benchmark):
    small = min(simulated(independent(10_000)) for _ in range(3)) / 10_000
    seconds = benchmark.pedantic(simulated, args=(independent(1_000_000),), rounds=1)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    benchmark.extra_info |= {"seconds": seconds, "peak_kib": peak_kib, "small_us": small * 1e6}
    assert seconds <= MILLION_S
    assert peak_kib <= MEMORY_KIB
    assert seconds / 1_000_000 <= GROWTH * small
