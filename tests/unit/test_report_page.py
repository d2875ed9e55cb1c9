"""The report as a file: complete, closed, the same every time, and honest about bad arguments."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from npusim.errors import OutputError, UsageError
from npusim.plotting.report import ReportRun, report_html, write_report
from npusim.plotting.report.identity import renumber
from npusim.plotting.report.palette import phase_swatch, scope_swatch, tint_swatch
from npusim.plotting.style import CAUSE_COLOURS, look, luma
from npusim.trace import PhaseKind
from tests.trace_builder import TraceBuilder, layered_trace

RUN = ReportRun("run", layered_trace({"qk": "aic", "softmax": "aiv"}, blocks=6, aic=2, aiv=4))


class References(HTMLParser):
    """Everything that an element of the page points at, and the kinds of elements."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.found += [value for name, value in attrs if name in {"src", "href", "data", "action"}]


def page_data(text: str):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert found is not None
    return json.loads(found[1])


def test_the_page_refers_to_nothing_outside_itself():
    text = report_html([RUN])
    parser = References()
    parser.feed(text)
    assert parser.found == []
    assert not {"link", "img", "iframe", "base"} & set(parser.tags)
    assert "default-src 'none'" in text
    assert "unsafe-eval" not in text
    assert "@@" not in re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)


def test_names_of_a_capture_cannot_break_out_of_the_page():
    builder = TraceBuilder(kernel="</script><b>&amp;", variant='"')
    builder.run(builder.task("</script><script>alert(1)"), "AIV[0]", 0, 1)
    text = report_html([ReportRun("<i>", builder.build())])
    assert "<script>alert" not in text
    data = page_data(text)
    assert data["scopes"][0]["name"] == "</script><script>alert(1)"
    assert data["runs"][0]["name"] == "<i>"
    assert "<title>npusim report: &lt;/script&gt;" in text


def test_two_reports_of_a_run_are_the_same_bytes():
    assert report_html([RUN]) == report_html([RUN])


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_process_and_its_hash_seed():
    script = (
        "import hashlib; from tests.unit.test_report_page import RUN; "
        "from npusim.plotting.report import report_html; "
        "print(hashlib.sha256(report_html([RUN, RUN]).encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


def test_identifiers_count_by_appearance_and_sets_are_sorted():
    item = {
        "root_id": "p7",
        "doc": {"roots": [{"id": "p7", "events": {"type": "set", "entries": ["tap", "move"]}}]},
        "refs": [{"id": "p9"}, {"id": "p7"}],
        "target_id": "plots",
    }
    assert renumber(item) == {
        "root_id": "m1",
        "doc": {"roots": [{"id": "m1", "events": {"type": "set", "entries": ["move", "tap"]}}]},
        "refs": [{"id": "m2"}, {"id": "m1"}],
        "target_id": "plots",
    }


def test_it_is_written_whole_and_replaces_an_older_one(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    assert write_report([RUN], path) == path
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert text.rstrip().endswith("</html>")
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


def test_an_empty_run_has_a_page():
    data = page_data(report_html([ReportRun("none", TraceBuilder(0, 0).build())]))
    assert data["runs"][0]["span_us"] == [0, 0]


@pytest.mark.parametrize("count", [0, 3])
def test_too_few_and_too_many_runs_are_refused(count):
    with pytest.raises(UsageError, match=rf"^report: {count} runs given; expected 1 to 2; "):
        report_html([RUN] * count)


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"report\.pdf: unknown report format '\.pdf'; expected"):
        write_report([RUN], tmp_path / "report.pdf")


def test_a_missing_directory_is_named(tmp_path):
    path = tmp_path / "none" / "report.html"
    with pytest.raises(OutputError, match=r"report\.html: cannot write the report, No such file"):
        write_report([RUN], path)


def test_bars_stand_out_from_bubbles_in_both_themes():
    """Dark ground has luma 0.09, white 1.0: bars differ from it, and tints stay between."""
    bars = [scope_swatch(look(index)) for index in range(16)]
    bars += [phase_swatch(kind) for kind in PhaseKind]
    assert min(luma(one.dark) for one in bars) >= 0.3
    many = {scope_swatch(look(index)).light for index in range(40)}
    assert len(many) == 40  # the colours of the first 16 come again, paler
    tints = [tint_swatch(colour) for colour in CAUSE_COLOURS.values()]
    assert max(luma(one.dark) for one in tints) <= 0.42
    assert len({one.dark for one in tints}) == len(tints)
