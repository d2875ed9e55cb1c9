"""Instruction times for the duration that a block had."""

from itertools import pairwise

import numpy as np
import pytest

from npusim.simulator.catalog import ProfileCatalog
from npusim.simulator.pipe_timeline import BlockTimeline, PassInputs
from tests.pipe_runs import loading_program, mix_program, slow_memory_chip, vector_program

CHIP = slow_memory_chip()


def timeline_and_profile(program):
    catalog = ProfileCatalog(program, CHIP, memoise=True)
    profile = catalog.profile(0)
    inputs = PassInputs.of(profile, CHIP)
    return BlockTimeline(inputs, catalog.ladder, CHIP.clock.core_mhz), profile


@pytest.mark.parametrize("program", [vector_program(), mix_program()], ids=["vector", "mix"])
@pytest.mark.parametrize("sharers", [1.0, 1.7, 3.0, 40.0])
def test_the_moments_end_when_the_profile_says(program, sharers):
    timeline, profile = timeline_and_profile(program)
    duration_ps = round(profile.duration_ps(sharers))
    ends_ps = timeline.cycles(duration_ps).total_cycles * 1e6 / CHIP.clock.core_mhz
    assert ends_ps == pytest.approx(duration_ps, abs=1)


@pytest.mark.parametrize("program", [vector_program(), mix_program()], ids=["vector", "mix"])
@pytest.mark.parametrize("stretch", [0.999, 1.0, 1.3, 5.0])
def test_times_are_whole_ordered_and_inside_the_block(program, stretch):
    timeline, profile = timeline_and_profile(program)
    duration_ps = round(stretch * profile.alone_ps)
    times = timeline.picoseconds(duration_ps)
    chain = (times.issue_start, times.issued, times.start, times.busy_from, times.end)
    assert all(one.dtype == np.int64 for one in chain)
    assert all(np.all(before <= after) for before, after in pairwise(chain))
    assert times.issue_start.min() >= 0
    assert times.end.max() <= duration_ps
    for pipe in set(timeline.inputs.stream.pipe):
        own = np.flatnonzero(timeline.inputs.pipe == pipe)
        assert np.all(times.start[own[1:]] >= times.end[own[:-1]])


def test_alone_nothing_waits_for_bandwidth_and_shared_only_transfers_do():
    timeline, profile = timeline_and_profile(loading_program(1))
    alone = timeline.picoseconds(profile.alone_ps)
    assert np.all(alone.busy_from - alone.start <= 1)
    shared = timeline.picoseconds(3 * profile.alone_ps)
    waits = shared.busy_from - shared.start
    assert np.all((waits > 1) == (profile.server_cycles > 0))


def test_cycles_of_a_duration_follow_the_core_clock():
    timeline, profile = timeline_and_profile(vector_program())
    assert timeline.total_cycles(2 * profile.alone_ps) == pytest.approx(
        2 * profile.alone_ps * CHIP.clock.core_mhz / 1e6
    )
