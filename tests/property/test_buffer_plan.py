"""What must hold for every allocation of on-chip buffers."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.errors import BufferOverflowError
from npusim.hardware import load_chip
from npusim.program import Space
from npusim.simulator.buffers import TileUse, plan_buffers

pytestmark = pytest.mark.property

LIMITS = replace(load_chip("a2a3").buffer, ub_usable_bytes=2048, l1_capacity_bytes=2048)


@st.composite
def tile_uses(draw):
    """Tiles of a block in the order of their first use, some of them in pipelined loops."""
    uses = []
    first = 0
    for tile in range(draw(st.integers(1, 14))):
        first += draw(st.integers(0, 3))
        stages = draw(st.sampled_from((1, 1, 2, 3)))
        uses.append(
            TileUse(
                tile,
                int(draw(st.sampled_from((Space.UB, Space.L1)))),
                site=draw(st.integers(0, 3)),
                slot=draw(st.integers(0, stages - 1)),
                stages=stages,
                nbytes=draw(st.sampled_from((16, 64, 256, 500))),
                first=first,
                last=first + draw(st.integers(0, 6)),
                is_loaded=draw(st.booleans()),
            )
        )
    return uses


def plan_of(uses):
    return plan_buffers(uses, LIMITS, lambda tile: f"kernel.py:{tile} task 0 (t)")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(tile_uses())
def test_tiles_that_live_at_once_never_share_a_byte(uses):
    try:
        found = plan_of(uses)
    except BufferOverflowError:
        return
    for one, two in combinations(uses, 2):
        live_at_once = one.first <= two.last and two.first <= one.last
        if one.space == two.space and live_at_once:
            buffers = found.buffer_of_tile[one.tile], found.buffer_of_tile[two.tile]
            assert buffers[1] not in found.overlaps[buffers[0]]
    assert all(peak <= 2048 for peak in found.peak_bytes.values())


@settings(max_examples=100, deadline=None, derandomize=True)
@given(tile_uses())
def test_a_space_is_planned_as_if_it_were_alone(uses):
    try:
        together = plan_of(uses)
        alone = plan_of([use for use in uses if use.space == Space.UB])
    except BufferOverflowError:
        return
    assert together.peak_bytes.get(Space.UB) == alone.peak_bytes.get(Space.UB)
