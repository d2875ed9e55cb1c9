"""What becomes of data that contradicts itself: refused, or repaired when the user asks for it.

A reader calls ``refuse`` where it finds a fault. A strict inspector raises there, with file, record
and field; a repairing one notes what is done instead, and the reader does it. Nothing is repaired
silently: the notes end up in ``info.parameters["repairs"]`` of the trace.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from npusim.errors import FileFormatError
from npusim.formats.fields import Place

Result = TypeVar("Result")
Mask = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Inspector:
    """Refuses faults, or counts their repairs."""

    is_repairing: bool = False
    repairs: Counter[str] = field(default_factory=Counter)

    def refuse(self, at: Place, field_name: str, value: object, expected: str, repair: str) -> None:
        """Refuse ``value``, or note ``repair``, which the caller then does.

        Raises:
            FileFormatError: If this inspector is strict.
        """
        if not self.is_repairing:
            at.fail(field_name, value, expected, "record it again or import it with --repair")
        self.repairs[repair] += 1

    def refuse_rows(
        self,
        at: Place,
        bad: Mask,
        field_name: str,
        values: npt.NDArray[Any],
        expected: str,
        repair: str,
        *,
        positions: npt.NDArray[Any] | None = None,
    ) -> None:
        """Refuse the first of the ``bad`` rows, or note ``repair`` for each of them.

        Args:
            at: The table; the row number is appended.
            bad: True for rows with a fault.
            field_name: The column at fault.
            values: That column.
            expected: What it should hold.
            repair: What the caller does with the rows.
            positions: Row numbers in the file where rows were left out before.
        """
        if not bad.any():
            return
        row = int(np.flatnonzero(bad)[0])
        where = row if positions is None else int(positions[row])
        self.refuse(at.at(f"[{where}]"), field_name, values[row].item(), expected, repair)
        self.repairs[repair] += int(np.count_nonzero(bad)) - 1

    def attempt(self, what: str, read: Callable[[], Result]) -> Result | None:
        """The result of ``read``; None where it fails and this inspector repairs.

        Args:
            what: The kind of record, for the note.
            read: Reads one record.
        """
        try:
            return read()
        except FileFormatError:
            if not self.is_repairing:
                raise
            self.repairs[f"{what}: malformed, left out"] += 1
            return None

    def lines(self) -> list[str]:
        """The repairs that were made, one line each, sorted."""
        return [f"{repair} ({count})" for repair, count in sorted(self.repairs.items()) if count]
