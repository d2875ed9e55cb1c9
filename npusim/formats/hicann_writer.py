"""Write a run as the device profile of hicann/pypto, for the tools that read only that."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from npusim.formats.document import make_directory, write_bytes
from npusim.formats.hicann_layout import CLOCK_KEY, HICANN_RECORDS, HICANN_TOPOLOGY
from npusim.formats.kernel_edges import kernel_edges
from npusim.formats.task_rows import Clock, core_lanes
from npusim.trace import Trace


def write_hicann(directory: Path, trace: Trace) -> None:
    """Write ``tilefwk_L1_prof_data.json`` and ``topo.json``; the same run gives the same bytes.

    One task per kernel and core, numbered by start. Times are ticks of the trace's counter: the
    viewer needs ``--time_convert_denominator`` with its rate in MHz. A dependency leads from the
    last kernel of the predecessor to every kernel of the successor, which is what each waited for;
    one arrow per pair of kernels would be the square of that. A dummy has no kernel, so what
    depends on it depends on what it depends on.

    Args:
        directory: Made if missing; the two files in it are replaced.
        trace: The run.

    Raises:
        TraceError: If two cores have one id.
        OutputError: If a file cannot be written.
    """
    lanes = core_lanes(trace)
    clock = Clock(trace.info.counter_mhz)
    slices = trace.slices
    order = np.lexsort((slices["lane"], slices["start_ps"]))
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    core_of_lane = {lane: core for core, lane in enumerate(lanes)}
    tasks: list[list[dict[str, Any]]] = [[] for _ in lanes]
    for row in order.tolist():
        _, task, *_, start, end, _, _ = slices[row].item()
        tasks[core_of_lane[int(slices["lane"][row])]].append(
            {
                "taskId": int(number[row]),
                "seqNo": 0,
                "subGraphId": trace.tasks[task].func_id,
                "execStart": clock.tick(start),
                "execEnd": clock.tick(end),
            }
        )
    cores: list[dict[str, Any]] = []
    for core, lane in enumerate(lanes):
        label = f"{trace.lanes[lane].kind.value.upper()}_{core}"
        cores.append({"blockIdx": core, "coreType": label, "tasks": tasks[core]})
    if cores:
        cores[0][CLOCK_KEY] = trace.info.counter_mhz
    make_directory(directory)
    write_bytes(directory / HICANN_RECORDS, _lines(cores))
    write_bytes(directory / HICANN_TOPOLOGY, _lines(_topology(trace, order, number)))


def _topology(trace: Trace, order: Any, number: Any) -> list[dict[str, Any]]:
    slices = trace.slices
    rows: dict[int, list[int]] = {}
    for row in order.tolist():
        rows.setdefault(int(slices["task"][row]), []).append(row)
    successors: dict[int, list[int]] = {}
    for task, following in kernel_edges(trace).items():
        last = max(rows[task], key=lambda row: (int(slices["end_ps"][row]), row))
        successors[last] = sorted(int(number[row]) for succ in following for row in rows[succ])
    return [
        {
            "taskId": int(number[row]),
            "successors": successors.get(row, []),
            "psgId": trace.tasks[slices["task"][row]].func_id,
            "funcName": trace.tasks[slices["task"][row]].name,
        }
        for row in order.tolist()
    ]


def _lines(values: list[dict[str, Any]]) -> bytes:
    body = b",\n".join(msgspec.json.encode(value) for value in values)
    return b"[\n" + body + b"\n]\n"
