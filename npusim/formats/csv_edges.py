"""The dependency table of a CSV capture: columns ``pred succ``, ids of the task table."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from npusim.errors import FileFormatError
from npusim.formats.csv_table import read_table
from npusim.trace import EDGE_DTYPE, EdgeSource
from npusim.trace.model import Records

Ints = npt.NDArray[np.int64]
_EDGE_COLUMNS = (("pred",), ("succ",))


def read_csv_edges(path: Path) -> Ints:
    """Pairs of task ids of a dependency table.

    Shapes: (edges, 2), in file order, each pair once.

    Raises:
        FileFormatError: If the file is missing, is no such table, or a task depends on itself.
    """
    table = read_table(path, _EDGE_COLUMNS, "dependency table")
    pairs = np.stack([table.integers("pred"), table.integers("succ")], axis=1)
    for row in np.flatnonzero(pairs[:, 0] == pairs[:, 1])[:1].tolist():
        table.fail(row, "succ", int(pairs[row, 1]), "another task than pred")
    _, first = np.unique(pairs, axis=0, return_index=True)
    return pairs[np.sort(first)]


def edge_records(path: Path, index_of: dict[int, int]) -> Records:
    """The edges of a dependency table as ``EDGE_DTYPE`` records.

    Args:
        path: The dependency table.
        index_of: Index of each task in the trace, by task id.

    Raises:
        FileFormatError: As ``read_csv_edges``, or if a task is not in ``index_of``.
    """
    pairs = read_csv_edges(path)
    edges = np.zeros(len(pairs), EDGE_DTYPE)
    for column, name in enumerate(("pred", "succ")):
        for row, task in enumerate(pairs[:, column].tolist()):
            if task not in index_of:
                msg = (
                    f"{path}: {name} {task} is not a task of the capture; expected ids of its "
                    "task table; check that the two files belong together"
                )
                raise FileFormatError(msg)
            edges[name][row] = index_of[task]
    edges["source"] = EdgeSource.EXPLICIT
    return edges
