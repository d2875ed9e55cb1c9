"""A trace as text that a person can read and a diff can show: sorted, rounded to nanoseconds."""

from npusim.trace import EdgeSource, PhaseKind, Trace, WaitReason


def trace_text(trace: Trace) -> str:
    """Tasks, slices, waits, AICPU phases and edges of ``trace``, one per line, by start."""
    info = trace.info
    start, end = trace.span_ps
    sections = [
        ("run", [f"{info.kernel} on {info.chip}, span {_ns(start)} to {_ns(end)} ns"]),
        ("tasks (id, name, shape, blocks, submitted, ready)", _tasks(trace)),
        ("slices (start to end, lane, task/block; dispatched, received, seen)", _slices(trace)),
        ("waits (start to end, lane, reason, for which task, blamed)", _waits(trace)),
        ("phases (start to end, lane, kind, count)", _phases(trace)),
        ("edges (from, to, source)", _edges(trace)),
    ]
    return "\n\n".join("\n".join([f"# {title}", *lines]) for title, lines in sections) + "\n"


def _ns(time_ps: int) -> int:
    return round(int(time_ps) / 1000)


def _when(row) -> str:
    return f"{_ns(row['start_ps']):>8} {_ns(row['end_ps']):>8}"


def _by_lane(trace: Trace, rows) -> list:
    return sorted(rows, key=lambda row: (row["start_ps"], row["lane"], row["end_ps"]))


def _task(trace: Trace, index: int) -> str:
    return "-" if index < 0 else f"{trace.tasks[index].name}#{trace.tasks[index].task_id}"


def _tasks(trace: Trace) -> list[str]:
    return [
        f"{task.task_id} {task.name} {task.core_type} {task.block_num} "
        f"{_ns(task.submit_start_ps)}..{_ns(task.submit_end_ps)} {_ns(task.ready_ps)}"
        for task in trace.tasks
    ]


def _slices(trace: Trace) -> list[str]:
    return [
        f"{_when(row)} {trace.lanes[row['lane']].name} {_task(trace, row['task'])}/{row['block']}; "
        f"{_ns(row['dispatch_ps'])}, {_ns(row['receive_ps'])}, {_ns(row['finish_ps'])}"
        for row in _by_lane(trace, trace.slices)
    ]


def _waits(trace: Trace) -> list[str]:
    """Cores that never ran anything wait the whole span; one line counts them."""
    busy = set(trace.slices["lane"].tolist())
    lines = [
        f"{_when(row)} {trace.lanes[row['lane']].name} {WaitReason(row['reason']).name} "
        f"{_task(trace, row['task'])} {_task(trace, row['blamed'])}"
        for row in _by_lane(trace, trace.waits)
        if row["lane"] in busy
    ]
    unused = sum(lane.kind.is_core and index not in busy for index, lane in enumerate(trace.lanes))
    return [*lines, f"cores that ran nothing: {unused}"]


def _phases(trace: Trace) -> list[str]:
    return [
        f"{_when(row)} {trace.lanes[row['lane']].name} {PhaseKind(row['kind']).name} {row['count']}"
        for row in _by_lane(trace, trace.phases)
    ]


def _edges(trace: Trace) -> list[str]:
    return [
        f"{_task(trace, row['pred'])} {_task(trace, row['succ'])} {EdgeSource(row['source']).name}"
        for row in sorted(trace.edges, key=lambda row: (row["pred"], row["succ"]))
    ]
