"""Do the edges of a capture lead between its tasks, forward in time and never in a circle?"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from npusim.formats.capture_parts import CaptureParts
from npusim.formats.dependency_reader import CapturedGraph
from npusim.formats.inspector import Inspector
from npusim.trace import EdgeSource

Edge = tuple[int, int, EdgeSource]


def check_edges(parts: CaptureParts, graph: CapturedGraph, inspector: Inspector) -> CapturedGraph:
    """``graph`` without the edges that the inspector lets a reader leave out.

    Raises:
        FileFormatError: At the first edge to an unknown task, to a consumer that started before
            its producer ended, or in a cycle, unless the inspector repairs.
    """
    keep = _known(parts, graph, inspector)
    keep = _in_time(parts, graph, keep, inspector)
    keep = _acyclic(graph, keep, inspector)
    if len(keep) == len(graph.edges):
        return graph
    edges = tuple(graph.edges[index] for index in keep)
    places = graph.edge_positions or tuple(range(len(graph.edges)))
    return replace(graph, edges=edges, edge_positions=tuple(places[index] for index in keep))


def _known(parts: CaptureParts, graph: CapturedGraph, inspector: Inspector) -> list[int]:
    """Edges between tasks; a predecessor may also be a hidden allocation, which has no task."""
    tasks = {task.token for task in graph.tasks} | set(parts.rows.token.tolist())
    preds = None
    if parts.header.is_raw and parts.header.level >= 4 and parts.phases.orchestrator_count:
        preds = tasks | {phase.token for phase in parts.phases.orchestrator}
    keep = []
    for index, (pred, succ, _) in enumerate(graph.edges):
        if succ not in tasks:
            name, value = "succ", succ
            expected = "the id of a task in tasks or of a row that ran"
        elif preds is not None and pred not in preds:
            name, value = "pred", pred
            expected = "the id of a task, or of an allocation that was submitted"
        else:
            keep.append(index)
            continue
        where = graph.edge_place(index)
        inspector.refuse(where, name, value, expected, "edges of unknown tasks: left out")
    return keep


def _in_time(
    parts: CaptureParts, graph: CapturedGraph, keep: list[int], inspector: Inspector
) -> list[int]:
    """Edges whose consumer starts after all of its producer has ended, as far as both ran."""
    tokens, task = np.unique(parts.rows.token, return_inverse=True)
    start = np.full(len(tokens), np.iinfo(np.int64).max)
    end = np.full(len(tokens), -1, np.int64)
    np.minimum.at(start, task, parts.rows.start)
    np.maximum.at(end, task, parts.rows.end)
    starts = dict(zip(tokens.tolist(), start.tolist(), strict=True))
    ends = dict(zip(tokens.tolist(), end.tolist(), strict=True))
    kept = []
    for index in keep:
        pred, succ, _ = graph.edges[index]
        if pred in ends and succ in starts and ends[pred] > starts[succ]:
            inspector.refuse(
                graph.edge_place(index), "succ", succ,
                f"a task that starts after task {pred} ended",
                "consumer started before its producer ended: edges left out",
            )  # fmt: skip
        else:
            kept.append(index)
    return kept


def _acyclic(graph: CapturedGraph, keep: list[int], inspector: Inspector) -> list[int]:
    edges: Sequence[Edge] = [graph.edges[index] for index in keep]
    left = _on_cycles(edges)
    if not left:
        return keep
    order = {task.token: position for position, task in enumerate(graph.tasks)}
    kept = []
    for index in keep:
        pred, succ, _ = graph.edges[index]
        in_order = order.get(pred, pred) < order.get(succ, succ)
        if in_order or not {pred, succ} <= left:
            kept.append(index)
            continue
        inspector.refuse(
            graph.edge_place(index), "succ", succ,
            f"a task that task {pred} does not depend on; together they make a cycle",
            "cycle: edges against the order of tasks left out",
        )  # fmt: skip
    return kept


def _on_cycles(edges: Sequence[Edge]) -> set[int]:
    """Tasks on a cycle or between two; what stays after taking away tasks without predecessors."""
    successors: defaultdict[int, list[int]] = defaultdict(list)
    waiting: Counter[int] = Counter()
    nodes: set[int] = set()
    for pred, succ, _ in edges:
        successors[pred].append(succ)
        waiting[succ] += 1
        nodes |= {pred, succ}
    free = [node for node in nodes if not waiting[node]]
    while free:
        node = free.pop()
        nodes.discard(node)
        for succ in successors[node]:
            waiting[succ] -= 1
            if not waiting[succ]:
                free.append(succ)
    return nodes
