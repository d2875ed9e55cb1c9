"""Do the files of a capture agree with each other? Each check is one question."""

from collections import Counter
from dataclasses import replace

import numpy as np

from npusim.formats.capture_parts import CaptureParts
from npusim.formats.dependency_reader import CapturedGraph, CapturedTask
from npusim.formats.edge_checks import check_edges
from npusim.formats.fields import Place
from npusim.formats.inspector import Inspector
from npusim.formats.layout import DEPS_FILE, ROW_BLOCKS_KEY, SCHEDULER_STREAM, Layout
from npusim.trace import LaneKind, PhaseKind

_KEPT_AS_OBSERVED = "block count wrong: kept as observed"


def check_parts(parts: CaptureParts, inspector: Inspector) -> CaptureParts:
    """``parts`` with every contradiction refused, or repaired where the inspector does that.

    Raises:
        FileFormatError: At the first contradiction, unless the inspector repairs.
    """
    if parts.header.is_raw:
        _check_completions(parts, inspector)
    if parts.header.is_raw and parts.header.level >= 4 and parts.phases.orchestrator_count:
        _check_submits(parts, inspector)
    if parts.graph is not None and parts.header.is_raw:
        parts = replace(parts, graph=_check_tasks(parts, parts.graph, inspector))
    if parts.graph is not None:
        parts = replace(parts, graph=check_edges(parts, parts.graph, inspector))
    if parts.blocks is not None and len(parts.blocks) != parts.row_count:
        inspector.refuse(
            parts.place.at("metadata"), ROW_BLOCKS_KEY, len(parts.blocks),
            f"{parts.row_count} block numbers, one per row of {parts.rows_at.record}",
            "block numbers do not fit the rows: not used",
        )  # fmt: skip
        parts = replace(parts, blocks=None)
    return parts


def _check_completions(parts: CaptureParts, inspector: Inspector) -> None:
    """Did the schedulers see as many kernels end as there are rows?"""
    table = parts.phases
    if parts.header.level < 3 or not table.scheduler_count:
        return
    at = parts.place.at(SCHEDULER_STREAM)
    has_turns = any(phase.loop_iter > 0 for phase in table.scheduler)
    if not has_turns:
        inspector.refuse(at, "loop_iter", 0, "more than 0 in some record", "no loop turns: kept")
    if parts.header.layout == Layout.E:  # may count in other places
        return
    seen = sum(p.handled for p in table.scheduler if p.kind is PhaseKind.COMPLETE)
    if seen != len(parts.rows.core):
        inspector.refuse(
            at, "tasks_processed", seen,
            f"the complete records to add up to {len(parts.rows.core)}, the rows of "
            f"{parts.rows_at.record}", "completions do not add up to the rows: kept",
        )  # fmt: skip


def _check_submits(parts: CaptureParts, inspector: Inspector) -> None:
    """Was every task that ran, or that the graph knows, submitted?"""
    submitted = {phase.token for phase in parts.phases.orchestrator}
    known = [(token, row) for row, token in enumerate(parts.rows.token.tolist())]
    for token, row in known:
        if token not in submitted:
            where = parts.rows_at.at(f"[{int(parts.rows.position[row])}]")
            _refuse_unsubmitted(where, "task_token_raw", token, inspector)
    for index, task in enumerate(parts.graph.tasks if parts.graph else ()):
        if task.token not in submitted:
            where = Place(parts.place.path.parent / DEPS_FILE, f"tasks[{index}]")
            _refuse_unsubmitted(where, "task_id", task.token, inspector)


def _refuse_unsubmitted(where: Place, name: str, token: int, inspector: Inspector) -> None:
    inspector.refuse(
        where, name, token, "a task with a record in aicpu_orchestrator_phases",
        "never submitted: submit time unknown",
    )  # fmt: skip


def _check_tasks(parts: CaptureParts, graph: CapturedGraph, inspector: Inspector) -> CapturedGraph:
    """Is every row of a known task, and does every task have its rows, names and markers?"""
    at = Place(graph.path, "tasks")
    if not graph.tasks and parts.header.layout != Layout.B:
        inspector.refuse(at, "", [], "at least one task", "no tasks: taken from the rows")
    tokens = {task.token for task in graph.tasks}
    for row, token in enumerate(parts.rows.token.tolist() if graph.tasks else ()):
        if token not in tokens:
            where = parts.rows_at.at(f"[{int(parts.rows.position[row])}]")
            inspector.refuse(
                where, "task_token_raw", token, f"the id of a task in {graph.path.name}",
                "rows of unknown tasks: kept without a name",
            )  # fmt: skip
    observed = _rows_by_core_type(parts)
    is_optional = parts.header.layout == Layout.B
    fixed = []
    for index, task in enumerate(graph.tasks):
        where = at.at(f"[{index}]")
        for name in ("kernel_ids", "block_num"):
            if getattr(task, name) is None and not is_optional:
                expected = "a value, as every task has since 2026-06-25"
                inspector.refuse(where, name, None, expected, f"{name} missing: unknown")
        fixed.append(_check_rows_of(task, where, parts, observed, inspector))
    return replace(graph, tasks=tuple(fixed))


def _rows_by_core_type(parts: CaptureParts) -> Counter[tuple[int, LaneKind]]:
    kinds = np.array([lane.kind is LaneKind.AIC for lane in parts.lanes], bool)
    is_aic = kinds[parts.rows.core].tolist() if len(kinds) else []
    return Counter(
        (token, LaneKind.AIC if aic else LaneKind.AIV)
        for token, aic in zip(parts.rows.token.tolist(), is_aic, strict=True)
    )


def _check_rows_of(
    task: CapturedTask,
    where: Place,
    parts: CaptureParts,
    observed: Counter[tuple[int, LaneKind]],
    inspector: Inspector,
) -> CapturedTask:
    if task.kernel_ids is None:
        return task
    if parts.names is not None:
        unnamed = [k for k in task.kernel_ids if k >= 0 and k not in parts.names.names]
        if unnamed:
            expected = f"callables with a name in {parts.names.path.name}"
            inspector.refuse(where, "kernel_ids", unnamed, expected, "no name: called func_<id>")
    phases = parts.phases
    is_marked = task.token in phases.dummies or phases.unnamed_dummies
    if task.is_dummy and parts.header.level >= 3 and not is_marked:
        inspector.refuse(
            where, "task_id", task.token, "a dummy with a dummy_task record of a scheduler",
            "dummy without a record: kept",
        )  # fmt: skip
    if task.block_num is None:
        return task
    is_skipped = task.token in phases.skipped
    slots = () if is_skipped else task.active_slots
    wanted = {
        LaneKind.AIC: task.block_num * (0 in slots),
        LaneKind.AIV: task.block_num * sum(slot > 0 for slot in slots),
    }
    for kind, count in wanted.items():
        found = observed[task.token, kind]
        if found != count:
            expected = f"one that gives the {found} {kind} rows that ran (here {count})"
            inspector.refuse(where, "block_num", task.block_num, expected, _KEPT_AS_OBSERVED)
            return replace(task, block_num=None)
    return task
