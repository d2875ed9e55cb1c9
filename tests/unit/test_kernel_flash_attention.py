import pytest

from npusim.api import load_kernel
from npusim.errors import GuardError
from npusim.golden import make_inputs
from npusim.program import CoreType
from tests.kernel_runner import run_case

FLASH = load_kernel("flash_attention")


@pytest.mark.parametrize(
    ("variant", "knobs", "seq"),
    [
        ("small", {}, 256),
        ("small", {"preload": 1, "vector_rows": 64}, 256),
        ("small", {"clusters": 2}, 512),
        ("default", {}, 512),
    ],
)
def test_the_attention_is_right(variant, knobs, seq):
    case = FLASH.case(variant, knobs, {"seq": seq})
    assert run_case(case, make_inputs(case.specs), poison=True).verify().passed


def test_one_launch_runs_on_whole_clusters_with_split_vector_work():
    case = FLASH.case("default", {}, {"seq": 512})
    program = run_case(case, make_inputs(case.specs)).program
    (task,) = program.tasks
    assert (task.core_type, task.block_num, task.split_mode) == (CoreType.MIX, 4, "up_down")


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"query_rows": 96}, r"^flash_attention: query_rows is 96; expected a divisor of 256; ch"),
        ({"vector_rows": 48}, r"^flash_attention: vector_rows is 48; expected a divisor of 64; c"),
        ({"preload": 0}, r"^flash_attention: preload 0, clusters 24, key_cols 128; expected at l"),
    ],
)
def test_a_tiling_with_a_rest_is_refused(knobs, message):
    with pytest.raises(GuardError, match=message):
        FLASH.case("small", knobs, {"seq": 256})
