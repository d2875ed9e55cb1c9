"""Tasks, kernels and edges of a capture whose dependency file is missing or silent on kernels."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from npusim.formats.callables import INACTIVE
from npusim.formats.dependency_reader import CapturedGraph, CapturedTask, NameMap
from npusim.formats.row_table import RowTable
from npusim.trace import EdgeSource, Lane, LaneKind


@dataclass(slots=True)
class ObservedKernels:
    """Which callables ran for each task, as the rows say; ids are made up for bare names."""

    ids: dict[str, int]
    names: dict[int, str]

    def of(self, func_id: int, name: str | None) -> int:
        """The callable id of a row that names a function, a kernel, or both; -1 for neither."""
        if func_id >= 0:
            if name is not None and self.names.setdefault(func_id, name) != name:
                return self._made_up(name)
            return func_id
        return INACTIVE if name is None else self._made_up(name)

    def _made_up(self, name: str) -> int:
        if name not in self.ids:
            self.ids[name] = 1 + max((*self.names, *self.ids.values()), default=-1)
            self.names[self.ids[name]] = name
        return self.ids[name]


def observed_graph(
    rows: RowTable,
    funcs: Sequence[int],
    lanes: Sequence[Lane],
    edges: Iterable[tuple[int, int]],
    dummies: Mapping[int, str],
    submitted: Sequence[int],
    path: Path,
) -> CapturedGraph:
    """The graph that the rows themselves tell.

    Args:
        rows: The dispatches.
        funcs: Callable id per row.
        lanes: Core lanes by core id.
        edges: (pred, succ) tokens; which rule made them is not known, so they are explicit.
        dummies: Names of the tasks without rows, by token.
        submitted: Tokens in submit order, as far as it is known; the rest follows by first start.
        path: The records file.
    """
    kernels = _kernels_by_slot(rows, funcs, lanes)
    tasks = [CapturedTask(token, ids, None) for token, ids in kernels.items()]
    inactive = (INACTIVE,) * 3
    tasks += [
        CapturedTask(token, inactive, 1, dummy_name=name)
        for token, name in dummies.items()
        if token not in kernels
    ]
    order = {token: position for position, token in enumerate(submitted)}
    tasks.sort(key=lambda task: order.get(task.token, len(order)))
    pairs = dict.fromkeys((pred, succ, EdgeSource.EXPLICIT) for pred, succ in edges)
    return CapturedGraph(tuple(tasks), tuple(pairs), path)


def with_observed_kernels(
    graph: CapturedGraph, rows: RowTable, funcs: Sequence[int], lanes: Sequence[Lane]
) -> CapturedGraph:
    """``graph`` with the tasks and kernels of the rows where it does not name them itself."""
    kernels = _kernels_by_slot(rows, funcs, lanes)
    named = [
        replace(task, kernel_ids=kernels.get(task.token)) if task.kernel_ids is None else task
        for task in graph.tasks
    ]
    known = {task.token for task in graph.tasks}
    named += [CapturedTask(t, ids, None) for t, ids in kernels.items() if t not in known]
    return replace(graph, tasks=tuple(named))


def observed_names(kernels: ObservedKernels, orchestrator: str, path: Path) -> NameMap | None:
    """The names that the rows carry, or None if they carry none."""
    return NameMap(orchestrator, dict(kernels.names), path) if kernels.names else None


def _kernels_by_slot(
    rows: RowTable, funcs: Sequence[int], lanes: Sequence[Lane]
) -> dict[int, tuple[int, ...] | None]:
    """Callables per task, by first start, for the sub-slots AIC, AIV0, AIV1.

    Two AIV rows per AIC row fill both AIV slots. None for a task whose rows name no callable.
    """
    found: defaultdict[int, dict[LaneKind, list[int]]] = defaultdict(lambda: defaultdict(list))
    tokens, cores = rows.token.tolist(), rows.core.tolist()
    for row in rows.start.argsort(kind="stable").tolist():
        found[tokens[row]][lanes[cores[row]].kind].append(funcs[row])
    kernels: dict[int, tuple[int, ...] | None] = {}
    for token, by_kind in found.items():
        cube, vector = by_kind[LaneKind.AIC], by_kind[LaneKind.AIV]
        first = cube[0] if cube else INACTIVE
        second = vector[0] if vector else INACTIVE
        third = second if cube and len(vector) >= 2 * len(cube) else INACTIVE
        ids = (first, second, third)
        kernels[token] = None if max(ids) == INACTIVE else ids
    return kernels
