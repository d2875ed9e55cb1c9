import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_formats_chip_run import ChipRun

from npusim.errors import FileFormatError, OutputError
from npusim.formats import read_capture, write_perfetto
from npusim.formats.perfetto_time import viewer_us
from npusim.trace import WAIT_DTYPE, Trace, WaitReason


def with_waits(trace: Trace) -> Trace:
    """``trace`` with every gap of its core lanes as a wait, the first one blamed on task 0."""
    start, end = trace.span_ps
    waits: list[tuple[int, ...]] = []
    for lane in range(6):
        now = start
        rows = np.sort(trace.slices[trace.slices["lane"] == lane], order="start_ps")
        for row in rows:
            if row["start_ps"] > now:
                waits.append((lane, now, row["start_ps"], WaitReason.DEPENDENCY, row["task"], 0))
            now = row["end_ps"]
        if end > now:
            waits.append((lane, now, end, WaitReason.NO_WORK, -1, -1))
    return replace(trace, waits=np.array(waits, WAIT_DTYPE))


def events(path: Path, trace: Trace, **options: int) -> list[dict[str, Any]]:
    write_perfetto(path, trace, **options)
    return json.loads(path.read_text())["traceEvents"]


@pytest.fixture(scope="module")
def trace() -> Trace:
    return with_waits(ChipRun().build())


def test_every_lane_has_a_track_and_core_lanes_one_for_waits(tmp_path: Path, trace: Trace) -> None:
    names = [
        event["args"]["name"]
        for event in events(tmp_path / "p.json", trace)
        if event["name"] == "thread_name"
    ]
    cores = [name for lane in trace.lanes[:6] for name in (lane.name, f"{lane.name} waits")]
    assert names == [*cores, "Sched[0]", "Sched[1]", "Orch[0]"]


