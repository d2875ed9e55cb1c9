"""Submits of a graph that the host built, in ticks of the device.

Such a capture has them in nanoseconds of the host, and samples of both clocks before and after.
Between the two samples that were taken fastest the clocks are taken to run evenly::

    host     before ·-----|submit|--|submit|------------------· after
    device   tick a ·-----------------------------[kernels]---· tick b
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from npusim.formats.fields import Place
from npusim.formats.inspector import Inspector
from npusim.formats.layout import HOST_STREAM, ORCHESTRATOR_STREAM

_POSITIONS = ("pre_host_orchestration", "post_device_execution")
_TICK_UNIT = "syscnt_cycles"


@dataclass(frozen=True, slots=True)
class _Anchor:
    """One moment in both clocks, and how long it took to read them."""

    host_ns: int
    tick: int
    round_trip_ns: int
    number: int


@dataclass(frozen=True, slots=True)
class _Alignment:
    before: _Anchor
    after: _Anchor

    def tick(self, host_ns: int) -> int:
        """The tick of the device at a moment of the host; floors, so the order is kept."""
        ticks = self.after.tick - self.before.tick
        span_ns = self.after.host_ns - self.before.host_ns
        return self.before.tick + (host_ns - self.before.host_ns) * ticks // span_ns


def with_host_submits(
    document: dict[str, Any], metadata: dict[str, Any], place: Place, inspector: Inspector
) -> tuple[dict[str, Any], list[str]]:
    """``document`` with the submits of the host as those of an orchestrator, and what is missing.

    Without usable clock samples the submits are left out, by name.

    Raises:
        FileFormatError: If a record or a sample is malformed.
    """
    streams = document.get(HOST_STREAM)
    if not streams:
        return document, []
    at = place.at("metadata.clock_anchors")
    samples = inspector.attempt("clock anchors", partial(_samples, metadata, at)) or []
    chosen = [_fastest(samples, position) for position in _POSITIONS]
    before, after = chosen
    if before is None or after is None:
        missing = ", ".join(p for p, one in zip(_POSITIONS, chosen, strict=True) if one is None)
        return document, [f"{HOST_STREAM}: left out, no clock anchor of {missing}"]
    if after.host_ns <= before.host_ns or after.tick <= before.tick:
        return document, [f"{HOST_STREAM}: left out, the clock anchors are out of order"]
    at = place.at(HOST_STREAM)
    if not isinstance(streams, list):
        at.fail("", streams, "a list of streams")
    alignment = _Alignment(before, after)
    converted = [
        list(_converted(stream, at.at(f"[{index}]"), alignment, inspector))
        for index, stream in enumerate(streams)
    ]
    return document | {ORCHESTRATOR_STREAM: converted}, _dropped(metadata)


def _samples(metadata: dict[str, Any], at: Place) -> list[tuple[str, _Anchor]]:
    """The samples that were read without an error, with the position of each."""
    anchors = at.record_of(metadata.get("clock_anchors", {}))
    unit = at.text(anchors, "device_timestamp_unit", default=_TICK_UNIT)
    if unit != _TICK_UNIT:
        at.fail("device_timestamp_unit", unit, _TICK_UNIT)
    found = []
    for index, value in enumerate(at.listed(anchors, "samples", default=[])):
        where = at.at(f".samples[{index}]")
        record = where.record_of(value)
        if record.get("error"):
            continue
        start = where.integer(record, "host_before_ns", low=1)
        stop = where.integer(record, "host_after_ns", low=start)
        tick = where.integer(record, "device_cycles", low=1)
        anchor = _Anchor((start + stop) // 2, tick, stop - start, index)
        found.append((where.text(record, "position", default=""), anchor))
    return found


def _fastest(samples: list[tuple[str, _Anchor]], position: str) -> _Anchor | None:
    own = [anchor for found, anchor in samples if found == position]
    return min(own, key=lambda anchor: (anchor.round_trip_ns, anchor.number), default=None)


def _converted(
    stream: object, at: Place, alignment: _Alignment, inspector: Inspector
) -> Iterator[dict[str, Any]]:
    if not isinstance(stream, list):
        at.fail("", stream, "a list of records")
    for index, record in enumerate(stream):
        convert = partial(_record, record, at.at(f"[{index}]"), alignment)
        found = inspector.attempt("submits", convert)
        if found is not None:
            yield found


def _record(value: object, at: Place, alignment: _Alignment) -> dict[str, Any]:
    record = at.record_of(value)
    start = at.integer(record, "start_host_ns", low=alignment.before.host_ns)
    stop = at.integer(record, "end_host_ns", low=start, stop=alignment.after.host_ns + 1)
    kept = {key: record[key] for key in ("submit_idx", "task_id") if key in record}
    return kept | {
        "start_cycles": alignment.tick(start),
        "end_cycles": alignment.tick(stop),
    }


def _dropped(metadata: dict[str, Any]) -> list[str]:
    capture = metadata.get("host_capture")
    dropped = capture.get("dropped_records") if isinstance(capture, dict) else 0
    return [f"{HOST_STREAM}: {dropped} records dropped by the host"] if dropped else []
