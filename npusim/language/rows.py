"""Append-only rows that turn into a numpy structured array; packs in chunks to bound memory."""

from typing import Any

import numpy as np

from npusim.program.model import Records

CHUNK_ROWS = 1 << 17  # a tuple of a dozen ints costs 4x its packed row; bounds that to 30 MB


class RowStore:
    """Rows of one dtype. ``rows`` is public because appending to it is the recorder's hot path."""

    __slots__ = ("_dtype", "_packed", "base", "rows")

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._packed: list[Records] = []
        self.rows: list[tuple[int, ...]] = []
        self.base = 0
        """Rows already packed; the index of ``rows[0]``."""

    def __len__(self) -> int:
        return self.base + len(self.rows)

    def add(self, row: tuple[int, ...]) -> int:
        """Append ``row`` and return its index."""
        self.rows.append(row)
        return self.base + len(self.rows) - 1

    def extend(self, other: "RowStore") -> None:
        """Append all rows of ``other``, which must not be used afterwards."""
        if other._packed:
            self._pack()
            self._packed.extend(other._packed)
            self.base += other.base
        self.rows.extend(other.rows)

    def pack_if_large(self) -> None:
        """Pack the pending rows when there are many."""
        if len(self.rows) >= CHUNK_ROWS:
            self._pack()

    def to_array(self) -> Records:
        """All rows, in order of index."""
        self._pack()
        if not self._packed:
            return np.zeros(0, self._dtype)
        if len(self._packed) > 1:
            self._packed = [np.concatenate(self._packed)]
        return self._packed[0]

    def _pack(self) -> None:
        if self.rows:
            self._packed.append(pack(self.rows, self._dtype))
            self.base += len(self.rows)
            self.rows.clear()


def pack(rows: list[tuple[int, ...]], dtype: np.dtype[Any]) -> Records:
    """``rows`` as a structured array."""
    return np.array(rows, dtype)
