import pytest

from npusim.analysis import bubble_table, list_bubbles, scope_stats, waits_by_reason
from npusim.trace import Trace, WaitReason
from tests.trace_builder import TraceBuilder, layered_trace


def small_trace(*, has_waits: bool = True) -> Trace:
    builder = TraceBuilder(aic=1, aiv=2, has_waits=has_waits)
    qk, softmax = builder.task("qk", "aic"), builder.task("softmax", "aiv", blocks=2)
    builder.run(qk, "AIC[0]", 0, 10)
    builder.run(softmax, "AIV[0]", 12, 15, block=0, blamed=qk, setup_us=1.5, stall_us=0.5)
    builder.run(softmax, "AIV[1]", 13, 20, block=1, blamed=qk, reason=WaitReason.QUEUE)
    return builder.build()


def test_waits_by_reason_of_a_small_trace() -> None:
    assert str(waits_by_reason(small_trace())).splitlines() == [
        "Lane time by core type, demo default on a2a3",
        "core_type  lanes  span  busy  dependency  dispatch  queue  no_work  unknown  busy"
        "  cause_from",
        "                    us    us          us        us     us       us       us     %",
        "---------  -----  ----  ----  ----------  --------  -----  -------  -------  ----"
        "  ----------",
        "aic            1  20.0  10.0         0.0       0.0    0.0     10.0      0.0  50.0"
        "  recorded",
        "aiv            2  40.0  10.0        10.5       1.5   13.0      5.0      0.0  25.0"
        "  recorded",
        "total          3  60.0  20.0        10.5       1.5   13.0     15.0      0.0  33.3"
        "  recorded",
        "zero in every row: submit_us, sync_us, memory_us",
    ]


def test_bubble_rows_of_a_small_trace() -> None:
    table = bubble_table(small_trace())
    names = ("core_type", "scope", "lanes", "tasks", "blocks", "busy_us", "busy_percent")
    assert list(zip(*(table.column(name) for name in names), strict=True)) == [
        ("aic", "(all)", 1, 1, 1, 10.0, 50.0),
        ("aic", "qk", 1, 1, 1, 10.0, 50.0),
        ("aic", "(no work)", 1, 0, 0, 0.0, 0.0),
        ("aiv", "(all)", 2, 1, 2, 10.0, 25.0),
        ("aiv", "softmax", 2, 1, 2, 10.0, 25.0),
        ("aiv", "(no work)", 1, 0, 0, 0.0, 0.0),
    ]
    softmax = table.to_json()[4]
    assert (softmax["queue_us"], softmax["queue_percent"]) == (13.0, 32.5)
    assert (softmax["stall_us"], softmax["mean_block_us"], softmax["max_block_us"]) == (0.5, 5, 7)
    assert (softmax["window_start_us"], softmax["window_end_us"]) == (12.0, 20.0)
    assert table.to_json()[5]["window_us"] is None


def test_unknown_is_printed_even_if_it_is_zero() -> None:
    trace = small_trace()
    for table in (waits_by_reason(trace), bubble_table(trace)):
        assert "unknown" in str(table).splitlines()[1]


@pytest.mark.parametrize("has_waits", [True, False])
def test_rows_add_up_to_the_core_type_in_picoseconds(has_waits: bool) -> None:
    scopes = {"gather": "aiv", "qk": "aic", "rope": "mix", "store": "aiv"}
    table = bubble_table(layered_trace(scopes, aic=3, aiv=6, has_waits=has_waits))
    columns = ["busy_us", "stall_us"] + [f"{reason.name.lower()}_us" for reason in WaitReason]
    for core_type in ("aic", "aiv"):
        rows = [row for row in table.to_json() if row["core_type"] == core_type]
        for column in columns:
            whole, *parts = [round(float(row[column] or 0) * 1_000_000) for row in rows]
            assert sum(parts) == whole


def test_a_capture_without_waits_says_that_causes_are_inferred() -> None:
    table = bubble_table(small_trace(has_waits=False))
    assert set(table.column("cause_from")) == {"inferred"}
    assert table.to_json()[4]["unknown_us"] == 25.0


def listed(min_us: float, *names: str) -> list[tuple[object, ...]]:
    table = list_bubbles(small_trace(), min_us)
    return list(zip(*(table.column(name) for name in names), strict=True))


def test_bubbles_are_listed_longest_first_with_their_cause() -> None:
    names = ("lane", "start_us", "length_us", "cause", "cause_us", "task_id", "scope")
    assert listed(1.5, *names) == [
        ("AIV[1]", 0.0, 13.0, "not_dispatched", 13.0, 101, "softmax"),
        ("AIV[0]", 0.0, 12.0, "dependency", 10.5, 101, "softmax"),
        ("AIC[0]", 10.0, 10.0, "no_work", 10.0, None, None),
        ("AIV[0]", 15.0, 5.0, "tail", 5.0, None, None),
    ]


def test_a_bubble_names_its_parts_and_whom_it_blames() -> None:
    names = ("blamed_task_id", "blamed_scope", "parts")
    assert listed(11, *names) == [
        (None, None, "not_dispatched 13.000"),
        (100, "qk", "dependency 10.500, start_up 1.500"),
    ]


def test_a_bubble_names_the_region_and_the_chain_behind_it() -> None:
    builder = TraceBuilder(aic=1, aiv=1)
    qk, softmax = builder.task("qk", "aic"), builder.task("softmax")
    builder.edge(qk, softmax)
    builder.run(qk, "AIC[0]", 0, 10)
    builder.run(softmax, "AIV[0]", 12, 15, blamed=qk)
    table = list_bubbles(builder.build(), 6, through=lambda pred, succ: f"raw[{pred}:{succ}]")
    assert table.column("through") == ("raw[0:1]",)
    assert table.column("chain") == ("data of qk 100 < start of the run",)


def test_bubbles_cover_all_idle_time() -> None:
    trace = layered_trace({"qk": "aic", "softmax": "aiv"}, aic=3, aiv=6)
    busy_us = sum(waits_by_reason(trace).to_json()[-1][name] for name in ("busy_us",))
    span_us = waits_by_reason(trace).to_json()[-1]["span_us"]
    lengths = list_bubbles(trace, 0).column("length_us")
    assert sum(lengths) == pytest.approx(span_us - busy_us)


def test_a_negative_threshold_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^list_bubbles: min_us is -1; expected a length in us"):
        list_bubbles(small_trace(), min_us=-1)


def test_scope_stats_of_a_small_trace() -> None:
    qk, softmax = scope_stats(small_trace()).to_json()
    assert (qk["scope"], qk["core_type"], qk["blocks"], qk["mean_busy_lanes"]) == (
        "qk",
        "aic",
        1,
        1,
    )
    assert (softmax["busy_us"], softmax["waits_us"]) == (10.0, 25.0)
    assert (softmax["min_block_us"], softmax["max_block_us"]) == (3.0, 7.0)
    assert softmax["mean_busy_lanes"] == 10 / 8


def test_a_scope_on_two_core_types_names_both() -> None:
    builder = TraceBuilder(aic=1, aiv=1)
    builder.run(builder.task("copy", "aiv"), "AIV[0]", 0, 1)
    builder.run(builder.task("copy", "aic"), "AIC[0]", 0, 1)
    assert scope_stats(builder.build()).column("core_type") == ("aic+aiv",)


def test_tables_of_an_empty_trace_have_no_scopes() -> None:
    trace = TraceBuilder().build()
    assert scope_stats(trace).rows == ()
    assert list_bubbles(trace, 0).rows == ()
    assert bubble_table(trace).column("busy_us") == (0.0,) * 4
