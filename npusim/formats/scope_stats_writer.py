"""Write ``scope_stats.jsonl``: how full the rings were when each runtime scope began and ended."""

from pathlib import Path
from typing import Any

import msgspec

from npusim.formats.document import make_directory, write_bytes
from npusim.formats.scope_stats_layout import (
    DROPPED_PARAMETER,
    FATAL_PARAMETER,
    LEFT_OUT_KEY,
    LIMIT_KEYS,
    PHASES,
    SAMPLE_KEYS,
    SCOPE_STATS_FILE,
    TENSORMAP_LIMIT_KEY,
    TICK_KEY,
    VERSION,
)
from npusim.formats.task_rows import Clock
from npusim.trace import NO_COUNT, NO_TIME, RingEvent, Trace


def write_scope_stats(directory: Path, trace: Trace) -> None:
    """Write the scopes of ``trace`` below ``directory``; nothing where it watched no rings.

    What the trace does not hold is left out of the samples and named in the first line. The same
    run gives the same bytes.

    Args:
        directory: Where the capture files are.
        trace: The run.

    Raises:
        OutputError: If the file cannot be written.
    """
    rings = trace.rings
    if not rings.limits:
        return
    clock = Clock(trace.info.counter_mhz)
    rows = rings.samples[rings.samples["event"] != RingEvent.CHANGE]
    names = rows.dtype.names or ()
    samples = [_sample(trace, dict(zip(names, row, strict=True)), clock) for row in rows.tolist()]
    lines = [_metadata(trace, len(samples)), *samples]
    path = directory / SCOPE_STATS_FILE
    make_directory(path.parent)
    write_bytes(path, b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def _metadata(trace: Trace, count: int) -> dict[str, Any]:
    rings, parameters = trace.rings, trace.info.parameters
    dropped = int(parameters.get(DROPPED_PARAMETER, 0))
    columns = {
        key: [getattr(ring, name) for ring in rings.limits] for key, name in LIMIT_KEYS.items()
    }
    limits: dict[str, Any] = {k: sizes for k, sizes in columns.items() if NO_COUNT not in sizes}
    if rings.tensormap_limit != NO_COUNT:
        limits[TENSORMAP_LIMIT_KEY] = rings.tensormap_limit
    return {
        "version": VERSION,
        "fatal": bool(parameters.get(FATAL_PARAMETER, False)),
        "dropped": dropped,
        "total": count + dropped,
        **limits,
        LEFT_OUT_KEY: [k for k, name in SAMPLE_KEYS.items() if NO_COUNT in rings.samples[name]],
    }


def _sample(trace: Trace, row: dict[str, Any], clock: Clock) -> dict[str, Any]:
    scope = trace.rings.scopes[row["scope"]]
    counts = {key: row[name] for key, name in SAMPLE_KEYS.items() if row[name] != NO_COUNT}
    sample = {
        "site": scope.site,
        "phase": PHASES[RingEvent(row["event"])],
        "depth": scope.depth,
        "ring": scope.ring,
        **counts,
    }
    if row["time_ps"] != NO_TIME:
        sample[TICK_KEY] = clock.tick(row["time_ps"])
    return sample
