"""Early dispatch: on and off, and who takes part in it."""

import numpy as np
import pytest

from npusim.program import CoreType
from npusim.trace import PhaseKind
from tests.runtime_builder import gap_ns, make_work, of_task, quick_chip, run

AIC, AIV, MIX = CoreType.AIC, CoreType.AIV, CoreType.MIX


def pair(*, flagged=True, shapes=(AIC, AIV), blocks=(1, 1), **columns):
    return make_work(
        [("p", shapes[0], [20_000] * blocks[0]), ("c", shapes[1], [5000] * blocks[1])],
        (0, 1),
        allow_early_resolve=[flagged, False],
        **columns,
    )


def staged(trace):
    return trace.phases[trace.phases["kind"] == PhaseKind.EARLY_DISPATCH]


def test_a_staged_consumer_starts_with_the_doorbell():
    on, off = (run(pair(), quick_chip(), early_dispatch=flag) for flag in (True, False))
    assert gap_ns(on, 0, 1) < gap_ns(off, 0, 1)
    producer, consumer = of_task(on, 0)[0], of_task(on, 1)[0]
    assert consumer["dispatch_ps"] < producer["end_ps"]
    # Store, way to the core, what is left of the setup.
    rung_ps = on.tasks[1].ready_ps
    assert consumer["receive_ps"] - rung_ps == (5 + 140) * 1000
    assert consumer["start_ps"] - consumer["receive_ps"] == 110_000
    assert len(staged(on)) == 1
    assert not len(staged(off))


def test_the_consumer_never_starts_before_its_producer_was_seen_to_end():
    trace = run(pair(blocks=(4, 6)), quick_chip(clusters=3))
    assert of_task(trace, 1)["start_ps"].min() > of_task(trace, 0)["finish_ps"].max()


@pytest.mark.parametrize(
    "work",
    [
        pair(flagged=False),
        pair(is_predicated=[False, True]),
        pair(blocks=(1, 2), sync_start=[False, True]),
    ],
    ids=["producer not flagged", "predicated", "cohort"],
)
def test_who_does_not_take_part(work):
    assert not len(staged(run(work, quick_chip())))


def test_every_producer_must_be_flagged_or_complete():
    tasks = [("p", AIC, [20_000]), ("q", AIV, [20_000]), ("c", AIV, [1000])]
    edges = ((0, 2), (1, 2))
    half, both = (
        run(make_work(tasks, *edges, allow_early_resolve=flags), quick_chip())
        for flags in ([True, False, False], [True, True, False])
    )
    assert not len(staged(half))
    assert len(staged(both)) == 1


def test_a_producer_must_be_on_its_cores_with_all_blocks():
    # Two AIV hold four blocks; the other four wait, so nothing goes early before they are placed.
    trace = run(pair(shapes=(AIV, AIC), blocks=(8, 1)), quick_chip())
    last = of_task(trace, 0)["dispatch_ps"].max()
    assert staged(trace)["start_ps"].min() > last


def test_staged_blocks_may_wait_in_pending_slots():
    trace = run(pair(shapes=(AIV, AIV), blocks=(2, 2)), quick_chip())
    producer, consumer = of_task(trace, 0), of_task(trace, 1)
    assert np.all(consumer["dispatch_ps"] < producer["end_ps"].min())
    assert sorted(consumer["lane"].tolist()) == [1, 2]
    # A gated block behind it does not hide the end of a kernel.
    assert np.all(producer["finish_ps"] - producer["end_ps"] < 1_000_000)


def test_blocks_that_found_no_slot_go_through_the_ready_queue():
    trace = run(pair(shapes=(AIV, AIV), blocks=(2, 7)), quick_chip())
    consumer = of_task(trace, 1)
    assert consumer["block"].tolist() == list(range(7))
    assert (consumer["dispatch_ps"] < of_task(trace, 0)["end_ps"].min()).sum() == 2


def test_early_dispatch_gives_way_to_ready_tasks():
    tasks = [("p", AIC, [20_000]), ("c", AIV, [1000]), *[(f"r{i}", AIV, [8000]) for i in range(6)]]
    flags = [True] + [False] * 7
    trace = run(make_work(tasks, (0, 1), allow_early_resolve=flags), quick_chip())
    ready = [of_task(trace, task)["dispatch_ps"][0] for task in (2, 3, 4, 5)]
    assert max(ready) < of_task(trace, 1)["dispatch_ps"][0]


def test_a_mix_consumer_can_be_staged():
    trace = run(pair(shapes=(AIC, MIX)), quick_chip(clusters=2))
    mix = of_task(trace, 1)
    assert len(staged(trace)) == 1
    assert len(set(mix["start_ps"].tolist())) == 1
    assert mix["dispatch_ps"].max() < of_task(trace, 0)["end_ps"][0]


def test_a_chain_of_flagged_tasks_ends():
    tasks = [(f"t{i}", AIV, [3000] * 2) for i in range(6)]
    edges = [(i, i + 1) for i in range(5)]
    trace = run(make_work(tasks, *edges, allow_early_resolve=[True] * 6), quick_chip())
    assert len(trace.slices) == 12
    for pred, succ in edges:
        assert gap_ns(trace, pred, succ) > 0
