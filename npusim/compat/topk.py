"""``golden.topk_pair_compare``: indices of a top-k may differ where their values are tied."""

from typing import Any

from npusim.compat.comparators import Comparator, Verdict
from npusim.compat.torch_bridge import torch_module

_SHOWN = 10


def topk_pair_compare(
    vals_name: str, *, dim: int = -1, descending: bool = True, max_show: int = _SHOWN
) -> Comparator:
    """Indices agree, or the paired output values stay in order around each index that differs.

    A legal swap of tied candidates keeps the values sorted along ``dim``; a candidate that is worse
    than its neighbour does not. The values themselves are compared by their own comparator.

    Args:
        vals_name: Output with the values, of the shape of the indices.
        dim: Axis of the ranking.
        descending: Order of the values.
        max_show: Positions listed when it fails.
    """

    def compare(actual: Any, expected: Any, *, actual_outputs: dict[str, Any], **_: Any) -> Verdict:
        if vals_name not in actual_outputs:
            known = ", ".join(actual_outputs)
            return False, f"    topk_pair_compare: no output {vals_name!r}; expected one of {known}"
        values = actual_outputs[vals_name].cpu().to(torch_module().float32)
        if not actual.shape == expected.shape == values.shape:
            return False, (
                f"    shapes {list(actual.shape)} of the indices, {list(expected.shape)} of the "
                f"golden, {list(values.shape)} of {vals_name}; expected equal ones"
            )
        wrong = _out_of_order(values, dim, descending=descending)
        wrong &= actual.cpu() != expected.cpu()
        places = wrong.nonzero()
        if not len(places):
            return True, ""
        lines = [
            f"    {place.tolist()}: index {actual[tuple(place)].item()}, expected "
            f"{expected[tuple(place)].item()}, value {values[tuple(place)].item():.6g}"
            for place in places[:max_show]
        ]
        return False, "\n".join(
            [f"    {len(places)} indices differ where {vals_name} is out of order", *lines]
        )

    compare.__name__ = "topk_pair_compare"
    return compare


def _out_of_order(values: Any, dim: int, *, descending: bool) -> Any:
    """True where an element of ``values`` breaks the order with a neighbour along ``dim``."""
    torch = torch_module()
    wrong = torch.zeros_like(values, dtype=torch.bool)
    count = values.shape[dim] - 1
    if count < 1:
        return wrong
    first, second = values.narrow(dim, 0, count), values.narrow(dim, 1, count)
    # Written as "not in order", so that NaN counts as out of order.
    broken = ~(first >= second) if descending else ~(first <= second)
    wrong.narrow(dim, 0, count).logical_or_(broken)
    wrong.narrow(dim, 1, count).logical_or_(broken)
    return wrong
