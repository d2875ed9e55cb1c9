"""Whole traces of tiny kernels against stored text; ``--update-golden`` rewrites it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from npusim.dependencies import DependencyMode, build_graph
from npusim.hardware import load_chip
from npusim.simulator import simulate
from tests.golden.cases import CASES
from tests.golden.leaks import assert_no_leaks
from tests.golden.trace_text import trace_text

FOLDER = Path(__file__).parent

pytestmark = pytest.mark.golden


def simulated(name):
    program, _, _ = CASES[name].record(name)
    trace = simulate(program, build_graph(program), load_chip("a2a3"))
    assert_no_leaks(program, trace)
    return trace


@pytest.mark.parametrize("name", CASES)
def test_the_kernel_computes_what_it_should(name):
    _, before, after = CASES[name].record(name)
    case = CASES[name]
    np.testing.assert_allclose(after[case.output], case.expected(before), rtol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_trace_is_the_stored_one(name, request):
    text = trace_text(simulated(name))
    stored = FOLDER / name / "expected.txt"
    if request.config.getoption("--update-golden", default=False):
        stored.parent.mkdir(exist_ok=True)
        stored.write_text(text, encoding="utf-8")
        pytest.skip(f"rewrote {stored.name} of {name}; review the diff")
    assert text.splitlines() == stored.read_text(encoding="utf-8").splitlines()


def test_more_blocks_than_cores_run_in_waves():
    trace = simulated("waves")
    vector_lanes = {row["lane"] for row in trace.slices}
    assert len(trace.slices) == 52
    assert len(vector_lanes) <= 48


def test_a_mix_task_holds_three_lanes_at_once():
    slices = simulated("mix").slices
    assert sorted(slices["slot"].tolist()) == [0, 1, 2]
    assert len(set(slices["start_ps"].tolist())) == 1


def test_the_tensormap_sees_a_whole_buffer_where_only_a_tile_is_read():
    program, _, _ = CASES["chain"].record("chain")
    pairs = {
        mode: {tuple(edge) for edge in build_graph(program, mode).edges.tolist()}
        for mode in (DependencyMode.EXACT, DependencyMode.TENSORMAP)
    }
    assert pairs[DependencyMode.EXACT] == {(0, 1), (2, 3)}
    assert pairs[DependencyMode.TENSORMAP] == {(0, 1), (0, 3), (2, 3)}


def test_the_leak_check_fires_when_a_task_never_ran():
    program, _, _ = CASES["chain"].record("chain")
    trace = simulated("chain")
    missing = replace(trace, slices=trace.slices[:-1].copy(), waits=trace.waits[:0].copy())
    with pytest.raises(AssertionError):
        assert_no_leaks(program, missing)
