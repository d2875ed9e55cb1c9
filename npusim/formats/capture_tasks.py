"""Tasks of a capture: the graph's entries joined with the rows that ran and the submits."""

from npusim.formats.capture_parts import CaptureParts
from npusim.formats.dependency_reader import CapturedTask
from npusim.trace import NO_TIME, LaneKind, TraceTask

UNKNOWN_FUNC = -1
UNNAMED = "task"


def build_tasks(parts: CaptureParts) -> tuple[TraceTask, ...]:
    """Tasks in the order of ``deps.json``; without it in submit order, else by first start."""
    shapes = _core_types_of_rows(parts)
    known = {task.token: task for task in parts.graph.tasks} if parts.graph else {}
    submits = {phase.token: phase for phase in parts.phases.orchestrator}
    ran_in_order = [token for token in submits if token in shapes]
    tokens = list(dict.fromkeys([*known, *ran_in_order, *shapes]))
    row_counts = _blocks_of_rows(parts)
    tasks = []
    for token in tokens:
        captured, submit = known.get(token), submits.get(token)
        func_id, name = _kernel(parts, captured)
        blocks = captured.block_num if captured else None
        is_skipped = token in parts.phases.skipped
        tasks.append(
            TraceTask(
                task_id=token,
                func_id=func_id,
                name=name,
                core_type=_core_type(captured, shapes.get(token)),
                block_num=row_counts.get(token, 1) if blocks is None else blocks,
                submit_start_ps=parts.clock.ps(submit.start) if submit else NO_TIME,
                submit_end_ps=parts.clock.ps(submit.end) if submit else NO_TIME,
                is_dummy=token not in shapes
                and (is_skipped or bool(captured and captured.is_dummy)),
                has_early_dispatch=bool(captured and captured.is_early_dispatch),
                is_predicated=is_skipped or bool(captured and captured.is_predicated),
                is_cohort=bool(captured and captured.is_cohort),
            )
        )
    return tuple(tasks)


def _core_types_of_rows(parts: CaptureParts) -> dict[int, str]:
    """What ran each task, by first start: ``aic``, ``aiv``, or ``mix`` if both did."""
    shapes: dict[int, str] = {}
    rows = parts.rows
    for row in rows.start.argsort(kind="stable").tolist():
        token, kind = int(rows.token[row]), parts.lanes[int(rows.core[row])].kind.value
        shapes[token] = kind if shapes.get(token, kind) == kind else "mix"
    return shapes


def _blocks_of_rows(parts: CaptureParts) -> dict[int, int]:
    """Blocks of each task, where the files do not say: the rows on its scarcer core type."""
    counts: dict[int, dict[LaneKind, int]] = {}
    for token, core in zip(parts.rows.token.tolist(), parts.rows.core.tolist(), strict=True):
        by_kind = counts.setdefault(token, {})
        kind = parts.lanes[core].kind
        by_kind[kind] = by_kind.get(kind, 0) + 1
    return {token: min(by_kind.values()) for token, by_kind in counts.items()}


def _kernel(parts: CaptureParts, captured: CapturedTask | None) -> tuple[int, str]:
    if captured is None or captured.kernel_ids is None:
        return UNKNOWN_FUNC, UNNAMED
    slots = captured.active_slots
    func_id = captured.kernel_ids[slots[0]] if slots else UNKNOWN_FUNC
    if parts.names is not None:
        return func_id, parts.names.name_of(captured)
    return func_id, f"func_{func_id}" if slots else captured.dummy_name


def _core_type(captured: CapturedTask | None, observed: str | None) -> str:
    slots = captured.active_slots if captured else ()
    if not slots:
        return observed or LaneKind.AIV.value
    if len(slots) > 1:
        return "mix"
    return LaneKind.AIC.value if slots == (0,) else LaneKind.AIV.value
