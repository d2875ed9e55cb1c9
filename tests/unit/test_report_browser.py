"""The report in headless Chromium: it opens offline, hovers, filters, selects and zooms."""

import pytest

from npusim.plotting.report import ReportRun, write_report
from npusim.trace import PhaseKind, WaitReason
from tests.browser import Page, chromium_driver
from tests.trace_builder import TraceBuilder


def small_run(variant: str, softmax_us: float):
    """qk on AIC[0], then softmax on AIV[0], then a pv that waits for both on AIC[0]."""
    builder = TraceBuilder(aic=1, aiv=2, kernel="attention", variant=variant)
    qk, softmax, pv = (
        builder.task(name, core)
        for name, core in (("qk", "aic"), ("softmax", "aiv"), ("pv", "aic"))
    )
    builder.run(qk, "AIC[0]", 0, 20)
    builder.run(softmax, "AIV[0]", 25, softmax_us, blamed=qk, setup_us=2)
    builder.run(pv, "AIC[0]", softmax_us + 5, 100, blamed=softmax, reason=WaitReason.DEPENDENCY)
    builder.edge(qk, softmax)
    builder.edge(softmax, pv)
    builder.edge(qk, pv)
    builder.phase("Orch[0]", PhaseKind.SUBMIT, 0, 2, qk)
    tensors = {builder.tasks[softmax].task_id: ("in scores [128, 128] FP32", "out p [128, 128]")}
    return ReportRun(variant, builder.build(), tensors)


@pytest.fixture(scope="module")
def driver():
    driver = chromium_driver()
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return write_report([small_run("a", 50)], tmp_path_factory.mktemp("report") / "one.html")


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    runs = [small_run("a", 50), small_run("b", 60)]
    return write_report(runs, tmp_path_factory.mktemp("report") / "two.html")


def test_it_loads_without_a_complaint_and_asks_for_nothing_else(driver, one):
    page = Page(driver, one)
    assert page.problems() == []
    assert page.requests() == [one.as_uri()]
    assert page.run("return document.title") == "npusim report: attention"
    assert page.text("#count") == "3 of 3 slices"


def test_bars_are_drawn_in_the_colour_of_their_scope_and_waits_in_their_tint(driver, one):
    page = Page(driver, one)
    assert page.colour_at("AIC[0]", 5) == [0x00, 0x72, 0xB2, 255]  # its number is at 10
    assert page.colour_at("AIV[0]", 30) == [0xE6, 0x9F, 0x00, 255]
    assert page.colour_at("AIC[0]", 30) == [0xF9, 0xD3, 0xCE, 255]  # waits for a predecessor
    assert page.colour_at("AIV[1]", 50)[3] in {0, 255}


def test_hover_names_task_tensors_predecessor_and_cause(driver, one):
    page = Page(driver, one)
    page.point_at("AIV[0]", 40)
    page.wait_until("return !document.getElementById('hover').hidden")
    text = page.text("#hover")
    assert "softmax" in text
    assert "#101, block 0 of 1, aiv" in text
    assert "dependency on qk #100" in text
    assert "qk #100, ended last" in text
    assert "in scores [128, 128] FP32" in text


def test_hover_of_a_bubble_says_why_and_of_a_phase_what(driver, one):
    page = Page(driver, one)
    page.point_at("AIC[0]", 35)
    page.wait_until("return document.getElementById('hover').innerText.includes('idle')")
    text = page.text("#hover")
    assert "idle: dependency" in text
    assert "held up by\nsoftmax #101" in text
    assert "a predecessor had not ended (recorded)" in text
    page.point_at("Orch[0]", 1)
    page.wait_until("return document.getElementById('hover').innerText.includes('submit')")
    assert "task\nqk #100" in page.text("#hover")


def test_leaving_the_plot_takes_the_hover_away(driver, one):
    page = Page(driver, one)
    page.point_at("AIV[0]", 40)
    page.wait_until("return !document.getElementById('hover').hidden")
    page.point_at("AIV[1]", 107)  # behind the end of the run: nothing there
    page.wait_until("return document.getElementById('hover').hidden")


