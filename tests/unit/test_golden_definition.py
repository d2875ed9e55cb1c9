from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from npusim.errors import GuardError, KernelError, UsageError
from npusim.golden import KernelCase, KernelDefinition, TensorSpec, allclose


@dataclass(frozen=True)
class Tiling:
    tokens: int = 32
    is_fused: bool = False
    order: str = "row"

    def __post_init__(self) -> None:
        if 128 % self.tokens:
            msg = f"scale: tokens is {self.tokens}; expected a divisor of 128"
            raise GuardError(msg)


def _build(tiling: Tiling, options: dict[str, Any]) -> KernelCase:
    return KernelCase(
        name="",
        variant="",
        parameters={"ratio_used": options["compress_ratio"]},
        entry=lambda x: x,
        specs=(TensorSpec("x", (tiling.tokens,), np.float32, is_output=True),),
        golden=lambda arrays: {"x": arrays["x"]},
    )


SCALE = KernelDefinition(
    name="scale",
    summary="Scales rows",
    variants={"after": Tiling(), "before": Tiling(tokens=16)},
    options={"compress_ratio": (0, 4, 128), "is_strict": (True, False)},
    build=_build,
)


def test_a_case_of_a_variant_takes_its_constants_and_defaults() -> None:
    case = SCALE.case("before")
    assert (case.name, case.variant) == ("scale", "before")
    assert case.outputs[0].shape == (16,)
    assert case.parameters == {
        "options": {"compress_ratio": 0, "is_strict": True},
        "changed_knobs": {},
        "knobs": {"tokens": 16, "is_fused": False, "order": "row"},
        "ratio_used": 0,
    }


def test_options_that_are_not_the_default_are_named() -> None:
    given = {"compress_ratio": "128", "is_strict": "true"}
    assert SCALE.case("after", {}, given).parameters["changed_options"] == {"compress_ratio": 128}


def test_knobs_and_options_are_parsed_from_texts() -> None:
    case = SCALE.case(
        "after",
        {"tokens": "64", "is_fused": "True", "order": "column"},
        {"compress_ratio": "128", "is_strict": "false"},
    )
    assert case.outputs[0].shape == (64,)
    assert case.parameters["knobs"]["is_fused"] is True
    assert case.parameters["knobs"]["order"] == "column"
    assert case.parameters["ratio_used"] == 128
    assert case.parameters["options"]["is_strict"] is False


def test_knobs_are_listed_with_their_values() -> None:
    assert SCALE.knobs("before") == {"tokens": 16, "is_fused": False, "order": "row"}


@pytest.mark.parametrize(
    ("variant", "knobs", "options", "message"),
    [
        ("mid", {}, {}, r"no variant 'mid'; expected one of after, before$"),
        ("after", {"t": 1}, {}, r"no knob 't'; expected one of tokens, is_fused, order$"),
        ("after", {"tokens": "x"}, {}, r"knob tokens is 'x'; expected an integer, for instance 32"),
        ("after", {"tokens": True}, {}, r"knob tokens is True; expected an integer"),
        ("after", {"tokens": 1.5}, {}, r"knob tokens is 1\.5; expected an integer"),
        ("after", {"is_fused": "maybe"}, {}, r"knob is_fused is 'maybe'; expected true or false"),
        ("after", {"is_fused": 1}, {}, r"knob is_fused is 1; expected true or false"),
        ("after", {"order": 3}, {}, r"knob order is 3; expected a text"),
        ("after", {}, {"r": 1}, r"no option 'r'; expected one of compress_ratio, is_strict$"),
        ("after", {}, {"compress_ratio": 5}, r"option compress_ratio is 5; expected one of 0, 4, "),
        ("after", {}, {"compress_ratio": False}, r"option compress_ratio is False; expected one"),
    ],
)
def test_what_the_kernel_does_not_know_is_refused(
    variant: str, knobs: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=rf"^kernel scale(, variant after)?: {message}"):
        SCALE.case(variant, knobs, options)


def test_the_tiling_guards_its_own_values() -> None:
    with pytest.raises(GuardError, match=r"^scale: tokens is 48; expected a divisor of 128"):
        SCALE.case("after", {"tokens": 48})


def test_a_definition_needs_a_variant_and_option_values() -> None:
    with pytest.raises(KernelError, match=r"^kernel k: there is no variant; expected at least one"):
        KernelDefinition("k", "", {}, {}, _build)
    with pytest.raises(KernelError, match=r"^kernel k: option r allows no value; expected at"):
        KernelDefinition("k", "", {"a": Tiling()}, {"r": ()}, _build)


def test_a_case_needs_an_output() -> None:
    specs = (TensorSpec("x", (1,), np.float32),)
    with pytest.raises(KernelError, match=r"^kernel k: no output among its specs; set is_output"):
        KernelCase("k", "v", {}, len, specs, dict)


def test_a_comparator_must_name_an_output() -> None:
    specs = (TensorSpec("x", (1,), np.float32, is_output=True),)
    with pytest.raises(KernelError, match=r"^kernel k: compare names 'y'; expected one of x"):
        KernelCase("k", "v", {}, len, specs, dict, compare={"y": allclose()})
