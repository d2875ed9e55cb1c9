"""The pass with all its moments: the same end as the pass without, and times that make sense."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.simulator.core_pass import run_pass
from npusim.simulator.pipe_pass import trace_pass
from npusim.simulator.recipe import Pipe

MTE, VEC, SCALAR = int(Pipe.AIV_MTE2), int(Pipe.AIV_V), int(Pipe.AIV_S)


@st.composite
def streams(draw):
    """Arguments of a pass over up to 30 instructions of one core."""
    count = draw(st.integers(0, 30))
    cycles = st.floats(0, 1000, allow_nan=False)
    pipes = [draw(st.sampled_from([SCALAR, MTE, VEC, int(Pipe.AIV_MTE3)])) for _ in range(count)]
    waits = [
        tuple(draw(st.sets(st.integers(0, 2 * index - 1), max_size=3))) if index else ()
        for index in range(count)
    ]
    busy, tail = ([draw(cycles) for _ in range(count)] for _ in range(2))
    return pipes, [SCALAR] * count, waits, busy, tail, draw(st.floats(0, 20))


def test_the_moments_of_four_instructions():
    waits = [(), (), (2 * 0 + 1,), (2 * 1 + 1,)]
    times = trace_pass([MTE, MTE, VEC, VEC], [SCALAR] * 4, waits, [10, 10, 3, 3], [5, 5, 2, 2], 1)
    assert times.issue_start.tolist() == [0, 1, 2, 3]
    assert times.issued.tolist() == [1, 2, 3, 4]
    assert times.operands.tolist() == [0, 0, 16, 26]
    assert times.start.tolist() == [1, 11, 16, 26]
    assert times.end.tolist() == [11, 21, 19, 29]
    assert times.total_cycles == 31


def test_a_block_without_instructions_takes_no_time():
    times = trace_pass([], [], [], [], [], 1)
    assert times.total_cycles == 0
    assert len(times.start) == 0


@pytest.mark.property
@given(streams())
def test_both_passes_find_the_same_end(stream):
    assert trace_pass(*stream).total_cycles == run_pass(*stream)


@pytest.mark.property
@given(streams(), st.floats(1, 8), st.floats(0, 1))
def test_a_mix_of_two_passes_breaks_no_order(stream, slower, weight):
    pipes, scalars, waits, busy, tail, issue = stream
    fast = trace_pass(*stream)
    slow = trace_pass(pipes, scalars, waits, [slower * one for one in busy], tail, issue)
    mixed = fast.mixed(slow, weight)
    slack = 1e-9 * (1 + mixed.total_cycles)
    assert np.all(mixed.start >= np.maximum(mixed.issued, mixed.operands) - slack)
    for pipe in set(pipes):
        own = np.flatnonzero(np.asarray(pipes) == pipe)
        assert np.all(mixed.start[own[1:]] >= mixed.end[own[:-1]] - slack)
    assert np.all(mixed.end <= mixed.total_cycles + slack)
