import json
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from npusim.errors import KernelError
from npusim.golden import (
    KernelCase,
    TensorSpec,
    VerificationReport,
    make_inputs,
    ratio_allclose,
    verify,
)

Arrays = dict[str, np.ndarray]
BF16 = np.dtype(ml_dtypes.bfloat16)


def _third(arrays: Arrays) -> Arrays:
    arrays["x"] /= 3  # in place, on purpose: the verification must not care
    return {"y": arrays["x"]}


def _third_rounded(arrays: Arrays) -> Arrays:
    return {"y": (arrays["x"] / 3).astype(BF16)}


def _case(golden: Callable[[Arrays], Arrays] = _third, **extra: Any) -> KernelCase:
    specs = (
        TensorSpec("x", (4,), np.float32, init_value=np.arange(4)),
        TensorSpec("y", (4,), BF16, is_output=True),
    )
    return KernelCase("third", "only", {}, len, specs, golden, **extra)


def _right() -> Arrays:
    return {"y": (np.arange(4, dtype=np.float32) / 3).astype(BF16)}


def test_a_right_output_passes_bit_for_bit() -> None:
    case = _case(faithful_golden=_third_rounded)
    inputs = make_inputs(case.specs)
    report = verify(case, inputs, _right())
    assert report.passed
    assert report.messages == ()
    assert report.outputs[0].golden.bit_equal_frac == 1.0
    assert report.outputs[0].faithful is not None
    assert inputs["x"].tolist() == [0, 1, 2, 3]


def test_a_wrong_output_fires() -> None:
    case = _case()
    outputs = _right()
    outputs["y"][2] = 9
    report = verify(case, make_inputs(case.specs), outputs)
    assert not report.passed
    assert report.messages == (
        "y: 1 of 4 elements are off, 0 allowed; the first at (2,): 9.0, expected 0.66796875",
    )


def test_the_comparator_of_the_case_decides() -> None:
    case = _case(compare={"y": ratio_allclose(atol=0, rtol=0, max_error_ratio=0.25)})
    outputs = _right()
    outputs["y"][2] = 9
    assert verify(case, make_inputs(case.specs), outputs).passed


def test_the_faithful_golden_has_no_say() -> None:
    case = _case(faithful_golden=lambda arrays: {"y": arrays["x"] * 0})
    report = verify(case, make_inputs(case.specs), _right())
    assert report.passed
    assert report.outputs[0].faithful is not None
    assert not report.outputs[0].faithful.passed


def test_the_report_has_rows_and_json() -> None:
    case = _case(faithful_golden=_third_rounded)
    report = verify(case, make_inputs(case.specs), _right())
    rows = [dict(zip(VerificationReport.COLUMNS, row, strict=True)) for row in report.rows()]
    assert [(row["output"], row["against"]) for row in rows] == [("y", "golden"), ("y", "faithful")]
    body = json.loads(json.dumps(report.to_json()))
    assert (body["kernel"], body["passed"]) == ("third", True)
    assert body["outputs"]["y"]["faithful"]["bit_equal_frac"] == 1.0
    assert {key: body["outputs"]["y"][key] for key in ("bad_elements", "elements", "allowed")} == {
        "bad_elements": 0,
        "elements": 4,
        "allowed": 0,
    }
    assert {"max_abs", "rel_l2", "bit_equal_frac"} <= body["outputs"]["y"].keys()


def test_an_output_left_out_is_named() -> None:
    case = _case()
    with pytest.raises(KernelError, match=r"^kernel third: output y was not handed over"):
        verify(case, make_inputs(case.specs), {})


def test_a_golden_without_the_output_is_named() -> None:
    case = _case(lambda arrays: {"z": arrays["x"]})
    with pytest.raises(KernelError, match=r"^kernel third: its golden returns z; expected also y"):
        verify(case, make_inputs(case.specs), _right())


def test_an_output_of_another_shape_is_refused() -> None:
    case = _case()
    with pytest.raises(KernelError, match=r"^comparison: the output has shape \(3,\), the golden"):
        verify(case, make_inputs(case.specs), {"y": _right()["y"][:3]})
