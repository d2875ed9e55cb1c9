"""Captures of every layout for tests, made from one run, with everything a chip can record.

Layouts B, C and D are what npusim writes. P, A and E are derived here from D's documents, the way
their dates in FORMATS.md describe them, because npusim reads them but does not write them.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from npusim.formats import Layout, write_capture
from npusim.program import Program
from npusim.trace import Trace

Document = dict[str, Any]
US_PER_TICK = 0.02


def write_layout(
    directory: Path, trace: Trace, program: Program | None, layout: Layout, level: int
) -> Path:
    """Write ``trace``, whose counter runs at 50 MHz, in any layout; returns the records file."""
    if layout in (Layout.B, Layout.C, Layout.D):
        write_capture(directory, trace, program, level=level, layout=layout)
        return next(directory.glob("*records.json"))
    write_capture(directory, trace, program, level=level)
    source = directory / "chip_swimlane_records.json"
    document = json.loads(source.read_text())
    if layout is Layout.E:
        source.write_text(json.dumps(as_layout_e(document)))
        return source
    source.unlink()
    names = {Layout.P: "l2_perf_records.json", Layout.A: "l2_swimlane_records.json"}
    target = directory / names[layout]
    deps = json.loads((directory / "deps.json").read_text())
    joined = as_joined(document, deps)
    key = "version" if layout is Layout.P else "l2_swimlane_level"
    target.write_text(json.dumps({key: level} | joined))
    return target


def as_layout_e(document: Document) -> Document:
    """Layout E: scheduler streams, counts beside the records, and a run epoch in every row."""
    epoch = 7
    out = {key: value for key, value in document.items() if not key.startswith(("aicpu_s", "l2"))}
    out["aicore_tasks"] = [[*row, epoch] for row in document["aicore_tasks"]]
    rows = [[*row, epoch] for row in out.pop("aicpu_tasks")]
    out["scheduler_tasks"] = {"producer": "aicpu", "records": rows}
    if "aicpu_scheduler_phases" in document:
        streams = []
        for index, stream in enumerate(document["aicpu_scheduler_phases"]):
            records, metrics = [], []
            for number, record in enumerate(stream):
                plain = {k: record[k] for k in ("kind", "start_cycles", "end_cycles", "loop_iter")}
                rest = {k: v for k, v in record.items() if k not in plain}
                records.append(plain)
                metrics.append({"record_index": number} | rest)
            capture = {"committed": len(records), "dropped": 0, "truncated": False}
            head = {"platform": "onboard", "producer": "aicpu", "scheduler_id": index}
            streams.append(head | {"capture": capture, "records": records, "metrics": metrics})
        out["scheduler_records"] = {"streams": streams}
    return out


def as_joined(document: Document, deps: Document) -> Document:
    """Layouts P and A without their level key: µs, joined rows, one submit record per task."""
    metadata = document["metadata"]
    base = metadata["time_origin_ticks"]
    kernels = {int(task["task_id"]): task["kernel_ids"] for task in deps["tasks"]}
    fanout: dict[int, list[int]] = {}
    for edge in deps["edges"]:
        fanout.setdefault(int(edge["pred"]), []).append(int(edge["succ"]))

    def us(tick: int) -> float:
        return round((tick - base) * US_PER_TICK, 3)

    scheduler = {(core, reg): times for core, reg, *times in document["aicpu_tasks"]}
    tasks = []
    for core, token, reg, start, end, _ in document["aicore_tasks"]:
        core_type = metadata["core_types"][core]
        ids = kernels[token][:1] if core_type == "aic" else kernels[token][1:]
        row = {
            "task_id": token,
            "func_id": max(ids),
            "core_id": core,
            "core_type": core_type,
            "ring_id": token >> 32,
            "start_time_us": us(start),
            "end_time_us": us(end),
            "duration_us": round(us(end) - us(start), 3),
            "fanout": fanout.get(token, []),
            "fanout_count": len(fanout.get(token, [])),
        }
        if scheduler:
            dispatch, finish = scheduler[core, reg]
            row |= {"dispatch_time_us": us(dispatch), "finish_time_us": us(finish)}
        tasks.append(row)
    out: Document = {"tasks": sorted(tasks, key=lambda row: row["task_id"])}
    if "aicpu_scheduler_phases" in document:
        keys = ("loop_iter", "tasks_processed", "pop_hit", "pop_miss", "task_id")
        out["aicpu_scheduler_phases"] = [
            [
                {k: p[k] for k in keys if k in p}
                | {"phase": p["kind"]}
                | {"start_time_us": us(p["start_cycles"]), "end_time_us": us(p["end_cycles"])}
                for p in stream
            ]
            for stream in document["aicpu_scheduler_phases"]
        ]
    if "aicpu_orchestrator_phases" in document:
        out["aicpu_orchestrator_phases"] = [
            [
                {"phase": "orch_submit", "submit_idx": p["submit_idx"], "task_id": p["task_id"]}
                | {"start_time_us": us(p["start_cycles"]), "end_time_us": us(p["end_cycles"])}
                for p in stream
            ]
            for stream in document["aicpu_orchestrator_phases"]
        ]
    out["core_to_thread"] = metadata["core_to_thread"]
    return out


def edit(path: Path, change: Callable[[Document], object]) -> None:
    """Change a JSON file in place."""
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