def test_scrolling_takes_the_hover_away(driver, one):
    page = Page(driver, one)
    page.point_at("AIV[0]", 40)
    page.wait_until("return !document.getElementById('hover').hidden")
    page.run("window.dispatchEvent(new Event('scroll'))")
    assert page.run("return document.getElementById('hover').hidden")


def test_a_click_selects_a_task_and_draws_its_arrows(driver, one):
    page = Page(driver, one)
    page.point_at("AIV[0]", 40, is_click=True)
    page.wait_until("return npusim.selection.task === 1")
    arrows = page.run("return npusim.plots.doc.get_model_by_name('arrows-0').data")
    assert list(arrows["x0"]) == pytest.approx([20, 50])  # end of qk, end of softmax
    assert list(arrows["x1"]) == pytest.approx([25, 55])  # start of softmax, start of pv
    assert "predecessors (1)" in page.text("#inspector")
    page.run("[...document.querySelectorAll('#inspector .link')].at(-1).click()")
    assert page.run("return npusim.selection.task") == 2
    page.click("#clear")
    assert page.run("return npusim.selection.run") is None


@pytest.mark.parametrize(
    ("search", "count", "is_kept"),
    [
        ("soft", "1 of 3 slices", [False, True]),
        ("#100", "1 of 3 slices", [True, False]),
        ("aic[0]", "2 of 3 slices", [True, False]),
        ("aic pv", "1 of 3 slices", [False, False]),
        ("nothing", "0 of 3 slices", [False, False]),
    ],
)
def test_search_fades_what_does_not_match(driver, one, search, count, is_kept):
    page = Page(driver, one)
    bars = [("AIC[0]", 10), ("AIV[0]", 40)]
    before = [page.colour_at(*bar) for bar in bars]
    page.run(
        "const box = document.getElementById('search'); box.value = arguments[0];"
        "box.dispatchEvent(new Event('input'))",
        search,
    )
    page.wait_until(f"return document.getElementById('count').innerText === '{count}'")
    kept = [page.colour_at(*bar) == old for bar, old in zip(bars, before, strict=True)]
    assert kept == is_kept


def test_chips_filter_by_scope_and_hide_a_cause(driver, one):
    page = Page(driver, one)
    page.click("[data-scope=softmax]")
    assert page.text("#count") == "1 of 3 slices"
    page.click("[data-scope=softmax]")
    assert page.text("#count") == "3 of 3 slices"
    page.click("#reasons .chip")  # dependency, the first of the causes
    page.wait_until("return npusim.filter.hiddenReasons.size === 1")
    assert page.colour_at("AIC[0]", 30)[3] == 0
    assert page.text("#blank") == "no work"  # blank in the picture too: a legend, not a switch


def test_rows_of_tables_select_their_bars(driver, one):
    page = Page(driver, one)
    page.click("[data-table=bubbles-0]")
    page.run("[...document.querySelectorAll('#table tr.pick')].at(-1).click()")  # the shortest
    assert page.run("return npusim.selection.wait") >= 0
    start, end = page.run("return [npusim.plots.time.start, npusim.plots.time.end]")
    assert end - start < 60
    boxes = page.run("return npusim.plots.doc.get_model_by_name('boxes-0').data.left")
    assert len(boxes) > 0
    page.click("[data-table=scopes-0]")
    page.click("#table tr.pick")
    assert page.text("#count") == "1 of 3 slices"


def test_tables_sort_by_a_click_on_a_heading(driver, one):
    page = Page(driver, one)
    page.click("[data-table=scopes-0]")
    headings = page.run("return [...document.querySelectorAll('#table th')].map(e => e.innerText)")
    assert headings[0].startswith("scope")
    page.click("#table th")
    names = page.run(
        "return [...document.querySelectorAll('#table td:first-child')].map(e => e.innerText)"
    )
    assert names == ["pv", "qk", "softmax"]
    page.click("#table th")
    assert page.text("#table td:first-child") == "softmax"


