from dataclasses import replace

import pytest

from npusim.errors import BufferOverflowError
from npusim.hardware import load_chip
from npusim.program import Space
from npusim.simulator.buffers import TileUse, plan_buffers

LIMITS = replace(load_chip("a2a3").buffer, ub_usable_bytes=1024, alignment_bytes=32)


def use(tile, first, last, *, nbytes=256, site=0, slot=0, stages=1, space=Space.UB, is_loaded=True):
    return TileUse(tile, int(space), site, slot, stages, nbytes, first, last, is_loaded)


def plan(*uses):
    return plan_buffers(uses, LIMITS, lambda tile: f"kernel.py:{tile} task 7 (t)")


def test_tiles_of_a_plain_loop_share_one_buffer():
    found = plan(use(0, 0, 1), use(1, 2, 3), use(2, 4, 5))
    assert found.buffer_of_tile == {0: 0, 1: 0, 2: 0}


def test_tiles_that_never_live_together_share_an_address():
    found = plan(use(0, 0, 1, site=0), use(1, 2, 3, site=1))
    assert found.overlaps == ((0, 1), (0, 1))


def test_tiles_that_live_together_do_not_share_an_address():
    found = plan(use(0, 0, 2, site=0), use(1, 2, 3, site=1))
    assert found.overlaps == ((0,), (1,))


def test_slots_of_a_pipelined_loop_have_addresses_of_their_own():
    found = plan(use(0, 0, 1, slot=0, stages=2), use(1, 2, 3, slot=1, stages=2))
    assert found.overlaps == ((0,), (1,))


def test_a_pipelined_buffer_is_held_between_its_tiles():
    uses = (use(0, 0, 1, stages=2), use(1, 2, 3, site=1), use(2, 4, 5, stages=2))
    assert plan(*uses).overlaps == ((0,), (1,))


def test_a_plain_buffer_is_not_held():
    assert plan(use(0, 0, 1), use(1, 2, 3, site=1), use(2, 4, 5)).overlaps == ((0, 1), (0, 1))


def test_tiles_of_one_line_that_live_together_get_a_buffer_each():
    found = plan(use(0, 0, 5), use(1, 1, 5), use(2, 6, 7))
    assert found.buffer_of_tile == {0: 0, 1: 1, 2: 0}


def test_spaces_do_not_share_addresses():
    found = plan(use(0, 0, 1), use(1, 2, 3, site=1, space=Space.L1))
    assert found.overlaps == ((0,), (1,))


def test_largest_first_fits_where_program_order_does_not():
    # In program order 256 is left at 0 and 512 at 512: 512 + 256 does not fit anywhere.
    uses = (
        use(0, 0, 1, nbytes=256, site=0),
        use(1, 0, 4, nbytes=256, site=1),
        use(2, 2, 4, nbytes=768, site=2),
    )
    assert plan(*uses).peak_bytes == {int(Space.UB): 1024}


def test_holding_is_given_up_where_it_does_not_fit():
    uses = (use(0, 0, 1, nbytes=600, stages=2), use(1, 2, 3, nbytes=600, site=1))
    again = use(2, 4, 5, nbytes=600, stages=2)
    assert plan(*uses, again).overlaps == ((0, 1), (0, 1))


def test_loaded_tiles_are_held_longest():
    loads = [use(trip, 4 * trip, 4 * trip + 1, stages=2, nbytes=512) for trip in range(2)]
    made = [
        use(2 + trip, 4 * trip + 1, 4 * trip + 2, stages=2, site=1, nbytes=512, is_loaded=False)
        for trip in range(2)
    ]
    other = [use(4, 3, 3, site=2, nbytes=512, is_loaded=False)]
    found = plan(loads[0], made[0], *other, loads[1], made[1])
    loaded, results, rest = (found.buffer_of_tile[tile] for tile in (0, 2, 4))
    assert found.overlaps[loaded] == (loaded,)
    assert rest in found.overlaps[results] or results == rest


def test_a_space_that_is_short_does_not_take_from_another():
    held = [use(trip, 4 * trip, 4 * trip + 1, stages=2, space=Space.L1) for trip in range(2)]
    beside = use(2, 2, 3, site=1, space=Space.L1)
    short = [use(3, 0, 1, nbytes=600, stages=2, site=2), use(4, 2, 3, nbytes=600, site=3)]
    again = use(5, 4, 5, nbytes=600, stages=2, site=2)
    found = plan(held[0], short[0], beside, short[1], held[1], again)
    first, second = found.buffer_of_tile[0], found.buffer_of_tile[2]
    assert second not in found.overlaps[first]


def test_an_overflow_names_the_task_the_buffer_and_what_lives():
    with pytest.raises(
        BufferOverflowError,
        match=r"^kernel.py:1 task 7 \(t\): UB has no room for 608 B beside 608 B in 1 live tiles "
        r"\(608 B kernel.py:0 task 7 \(t\)\); expected at most 1024 B together; "
        r"use smaller tiles or fewer pipeline stages$",
    ):
        plan(use(0, 0, 2, nbytes=600), use(1, 1, 2, nbytes=600, site=1))


def test_slots_that_do_not_fit_together_overflow():
    with pytest.raises(
        BufferOverflowError, match=r"^kernel.py:1 task 7 .t.: UB has no room for 608 B beside 608 B"
    ):
        plan(use(0, 0, 1, nbytes=600, slot=0, stages=2), use(1, 2, 3, nbytes=600, slot=1, stages=2))


def test_a_space_that_is_full_leaves_the_others_as_they_are():
    # UB has to give up its holds; L1 keeps the buffer of its pipelined loop.
    in_l1 = (
        use(0, 0, 1, stages=2, site=7, space=Space.L1),
        use(1, 2, 3, site=8, space=Space.L1),
        use(2, 4, 5, stages=2, site=7, space=Space.L1),
    )
    in_ub = (
        use(3, 6, 7, stages=2, nbytes=768),
        use(4, 8, 9, site=1, nbytes=768),
        use(5, 10, 11, stages=2, nbytes=768),
    )
    found = plan(*in_l1, *in_ub)
    l1 = [found.buffer_of_tile[tile] for tile in (0, 1)]
    ub = [found.buffer_of_tile[tile] for tile in (3, 4)]
    assert l1[1] not in found.overlaps[l1[0]]
    assert ub[1] in found.overlaps[ub[0]]
