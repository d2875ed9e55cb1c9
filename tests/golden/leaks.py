"""The leak check: every task that was recorded started, ended and was seen to end."""

from collections import Counter

from npusim.program import CoreType, Program
from npusim.trace import Trace

_LANES_PER_BLOCK = {CoreType.AIC: 1, CoreType.AIV: 1, CoreType.MIX: 3}


def assert_no_leaks(program: Program, trace: Trace) -> None:
    """Tasks started == tasks ended == tasks recorded, and more than none of them."""
    expected = {
        task.task_id: task.block_num * _LANES_PER_BLOCK[task.core_type]
        for task in program.tasks
        if not task.is_dummy and task.block_num
    }
    slices = trace.slices
    started = Counter(trace.tasks[index].task_id for index in slices["task"].tolist())
    ended_rows = slices[slices["finish_ps"] >= slices["end_ps"]]
    ended = Counter(trace.tasks[index].task_id for index in ended_rows["task"].tolist())
    assert sum(started.values()) > 0
    assert started == ended == expected
    assert all(task.submit_end_ps >= 0 for task in trace.tasks)
