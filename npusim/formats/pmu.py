"""Write ``pmu.csv``, the counters of every kernel as a device's profiler leaves them."""

from pathlib import Path

from npusim.errors import TraceError
from npusim.formats.callables import INACTIVE, assign_callables
from npusim.formats.document import write_bytes
from npusim.formats.pmu_layout import COMMON_COLUMNS, EVENT_COLUMN, group_counters
from npusim.trace import COUNTER_DTYPE, LaneKind, Trace
from npusim.trace.model import Records

PMU_FILE = "pmu.csv"

_CORE_TYPES = {LaneKind.AIC: 0, LaneKind.AIV: 1}
_ID_DIGITS = 16


def write_pmu(path: Path, trace: Trace, counters: Records, *, group: int) -> None:
    """Write the counters of one event group; the same run gives the same bytes.

    One row per kernel and core, by scheduler thread, core and start. Core and function numbers are
    those of the capture files beside it.

    Args:
        path: File to write, ``pmu.csv`` by convention.
        trace: The run that was counted.
        counters: ``COUNTER_DTYPE`` records, one per core slice of ``trace``.
        group: 1 arithmetic utilisation, 2 pipe utilisation, 4 memory.

    Raises:
        UsageError: If the group or the chip has no layout.
        TraceError: If the counters are not those of the trace.
        OutputError: If the file cannot be written.
    """
    columns = group_counters(trace.info.chip, group)
    if counters.dtype != COUNTER_DTYPE or len(counters) != len(trace.slices):
        msg = (
            f"pmu: {len(counters)} rows of {counters.dtype}; expected {len(trace.slices)} of "
            "COUNTER_DTYPE, one per core slice of the trace"
        )
        raise TraceError(msg)
    kernel_ids = assign_callables(trace).kernel_ids
    rows: list[tuple[str, ...]] = []
    for record in counters:
        lane, task = trace.lanes[record["lane"]], int(record["task"])
        common = (
            lane.thread,
            lane.core_id,
            f"0x{trace.tasks[task].task_id:0{_ID_DIGITS}x}",
            _function(kernel_ids[task], int(record["slot"])),
            _CORE_TYPES[lane.kind],
            record["total_cycles"],
        )
        values = (record[field] if field else 0 for field in columns.values())
        rows.append(tuple(str(value) for value in (*common, *values, group)))
    # A thread writes its own cores; the records come by core already.
    rows.sort(key=lambda row: int(row[0]))
    header = (*COMMON_COLUMNS, *columns, EVENT_COLUMN)
    text = "".join(f"{','.join(row)}\n" for row in (header, *rows))
    write_bytes(path, text.encode())


def _function(kernel_ids: tuple[int, ...], slot: int) -> int:
    """The callable of a sub-slot; a task on AIVs alone may run on either of a cluster."""
    own = kernel_ids[slot]
    return own if own != INACTIVE else max(kernel_ids)
