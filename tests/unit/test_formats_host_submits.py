"""Captures of graphs that the host built: submits in host time, put into device time."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_formats_chip_run import ChipRun, chip_program

from npusim.errors import FileFormatError
from npusim.formats import read_capture, write_capture
from npusim.trace import LaneKind, PhaseKind
from tests.capture_builder import edit

RECORDS = "chip_swimlane_records.json"
TICK_NS, TICK_PS = 20, 20_000
HOST_NS = 1_700_000_000_000_000_000
DRIFT = 1000
"""The clock of the host gains one nanosecond in so many."""


def host_ns(tick: int, base: int) -> int:
    elapsed = (tick - base) * TICK_NS
    return HOST_NS + elapsed + elapsed // DRIFT


def sample(position: str, number: int, tick: int, base: int, round_trip_ns: int = 40) -> dict:
    middle = host_ns(tick, base)
    return {
        "position": position,
        "sample_idx": number,
        "host_before_ns": middle - round_trip_ns // 2,
        "device_cycles": tick,
        "host_after_ns": middle + round_trip_ns // 2,
        "rtt_ns": round_trip_ns,
        "error": None,
    }


def by_host(document: dict[str, Any]) -> None:
    """The submits as a host records them, with two good anchors and two bad ones."""
    metadata = document["metadata"]
    base = metadata["time_origin_ticks"]
    (stream,) = document.pop("aicpu_orchestrator_phases")
    document["host_orchestrator_phases"] = [
        [
            {
                "submit_idx": record["submit_idx"],
                "task_id": record["task_id"],
                "start_host_ns": host_ns(record["start_cycles"], base),
                "end_host_ns": host_ns(record["end_cycles"], base),
            }
            for record in stream
        ]
    ]
    slow = sample("pre_host_orchestration", 0, base - 500, base, 4000)
    slow["host_before_ns"] -= 3000
    failed = sample("post_device_execution", 0, base, base) | {"error": "timeout"}
    metadata |= {
        "orchestrator_source": "host",
        "host_capture": {"status": "ok", "dropped_records": 0},
        "clock_anchors": {
            "device_timestamp_unit": "syscnt_cycles",
            "samples": [
                slow,
                sample("pre_host_orchestration", 1, base - 400, base),
                failed,
                sample("post_device_execution", 1, base + 100_000, base),
            ],
        },
    }


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    write_capture(tmp_path, ChipRun().build(), chip_program(), level=4)
    edit(tmp_path / RECORDS, by_host)
    return tmp_path


def anchors(document: dict[str, Any]) -> list[dict[str, Any]]:
    return document["metadata"]["clock_anchors"]["samples"]


def test_submits_of_the_host_are_in_device_time(capture: Path) -> None:
    written, read = ChipRun().build(), read_capture(capture)
    for ours, theirs in zip(written.tasks, read.tasks, strict=True):
        assert abs(ours.submit_start_ps - theirs.submit_start_ps) <= 2 * TICK_PS
        assert abs(ours.submit_end_ps - theirs.submit_end_ps) <= 2 * TICK_PS
    submits = read.phases[read.phases["kind"] == PhaseKind.SUBMIT]
    assert len(submits) == len(written.tasks)
    assert {read.lanes[lane].kind for lane in submits["lane"]} == {LaneKind.ORCHESTRATOR}
    assert read.info.parameters["missing_parts"] == []


def test_submits_count_at_level_3_too(capture: Path) -> None:
    edit(capture / RECORDS, lambda d: d.update(chip_swimlane_level=3, l2_swimlane_level=3))
    read = read_capture(capture)
    assert read.tasks[0].submit_end_ps > 0
    assert not [line for line in read.info.parameters["missing_parts"] if "submit" in line]


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda d: d["metadata"].pop("clock_anchors"), "no clock anchor of pre_host_orches"),
        (lambda d: anchors(d).pop(), "no clock anchor of post_device_execution"),
        (lambda d: anchors(d)[3].update(device_cycles=7), "the clock anchors are out of order"),
    ],
)
def test_without_anchors_they_are_left_out_by_name(capture: Path, change: Any, note: str) -> None:
    edit(capture / RECORDS, change)
    read = read_capture(capture)
    assert read.tasks[0].submit_end_ps == -1
    found = [m for m in read.info.parameters["missing_parts"] if m.startswith("host_orch")]
    assert note in found[0]
    assert np.all(read.phases["kind"] != PhaseKind.SUBMIT)


def first_record(document: dict[str, Any]) -> dict[str, Any]:
    return document["host_orchestrator_phases"][0][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: first_record(d).update(start_host_ns=5),
            r"\[0\]\[0\].start_host_ns is 5; expec",
        ),
        (lambda d: first_record(d).update(end_host_ns=1 << 62), r"\[0\]\[0\].end_host_ns is 46116"),
        (lambda d: first_record(d).pop("task_id"), r"task_id is None; expected an id"),
        (lambda d: d.update(host_orchestrator_phases=[3]), r"phases\[0\] is 3; expected a list of"),
        (lambda d: anchors(d)[1].update(device_cycles=-1), r"samples\[1\].device_cycles is -1"),
        (
            lambda d: d["metadata"]["clock_anchors"].update(device_timestamp_unit="us"),
            r"device_timestamp_unit is 'us'; expected syscnt_cycles",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(capture: Path, change: Any, message: str) -> None:
    edit(capture / RECORDS, change)
    with pytest.raises(FileFormatError, match=message):
        read_capture(capture)


def test_dropped_records_and_uploads_are_named(capture: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["metadata"]["host_capture"]["dropped_records"] = 4
        document["host_device_uploads"] = [{"phase": "sm_h2d"}]

    edit(capture / RECORDS, change)
    assert read_capture(capture).info.parameters["missing_parts"] == [
        "host_orchestrator_phases: 4 records dropped by the host",
        "host_device_uploads: left out, a trace has no lane for transfers of the host",
    ]
