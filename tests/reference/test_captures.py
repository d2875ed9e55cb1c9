"""Bounds and schedules of real captures against figures that were found without npusim."""

import hashlib
import tomllib

import pytest

from npusim.analysis.bounds import lower_bounds
from npusim.analysis.hand_over import hand_over_table
from npusim.analysis.schedules import ListRule, list_schedule, zero_gap
from npusim.analysis.work_graph import work_graph
from npusim.units import ps_to_us
from tests.reference.captures import FOLDERS, esl_trace, pair_trace, summary_rows

pytestmark = pytest.mark.reference
MAX_FOLDER_BYTES = 600_000
LIST_TOLERANCE = 0.01
"""A greedy schedule is free in how it breaks ties."""


def name_of(row):
    return f"{row['capture']}-{row['mode']}-{row['case']}"


@pytest.fixture(params=summary_rows(), ids=name_of)
def row(request):
    return request.param


@pytest.fixture
def capture(row):
    return esl_trace(row["case"], row["capture"], row["mode"])


def test_the_bounds_of_a_capture_are_the_known_ones(row, capture):
    graph = work_graph(capture)
    bounds = lower_bounds(graph)
    found = {
        "tasks": len(capture.tasks),
        "edges": len(graph.edges),
        "makespan_us": ps_to_us(capture.makespan_ps),
        "zero_gap_us": ps_to_us(zero_gap(graph).makespan_ps),
        "crit_path_us": ps_to_us(bounds.critical_path_ps),
        "lb_work_us": ps_to_us(bounds.work_ps),
    }
    expected = {name: pytest.approx(float(row[name]), abs=0.01) for name in found}
    assert found == expected


def test_the_list_schedules_of_a_capture_are_near_the_known_ones(row, capture):
    graph = work_graph(capture)
    by_ready = list_schedule(graph, ListRule.READY).makespan_ps
    by_path = list_schedule(graph, ListRule.PATH).makespan_ps
    assert ps_to_us(by_ready) == pytest.approx(float(row["list_fifo_us"]), rel=LIST_TOLERANCE)
    assert ps_to_us(by_path) == pytest.approx(float(row["list_cp_us"]), rel=LIST_TOLERANCE)
    assert lower_bounds(graph).lower_ps <= by_path <= capture.makespan_ps


def test_the_older_runtime_spent_38_percent_on_overhead():
    """CAPTURES.md section 3, B: zero gap equals the critical path, 26.60 of 43.06 us."""
    trace = pair_trace("moe_prologue")
    graph = work_graph(trace)
    assert (len(trace.tasks), len(graph.edges)) == (74, 410)
    assert ps_to_us(trace.makespan_ps) == pytest.approx(43.06)
    assert ps_to_us(zero_gap(graph).makespan_ps) == pytest.approx(26.60)
    assert ps_to_us(lower_bounds(graph).critical_path_ps) == pytest.approx(26.60)


def test_the_delays_of_the_upstream_runtime_are_the_known_ones():
    """CAPTURES.md section 3, A, to the last digit printed there."""
    table = hand_over_table(pair_trace("block_table"))
    found = {row[0]: tuple(round(value, 2) for value in row[2:]) for row in table.rows}
    found.pop("submit")
    assert found == {
        "dispatch_to_start": (0.36, 0.64, 0.74, 1.00, 1.92),
        "end_to_seen": (0.66, 1.78, 2.72, 6.14, 8.66),
        "seen_to_next_dispatch": (1.08, 2.64, 2.94, 5.46, 11.92),
        "end_to_next_start": (2.58, 4.94, 6.69, 11.36, 18.64),
    }


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_origin_names_every_file_with_its_digest(folder):
    origin = tomllib.loads((folder / "origin.toml").read_text(encoding="utf-8"))
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    files.pop("origin.toml")
    assert origin["sha256"] == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    keys = {"device", "source", "date", "command", "clock", "unit", "changes", "regenerate"}
    assert keys <= set(origin)
    assert sum(map(len, files.values())) < MAX_FOLDER_BYTES
