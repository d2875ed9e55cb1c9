import pytest

from npusim.api import load_kernel
from npusim.errors import GuardError
from npusim.golden import make_inputs
from npusim.program import CoreType
from tests.kernel_runner import run_case

MICRO = load_kernel("vector_micro")
OPS = [
    *("add", "sub", "mul", "div", "divs", "exp", "sqrt", "abs", "adds", "cast", "load"),
    *("row_max", "row_sum", "col_sum", "col_max", "transpose"),
]


@pytest.mark.parametrize("op", OPS)
def test_an_operation_is_right(op):
    case = MICRO.case("one", {"op": op, "rows": 24, "cols": 40})
    assert run_case(case, make_inputs(case.specs), poison=True).verify().passed


@pytest.mark.parametrize("dtype", ["fp16", "fp32", "int8"])
def test_a_product_is_right_and_runs_on_the_cube(dtype):
    case = MICRO.case("one", {"op": "matmul", "rows": 24, "cols": 40, "depth": 32, "dtype": dtype})
    run = run_case(case, make_inputs(case.specs), poison=True)
    assert run.verify().passed
    assert run.program.tasks[0].core_type is CoreType.AIC


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"op": "warp"}, r"^vector_micro: op 'warp', dtype 'fp32'; expected one of add, sub, mul"),
        ({"dtype": "fp8"}, r"^vector_micro: op 'add', dtype 'fp8'; expected one of add, sub, mul"),
        ({"rows": 0}, r"^vector_micro: add of rows 0, cols 64, depth 0; expected positive rows"),
        ({"depth": 8}, r"^vector_micro: add of rows 64, cols 64, depth 8; expected positive rows"),
        ({"op": "matmul"}, r"^vector_micro: matmul of rows 64, cols 64, depth 0; expected posit"),
    ],
)
def test_what_it_cannot_do_is_refused(knobs, message):
    with pytest.raises(GuardError, match=message):
        MICRO.case("one", knobs)
