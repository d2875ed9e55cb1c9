"""The fluid server, on profiles that are straight lines."""

import pytest
import simpy

from npusim.simulator.bandwidth import MemoryServer, find_sharers


class Line:
    """Alone ``alone_ps``; from ``free`` sharers on, ``server_ps`` per sharer."""

    def __init__(self, alone_ps: int, server_ps: float) -> None:
        self.alone_ps = alone_ps
        self.server_ps = server_ps

    def duration_ps(self, sharers: float) -> float:
        return max(self.alone_ps, sharers * self.server_ps)


def ends(arrivals, free=1.0):
    """End times of blocks that start at given times."""
    env = simpy.Environment()
    server = MemoryServer(env, free)
    found = {}

    def start(name, when, profile):
        yield env.timeout(when)
        yield server.run(profile)
        found[name] = env.now

    for name, (when, profile) in enumerate(arrivals):
        env.process(start(name, when, profile))
    env.run()
    return [found[name] for name in range(len(arrivals))]


def test_blocks_that_fit_do_not_slow_each_other():
    half = Line(1000, 500)
    assert ends([(0, half), (0, half), (1500, half)]) == [1000, 1000, 2500]


def test_the_memory_gives_each_stream_its_share():
    full = Line(1000, 1000)
    assert ends([(0, full), (0, full)]) == [2000, 2000]


def test_a_late_block_slows_the_rest_of_the_first():
    # 0..500 alone, then two share: 500 ps of work at half speed for each of them.
    full = Line(1000, 1000)
    assert ends([(0, full), (500, full)]) == [1500, 2000]


def test_a_block_that_computes_is_not_slowed():
    full, compute = Line(1000, 1000), Line(1000, 0)
    assert ends([(0, full), (0, full), (0, compute)]) == [2000, 2000, 1000]


def test_a_short_block_leaves_its_share_to_the_others():
    # Both share until the short one is through its 500 at half speed; the long one goes on alone.
    long, short = Line(1000, 1000), Line(500, 500)
    assert ends([(0, long), (0, short)]) == [1500, 1000]


def test_an_empty_block_ends_at_once():
    assert ends([(7, Line(0, 0))]) == [7]


def test_sharers_are_the_free_number_while_there_is_room():
    assert find_sharers([(Line(1000, 100), 9)], 3.0) == 3.0


def test_sharers_fill_the_memory_exactly():
    blocks = [(Line(1000, 100), 30), (Line(500, 400), 2)]
    sharers = find_sharers(blocks, 1.0)
    used = sum(count * line.server_ps / line.duration_ps(sharers) for line, count in blocks)
    assert used == pytest.approx(1.0)
