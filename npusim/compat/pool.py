"""``golden.mapped_pool_ratio_allclose``: a paged pool of which only mapped rows may change."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from npusim.compat.comparators import Comparator, Verdict, ratio_allclose
from npusim.compat.torch_bridge import torch_module
from npusim.errors import UsageError

_UNMAPPED = -1


@dataclass(frozen=True, slots=True)
class _Layout:
    """Names and shapes: mapping → rows of a pool ``[(ranks,) blocks, block_size, ...]``."""

    pool_name: str
    mapping_name: str
    mapping_shape: tuple[int, ...]
    block_size: int
    has_ranks: bool

    def wrong_pool(self, actual: Any, expected: Any) -> str:
        """What is wrong with the shapes of the pools, or an empty text."""
        if actual.shape != expected.shape:
            shapes = f"{list(actual.shape)}; the golden has {list(expected.shape)}"
            return f"    {self.pool_name}: shape {shapes}"
        axis = 2 if self.has_ranks else 1
        is_paged = actual.ndim > axis and actual.shape[axis] == self.block_size
        if is_paged and self.has_ranks:
            is_paged = actual.shape[0] == self.mapping_shape[0]
        if is_paged:
            return ""
        layout = f"[{'ranks, ' if self.has_ranks else ''}blocks, {self.block_size}, ...]"
        return f"    {self.pool_name}: shape {list(actual.shape)}; expected {layout}"

    def wrong_mapping(self, mapping: Any) -> str:
        """What is wrong with the mapping itself, or an empty text."""
        if mapping is None:
            return f"    {self.mapping_name}: no such input; expected the mapping of the pool"
        if mapping.is_floating_point() or tuple(mapping.shape) != self.mapping_shape:
            return (
                f"    {self.mapping_name}: {mapping.dtype} of shape {list(mapping.shape)}; "
                f"expected integers of shape {list(self.mapping_shape)}"
            )
        return ""

    def rows(self, pool: Any) -> Any:
        """The pool as [ranks, rows, elements of a row]."""
        ranks = pool.shape[0] if self.has_ranks else 1
        count = math.prod(pool.shape[: 3 if self.has_ranks else 2]) // ranks
        return pool.cpu().reshape(ranks, count, -1)


def mapped_pool_ratio_allclose(
    mapping_name: str,
    *,
    mapping_shape: Sequence[int],
    block_size: int,
    leading_rank_axis: bool = False,
    pool_name: str = "pool",
    atol: float | None = None,
    rtol: float | None = None,
    max_error_ratio: float = 0.005,
) -> Comparator:
    """Mapped rows as in ``ratio_allclose``; every other row exactly as in the golden.

    Args:
        mapping_name: Integer input that names a row of the pool per item; -1 names none.
        mapping_shape: Its shape; the first axis is the rank with ``leading_rank_axis``.
        block_size: Rows of a block; the pool is ``[(ranks,) blocks, block_size, ...]``.
        leading_rank_axis: Pool and mapping have one; rows must be distinct within a rank.
        pool_name: Name for messages.
        atol: As for ``ratio_allclose``.
        rtol: As for ``ratio_allclose``.
        max_error_ratio: As for ``ratio_allclose``.

    Raises:
        UsageError: If a shape or size makes no sense.
    """
    shape = tuple(mapping_shape)
    axes = 2 if leading_rank_axis else 1
    if len(shape) < axes or min(shape) < 1 or block_size < 1:
        msg = (
            f"mapped_pool_ratio_allclose: mapping_shape is {list(shape)} and block_size "
            f"{block_size}; expected at least {axes} axes, all of them and block_size above zero"
        )
        raise UsageError(msg)
    layout = _Layout(pool_name, mapping_name, shape, block_size, leading_rank_axis)
    compare_mapped = ratio_allclose(atol, rtol, max_error_ratio)

    def compare(actual: Any, expected: Any, **context: Any) -> Verdict:
        mapping = context.get("inputs", {}).get(mapping_name)
        wrong = layout.wrong_pool(actual, expected) or layout.wrong_mapping(mapping)
        if wrong:
            return False, wrong
        a, e = layout.rows(actual), layout.rows(expected)
        is_mapped, wrong = _mapped_rows(mapping_name, mapping.reshape(a.shape[0], -1), a.shape[1])
        wrong = wrong or _stray_rows(pool_name, a, e, is_mapped)
        if wrong:
            return False, wrong
        passed, detail = compare_mapped(a[is_mapped], e[is_mapped], **context)
        return passed, "" if passed else f"    mapped rows of {pool_name}:\n{detail}"

    compare.__name__ = (
        f"mapped_pool_ratio_allclose(mapping={mapping_name}, block_size={block_size})"
    )
    return compare


def _mapped_rows(name: str, mapping: Any, row_count: int) -> tuple[Any, str]:
    """Which rows the mapping names, by rank; and what is wrong with it, or an empty text."""
    torch = torch_module()
    is_mapped = torch.zeros((mapping.shape[0], row_count), dtype=torch.bool)
    for rank, entries in enumerate(mapping.cpu().to(torch.int64)):
        outside = (entries < _UNMAPPED) | (entries >= row_count)
        if outside.any():
            value = int(entries[outside][0])
            return is_mapped, f"    {name}: row {value}; expected -1 or 0 to {row_count - 1}"
        rows, counts = torch.unique(entries[entries != _UNMAPPED], return_counts=True)
        if (counts > 1).any():
            return is_mapped, f"    {name}: row {int(rows[counts > 1][0])} comes twice, rank {rank}"
        is_mapped[rank, rows] = True
    return is_mapped, ""


def _stray_rows(pool_name: str, actual: Any, expected: Any, is_mapped: Any) -> str:
    is_changed = (actual != expected).any(dim=-1) & ~is_mapped
    if not is_changed.any():
        return ""
    rank, row = is_changed.nonzero()[0].tolist()
    count = int(is_changed.sum())
    return f"    {pool_name}: {count} unmapped rows changed, the first is row {row} of rank {rank}"
