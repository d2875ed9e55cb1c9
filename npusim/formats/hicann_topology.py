"""Read the topology of a hicann/pypto profile: who follows whom, and what it is called."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from npusim.formats.document import read_bytes, read_json
from npusim.formats.fields import Place
from npusim.formats.hicann_layout import SEQUENCE_SHIFT, TABLE_COLUMNS, TOPOLOGY_GLOB
from npusim.formats.inspector import Inspector
from npusim.formats.kernel_edges import reached

_MAX_DIGITS = 20
_INT63_STOP = 1 << 63


@dataclass(slots=True)
class Topology:
    """Successors and names by task identity."""

    path: Path
    successors: dict[int, list[int]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def name_of(self, token: int, sub_graph: int) -> str | None:
        """What the task is called: its function, else the number of its sub-graph."""
        return self.names.get(token) or (f"psg_{sub_graph}" if sub_graph >= 0 else None)

    def edges_between(self, tokens: set[int]) -> list[tuple[int, int]]:
        """Edges between ``tokens``, also through tasks that ran on no core.

        A hub (``placeholder`` of the viewer) has no row; a dependency through it still holds.
        """
        preds = [pred for pred in self.successors if pred in tokens]
        return [(p, succ) for p in preds for succ in reached(p, self.successors, tokens)]


def read_topology(records: Path, inspector: Inspector) -> Topology | None:
    """The topology beside ``records``, a JSON list or the table of a device; None without one.

    Raises:
        FileFormatError: If there are several, or the one is corrupt.
    """
    found = sorted(path for path in records.parent.glob(TOPOLOGY_GLOB) if path != records)
    if not found:
        return None
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        inspector.refuse(
            Place(records.parent), TOPOLOGY_GLOB, names, "one topology", "topologies not used"
        )
        return None
    topology = Topology(found[0])
    place = Place(found[0])
    if found[0].suffix == ".json":
        value = read_json(found[0])
        entries = value if isinstance(value, list) else place.fail("the document", value, "a list")
        for index, entry in enumerate(entries):
            inspector.attempt("topology", partial(_entry, entry, place.at(f"[{index}]"), topology))
    else:
        text = read_bytes(found[0], "a topology table").decode("utf-8", errors="replace")
        for index, line in enumerate(text.splitlines(), start=1):
            where = place.at(f"line {index}")
            inspector.attempt("topology", partial(_line, line, where, topology))
        topology.notes.append("program.json: not read, kernels are called psg_<id>")
    return topology


def _entry(value: object, at: Place, topology: Topology) -> None:
    record = at.record_of(value)
    successors = [
        at.identity({"successors": one}, "successors") for one in at.listed(record, "successors")
    ]
    _add(at.identity(record, "taskId"), successors, at, topology)
    name = at.text(record, "funcName", default="") or at.text(record, "semanticLabel", default="")
    if name:
        topology.names[at.identity(record, "taskId")] = name


def _line(line: str, at: Place, topology: Topology) -> None:
    if not line.strip() or line[0].isalpha():
        return
    cells = [cell.strip() for cell in line.split(",") if cell.strip()]
    values = [_number(cell, at) for cell in cells]
    if len(values) < len(TABLE_COLUMNS):
        at.fail("", line, f"at least {len(TABLE_COLUMNS)} numbers ({', '.join(TABLE_COLUMNS)})")
    base = values[0] << SEQUENCE_SHIFT
    successors = [base | one for one in values[len(TABLE_COLUMNS) :]]
    _add(base | values[1], successors, at, topology)


def _number(cell: str, at: Place) -> int:
    digits = cell.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        at.fail("", cell, "a whole number")
    return int(cell)


def _add(token: int, successors: list[int], at: Place, topology: Topology) -> None:
    if token in topology.successors:
        at.fail("taskId", token, "a task that was not listed before")
    bad: Any = next((one for one in (token, *successors) if not 0 <= one < _INT63_STOP), None)
    if bad is not None:
        at.fail("successors", bad, "identities of at least 0")
    topology.successors[token] = successors
