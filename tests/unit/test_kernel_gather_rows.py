import pytest

from npusim.api import load_kernel
from npusim.errors import GuardError
from npusim.golden import make_inputs
from npusim.program import CoreType, Space
from tests.kernel_runner import run_case

GATHER = load_kernel("gather_rows")


@pytest.mark.parametrize("variant", list(GATHER.variants))
def test_the_rows_are_right(variant):
    case = GATHER.case(variant)
    assert run_case(case, make_inputs(case.specs), poison=True).verify().passed


@pytest.mark.parametrize(
    ("variant", "core", "space", "loads"),
    [
        ("aic", CoreType.AIC, Space.L1, 128),
        ("aiv", CoreType.AIV, Space.UB, 128),
        ("bulk", CoreType.AIV, Space.UB, 8),
    ],
)
def test_rows_go_to_the_buffer_of_their_core(variant, core, space, loads):
    case = GATHER.case(variant)
    program = run_case(case, make_inputs(case.specs)).program
    assert program.tasks[0].core_type is core
    assert set(program.tiles["space"]) == {space}
    assert (program.ops["kind"] == program.kind_index("load")).sum() == loads


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"core": "gpu"}, r"^gather_rows: core is 'gpu'; expected aic or aiv; correct it$"),
        ({"bulk_rows": 3}, r"^gather_rows: rows 128, bulk_rows 3, cols 512, stages 128; expected"),
        ({"stages": 256}, r"^gather_rows: rows 128, bulk_rows 1, cols 512, stages 256; expected"),
    ],
)
def test_a_size_out_of_range_is_refused(knobs, message):
    with pytest.raises(GuardError, match=message):
        GATHER.case("aiv", knobs)
