"""``golden.ratio_allclose`` and ``golden.ratio_reldiff``: a bounded share of elements may be off.

A comparator is called with two tensors and the context of the run, and returns whether they agree
and, where not, a few lines that say how. Values are compared in float32, as upstream does. Rules:
DSL_REFERENCE.md section 7.2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from npusim.compat.torch_bridge import torch_module
from npusim.errors import UsageError

Verdict = tuple[bool, str]
Comparator = Callable[..., Verdict]

SMALLEST_NORMAL_FP16 = 2.0**-14
DIVISION_GUARD = 1e-9
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ActiveRegion:
    """The leading ``rows`` along ``axis``: what a packed output really holds."""

    rows: int | None = None
    axis: int = 0
    is_tail_zero: bool = False
    """The rest must be zero: a kernel that writes beyond its active rows fails."""

    def cut(self, actual: Any, expected: Any) -> tuple[Any, Any, str]:
        """Both tensors without the tail, and what is wrong, or an empty text."""
        if self.rows is None:
            return actual, expected, ""
        extent = actual.shape[self.axis]
        if not 0 <= self.rows <= extent:
            wrong = f"    valid_rows is {self.rows}; axis {self.axis} has {extent} elements"
            return actual, expected, wrong
        tail = actual.narrow(self.axis, self.rows, extent - self.rows)
        strays = int(tail.count_nonzero()) if self.is_tail_zero else 0
        wrong = f"    {strays} elements behind row {self.rows} are not zero" if strays else ""
        return (
            actual.narrow(self.axis, 0, self.rows),
            expected.narrow(self.axis, 0, self.rows),
            wrong,
        )


def nonfinite_message(actual: Any, expected: Any) -> str:
    """How many NaN and Inf the sides hold; empty if none."""
    torch = torch_module()
    counts = {
        f"{kind} in {side}": int(test(tensor).sum())
        for side, tensor in (("output", actual), ("golden", expected))
        for kind, test in (("NaN", torch.isnan), ("Inf", torch.isinf))
    }
    found = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"    illegal values: {found}" if found else ""


def relative_difference(actual: Any, expected: Any, threshold: float) -> Any:
    """Absolute below ``threshold``, relative to the larger of both values above."""
    torch = torch_module()
    difference = (actual - expected).abs()
    scale = torch.maximum(actual.abs(), expected.abs()).clamp_min(SMALLEST_NORMAL_FP16 / threshold)
    return torch.where(difference < threshold, difference, difference / (scale + DIVISION_GUARD))


def list_elements(actual: Any, expected: Any, is_bad: Any, shown: int) -> str:
    """The first ``shown`` bad elements, one per line."""
    places = is_bad.nonzero()[:shown]
    lines = [
        f"    {place.tolist()}: {actual[tuple(place)].item():.8g}, "
        f"expected {expected[tuple(place)].item():.8g}"
        for place in places
    ]
    return "\n".join(lines)


def ratio_allclose(
    atol: float | None = None,
    rtol: float | None = None,
    max_error_ratio: float = 0.005,
    max_show: int = _SHOWN,
    valid_rows: int | None = None,
    valid_axis: int = 0,
    zero_tail: bool = False,
) -> Comparator:
    """Within ``atol + rtol * |expected|``, but for ``round(max_error_ratio * elements)`` of them.

    NaN or Inf on either side fails. Tolerances left out are those of the run. ``valid_rows``
    restricts the comparison to the leading rows along ``valid_axis``; ``zero_tail`` then also
    demands zeros behind them.

    Raises:
        UsageError: If the ratio is not between 0 and 1.
    """
    _check_share("ratio_allclose", "max_error_ratio", max_error_ratio)
    region = ActiveRegion(valid_rows, valid_axis, zero_tail)

    def compare(actual: Any, expected: Any, **context: Any) -> Verdict:
        a, e, wrong = _operands(region, actual, expected)
        if wrong or a.numel() == 0:
            return not wrong, wrong
        absolute = context["atol"] if atol is None else atol
        relative = context["rtol"] if rtol is None else rtol
        is_bad = (a - e).abs() > absolute + relative * e.abs()
        bad, allowed = int(is_bad.sum()), round(max_error_ratio * a.numel())
        if bad <= allowed:
            return True, ""
        return False, (
            f"    {bad} of {a.numel()} elements are off by more than {absolute:g} + {relative:g} * "
            f"|expected|; {allowed} allowed\n" + list_elements(a, e, is_bad, max_show)
        )

    compare.__name__ = (
        f"ratio_allclose(atol={atol}, rtol={rtol}, max_error_ratio={max_error_ratio})"
    )
    return compare


def ratio_reldiff(
    diff_thd: float = 0.01,
    pct_thd: float = 0.05,
    max_diff_hd: float = float("inf"),
    max_show: int = _SHOWN,
    valid_rows: int | None = None,
    valid_axis: int = 0,
    zero_tail: bool = False,
) -> Comparator:
    """At most ``round(pct_thd * elements)`` differ by more than ``diff_thd``, none too much.

    The difference of an element is that of ``relative_difference``. One of ``max_diff_hd`` or more
    fails, and so does NaN or Inf on either side.

    Raises:
        UsageError: If a threshold is out of range.
    """
    _check_share("ratio_reldiff", "pct_thd", pct_thd)
    if not (diff_thd > 0 and max_diff_hd > 0):
        msg = (
            f"ratio_reldiff: diff_thd is {diff_thd} and max_diff_hd {max_diff_hd}; "
            "expected both above zero"
        )
        raise UsageError(msg)
    region = ActiveRegion(valid_rows, valid_axis, zero_tail)

    def compare(actual: Any, expected: Any, **_: Any) -> Verdict:
        a, e, wrong = _operands(region, actual, expected)
        if wrong or a.numel() == 0:
            return not wrong, wrong
        reldiff = relative_difference(a, e, diff_thd)
        is_bad = reldiff > diff_thd
        bad, allowed = int(is_bad.sum()), round(pct_thd * a.numel())
        worst = float(reldiff[is_bad].max()) if bad else 0.0
        if bad <= allowed and worst < max_diff_hd:
            return True, ""
        return False, (
            f"    {bad} of {a.numel()} elements differ by more than {diff_thd:g}, {allowed} "
            f"allowed; the worst by {worst:.4g}, limit {max_diff_hd:g}\n"
            + list_elements(a, e, is_bad, max_show)
        )

    compare.__name__ = (
        f"ratio_reldiff(diff_thd={diff_thd}, pct_thd={pct_thd}, max_diff_hd={max_diff_hd})"
    )
    return compare


def _operands(region: ActiveRegion, actual: Any, expected: Any) -> tuple[Any, Any, str]:
    """Both tensors cut to the region, in float32, and what already decides against them."""
    if actual.shape != expected.shape:
        wrong = f"    shape {list(actual.shape)}; the golden has {list(expected.shape)}"
        return actual, expected, wrong
    a, e, wrong = region.cut(actual.cpu(), expected.cpu())
    torch = torch_module()
    a, e = a.to(torch.float32), e.to(torch.float32)
    return a, e, wrong or nonfinite_message(a, e)


def _check_share(comparator: str, name: str, share: float) -> None:
    if not 0.0 <= share <= 1.0:
        msg = f"{comparator}: {name} is {share}; expected a share from 0 to 1"
        raise UsageError(msg)
