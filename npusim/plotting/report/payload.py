"""What of a run goes into the page: lanes, bars, tasks and edges as columns.

Bars of each kind are sorted by lane, then by start, so that the browser finds what is visible on a
lane by bisection.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from npusim.analysis import percent_of, summary
from npusim.analysis.accounting import Records
from npusim.analysis.critical_path import static_path
from npusim.analysis.observed_path import ObservedPath, PathKind, observed_path
from npusim.analysis.work_graph import work_graph
from npusim.plotting.report.encode import encode, encode_us
from npusim.plotting.report.idle import idle_rows
from npusim.plotting.report.runs import ReportRun
from npusim.plotting.report.tables import run_tables
from npusim.plotting.rows import lay_out_rows
from npusim.plotting.style import ScopeStyle
from npusim.plotting.titles import details, headline
from npusim.trace import PhaseKind, Trace
from npusim.units import ps_to_us


def run_payload(run: ReportRun, styles: Mapping[str, ScopeStyle]) -> dict[str, Any]:
    """Everything the page knows of ``run``, as JSON values; times in microseconds.

    Args:
        run: The run.
        styles: The scopes of all runs of the page, in the order that scope numbers count.
    """
    trace = run.trace
    start_ps, end_ps = trace.span_ps
    path, static = observed_path(trace), static_path(work_graph(trace))
    return {
        "name": run.name,
        "headline": headline(trace),
        "details": details(trace),
        "cause_from": trace.info.cause_from,
        "span_us": [ps_to_us(start_ps), ps_to_us(end_ps)],
        "end_us": ps_to_us(max(end_ps, _last(trace.phases))),
        "facts": _facts(trace),
        "lanes": _lanes(trace),
        "rows": lay_out_rows(trace).height,
        "groups": _groups(trace),
        "tasks": _tasks(trace, list(styles)),
        "slices": _slices(trace),
        "waits": _waits(run),
        "path": _path(path),
        "phases": _phases(trace),
        "ops": _ops(trace),
        "edges": {
            "pred": encode(trace.edges["pred"], "i4"),
            "succ": encode(trace.edges["succ"], "i4"),
            "source": encode(trace.edges["source"], "u1"),
        },
        "arguments": _arguments(run),
        "slack": encode_us(static.slack_ps),
        "tables": run_tables(run, path, static),
    }


def _facts(trace: Trace) -> list[list[str]]:
    """A few headline numbers: label and text."""
    numbers = summary(trace)
    waits_us = numbers["waits_us"]
    idle_us = sum(waits_us.values())
    reason = max(waits_us, key=lambda name: waits_us[name])
    facts = [["makespan", f"{numbers['makespan_us']:,.1f} us"]]
    facts += [
        [f"{core.upper()} busy", f"{percent:.1f} %"]
        for core, percent in numbers["utilisation_percent"].items()
        if numbers["lanes"][core]
    ]
    facts.append(["tasks", f"{numbers['tasks']:,} in {numbers['nodes']:,} submits"])
    if idle_us:
        share = percent_of(waits_us[reason], idle_us)
        facts.append(["largest part of idle time", f"{reason.replace('_', ' ')}, {share:.0f} %"])
    return facts


def _lanes(trace: Trace) -> dict[str, Any]:
    layout = lay_out_rows(trace)
    return {
        "name": [lane.name for lane in trace.lanes],
        "kind": [lane.kind.value for lane in trace.lanes],
        # A lane without a row (an AICPU thread of no known kind) is not drawn.
        "row": [layout.row_of_lane.get(index) for index in range(len(trace.lanes))],
    }


def _groups(trace: Trace) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "detail": one.detail, "top": one.top, "bottom": one.bottom}
        for one in lay_out_rows(trace).groups
    ]


def _tasks(trace: Trace, scopes: list[str]) -> dict[str, Any]:
    number = {name: index for index, name in enumerate(scopes)}
    tasks = trace.tasks
    times = {
        name: np.array([getattr(task, f"{name}_ps") for task in tasks], np.int64)
        for name in ("submit_start", "submit_end", "ready")
    }
    return {
        # Identifiers of a device take up to 64 bits, more than a number of the browser holds.
        "id": [str(task.task_id) for task in tasks],
        "scope": encode([number[task.name] for task in tasks], "i4"),
        "core": [task.core_type for task in tasks],
        "blocks": encode([task.block_num for task in tasks], "i4"),
        "dummy": encode([task.is_dummy for task in tasks], "u1"),
        "early": encode([task.has_early_dispatch for task in tasks], "u1"),
        **{name: encode_us(values) for name, values in times.items()},
    }


def _slices(trace: Trace) -> dict[str, Any]:
    rows = _sorted(trace.slices)
    return {
        **_bars(rows),
        "task": encode(rows["task"], "i4"),
        "block": encode(rows["block"], "i4"),
        "dispatch": encode_us(rows["dispatch_ps"]),
        "stall": encode_us(np.maximum(rows["stall_ps"], 0)),
    }


def _waits(run: ReportRun) -> dict[str, Any]:
    rows = _sorted(idle_rows(run.trace, run.needed_edges))
    return {
        **_bars(rows),
        "reason": encode(rows["cause"], "u1"),
        "task": encode(rows["task"], "i4"),
        "blamed": encode(rows["blamed"], "i4"),
    }


def _path(path: ObservedPath) -> dict[str, Any]:
    kinds = list(PathKind)
    return {
        "start": encode_us(np.array([one.start_ps for one in path.segments], np.int64)),
        "end": encode_us(np.array([one.end_ps for one in path.segments], np.int64)),
        "lane": encode([one.lane for one in path.segments], "i4"),
        "task": encode([one.task for one in path.segments], "i4"),
        "kind": encode([kinds.index(one.kind) for one in path.segments], "u1"),
        "kinds": [str(kind) for kind in kinds],
    }


def _phases(trace: Trace) -> dict[str, Any]:
    """Phases; RESOLVE, which lies inside COMPLETE, comes after all others of its lane."""
    is_nested = trace.phases["kind"] == PhaseKind.RESOLVE
    outer, inner = _sorted(trace.phases[~is_nested]), _sorted(trace.phases[is_nested])
    return {name: _phase_columns(rows) for name, rows in (("outer", outer), ("inner", inner))}


def _phase_columns(rows: Records) -> dict[str, Any]:
    return {
        **_bars(rows),
        "kind": encode(rows["kind"], "u1"),
        "task": encode(rows["task"], "i4"),
        "count": encode(rows["count"], "i4"),
    }


def _ops(trace: Trace) -> dict[str, Any]:
    rows = _sorted(trace.op_slices)
    return {
        **_bars(rows),
        "task": encode(rows["task"], "i4"),
        "block": encode(rows["block"], "i4"),
        "op": encode(rows["op"], "i4"),
        "site": encode(rows["site"], "i4"),
        "nbytes": encode(rows["nbytes"], "f8"),
        "names": list(trace.op_names),
        "sites": list(trace.op_sites),
    }


def _arguments(run: ReportRun) -> dict[str, Any]:
    """Tensors of each task, as indices into a list of distinct lines."""
    lines: dict[str, int] = {}
    by_task = [
        [lines.setdefault(line, len(lines)) for line in run.arguments.get(task.task_id, ())]
        for task in run.trace.tasks
    ]
    return {"lines": list(lines), "by_task": by_task if lines else []}


def _bars(rows: Records) -> dict[str, Any]:
    return {
        "lane": encode(rows["lane"], "i4"),
        "start": encode_us(rows["start_ps"]),
        "end": encode_us(rows["end_ps"]),
    }


def _sorted(rows: Records) -> Records:
    found: Records = rows[np.lexsort((rows["end_ps"], rows["start_ps"], rows["lane"]))]
    return found


def _last(rows: Records) -> int:
    return int(rows["end_ps"].max()) if len(rows) else 0
