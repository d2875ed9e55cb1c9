import dataclasses
import itertools

import numpy as np
import pytest

from npusim.analysis.blame import Link, _last_with_kernel, blame_links
from npusim.analysis.bubble_list import chain_text
from npusim.analysis.observed_path import PathKind, observed_path
from npusim.analysis.slack import scope_path_table, slack_table
from npusim.errors import TraceError
from npusim.trace import SLICE_DTYPE, Trace
from npusim.units import us_to_ps
from tests.planted import AIC, AIV, planted
from tests.trace_builder import TraceBuilder


def relay() -> Trace:
    """a on AIC, b after it on AIV, c on the same AIV after b without depending on it."""
    builder = TraceBuilder(aic=1, aiv=1)
    a = builder.task("a", "aic")
    b, c = builder.task("b"), builder.task("c")
    builder.run(a, "AIC[0]", 0, 10)
    builder.run(b, "AIV[0]", 13, 20, blamed=a)
    builder.run(c, "AIV[0]", 21, 30)
    builder.edge(a, b)
    slices = np.array((trace := builder.build()).slices, SLICE_DTYPE)
    slices["dispatch_ps"][1] = us_to_ps(12)
    return dataclasses.replace(trace, slices=slices)


def kinds(trace: Trace) -> list[tuple[str, float]]:
    return [(str(one.kind), one.length_ps / 1e6) for one in observed_path(trace).segments]


def test_the_path_goes_over_data_and_core() -> None:
    assert kinds(relay()) == [
        ("compute", 10),
        ("data_wait", 2),
        ("dispatch", 1),
        ("compute", 7),
        ("core_wait", 1),
        ("compute", 9),
    ]


def test_links_say_what_bound_each_kernel() -> None:
    trace = relay()
    links = blame_links(trace)
    assert [Link(one) for one in links.link] == [Link.FRONT, Link.DATA, Link.CORE]
    assert chain_text(trace, links, 2) == "core of b 101 < data of a 100 < start of the run"
    assert chain_text(trace, links, 2, length=1) == "core of b 101 < ..."


def test_a_late_submit_binds_the_orchestrator() -> None:
    trace = planted([("a", AIC, 5.0), ("b", AIV, 5.0)], submit_ns=[500.0, 60_000.0])
    path = observed_path(trace)
    assert path.by_kind()[PathKind.ORCHESTRATOR] > us_to_ps(58)
    assert path.tasks == (1,)


def test_an_orchestrator_that_waited_itself_passes_the_blame_on() -> None:
    builder = TraceBuilder(aic=1, aiv=1)
    times = [(0, 1), (2, 3), (4, 5), (52, 53)]
    tasks = [
        builder.task("t", "aic", submit_start_ps=us_to_ps(s), submit_end_ps=us_to_ps(e))
        for s, e in times
    ]
    builder.run(tasks[0], "AIC[0]", 1, 50)
    builder.run(tasks[3], "AIV[0]", 55, 60)
    assert kinds(builder.build()) == [
        ("compute", 49),
        ("orchestrator", 3),
        ("dispatch", 2),
        ("compute", 5),
    ]


def test_a_dummy_on_the_path_is_a_data_wait() -> None:
    builder = TraceBuilder(aic=1, aiv=1)
    a = builder.task("a", "aic")
    dummy = builder.task("barrier", is_dummy=True, ready_ps=us_to_ps(12))
    b = builder.task("b")
    builder.edge(a, dummy)
    builder.edge(dummy, b)
    builder.run(a, "AIC[0]", 0, 10)
    builder.run(b, "AIV[0]", 15, 20, blamed=dummy)
    assert kinds(builder.build()) == [
        ("compute", 10),
        ("data_wait", 2),
        ("data_wait", 3),
        ("compute", 5),
    ]


def test_a_capture_that_starts_before_its_predecessor_ends_still_tiles() -> None:
    builder = TraceBuilder(aic=1, aiv=1, has_waits=False)
    a, b = builder.task("a", "aic"), builder.task("b")
    builder.edge(a, b)
    builder.run(a, "AIC[0]", 0, 10)
    builder.run(b, "AIV[0]", 8, 20)
    path = observed_path(builder.build())
    assert sum(one.length_ps for one in path.segments) == us_to_ps(20)


@pytest.mark.parametrize("seed", range(3))
def test_segments_tile_the_span(seed: int) -> None:
    random = np.random.default_rng(seed)
    tasks = [
        ("t", (AIC, AIV)[int(random.integers(2))], float(random.uniform(1, 9))) for _ in range(80)
    ]
    edges = {(int(random.integers(b)), b) for b in range(1, 80) for _ in range(2)}
    trace = planted(tasks, sorted(edges), warm_up=True)
    segments = observed_path(trace).segments
    assert segments[0].start_ps == trace.span_ps[0]
    assert segments[-1].end_ps == trace.span_ps[1]
    assert all(a.end_ps == b.start_ps for a, b in itertools.pairwise(segments))


def test_tables_add_up_to_the_makespan() -> None:
    trace = relay()
    scopes = scope_path_table(trace).to_json()
    assert sum(row["path_us"] for row in scopes) == 30
    assert [row["static_us"] for row in scopes] == [10, 7, 0]
    assert observed_path(trace).kind_table().rows[-1] == ("makespan", 30, 100)
    slack = slack_table(trace).to_json()
    assert [row["slack_us"] for row in slack] == [0, 0, 8]
    assert [row["critical"] for row in slack] == ["yes", "yes", ""]


def test_an_empty_trace_has_an_empty_path() -> None:
    assert observed_path(TraceBuilder().build()).segments == ()


def test_a_task_submitted_before_the_run_began_waits_for_its_dispatch() -> None:
    builder = TraceBuilder(aic=2, aiv=1, has_waits=False)
    early, late = (
        builder.task("t", "aic", submit_start_ps=us_to_ps(1), submit_end_ps=us_to_ps(2))
        for _ in range(2)
    )
    builder.run(early, "AIC[0]", 5, 10)
    builder.run(late, "AIC[1]", 30, 40)
    assert kinds(builder.build()) == [("dispatch", 25), ("compute", 10)]


@pytest.mark.parametrize("is_circle", [True, False])
def test_dummies_on_a_circle_are_refused_and_a_chain_is_followed(is_circle: bool) -> None:
    found = {"last": np.array([1, 2, 1 if is_circle else 3, -1]), "ran": np.array([1, -1, -1, 0])}
    if is_circle:
        with pytest.raises(TraceError, match=r"^trace: task \d \(counted from 0\) is a dummy on a"):
            _last_with_kernel(found["last"], found["ran"])
    else:
        assert _last_with_kernel(found["last"], found["ran"]).tolist() == [3, 3, 3, -1]
