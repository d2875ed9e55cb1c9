"""The rings of a trace: what makes a record of them, and that it is kept."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from npusim.errors import TraceError
from npusim.trace import (
    RING_DTYPE,
    RingEvent,
    RingLimits,
    RingScope,
    RingUse,
    load_trace,
    save_trace,
)
from tests.trace_builder import TraceBuilder

LIMITS = (RingLimits(8, 4096, 16), RingLimits(4, 4096, 16))
SCOPES = (RingScope("body", 0, 0),)
CHANGE, BEGIN, END = RingEvent


def use(*rows) -> RingUse:
    """Rows of time, ring, scope, event, slots freed and taken."""
    full = [(*row, 0, 0, 0, 0, -1) for row in rows]
    return RingUse(LIMITS, SCOPES, np.array(full, RING_DTYPE))


def test_a_trace_keeps_its_rings(tmp_path: Path):
    rings = use((0, 0, 0, BEGIN, 0, 0), (5, 0, -1, CHANGE, 0, 1), (9, 0, 0, END, 0, 1))
    builder = TraceBuilder()
    builder.run(builder.task("qk"), "AIV[0]", 1, 2)
    save_trace(replace(builder.build(), rings=rings), tmp_path / "trace.npz")
    loaded = load_trace(tmp_path / "trace.npz").rings
    assert (loaded.limits, loaded.scopes, loaded.tensormap_limit) == (LIMITS, SCOPES, -1)
    assert (loaded.samples == rings.samples).all()


def test_a_run_that_did_not_watch_has_none():
    assert not RingUse().limits
    assert len(RingUse().samples) == 0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(0, 2, -1, CHANGE, 0, 0)], r"samples\[0\].ring is 2; expected a ring with limits"),
        ([(0, 0, 1, BEGIN, 0, 0)], r"samples\[0\].scope is 1; expected a scope, -1 for a change"),
        ([(0, 0, 0, CHANGE, 0, 0)], r"samples\[0\].scope is 0; expected a scope, -1 for a change"),
        (
            [(3, 0, -1, CHANGE, 0, 0), (2, 0, -1, CHANGE, 0, 0)],
            r"samples\[1\].time_ps is 2; expected no less than before",
        ),
        (
            [(0, 1, -1, CHANGE, 0, 2), (0, 0, -1, CHANGE, 0, 0), (0, 1, -1, CHANGE, 0, 1)],
            r"samples\[2\].slots_taken is 1; expected no less than before",
        ),
        (
            [(0, 0, -1, CHANGE, 3, 2)],
            r"samples\[0\].slots_freed is 3; expected no more than slots_taken",
        ),
    ],
)
def test_a_record_that_makes_no_sense_is_refused(rows, message):
    with pytest.raises(TraceError, match=f"^rings: {message}$"):
        use(*rows)


def test_samples_of_another_kind_are_refused():
    with pytest.raises(TraceError, match=r"^rings: samples have dtype int64; expected one axis"):
        RingUse(samples=np.zeros(3, np.int64))


def test_a_trace_without_rings_stays_in_the_layout_before(tmp_path: Path):
    """Byte for byte what npusim wrote before it knew rings, so captures stay as they are."""
    builder = TraceBuilder()
    builder.run(builder.task("qk"), "AIV[0]", 1, 2)
    trace = builder.build()
    cohort = replace(trace, tasks=tuple(replace(task, is_cohort=True) for task in trace.tasks))
    versions = []
    for number, one in enumerate((trace, cohort, replace(trace, rings=use()))):
        path = tmp_path / f"{number}.npz"
        save_trace(one, path)
        with zipfile.ZipFile(path) as archive:
            versions.append(json.loads(archive.read("header.json"))["version"])
        assert load_trace(path).tasks == one.tasks
    assert versions == [2, 3, 3]
