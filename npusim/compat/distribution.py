"""``golden.error_distribution``: print where the error of an output lives, without judging it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from npusim.compat.comparators import (
    Comparator,
    Verdict,
    nonfinite_message,
    relative_difference,
)
from npusim.compat.torch_bridge import torch_module

_THRESHOLDS = (1e-3, 3e-3, 5e-3, 1e-2, 3e-2, 5e-2)
_QUANTILES = (0.5, 0.9, 0.99, 0.999, 0.9999, 1.0)
_SMALL = 1e-6
"""Values below this do not make a relative difference any larger."""


def error_distribution(
    diff_thds: Sequence[float] = _THRESHOLDS,
    quantiles: Sequence[float] = _QUANTILES,
    always_pass: bool = True,
) -> Comparator:
    """Print distances over the whole output, shares above thresholds, and percentiles.

    Args:
        diff_thds: Thresholds of the difference that ``ratio_reldiff`` uses.
        quantiles: Shares for the percentile rows, 0 to 1.
        always_pass: False fails on NaN and Inf in the output.
    """

    def compare(actual: Any, expected: Any, **_: Any) -> Verdict:
        float32 = torch_module().float32
        a, e = actual.cpu().to(float32), expected.cpu().to(float32)
        illegal = nonfinite_message(a, a.new_zeros(1))
        if illegal:
            print(illegal)  # noqa: T201 - the report of this comparator is its output
        for line in _report(a, e, diff_thds, quantiles):
            print(line)  # noqa: T201
        return always_pass or not illegal, illegal

    compare.__name__ = f"error_distribution(diff_thds={tuple(diff_thds)})"
    return compare


def _report(
    actual: Any, expected: Any, thresholds: Sequence[float], quantiles: Sequence[float]
) -> list[str]:
    difference = (actual - expected).abs()
    norm, distance = float(expected.norm()), float(difference.norm())
    cosine = float((actual * expected).sum()) / max(float(actual.norm()) * norm, _SMALL**2)
    lines = [
        f"rel-L2 = {distance / max(norm, _SMALL**2):.4%}  cosine = {cosine:.7f}  "
        f"numel={actual.numel()}"
    ]
    for threshold in thresholds:
        reldiff = relative_difference(actual, expected, threshold)
        is_bad = reldiff > threshold
        share = float(is_bad.float().mean())
        worst = float(reldiff[is_bad].max()) if is_bad.any() else 0.0
        lines.append(f"  diff_thd={threshold:.0e}  frac>thd={share:.4%}  worst={worst:.3g}")
    scale = torch_module().maximum(actual.abs(), expected.abs()).clamp_min(_SMALL)
    for label, values in (
        ("rel-diff percentiles", difference / scale),
        ("abs-diff percentiles", difference),
        ("|golden| percentiles", expected.abs()),
    ):
        lines.append(f"  {label}: {_percentiles(values, quantiles)}")
    return lines


def _percentiles(values: Any, quantiles: Sequence[float]) -> str:
    # numpy, because torch.quantile refuses more than 2**24 elements.
    flat = values.numpy().reshape(-1)
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        return "(no finite values)"
    found = np.quantile(flat, list(quantiles))
    return "  ".join(
        f"p{share * 100:g}={value:.3g}" for share, value in zip(quantiles, found, strict=True)
    )
