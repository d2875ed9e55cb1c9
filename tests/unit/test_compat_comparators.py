import math

import numpy as np
import pytest

from npusim.errors import UsageError
from npusim.golden import ratio_allclose as numpy_allclose
from npusim.golden import ratio_reldiff as numpy_reldiff

torch = pytest.importorskip("torch", reason="comparators work on torch tensors")

from npusim.compat.comparators import ratio_allclose, ratio_reldiff  # noqa: E402
from npusim.compat.distribution import error_distribution  # noqa: E402
from npusim.compat.pool import mapped_pool_ratio_allclose  # noqa: E402
from npusim.compat.topk import topk_pair_compare  # noqa: E402
from npusim.compat.validation import validate_golden  # noqa: E402

CONTEXT = {"actual_outputs": {}, "expected_outputs": {}, "inputs": {}, "rtol": 1e-3, "atol": 1e-3}


def pair(bad: int, elements: int = 1000, error: float = 1.0):
    expected = torch.ones(elements)
    actual = expected.clone()
    actual[:bad] += error
    return actual, expected


def test_ratio_allclose_allows_a_share() -> None:
    compare = ratio_allclose(atol=1e-4, rtol=1 / 128, max_error_ratio=0.005)
    assert compare(*pair(5), **CONTEXT) == (True, "")
    passed, message = compare(*pair(6), **CONTEXT)
    assert not passed
    assert message.startswith("    6 of 1000 elements are off by more than 0.0001 + ")
    assert "[0]: 2, expected 1" in message


def test_ratio_allclose_takes_the_tolerances_of_the_run() -> None:
    compare = ratio_allclose(max_error_ratio=0.0)
    assert compare(*pair(1, error=1.5e-3), **CONTEXT)[0]
    assert not compare(*pair(1, error=2.5e-3), **CONTEXT)[0]


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("make", [ratio_allclose, ratio_reldiff])
def test_illegal_values_fail_on_either_side(make, value: float) -> None:
    clean, spoilt = torch.zeros(1000), torch.zeros(1000)
    spoilt[3] = value
    kind = "NaN" if math.isnan(value) else "Inf"
    assert make()(spoilt, clean, **CONTEXT) == (False, f"    illegal values: 1 {kind} in output")
    assert make()(clean, spoilt, **CONTEXT) == (False, f"    illegal values: 1 {kind} in golden")


def test_active_rows_restrict_the_comparison() -> None:
    actual, expected = torch.zeros(8, 4), torch.zeros(8, 4)
    actual[6:] = 1.0
    assert not ratio_allclose(max_error_ratio=0.0)(actual, expected, **CONTEXT)[0]
    assert ratio_allclose(max_error_ratio=0.0, valid_rows=6)(actual, expected, **CONTEXT)[0]
    strict = ratio_allclose(max_error_ratio=0.0, valid_rows=6, zero_tail=True)
    message = "    8 elements behind row 6 are not zero"
    assert strict(actual, expected, **CONTEXT) == (False, message)
    assert ratio_reldiff(valid_rows=0)(actual, expected, **CONTEXT)[0]
    assert not ratio_reldiff(valid_rows=9)(actual, expected, **CONTEXT)[0]
    assert ratio_reldiff(valid_rows=2, valid_axis=1)(actual.T, expected.T, **CONTEXT)[0]


def test_ratio_reldiff_caps_the_worst() -> None:
    assert ratio_reldiff(0.01, 0.05)(*pair(50), **CONTEXT)[0]
    assert not ratio_reldiff(0.01, 0.05)(*pair(51), **CONTEXT)[0]
    assert not ratio_reldiff(0.01, 0.05, max_diff_hd=0.4)(*pair(50), **CONTEXT)[0]


