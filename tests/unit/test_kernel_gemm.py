import pytest

from npusim.api import load_kernel
from npusim.errors import GuardError
from npusim.golden import make_inputs
from npusim.program import CoreType
from tests.kernel_runner import run_case

GEMM = load_kernel("gemm")


@pytest.mark.parametrize(
    ("variant", "knobs", "size"),
    [
        ("small", {}, 256),
        ("small", {"stages": 1, "core_rows": 1}, 256),
        ("published", {"core_rows": 2, "core_cols": 1}, 256),
    ],
)
def test_the_product_is_right(variant, knobs, size):
    case = GEMM.case(variant, knobs, {"size": size})
    assert run_case(case, make_inputs(case.specs), poison=True).verify().passed


def test_the_published_tiling_gives_every_core_the_same_work():
    case = GEMM.case("published", {}, {"size": 1536})
    program = run_case(case, make_inputs(case.specs)).program
    assert len(program.blocks) == 24
    steps = 3 * 1536 // 256  # base tiles times steps of k
    loads = program.ops["kind"] == program.kind_index("load")
    assert loads.sum() == 24 * steps * 2
    assert len(set(program.blocks["op_stop"] - program.blocks["op_start"])) == 1
    assert {task.core_type for task in program.tasks} == {CoreType.AIC}


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        (
            {"base_m": 96},
            r"^gemm: core_rows \* base_m is 192; expected a divisor of the size 256; ",
        ),
        ({"step_k": 3}, r"^gemm: step_k \* base_k is 192; expected a divisor of the size 256; cha"),
        ({"core_cols": 0}, r"^gemm: core_cols \* base_n is 0; expected a divisor of the size 256"),
    ],
)
def test_a_tiling_with_a_rest_is_refused(knobs, message):
    with pytest.raises(GuardError, match=message):
        GEMM.case("small", knobs, {"size": 256})