def test_a_slice_carries_its_times(tmp_path: Path, trace: Trace) -> None:
    kernels = [e for e in events(tmp_path / "p.json", trace) if e.get("cat") == "kernel"]
    assert len(kernels) == len(trace.slices)
    first = trace.slices[trace.slices["lane"] == 0][0]
    assert kernels[0]["name"] == "q_proj"
    start_ns, end_ns = (int(first[name]) // 1000 for name in ("start_ps", "end_ps"))
    assert round(kernels[0]["ts"] * 1000) == int(kernels[0]["ts"] * 1000) == start_ns
    assert round(kernels[0]["dur"] * 1000) == int(kernels[0]["dur"] * 1000) == end_ns - start_ns
    assert kernels[0]["args"] == {
        "task_id": 11,
        "block": 0,
        "dispatch_us": first["dispatch_ps"] / 1e6,
        "receive_us": first["receive_ps"] / 1e6,
        "finish_us": first["finish_ps"] / 1e6,
        "stall_us": 0.0,
    }


def test_waits_are_named_by_reason_and_say_whom_to_blame(tmp_path: Path, trace: Trace) -> None:
    waits = [e for e in events(tmp_path / "p.json", trace) if e.get("cat") == "wait"]
    assert {e["name"] for e in waits} == {"DEPENDENCY", "NO_WORK"}
    assert waits[0]["args"] == {
        "before_task": 11,
        "before_task_name": "q_proj",
        "blamed_task": 10,
        "blamed_task_name": "rms_norm",
    }
    kernels = {(e["pid"], e["tid"]) for e in events(tmp_path / "p.json", trace) if e["ph"] == "X"}
    assert {(e["pid"], e["tid"]) for e in waits} == {(1, 2 * lane + 2) for lane in range(6)}
    assert {(1, 2 * lane + 1) for lane in range(6)} < kernels


def test_one_arrow_per_distinct_edge_lands_on_slices(tmp_path: Path, trace: Trace) -> None:
    doubled = replace(trace, edges=np.concatenate([trace.edges, trace.edges]))
    everything = events(tmp_path / "p.json", doubled)
    starts = [e for e in everything if e["ph"] == "s"]
    ends = [e for e in everything if e["ph"] == "f"]
    # Three of the eleven edges touch the dummy, which has no slice.
    drawn = [e for e in trace.edges if 2 not in (e["pred"], e["succ"])]
    assert [e["id"] for e in starts] == [e["id"] for e in ends] == list(range(len(drawn)))
    slices = [e for e in everything if e.get("cat") == "kernel"]
    for arrow in (*starts, *ends):
        assert any(
            s["tid"] == arrow["tid"] and s["ts"] <= arrow["ts"] < s["ts"] + s["dur"] for s in slices
        )


def test_arrows_are_bounded_and_the_rest_is_counted(tmp_path: Path, trace: Trace) -> None:
    write_perfetto(tmp_path / "p.json", trace, flow_limit=3)
    document = json.loads((tmp_path / "p.json").read_text())
    assert sum(e["ph"] == "s" for e in document["traceEvents"]) == 3
    assert document["otherData"]["flows"] == "3"
    assert document["otherData"]["flows_left_out"] == "5"


def test_of_too_many_arrows_the_latest_predecessors_stay(tmp_path: Path, trace: Trace) -> None:
    # Task 9 follows 8, which ends last, and 3; both 7 and 9 have two predecessors.
    write_perfetto(tmp_path / "p.json", trace, flow_limit=6)
    drawn = json.loads((tmp_path / "p.json").read_text())["traceEvents"]
    ends = [e for e in drawn if e["ph"] == "f"]
    starts = {e["id"]: e for e in drawn if e["ph"] == "s"}
    heads = {(e["tid"], e["ts"]): starts[e["id"]]["ts"] for e in ends}
    assert len(ends) == len(heads) == 6, "every task keeps its last predecessor before any other"
    last = max(heads)[1]
    end_of_8 = trace.slices["end_ps"][trace.slices["task"] == 8].max() / 1e6
    assert any(abs(tail - end_of_8) < 0.01 for (_, ts), tail in heads.items() if ts >= last)


def test_queue_depths_are_sampled_when_they_change(tmp_path: Path, trace: Trace) -> None:
    samples = [e for e in events(tmp_path / "p.json", trace) if e["ph"] == "C"]
    assert [e["ts"] for e in samples] == sorted(e["ts"] for e in samples)
    assert all(a["args"] != b["args"] for a, b in pairwise(samples))
    assert set(samples[0]["args"]) == {"AIC", "AIV", "MIX"}


def test_resolve_follows_the_complete_phase_that_holds_it(tmp_path: Path, trace: Trace) -> None:
    phases = [e for e in events(tmp_path / "p.json", trace) if e.get("cat") == "aicpu"]
    for before, after in pairwise(phases):
        if after["name"] == "resolve":
            assert before["name"] == "complete"
            assert before["ts"] + before["dur"] >= after["ts"] + after["dur"]


def test_nothing_overlaps_in_the_viewer(tmp_path: Path, trace: Trace) -> None:
    lanes: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for e in events(tmp_path / "p.json", trace):
        if e["ph"] == "X" and e["name"] != "resolve":
            start, duration = int(e["ts"] * 1000.0), int(e["dur"] * 1000.0)
            lanes.setdefault((e["pid"], e["tid"]), []).append((start, start + duration))
    for spans in lanes.values():
        spans.sort()
        assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_whole_nanoseconds_survive_the_importer() -> None:
    assert int(1.001 * 1000.0) == 1000  # what the importer makes of the plain number
    assert int(viewer_us(1_001_000) * 1000.0) == 1001
    assert f"{viewer_us(1_001_000):.6f}" == "1.001000"


def test_the_same_trace_gives_the_same_bytes(tmp_path: Path, trace: Trace) -> None:
    events(tmp_path / "a.json", trace)
    events(tmp_path / "b.json", trace)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_an_unwritable_place_is_refused(tmp_path: Path, trace: Trace) -> None:
    with pytest.raises(OutputError, match=r"^.*no/p.json: cannot be written \(No such file"):
        write_perfetto(tmp_path / "no" / "p.json", trace)


def test_a_picture_is_no_capture(tmp_path: Path, trace: Trace) -> None:
    path = tmp_path / "perfetto.json"
    write_perfetto(path, trace)
    with pytest.raises(
        FileFormatError,
        match=r"perfetto.json: a picture of a run that npusim drew for a viewer; expected the run "
        r"itself; name its directory, or write its capture files with npusim export RUN --format",
    ):
        read_capture(path)
