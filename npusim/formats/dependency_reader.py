"""Tasks, kernels and edges of a capture from ``deps.json`` and its name map."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from npusim.errors import FileFormatError
from npusim.formats.callables import INACTIVE, task_name
from npusim.formats.document import read_document
from npusim.formats.fields import Place
from npusim.formats.layout import (
    DEPS_FILE,
    DUMMY_NAME_KEY,
    EDGE_SOURCES,
    EXACT_RULE,
    NAME_MAP_GLOB,
    SLOT_COUNT,
)
from npusim.trace import EdgeSource

_SOURCES = {name: source for source, name in EDGE_SOURCES.items() if source != EdgeSource.REGION}
_INT32_STOP = 1 << 31


@dataclass(frozen=True, slots=True)
class CapturedTask:
    """One entry of ``deps.json``."""

    token: int
    kernel_ids: tuple[int, ...]
    block_num: int
    is_early_dispatch: bool
    dummy_name: str = "dummy"

    @property
    def active_slots(self) -> tuple[int, ...]:
        """Sub-slots that run a kernel; none for a dummy."""
        return tuple(slot for slot, kernel in enumerate(self.kernel_ids) if kernel != INACTIVE)


@dataclass(frozen=True, slots=True)
class CapturedGraph:
    """Tasks in submit order and edges between tokens."""

    tasks: tuple[CapturedTask, ...]
    edges: tuple[tuple[int, int, EdgeSource], ...]


@dataclass(frozen=True, slots=True)
class NameMap:
    """Callable names by id, and the name of the orchestration function."""

    orchestrator: str
    names: dict[int, str]

    def name_of(self, task: CapturedTask) -> str:
        """Name of ``task``; ``func_<id>`` for a callable without a name."""
        kernels = [task.kernel_ids[slot] for slot in task.active_slots]
        return task_name([self.names.get(k, f"func_{k}") for k in kernels]) or task.dummy_name


def read_dependencies(directory: Path) -> CapturedGraph | None:
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
        task = _task(at.record_of(value), at)
        if task.token in tasks:
            at.fail("task_id", task.token, "an id that no earlier task has")
        tasks[task.token] = task
    edges = []
    for index, value in enumerate(place.listed(document, "edges")):
        at = place.at(f"edges[{index}]")
        edges.append(_edge(at.record_of(value), at))
    return CapturedGraph(tuple(tasks.values()), tuple(dict.fromkeys(edges)))


def read_name_map(directory: Path) -> NameMap | None:
    """The name map in ``directory``, or None where it has none.

    Raises:
        FileFormatError: If there are several, or the one is corrupt.
    """
    paths = sorted(directory.glob(NAME_MAP_GLOB))
    if not paths:
        return None
    if len(paths) > 1:
        found = ", ".join(path.name for path in paths)
        msg = f"{directory}: holds {found}; expected one name map; remove the stale ones"
        raise FileFormatError(msg)
    document, place = read_document(paths[0]), Place(paths[0])
    table = place.at("callable_id_to_name").record_of(document.get("callable_id_to_name"))
    names: dict[int, str] = {}
    at = place.at("callable_id_to_name")
    for key in table:
        if not (key.isascii() and key.isdigit()):
            at.fail("", key, "callable ids as keys")
        names[int(key)] = at.text(table, key, default=f"func_{key}")
    return NameMap(place.text(document, "orchestrator_name", default=""), names)


def _task(record: dict[str, Any], at: Place) -> CapturedTask:
    kernel_ids = at.listed(record, "kernel_ids", default=[INACTIVE] * SLOT_COUNT)
    is_valid = len(kernel_ids) == SLOT_COUNT and all(
        type(kernel) is int and INACTIVE <= kernel < _INT32_STOP for kernel in kernel_ids
    )
    if not is_valid:
        at.fail("kernel_ids", kernel_ids, "three callable ids [aic, aiv0, aiv1], -1 for none")
    is_early = record.get("early_dispatch", False)
    if not isinstance(is_early, bool):
        at.fail("early_dispatch", is_early, "true or false")
    return CapturedTask(
        at.identity(record, "task_id"),
        tuple(kernel_ids),
        at.integer(record, "block_num", low=1, stop=_INT32_STOP, default=1),
        is_early,
        at.text(record, DUMMY_NAME_KEY, default="dummy"),
    )


def _edge(record: dict[str, Any], at: Place) -> tuple[int, int, EdgeSource]:
    pred, succ = at.identity(record, "pred"), at.identity(record, "succ")
    if pred == succ:
        at.fail("succ", succ, "another task than pred")
    name = at.text(record, "source", default=EDGE_SOURCES[EdgeSource.EXPLICIT])
    if name not in _SOURCES:
        at.fail("source", name, f"one of {', '.join(sorted(_SOURCES))}")
    is_exact = record.get("rule") == EXACT_RULE
    return pred, succ, EdgeSource.REGION if is_exact else _SOURCES[name]
