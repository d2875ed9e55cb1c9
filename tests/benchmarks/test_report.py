"""The report of 20,000 slices: at most 5 s to write, 15 MB, and 3 s until the browser shows it."""

import pytest

from npusim.plotting.report import ReportRun, write_report
from tests.browser import Page, chromium_driver
from tests.wide_trace import wide_trace

SLICES = 20_000
MOST_WRITE_S = 5
MOST_BYTES = 15_000_000
MOST_PAINT_MS = 3000


@pytest.fixture(scope="module")
def run():
    return ReportRun("wide", wide_trace(SLICES))


@pytest.fixture(scope="module")
def page_file(run, tmp_path_factory):
    return write_report([run], tmp_path_factory.mktemp("report") / "wide.html")


@pytest.fixture(scope="module")
def driver():
    driver = chromium_driver()
    yield driver
    driver.quit()


def test_write_report(benchmark, run, tmp_path):
    path = benchmark.pedantic(write_report, args=([run], tmp_path / "wide.html"), rounds=3)
    benchmark.extra_info["bytes"] = path.stat().st_size
    assert path.stat().st_size <= MOST_BYTES
    assert benchmark.stats.stats.min <= MOST_WRITE_S


def test_first_paint(benchmark, driver, page_file):
    """From the begin of the navigation to two frames after every bar was drawn."""
    painted = []

    def load():
        page = Page(driver, page_file)
        script = "return performance.getEntriesByName('npusim-painted')[0].startTime"
        painted.append(page.run(script))

    benchmark.pedantic(load, rounds=3)
    benchmark.extra_info["painted_ms"] = min(painted)
    assert min(painted) <= MOST_PAINT_MS


def test_redraw(benchmark, driver, page_file):
    """One frame while the reader pans over a third of the run."""
    page = Page(driver, page_file)
    page.run(
        "const [low, high] = npusim.plots.time.bounds;"
        "npusim.plots.time.setv({start: 0, end: (high - low) / 3})"
    )
    script = "const start = performance.now(); npusim.redraw(); return performance.now() - start"
    frames = [page.run(script) for _ in range(5)]
    benchmark.extra_info["redraw_ms"] = min(frames)
    benchmark.pedantic(page.run, args=(script,), rounds=5)
