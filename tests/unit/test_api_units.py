"""Kernels of the critical path by unit: of a run with its recording, and without one."""

from dataclasses import replace

import pytest

from npusim.analysis import compare
from npusim.analysis.observed_path import PathKind, observed_path
from npusim.analysis.path_units import path_parts
from npusim.api.evidence import Evidence
from npusim.api.units import NO_INSTRUCTIONS, recorded_unit_times, unit_times
from npusim.dependencies import build_graph
from npusim.errors import UsageError
from npusim.hardware import load_chip
from npusim.program import CoreType
from npusim.simulator import simulate
from tests.pipe_runs import loading_program, mix_program, vector_program
from tests.program_builder import ProgramBuilder


def evidence(program, name="run"):
    return Evidence(name, simulate(program, build_graph(program), load_chip("a2a3")), program)


PROGRAMS = [vector_program(3), mix_program(), loading_program(30)]


@pytest.mark.parametrize("program", PROGRAMS, ids=["vector", "mix", "loads"])
def test_units_add_up_to_each_kernel_and_to_the_makespan(program):
    run = evidence(program)
    path, units = observed_path(run.trace), unit_times(run)
    kernels = [one for one in path.segments if one.kind is PathKind.COMPUTE]
    assert kernels
    assert all(sum(units(one).values()) == one.length_ps for one in kernels)
    assert sum(path_parts(path, units).values()) == run.trace.makespan_ps


def test_a_kernel_that_the_path_leaves_early_is_split_up_to_there():
    run = evidence(vector_program())
    units = unit_times(run)
    whole = next(one for one in observed_path(run.trace).segments if one.kind is PathKind.COMPUTE)
    half = replace(whole, end_ps=(whole.start_ps + whole.end_ps) // 2)
    assert sum(units(half).values()) == half.length_ps
    assert "AIV MTE3 latency" in units(whole)
    assert "AIV MTE3 latency" not in units(half)


def test_a_kernel_without_instructions_says_so():
    """What runs outside the model, such as an external kernel, has a length and nothing inside."""
    builder = ProgramBuilder()
    builder.task("external", CoreType.AIV).block()
    run = evidence(builder.build())
    lane = int(run.trace.slices["lane"][0])
    start_ps = int(run.trace.slices["start_ps"][0])
    path = observed_path(evidence(vector_program()).trace)
    one = replace(path.segments[-1], lane=lane, start_ps=start_ps, end_ps=start_ps + 7)
    assert unit_times(run)(one) == {NO_INSTRUCTIONS: 7}


def test_of_a_capture_nobody_knows_and_a_question_for_it_is_refused():
    capture = Evidence("capture", evidence(vector_program()).trace)
    assert unit_times(capture) is None
    with pytest.raises(UsageError, match=r"^capture: has no recording, and only that says"):
        recorded_unit_times(capture)


def test_a_comparison_names_the_unit_that_made_the_difference():
    small, large = evidence(vector_program(rows=32)), evidence(vector_program(rows=256))
    found = compare(small.trace, large.trace, (unit_times(small), unit_times(large)))
    delta_ps = large.trace.makespan_ps - small.trace.makespan_ps
    assert found.decomposition.delta_ps == delta_ps
    units = found.decomposition.by_unit()
    assert all(units[f"AIV {pipe}"].delta > 200_000 for pipe in ("MTE2", "V", "MTE3"))
    assert abs(units["AIV issue"].delta) <= 1
    assert " in twice" in found.verdict
