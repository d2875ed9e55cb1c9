"""Which unit held a kernel at each moment: the way back through its instructions."""

from itertools import pairwise

import pytest

from npusim.api.kernel_path import Hold, kernel_path
from npusim.program import CoreType
from npusim.simulator.catalog import ProfileCatalog
from npusim.simulator.pipe_timeline import BlockTimeline, PassInputs
from npusim.simulator.recipe import Pipe
from tests.pipe_runs import loading_program, mix_program, slow_memory_chip, vector_program
from tests.program_builder import ProgramBuilder, round_chip


def timeline_and_profile(program, chip):
    catalog = ProfileCatalog(program, chip, memoise=True)
    profile = catalog.profile(0)
    inputs = PassInputs.of(profile, chip)
    return BlockTimeline(inputs, catalog.ladder, chip.clock.core_mhz), profile


def scalar_program():
    """Three scalar reads, then a vector operation that needs none of them, and no load."""
    builder = ProgramBuilder()
    x = builder.tensor("x", (64, 64))
    block = builder.task("read", CoreType.AIV).block()
    for one in range(3):
        block.scalar_read(x, one * 64)
    return builder.build()


PROGRAMS = {
    "vector": vector_program(),
    "mix": mix_program(),
    "loads": loading_program(1),
    "scalar": scalar_program(),
}


def test_a_chain_of_load_add_add_store_is_held_by_each_in_turn():
    timeline, profile = timeline_and_profile(vector_program(), round_chip())
    pieces = kernel_path(timeline, profile.alone_ps)
    assert [(one.pipe.name, one.hold.name) for one in pieces] == [
        ("AIV_S", "ISSUE"),
        ("AIV_MTE2", "BUSY"),
        ("AIV_MTE2", "LATENCY"),
        ("AIV_V", "BUSY"),
        ("AIV_V", "LATENCY"),
        ("AIV_V", "BUSY"),
        ("AIV_V", "LATENCY"),
        ("AIV_MTE3", "BUSY"),
        ("AIV_MTE3", "LATENCY"),
    ]


def test_scalar_reads_hold_the_kernel_that_does_nothing_else():
    timeline, profile = timeline_and_profile(scalar_program(), round_chip())
    pieces = kernel_path(timeline, profile.alone_ps)
    assert {one.pipe for one in pieces} == {Pipe.AIV_S}
    busy_ps = sum(one.end_ps - one.start_ps for one in pieces if one.hold is Hold.BUSY)
    assert busy_ps > 0.5 * profile.alone_ps


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("stretch", [0.999, 1.0, 1.37, 5.0])
def test_the_pieces_tile_the_kernel_to_the_picosecond(name, stretch):
    timeline, profile = timeline_and_profile(PROGRAMS[name], slow_memory_chip())
    duration_ps = round(stretch * profile.alone_ps)
    pieces = kernel_path(timeline, duration_ps)
    assert (pieces[0].start_ps, pieces[-1].end_ps) == (0, duration_ps)
    assert all(one.end_ps == other.start_ps for one, other in pairwise(pieces))
    assert all(one.start_ps < one.end_ps for one in pieces)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_busy_piece_lies_within_an_instruction_of_its_pipe(name):
    timeline, profile = timeline_and_profile(PROGRAMS[name], round_chip())
    times = timeline.picoseconds(profile.alone_ps)
    for piece in kernel_path(timeline, profile.alone_ps):
        if piece.hold is Hold.BUSY:
            own = timeline.inputs.pipe == piece.pipe
            around = (times.start <= piece.start_ps + 1) & (times.end >= piece.end_ps - 1)
            assert (own & around).any()


def test_only_a_kernel_that_shares_the_memory_is_held_by_others():
    timeline, profile = timeline_and_profile(loading_program(1), slow_memory_chip())

    def shared_ps(duration_ps):
        pieces = kernel_path(timeline, duration_ps)
        return sum(one.end_ps - one.start_ps for one in pieces if one.hold is Hold.SHARED)

    assert shared_ps(profile.alone_ps) <= 2  # rounding
    extra_ps = 2 * profile.alone_ps
    assert shared_ps(3 * profile.alone_ps) == pytest.approx(extra_ps, rel=0.05)


def test_a_kernel_without_instructions_has_no_pieces():
    builder = ProgramBuilder()
    builder.task("external", CoreType.AIV).block()
    timeline, _ = timeline_and_profile(builder.build(), round_chip())
    assert kernel_path(timeline, 1000) == ()
