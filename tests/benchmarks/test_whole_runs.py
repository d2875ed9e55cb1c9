"""How long a user waits: whole runs of the reference kernel, against the promised limits.

``make bench``. The limits hold on two cores with nothing else running.
"""

import pytest

from npusim.api import load_kernel, run_kernel, save_run, simulate_program
from npusim.api.run import RunRequest, record_case
from npusim.golden import make_inputs, verify
from tests.golden.runs import reference_run, start_npusim

KERNEL = "prefill_sparse_attn"


def within(benchmark, limit_s):
    benchmark.extra_info["limit_s"] = limit_s
    assert benchmark.stats.stats.median < limit_s


def test_record_and_verify_the_reference_kernel(benchmark):
    case = load_kernel(KERNEL).case("after")
    inputs = make_inputs(case.specs)

    def record_and_verify():
        _, outputs = record_case(case, inputs)
        return verify(case, inputs, outputs)

    assert benchmark.pedantic(record_and_verify, rounds=3).passed
    within(benchmark, 5.0)


def test_simulate_and_write_the_reference_kernel(benchmark, tmp_path):
    run = reference_run("after")

    def simulate_and_write():
        simulate_program(run.program, RunRequest())
        save_run(run, tmp_path / "run")

    benchmark.pedantic(simulate_and_write, rounds=3)
    within(benchmark, 5.0)


def test_the_demo(benchmark, tmp_path):
    def demo():
        for arguments in (
            ["run", KERNEL, "--variant", "before", "-o", "out/before"],
            ["run", KERNEL, "--variant", "after", "-o", "out/after"],
            ["compare", "out/before", "out/after", "-o", "out/compare"],
        ):
            process = start_npusim(arguments, tmp_path)
            _, error = process.communicate(timeout=120)
            assert process.returncode == 0, error

    benchmark.pedantic(demo, rounds=1)
    within(benchmark, 30.0)


@pytest.mark.parametrize("ratio", [0, 4, 128])
def test_a_run_without_verification(benchmark, ratio):
    case = load_kernel(KERNEL).case("after", {}, {"compress_ratio": ratio})
    request = RunRequest(is_verified=False)
    benchmark.pedantic(run_kernel, args=(case, request), rounds=1)
