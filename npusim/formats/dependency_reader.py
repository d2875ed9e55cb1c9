"""Tasks, kernels and edges of a capture from ``deps.json`` and its name map."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from npusim.formats.callables import INACTIVE, task_name
from npusim.formats.document import read_document
from npusim.formats.fields import Place
from npusim.formats.inspector import Inspector
from npusim.formats.layout import (
    COHORT_KEY,
    DEPS_FILE,
    DUMMY_NAME_KEY,
    EDGE_SOURCES,
    EXACT_RULE,
    NAME_MAP_GLOB,
    PREDICATED_KEY,
    SLOT_COUNT,
)
from npusim.trace import EdgeSource

_SOURCES = {name: source for source, name in EDGE_SOURCES.items() if source != EdgeSource.REGION}
_INT32_STOP = 1 << 31
_ID_DIGITS = 10


@dataclass(frozen=True, slots=True)
class CapturedTask:
    """One entry of ``deps.json``."""

    token: int
    kernel_ids: tuple[int, ...] | None
    """Per sub-slot AIC, AIV0, AIV1; None in files before 2026-06-03."""
    block_num: int | None
    """None in files before 2026-06-25."""
    is_early_dispatch: bool = False
    dummy_name: str = "dummy"
    is_predicated: bool = False
    is_cohort: bool = False

    @property
    def active_slots(self) -> tuple[int, ...]:
        """Sub-slots that run a kernel; none for a dummy."""
        kernels = self.kernel_ids or ()
        return tuple(slot for slot, kernel in enumerate(kernels) if kernel != INACTIVE)

    @property
    def is_dummy(self) -> bool:
        """True if the file says that it runs no kernel."""
        return self.kernel_ids is not None and not self.active_slots


@dataclass(frozen=True, slots=True)
class CapturedGraph:
    """Tasks in submit order and edges between tokens."""

    tasks: tuple[CapturedTask, ...]
    edges: tuple[tuple[int, int, EdgeSource], ...]
    """Each distinct one once, in file order."""
    path: Path
    edge_positions: tuple[int, ...] = ()
    """Where each edge stands in the file."""

    def edge_place(self, index: int) -> Place:
        """Where an edge stands, for messages."""
        position = self.edge_positions[index] if self.edge_positions else index
        return Place(self.path, f"edges[{position}]")


@dataclass(frozen=True, slots=True)
class NameMap:
    """Callable names by id, and the name of the orchestration function."""

    orchestrator: str
    names: dict[int, str]
    path: Path

    def name_of(self, task: CapturedTask) -> str:
        """Name of ``task``; ``func_<id>`` for a callable without a name."""
        kernels = [(task.kernel_ids or ())[slot] for slot in task.active_slots]
        return task_name([self.names.get(k, f"func_{k}") for k in kernels]) or task.dummy_name


def read_dependencies(directory: Path, inspector: Inspector) -> CapturedGraph | None:
    """The graph in ``directory``, or None where it has no ``deps.json``.

    Raises:
        FileFormatError: If the file is corrupt, or a task or an edge in it is.
    """
    path = directory / DEPS_FILE
    if not path.exists():
        return None
    document, place = read_document(path), Place(path)
    tasks: dict[int, CapturedTask] = {}
    for index, value in enumerate(place.listed(document, "tasks", default=[])):
        at = place.at(f"tasks[{index}]")
        task = inspector.attempt("tasks", partial(_task, value, at))
        if task is None:
            continue
        if task.token in tasks:
            inspector.refuse(
                at, "task_id", task.token, "an id that no earlier task has",
                "task given twice: tasks left out",
            )  # fmt: skip
            continue
        tasks[task.token] = task
    edges: dict[tuple[int, int, EdgeSource], int] = {}
    for index, value in enumerate(place.listed(document, "edges")):
        at = place.at(f"edges[{index}]")
        edge = inspector.attempt("edges", partial(_edge, value, at))
        if edge is not None:
            edges.setdefault(edge, index)
    return CapturedGraph(tuple(tasks.values()), tuple(edges), path, tuple(edges.values()))


def read_name_map(directory: Path, inspector: Inspector) -> NameMap | None:
    """The name map in ``directory``, or None where it has none.

    Raises:
        FileFormatError: If there are several, or the one is corrupt.
    """
    paths = sorted(directory.glob(NAME_MAP_GLOB))
    if not paths:
        return None
    if len(paths) > 1:
        found = ", ".join(path.name for path in paths)
        expected = "one name map, so remove the stale ones"
        inspector.refuse(Place(directory), NAME_MAP_GLOB, found, expected, "name maps not used")
        return None
    return inspector.attempt("name map", partial(_name_map, paths[0]))


def _name_map(path: Path) -> NameMap:
    document, place = read_document(path), Place(path)
    at = place.at("callable_id_to_name")
    table = at.record_of(document.get("callable_id_to_name"))
    place.integer(document, "level", low=2, stop=3)
    names: dict[int, str] = {}
    for key in table:
        if not (key.isascii() and key.isdigit() and len(key) <= _ID_DIGITS):
            at.fail("", key, "callable ids as keys")
        names[int(key)] = at.text(table, key, default=f"func_{key}")
    return NameMap(place.text(document, "orchestrator_name", default=""), names, path)


def _task(value: object, at: Place) -> CapturedTask:
    record = at.record_of(value)
    kernel_ids = record.get("kernel_ids")
    if kernel_ids is not None:
        kernel_ids = at.listed(record, "kernel_ids")
        is_valid = len(kernel_ids) == SLOT_COUNT and all(
            type(kernel) is int and INACTIVE <= kernel < _INT32_STOP for kernel in kernel_ids
        )
        if not is_valid:
            at.fail("kernel_ids", kernel_ids, "three callable ids [aic, aiv0, aiv1], -1 for none")
    has_blocks = "block_num" in record
    return CapturedTask(
        at.identity(record, "task_id"),
        None if kernel_ids is None else tuple(kernel_ids),
        at.integer(record, "block_num", low=1, stop=_INT32_STOP) if has_blocks else None,
        at.flag(record, "early_dispatch"),
        at.text(record, DUMMY_NAME_KEY, default="dummy"),
        at.flag(record, PREDICATED_KEY),
        at.flag(record, COHORT_KEY),
    )


def _edge(value: object, at: Place) -> tuple[int, int, EdgeSource]:
    record = at.record_of(value)
    pred, succ = at.identity(record, "pred"), at.identity(record, "succ")
    if pred == succ:
        at.fail("succ", succ, "another task than pred")
    name = at.text(record, "source", default=EDGE_SOURCES[EdgeSource.EXPLICIT])
    if name not in _SOURCES:
        at.fail("source", name, f"one of {', '.join(sorted(_SOURCES))}")
    is_exact = record.get("rule") == EXACT_RULE
    return pred, succ, EdgeSource.REGION if is_exact else _SOURCES[name]
