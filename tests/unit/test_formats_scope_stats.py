"""``scope_stats.jsonl``: written as a device does, read strictly, kept by import and export."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_formats_chip_run import ChipRun

from npusim.errors import FileFormatError
from npusim.formats import SCOPE_STATS_FILE, read_capture, write_capture, write_scope_stats
from npusim.formats.perfetto_counters import ring_events
from npusim.trace import RING_DTYPE, RingEvent, RingLimits, RingScope, RingUse, Trace

BEGIN, END, CHANGE = RingEvent.BEGIN, RingEvent.END, RingEvent.CHANGE
TICK_PS = 20_000
ROWS = [
    (0, 0, 0, BEGIN, 0, 0, 0, 0, 0, 0, -1),
    (1 * TICK_PS, 1, 1, BEGIN, 0, 0, 0, 0, 0, 0, -1),
    (2 * TICK_PS, 1, -1, CHANGE, 0, 1, 0, 512, 0, 2, -1),
    (5 * TICK_PS, 1, 1, END, 0, 1, 0, 512, 0, 2, -1),
    (5 * TICK_PS, 1, -1, CHANGE, 1, 1, 512, 512, 2, 2, -1),
    (9 * TICK_PS, 0, 0, END, 0, 0, 0, 0, 0, 0, -1),
]


def watched() -> Trace:
    """The synthetic run, with rings that a body and one iteration of a loop use."""
    scopes = (RingScope("body", 0, 0), RingScope("pl.range loop 0", 1, 1))
    limits = (RingLimits(8, 4096, 16), RingLimits(4, 4096, 16))
    return replace(ChipRun().build(), rings=RingUse(limits, scopes, np.array(ROWS, RING_DTYPE)))


def capture(directory: Path) -> Path:
    write_capture(directory, watched(), None, level=4)
    write_scope_stats(directory, watched())
    return directory / SCOPE_STATS_FILE


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def test_the_file_by_hand(tmp_path: Path) -> None:
    head, *samples = lines(capture(tmp_path))
    assert head == {
        "version": 6,
        "fatal": False,
        "dropped": 0,
        "total": 4,
        "task_window_max": [8, 4],
        "heap_max": [4096, 4096],
        "dep_pool_max": [16, 16],
        "left_out": ["tensormap"],
    }
    assert [(one["site"], one["phase"], one["depth"], one["ring"]) for one in samples] == [
        ("body", "begin", 0, 0),
        ("pl.range loop 0", "begin", 1, 1),
        ("pl.range loop 0", "end", 1, 1),
        ("body", "end", 0, 0),
    ]
    assert samples[2] == samples[1] | {
        "phase": "end",
        "task_window_end": 1,
        "heap_end": 512,
        "dep_pool_end": 2,
        "cycles": 4_000_000_005,
    }


def test_what_is_written_is_read(tmp_path: Path) -> None:
    capture(tmp_path)
    found, written = read_capture(tmp_path).rings, watched().rings
    assert (found.limits, found.scopes) == (written.limits, written.scopes)
    kept = written.samples[written.samples["event"] != CHANGE]
    assert (found.samples == kept).all()
    write_scope_stats(tmp_path / "again", read_capture(tmp_path))
    again = (tmp_path / "again" / SCOPE_STATS_FILE).read_bytes()
    assert again == (tmp_path / SCOPE_STATS_FILE).read_bytes()


def test_a_run_that_watched_no_rings_has_no_file(tmp_path: Path) -> None:
    write_scope_stats(tmp_path, ChipRun().build())
    assert not list(tmp_path.iterdir())


def as_device(path: Path, **head: Any) -> None:
    """The file without what only npusim writes, and with TensorMap entries."""
    first, *samples = lines(path)
    del first["left_out"]
    for sample in samples:
        del sample["cycles"]
        sample["tensormap"] = 5
    write_lines(path, [first | {"tensormap_max": 64} | head, *samples])


def test_a_file_of_a_device_has_no_times(tmp_path: Path) -> None:
    as_device(capture(tmp_path))
    trace = read_capture(tmp_path)
    assert (trace.rings.samples["time_ps"] == -1).all()
    assert trace.rings.tensormap_limit == 64
    assert (trace.rings.samples["tensormap_entries"] == 5).all()
    note = "scope_stats: samples have no times: nothing over time"
    assert note in trace.info.parameters["missing_parts"]
    assert not list(ring_events(trace, 2))
    write_scope_stats(tmp_path / "again", trace)
    head, *samples = lines(tmp_path / "again" / SCOPE_STATS_FILE)
    assert head["tensormap_max"] == 64
    assert samples[0]["tensormap"] == 5
    assert "cycles" not in samples[0]


def test_the_heap_of_an_old_file_is_left_out_by_name(tmp_path: Path) -> None:
    as_device(capture(tmp_path), version=5)
    trace = read_capture(tmp_path)
    assert (trace.rings.samples["heap_taken_bytes"] == -1).all()
    note = "scope_stats: heap of version 5 starts anew where it is full: left out"
    assert note in trace.info.parameters["missing_parts"]


def test_samples_that_the_device_dropped_are_said(tmp_path: Path) -> None:
    path = capture(tmp_path)
    head, *samples = lines(path)
    del samples[1]
    write_lines(path, [head | {"dropped": 1}, *samples])
    trace = read_capture(tmp_path)
    assert trace.info.parameters["scope_stats_dropped"] == 1
    note = "scope_stats: 1 samples dropped by the device"
    assert note in trace.info.parameters["missing_parts"]
    assert trace.rings.scopes == (RingScope("body", 0, 0),)
    write_scope_stats(tmp_path / "again", trace)
    assert lines(tmp_path / "again" / SCOPE_STATS_FILE)[0]["dropped"] == 1


@pytest.mark.parametrize(
    ("number", "change", "message"),
    [
        (1, {"version": 7}, r"line 1.version is 7; expected an int from 1 to 6"),
        (1, {"total": 9}, r"line 1.total is 9; expected 4, the samples that follow"),
        (1, {"task_window_max": [8]}, r"line 1.heap_max is \[4096, 4096\]; expected 1 sizes"),
        (1, {"task_window_max": []}, r"line 1.task_window_max is \[\]; expected sizes of 1 to 64"),
        (1, {"fatal": 1}, r"line 1.fatal is 1; expected true or false"),
        (1, {"dropped": -1}, r"line 1.dropped is -1; expected an int from 0"),
        (3, {"ring": 2}, r"line 3.ring is 2; expected an int from 0 to 1"),
        (3, {"phase": "middle"}, r"line 3.phase is 'middle'; expected one of begin, end"),
        (3, {"heap_start": -1}, r"line 3.heap_start is -1; expected an int of at least 0"),
        (3, {"heap_start": "0"}, r"line 3.heap_start is '0'; expected an int of at least 0"),
        (3, {"task_window_start": 5}, r"line 3.task_window_start is 5; expected no more than"),
        (3, {"task_window_end": 3}, r"line 4.task_window_end is 1; expected no less than the 3"),
        (4, {"site": "other"}, r"line 4.phase is 'end'; expected the end of a scope that is open"),
        (4, {"cycles": 4_000_000_000}, r"line 4.cycles is 4000000000; expected no less than in"),
        (4, {"cycles": 3}, r"line 4.cycles is 3; expected an int of at least 4000000000"),
    ],
)
def test_what_contradicts_itself_is_refused(
    tmp_path: Path, number: int, change: dict[str, Any], message: str
) -> None:
    path = capture(tmp_path)
    records = lines(path)
    records[number - 1] |= change
    write_lines(path, records)
    with pytest.raises(FileFormatError, match=rf"scope_stats.jsonl: {message}"):
        read_capture(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"[]\n", b"{\n", b'{"version":6,"version":6}\n', b"\xff\n", b"[" * 9000]
)
def test_what_is_no_statistics_is_refused(tmp_path: Path, content: bytes) -> None:
    capture(tmp_path).write_bytes(content)
    with pytest.raises(FileFormatError, match=r"scope_stats.jsonl: "):
        read_capture(tmp_path)


def test_a_scope_that_never_ends_is_refused_or_repaired(tmp_path: Path) -> None:
    path = capture(tmp_path)
    head, *samples = lines(path)
    write_lines(path, [head | {"total": 3}, *samples[:3]])
    with pytest.raises(FileFormatError, match=r"line 1.total is 3; expected as many ends as"):
        read_capture(tmp_path)
    trace = read_capture(tmp_path, is_repairing=True)
    assert trace.info.parameters["repairs"] == [
        "scope_stats: samples that do not pair left out (1)"
    ]


def test_the_counters_of_a_perfetto_file() -> None:
    found = [(e["name"], e["ts"], e["args"]["held"]) for e in ring_events(watched(), 2)]
    assert [(name, round(ts, 6), held) for name, ts, held in found] == [
        ("ring 1 task slots", 0.02, 0),
        ("ring 1 task slots", 0.04, 1),
        ("ring 1 task slots", 0.1, 0),
        ("ring 1 heap bytes", 0.02, 0),
        ("ring 1 heap bytes", 0.04, 512),
        ("ring 1 heap bytes", 0.1, 0),
        ("ring 1 dependency entries", 0.02, 0),
        ("ring 1 dependency entries", 0.04, 2),
        ("ring 1 dependency entries", 0.1, 0),
    ]