def test_keys_zoom_and_two_runs_move_together(driver, two):
    page = Page(driver, two)
    press = "document.dispatchEvent(new KeyboardEvent('keydown', {key: arguments[0]}))"
    whole = page.run("return npusim.plots.time.end - npusim.plots.time.start")
    page.run(press, "w")
    assert page.run("return npusim.plots.time.end - npusim.plots.time.start") < whole
    sources = "return [0, 1].map(i => npusim.plots.doc.get_model_by_name(`raster-${i}`).data.x[0])"
    page.wait_until(f"return npusim.plots.drawn.length < {whole}")
    first, second = page.run(sources)
    assert first == second
    page.run(press, "r")
    assert page.run("return npusim.plots.time.end - npusim.plots.time.start") == whole
    assert page.problems() == []


def test_a_small_move_shifts_the_picture_and_draws_it_anew_at_rest(driver, one):
    page = Page(driver, one)
    move = "npusim.plots.time.setv({start: arguments[0], end: arguments[1]})"
    frames = "return npusim.plots.frames"
    page.run(move, 20, 40)
    page.wait_until("return npusim.plots.drawn.length === 20")
    before = page.run(frames)
    assert page.run(f"{move}; {frames}", 25, 45) == before
    page.wait_until(f"return npusim.plots.frames === {before + 1}")
    assert page.run("return [npusim.plots.drawn.from, npusim.plots.drawn.to]") == [15, 55]
    assert page.colour_at("AIV[0]", 44) == [0xE6, 0x9F, 0x00, 255]


@pytest.mark.parametrize("view", [(60, 80), (20, 28)], ids=["beyond the strip", "far closer"])
def test_a_large_move_is_drawn_at_once(driver, one, view):
    """The twin of the test above."""
    page = Page(driver, one)
    move = "npusim.plots.time.setv({start: arguments[0], end: arguments[1]})"
    page.run(move, 20, 40)
    page.wait_until("return npusim.plots.drawn.length === 20")
    # The picture is drawn before the next frame, so before anything that waits for a timer.
    script = (
        "const done = arguments[2]; const before = npusim.plots.frames;"
        f"{move}; requestAnimationFrame(() => done(npusim.plots.frames - before))"
    )
    assert driver.execute_async_script(script, *view) == 1


def test_labels_are_part_of_the_picture(driver, one):
    """White digits on the blue bar of the first scope."""
    page = Page(driver, one)
    pixels = page.run(
        "const data = npusim.plots.doc.get_model_by_name('raster-0').data.image[0];"
        "return new Uint32Array(data.buffer ?? data).filter((one) => one === 0xFFFFFFFF).length"
    )
    assert pixels > 0


def test_two_runs_say_what_changed(driver, two):
    page = Page(driver, two)
    assert page.text("#verdict").startswith("b takes as long as a (100.0 us).")
    tabs = page.text("#tabs")
    assert "Change: totals" in tabs
    assert "Bubbles: b" in tabs
    page.point_at("AIV[0]", 55, run=1, is_click=True)
    page.wait_until("return npusim.selection.run === npusim.runs[1]")


def test_dark_and_light_change_ground_and_bars(driver, one):
    page = Page(driver, one)
    ground = "return getComputedStyle(document.body).backgroundColor"
    page.run("npusim.setTheme('light')")
    assert page.run(ground) == "rgb(255, 255, 255)"
    tint = page.colour_at("AIC[0]", 30)
    page.click("#theme")
    assert page.run(ground) == "rgb(21, 24, 29)"
    page.wait_until("return npusim.theme.name === 'dark'")
    assert page.colour_at("AIC[0]", 30) != tint
    assert page.problems() == []


def test_the_critical_path_is_drawn_on_request(driver, one):
    page = Page(driver, one)
    lines = "return npusim.plots.doc.get_model_by_name('path-0').data.xs.length"
    assert page.run(lines) == 0
    page.click("#path")
    assert page.run(lines) > 0


def test_the_cores_that_are_busy_are_counted_per_pixel(driver, one):
    page = Page(driver, one)
    busy = page.run(
        "const data = npusim.plots.doc.get_model_by_name('busy-aic-0').data;"
        "const near = (t) => data.y[data.x.findIndex((x) => x > t)];"
        "return [near(10), near(30), near(80)]"
    )
    assert busy == pytest.approx([1, 0, 1])
