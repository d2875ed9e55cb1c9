"""Rooflines: work, roofs with their arithmetic, table and picture."""

import pytest

from npusim.analysis import core_accounts
from npusim.analysis.roofline import CoreRoofs, Roof, ScopeWork, roofline_table
from npusim.api.evidence import Evidence
from npusim.api.roofline import core_roofs, roofline
from npusim.errors import UsageError
from npusim.hardware import load_chip
from npusim.plotting import roofline_figure
from npusim.trace import LaneKind
from npusim.units import us_to_ps
from tests.golden.runs import reference_run
from tests.trace_builder import TraceBuilder

ROOFS = CoreRoofs(
    LaneKind.AIC,
    "multiply or add",
    (Roof("2-byte elements", 1000.0),),
    (Roof("one core alone", 100.0), Roof("HBM", 25.0)),
)


def work(ops, moved_bytes, busy_us=1):
    return ScopeWork("qk", LaneKind.AIC, ops, moved_bytes, us_to_ps(busy_us))


@pytest.fixture(scope="module")
def after():
    run = reference_run("after")
    return Evidence("after", run.trace, run.program)


@pytest.mark.parametrize(
    ("ops", "moved_bytes", "shares", "limit"),
    [
        (500, 10, (50, 10), "arithmetic"),
        (100, 50, (10, 50), "memory"),
        (0, 80, (0, 80), "memory"),
        (300, 0, (30, 0), "arithmetic"),
    ],
)
def test_the_roof_above_a_scope_is_the_one_it_comes_nearer_to(ops, moved_bytes, shares, limit):
    one = work(ops, moved_bytes)
    assert one.shares(ROOFS) == pytest.approx(shares)
    assert one.limit(ROOFS) == limit


def test_rates_are_those_of_one_busy_core():
    one = work(1000, 400, busy_us=4)
    assert (one.ops_per_us, one.bytes_per_us, one.ops_per_byte) == (250, 100, 2.5)
    assert work(1, 0).ops_per_byte is None


def test_the_table_has_a_row_per_scope_and_core_type():
    table = roofline_table((work(1000, 400, 4),), (ROOFS,), "demo")
    row = table.to_json()[0]
    assert (row["scope"], row["core_type"], row["limit"]) == ("qk", "aic", "memory")
    assert row["of_peak_percent"] == pytest.approx(25)
    assert row["of_bandwidth_percent"] == pytest.approx(100)


def test_roofs_follow_from_the_figures_of_the_chip(after):
    chip = load_chip("a2a3")
    cube = core_roofs(after.program, chip, LaneKind.AIC)
    macs = chip.cube.fractal_rows * chip.cube.fractal_cols * chip.cube.fractal_k_bytes / 2
    assert cube.peaks[0].label == "2-byte elements"
    assert cube.peaks[0].per_us == 2 * macs * chip.clock.core_mhz
    assert cube.peaks[1].per_us == 2 * cube.peaks[0].per_us  # the projection multiplies INT8
    assert cube.bandwidths[-1].per_us * chip.topology.aic_count == chip.memory.hbm_bytes_per_us
    vector = core_roofs(after.program, chip, LaneKind.AIV)
    assert vector.peaks[0].per_us <= chip.vector.repeat_bytes * chip.clock.core_mhz


def test_no_scope_of_the_reference_kernel_is_above_its_roofs(after):
    found, roofs = roofline(after)
    by_type = {one.core_type: one for one in roofs}
    for one in found:
        own = by_type[one.core_type]
        assert one.ops_per_us <= max(peak.per_us for peak in own.peaks)
        assert one.bytes_per_us <= max(band.per_us for band in own.bandwidths)
    for account in core_accounts(after.trace):
        mine = [one.busy_ps for one in found if one.core_type is account.core_type]
        assert sum(mine) == account.total.busy_ps


def test_the_picture_has_a_panel_per_core_type_with_roofs_and_marks(after):
    found, roofs = roofline(after)
    figure = roofline_figure(after.trace, found, roofs)
    aic, aiv, legend = figure.axes
    for axes, own in ((aic, roofs[0]), (aiv, roofs[1])):
        assert axes.get_xscale() == axes.get_yscale() == "log"
        assert axes.get_title("left") == f"{own.core_type.upper()}: one busy core"
        assert len(axes.lines) == len(own.peaks) + len(own.bandwidths)
        marks = [one for one in found if one.core_type is own.core_type and one.ops_per_byte]
        assert len(axes.collections) == len(marks)
    assert "operations per s" in aic.get_ylabel()
    assert {one.scope for one in found} <= {text.get_text() for text in legend.texts}


def test_a_capture_has_no_roofline():
    evidence = Evidence("capture", TraceBuilder().build())
    with pytest.raises(UsageError, match=r"^capture: has no recording, and only that says"):
        roofline(evidence)


def test_no_line_of_the_picture_runs_off_its_page_and_ticks_are_few(after):
    work, roofs = roofline(after)
    figure = roofline_figure(after.trace, work, roofs[:1])  # one panel: the narrowest page
    figure.canvas.draw()
    width = figure.bbox.width
    assert all(text.get_window_extent().x1 <= width for text in figure.texts)
    axes = figure.axes[0]
    assert 1 <= len(axes.xaxis.get_ticklabels()) <= 10
    peaks = [one.get_text() for one in axes.texts if "elements" in one.get_text()]
    assert peaks
    assert all(one.endswith("·10⁹/s") for one in peaks)
