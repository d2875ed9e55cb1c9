"""Speed of the core model: recorded tile operations simulated per second on one core."""

import resource
import time

import pytest

from npusim.api import load_kernel
from npusim.api.run import record_case
from npusim.dependencies import build_graph
from npusim.golden import make_inputs, verify
from npusim.hardware import load_chip
from npusim.simulator import SimulationOptions, simulate
from npusim.validation.predict import _record_timed

pytestmark = pytest.mark.slow

OPS_PER_S = 100_000
UNEQUAL_OPS_PER_S = 75_000
"""Every block timed by itself. 90,000 were measured on a machine that others used as well."""
SHORT_ATTENTION_S = 1.0
"""One thread of the linear algebra library: OPENBLAS_NUM_THREADS=1."""
LARGEST_S = 7.0
LARGEST_BYTES = 500e6


def simulation_s(program, *, memoise=True) -> float:
    """The best of three, to leave out what else the machine does."""
    graph, chip = build_graph(program), load_chip("a2a3")
    times = []
    for _ in range(3):
        begin = time.process_time()
        simulate(program, graph, chip, SimulationOptions(memoise=memoise))
        times.append(time.process_time() - begin)
    return min(times)


@pytest.mark.parametrize(
    ("kernel", "variant", "options"),
    [
        ("gemm", "published", {"size": 6144}),
        ("flash_attention", "default", {"seq": 8192}),
    ],
)
def test_operations_per_second(kernel, variant, options):
    program = _record_timed(load_kernel(kernel).case(variant, {}, options))
    assert len(program.ops) / simulation_s(program) >= OPS_PER_S


def test_operations_per_second_where_no_two_blocks_are_equal():
    program = _record_timed(load_kernel("flash_attention").case("default", {}, {"seq": 8192}))
    assert len(program.ops) / simulation_s(program, memoise=False) >= UNEQUAL_OPS_PER_S


def test_flash_attention_with_values_takes_less_than_a_second():
    case = load_kernel("flash_attention").case("default", {}, {"seq": 1024})
    begin = time.process_time()
    program, outputs = record_case(case, inputs := make_inputs(case.specs))
    assert verify(case, inputs, outputs).passed
    simulate(program, build_graph(program), load_chip("a2a3"))
    assert time.process_time() - begin <= SHORT_ATTENTION_S


def test_operations_per_second_of_the_reference_kernel():
    case = load_kernel("prefill_sparse_attn").case("after")
    program, _ = record_case(case, make_inputs(case.specs))
    assert len(program.ops) / simulation_s(program) >= OPS_PER_S


def test_the_largest_product_is_timed_in_seconds():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    program = _record_timed(load_kernel("gemm").case("published", {}, {"size": 7680}))
    simulate(program, build_graph(program), load_chip("a2a3"))
    assert time.process_time() - begin <= LARGEST_S
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) * 1024 <= LARGEST_BYTES