def test_the_verdicts_are_those_of_the_numpy_comparators() -> None:
    rng = np.random.default_rng(3)
    for bad in range(0, 30, 3):
        expected = rng.standard_normal(600, dtype=np.float32)
        actual = expected.copy()
        actual[:bad] *= 1.5
        tensors = torch.from_numpy(actual), torch.from_numpy(expected)
        for ours, theirs in (
            (ratio_allclose(1e-4, 1 / 128, 0.02), numpy_allclose(1e-4, 1 / 128, 0.02)),
            (ratio_reldiff(0.01, 0.02), numpy_reldiff(0.01, 0.02)),
        ):
            assert ours(*tensors, **CONTEXT)[0] == theirs(actual, expected).passed


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ratio_allclose(max_error_ratio=2), r"^ratio_allclose: max_error_ratio is 2; expe"),
        (lambda: ratio_reldiff(pct_thd=-1), r"^ratio_reldiff: pct_thd is -1; expected a share"),
        (lambda: ratio_reldiff(diff_thd=0), r"^ratio_reldiff: diff_thd is 0 and max_diff_hd inf"),
    ],
)
def test_impossible_thresholds(make, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_topk_allows_tied_swaps_only() -> None:
    expected = torch.tensor([[4, 7, 1]])
    swapped = torch.tensor([[7, 4, 1]])
    compare = topk_pair_compare("vals")
    tied = {**CONTEXT, "actual_outputs": {"vals": torch.tensor([[2.0, 2.0, 1.0]])}}
    assert compare(swapped, expected, **tied) == (True, "")
    wrong = {**CONTEXT, "actual_outputs": {"vals": torch.tensor([[1.0, 2.0, 0.5]])}}
    passed, message = compare(swapped, expected, **wrong)
    assert not passed
    assert message.startswith("    2 indices differ where vals is out of order")
    assert compare(expected, expected, **wrong)[0]  # equal indices need no excuse
    assert not compare(swapped, expected, **CONTEXT)[0]
    rising = topk_pair_compare("vals", descending=False, dim=0)
    column = {**CONTEXT, "actual_outputs": {"vals": torch.tensor([[1.0], [1.0], [2.0]])}}
    assert rising(swapped.T, expected.T, **column)[0]


def test_a_pool_may_change_in_mapped_rows_only() -> None:
    compare = mapped_pool_ratio_allclose(
        "slots", mapping_shape=(2,), block_size=2, atol=0.1, rtol=0.0, max_error_ratio=0.0
    )
    expected = torch.zeros(2, 2, 3)
    context = {**CONTEXT, "inputs": {"slots": torch.tensor([1, -1])}}
    mapped, stray = expected.clone(), expected.clone()
    mapped[0, 1] = 0.05
    stray[1, 0] = 0.05
    assert compare(mapped, expected, **context) == (True, "")
    message = "    pool: 1 unmapped rows changed, the first is row 2 of rank 0"
    assert compare(stray, expected, **context) == (False, message)
    assert not compare(mapped + 1, mapped, **context)[0]
    for slots in ([1, 1], [4, 0], [-2, 0]):
        wrong = {**CONTEXT, "inputs": {"slots": torch.tensor(slots)}}
        assert not compare(mapped, expected, **wrong)[0]
    assert not compare(mapped, expected, **CONTEXT)[0]


def test_a_pool_with_ranks() -> None:
    compare = mapped_pool_ratio_allclose(
        "slots", mapping_shape=(2, 1), block_size=2, leading_rank_axis=True, atol=0.1
    )
    expected = torch.zeros(2, 1, 2, 3)
    actual = expected.clone()
    actual[1, 0, 1] = 0.05
    own = {**CONTEXT, "inputs": {"slots": torch.tensor([[0], [1]])}}
    other = {**CONTEXT, "inputs": {"slots": torch.tensor([[1], [0]])}}
    assert compare(actual, expected, **own)[0]
    assert not compare(actual, expected, **other)[0]
    with pytest.raises(UsageError, match=r"^mapped_pool_ratio_allclose: mapping_shape is \[2\]"):
        mapped_pool_ratio_allclose("s", mapping_shape=(2,), block_size=2, leading_rank_axis=True)


def test_the_distribution_reports_and_does_not_judge(capsys) -> None:
    assert error_distribution()(*pair(10), **CONTEXT) == (True, "")
    printed = capsys.readouterr().out
    assert printed.startswith("rel-L2 = 10.0000%  cosine = 0.99")
    assert "diff_thd=1e-02  frac>thd=1.0000%  worst=0.5" in printed
    spoilt = torch.full((4,), math.nan)
    assert error_distribution()(spoilt, torch.ones(4), **CONTEXT)[0]
    assert not error_distribution(always_pass=False)(spoilt, torch.ones(4), **CONTEXT)[0]


def test_validate_golden_lists_every_output(capsys) -> None:
    good, bad = torch.ones(3), torch.tensor([1.0, 2.0, 1.0])
    validate_golden({"a": good}, {"a": good})
    with pytest.raises(AssertionError, match=r"^Output\(s\) does not match golden: \['b', 'c'\]"):
        validate_golden(
            {"a": good, "b": bad, "c": bad},
            {"a": good, "b": good, "c": good.to(torch.float64)},
        )
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == [
        "[RUN]   'a' PASS  shape=(3,) dtype=torch.float32",
        "[RUN]   'b' FAIL  shape=(3,) dtype=torch.float32",
    ]
