import json

from npusim.analysis import summary
from npusim.analysis.columns import changed_parameters
from npusim.trace import EdgeSource
from tests.trace_builder import TraceBuilder


def test_summary_counts_blocks_submits_and_distinct_edges() -> None:
    builder = TraceBuilder(aic=1, aiv=1)
    gather = builder.task("gather", "aiv", blocks=2)
    barrier = builder.task("barrier", "aiv", blocks=0, is_dummy=True)
    qk = builder.task("qk", "aic")
    builder.run(gather, "AIV[0]", 0, 4, block=0)
    builder.run(gather, "AIV[0]", 4, 8, block=1)
    builder.run(qk, "AIC[0]", 9, 10, blamed=gather)
    builder.edge(gather, barrier)
    builder.edge(barrier, qk)
    builder.edge(gather, qk, EdgeSource.TENSORMAP)
    builder.edge(gather, qk, EdgeSource.EXPLICIT)
    found = summary(builder.build())
    assert (found["tasks"], found["nodes"], found["edges"]) == (3, 3, 3)
    assert found["makespan_us"] == 10.0
    assert found["lanes"] == {"aic": 1, "aiv": 1}
    assert found["busy_us"] == {"aic": 1.0, "aiv": 8.0}
    assert found["utilisation_percent"] == {"aic": 10.0, "aiv": 80.0}
    assert found["waits_us"]["dependency"] == 9.0
    assert found["waits_us_by_core_type"]["aiv"]["no_work"] == 2.0
    assert found["waits_us"]["unknown"] == 0.0
    assert found["scopes"]["gather"] == {
        "tasks": 1,
        "blocks": 2,
        "busy_us": 8.0,
        "waits_us": 0.0,
        "window_us": 8.0,
        "utilisation_percent": 40.0,
    }


def test_a_dummy_with_a_block_is_a_node_and_no_task() -> None:
    builder = TraceBuilder()
    builder.task("barrier", is_dummy=True)
    found = summary(builder.build())
    assert (found["tasks"], found["nodes"]) == (0, 1)


def test_summary_is_json() -> None:
    builder = TraceBuilder()
    builder.run(builder.task("a"), "AIV[0]", 1, 2)
    found = summary(builder.build())
    assert json.loads(json.dumps(found)) == found


def test_a_title_names_four_changes_and_counts_the_rest() -> None:
    knobs = {f"k{index}": index for index in range(4)}
    given = {"changed_knobs": knobs, "changed_options": {"batch": 2}, "options": {"seq": 128}}
    assert changed_parameters(given) == ["k0=0", "k1=1", "k2=2", "k3=3", "1 more"]
    assert changed_parameters({**given, "changed_options": {}}) == ["k0=0", "k1=1", "k2=2", "k3=3"]
    assert changed_parameters({"changed_knobs": 3}) == []  # a foreign capture
