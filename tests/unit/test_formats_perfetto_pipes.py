"""Pipe lanes in the Perfetto export."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from npusim.formats import write_perfetto
from npusim.trace import LaneKind
from tests.pipe_runs import mix_program, pipe_trace


@pytest.fixture(scope="module")
def trace():
    return pipe_trace(mix_program())


def events(path: Path, trace):
    write_perfetto(path / "p.json", trace)
    return json.loads((path / "p.json").read_text())["traceEvents"]


def test_pipes_follow_their_core_in_the_order_of_the_viewer(tmp_path: Path, trace):
    found = events(tmp_path, trace)
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in found if e["name"] == "thread_name"}
    order = {
        names[e["pid"], e["tid"]]: e["args"]["sort_index"]
        for e in found
        if e["name"] == "thread_sort_index"
    }
    shown = [name for name in sorted(order, key=order.get) if not name.endswith("waits")]
    aic = [f"AIC[0].{pipe}" for pipe in ("S", "MTE2", "MTE1", "M", "FIX", "MTE3")]
    assert shown[:8] == ["AIC[0]", *aic, "AIV[0]"]
    assert shown[-1] == "Orch[0]"
    assert len(set(order.values())) == len(order)
    assert {pid for pid, tid in names if "." in names[pid, tid]} == {1}


def test_an_instruction_says_what_it_is_and_where_it_is_from(tmp_path: Path, trace):
    found = [e for e in events(tmp_path, trace) if e.get("cat") == "instruction"]
    assert len(found) == len(trace.op_slices)
    (matmul,) = [e for e in found if e["tid"] == 2 * pipe(trace, "AIC[0].M") + 1]
    assert matmul["name"] == "matmul"
    assert matmul["args"] == {
        "site": "kernel.py:0",
        "task_id": 0,
        "task_name": "mix",
        "block": 0,
        "nbytes": 0,
    }


def test_waits_of_a_pipe_have_a_track(tmp_path: Path, trace):
    tid = 2 * pipe(trace, "AIV[0].V") + 2
    waits = [e["name"] for e in events(tmp_path, trace) if e.get("tid") == tid and e["ph"] == "X"]
    assert waits == ["DEPENDENCY", "NO_WORK"]


def test_nothing_overlaps_in_the_viewer(tmp_path: Path, trace):
    lanes: dict[int, list[tuple[int, int]]] = {}
    for e in events(tmp_path, trace):
        if e.get("cat") == "instruction":
            start, duration = int(e["ts"] * 1000.0), int(e["dur"] * 1000.0)
            lanes.setdefault(e["tid"], []).append((start, start + duration))
    for spans in lanes.values():
        assert all(a[1] <= b[0] for a, b in pairwise(sorted(spans)))


def pipe(trace, name: str) -> int:
    return next(i for i in trace.lane_indices(LaneKind.PIPE) if trace.lanes[i].name == name)


def test_traffic_of_the_shown_cores_is_a_counter(tmp_path: Path, trace):
    samples = [
        e for e in events(tmp_path, trace) if e["ph"] == "C" and e["name"].startswith("GM traffic")
    ]
    assert samples
    assert [e["ts"] for e in samples] == sorted(e["ts"] for e in samples)
    assert samples[-1]["args"] == {"bytes_per_ns": 0.0}
    # What the counter shows, times how long, is what the instructions moved.
    moved = sum(
        before["args"]["bytes_per_ns"] * (after["ts"] - before["ts"]) * 1000
        for before, after in pairwise(samples)
    )
    assert moved == pytest.approx(int(trace.op_slices["nbytes"].sum()), rel=0.01)
    cores = len({trace.lanes[lane].core_id for lane in trace.op_slices["lane"]})
    assert samples[0]["name"] == f"GM traffic of {cores} cores, bytes per ns"
