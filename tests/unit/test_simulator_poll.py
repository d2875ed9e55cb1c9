"""The arithmetic of the polling loop against a loop that really polls."""

import pytest

from npusim.simulator.poll import PollLoop
from tests.program_builder import round_chip

RUNTIME = round_chip().runtime
POLL, BASE = 100_000, 50_000


def mask(cores):
    return sum(1 << core for core in cores)


def polled(running, until_ps):
    """Every (time, core) sample and every (time, None) look at the queues, from time 0."""
    now_ps, seen = 0, []
    while now_ps < until_ps:
        for core in running:
            now_ps += POLL
            seen.append((now_ps, core))
        now_ps += BASE
        seen.append((now_ps, None))
    return seen


@pytest.mark.parametrize("not_before_ps", [0, 1, 99_999, 100_000, 100_001, 449_999, 1_234_567])
@pytest.mark.parametrize("running", [[4], [0, 3, 7]])
def test_samples_and_looks_are_those_of_a_real_loop(running, not_before_ps):
    loop = PollLoop(RUNTIME)
    loop.begin(0, mask(running))
    seen = polled(running, 3_000_000)
    for core in running:
        expected = next(when for when, one in seen if one == core and when >= not_before_ps)
        assert loop.sample_ps(core, mask(running), not_before_ps) == expected
    look = next(when for when, one in seen if one is None and when >= not_before_ps)
    assert loop.queues_ps(mask(running), not_before_ps) == look


def test_rolling_keeps_the_phase_and_counts_the_passes():
    loop = PollLoop(RUNTIME)
    loop.begin(0, mask([0, 1]))
    before = loop.iteration
    loop.roll(1_100_000, mask([0, 1]))  # passes of 250 ns: the fifth began at 1 us
    assert loop.iteration - before == 4
    assert loop.sample_ps(1, mask([0, 1]), 1_100_000) == 1_200_000


def test_rolling_within_a_pass_changes_nothing():
    loop = PollLoop(RUNTIME)
    loop.begin(0, mask([0, 1]))
    before = loop.iteration
    loop.roll(250_000, mask([0, 1]))
    assert loop.iteration == before


def test_a_completion_shifts_the_rest_of_its_pass():
    loop = PollLoop(RUNTIME)
    loop.begin(0, mask([0, 1, 2]))
    loop.resume_after(1, 700_000)
    assert loop.sample_ps(2, mask([0, 2]), 700_000) == 800_000
    assert loop.queues_ps(mask([0, 2]), 700_000) == 850_000
    assert loop.sample_ps(0, mask([0, 2]), 700_000) == 950_000


def test_the_last_sample_of_a_pass_is_remembered_over_completions():
    loop = PollLoop(RUNTIME)
    loop.begin(0, mask([0, 1, 2]))
    loop.resume_after(1, 700_000)
    assert [loop.last_sample_ps(core) for core in (0, 1, 2, 3)] == [100_000, 200_000, 800_000, -1]
    loop.begin(1_000_000, mask([2]))
    assert [loop.last_sample_ps(core) for core in (0, 2)] == [-1, 1_100_000]
