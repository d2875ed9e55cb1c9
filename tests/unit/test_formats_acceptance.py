"""What we write, judged by the ecosystem's own tools.

Set NPUSIM_SIMPLER to a checkout of hw-native-sys/simpler and NPUSIM_ACCEPT_TRACE to the script that
runs its tools on a capture and compares their counts with the records. PYPTO_LIB and PERFETTO_UI
add the stages that the script has for them. The layout that the checkout reads is the one written:
D from 2026-08-04 on, C from 2026-06-22, B before.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_formats_chip_run import JOBS, ChipRun, Job, chip_program

from npusim.analysis.wall_path import wall_path
from npusim.api import RunRequest, load_kernel, run_kernel, simulate_program
from npusim.cli.main import run_command
from npusim.formats import (
    SCOPE_STATS_FILE,
    Layout,
    read_capture,
    write_capture,
    write_scope_stats,
)
from tests.feature_kernel import record

SIMPLER = os.environ.get("NPUSIM_SIMPLER")
SCRIPT = os.environ.get("NPUSIM_ACCEPT_TRACE")
TICK_US = 0.02
PARTS = ("makespan", "static path", "observed path, compute", "observed path, stall")

pytestmark = pytest.mark.skipif(
    not (SIMPLER and SCRIPT),
    reason="NPUSIM_SIMPLER and NPUSIM_ACCEPT_TRACE do not name a checkout and the script",
)


def layout_of_checkout() -> Layout:
    assert SIMPLER
    converter = Path(SIMPLER) / "simpler_setup" / "tools" / "swimlane_converter.py"
    text = converter.read_text()
    if '"chip_swimlane_level"' in text:
        return Layout.D
    return Layout.C if "receive_to_start" in text else Layout.B


def judged(capture: Path) -> subprocess.CompletedProcess[str]:
    """What the script says of a capture."""
    assert SIMPLER
    assert SCRIPT
    return subprocess.run(
        ["bash", SCRIPT, str(capture)],
        env=os.environ | {"UPSTREAM": SIMPLER, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )


def assert_accepted(capture: Path) -> None:
    run = judged(capture)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("level", [1, 2, 3, 4])
@pytest.mark.parametrize("has_program", [True, False])
def test_upstream_accepts_a_capture(tmp_path: Path, level: int, has_program: bool) -> None:
    program = chip_program() if has_program else None
    trace, layout = ChipRun().build(), layout_of_checkout()
    write_capture(tmp_path, trace, program, level=level, layout=layout)
    if layout is Layout.B and level == 1:
        # DEVIATIONS F3: the sum it divides by is zero but for rounding, and here it is zero.
        assert "ZeroDivisionError" in judged(tmp_path).stdout
    else:
        assert_accepted(tmp_path)


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_upstream_accepts_a_kernel_with_every_kind_of_task(tmp_path: Path, level: int) -> None:
    """MIX, SPMD, dummies, early dispatch, cohorts, and predicates of both values."""
    program, _ = record()
    trace = simulate_program(program, RunRequest())
    write_capture(tmp_path, trace, program, level=level, layout=layout_of_checkout())
    assert_accepted(tmp_path)


def test_upstream_plots_the_scope_statistics(tmp_path: Path) -> None:
    assert SIMPLER
    plot = Path(SIMPLER) / "simpler_setup" / "tools" / "scope_stats_plot.py"
    if layout_of_checkout() is Layout.B:
        pytest.skip("its scope_stats_plot tool cannot do without TensorMap entries")
    program, _ = record()
    write_scope_stats(tmp_path, simulate_program(program, RunRequest(has_scope_stats=True)))
    run = subprocess.run(
        [sys.executable, str(plot), str(tmp_path / SCOPE_STATS_FILE), "--out-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "without matching begin" not in run.stderr
    report = (tmp_path / "scope_stats.html").read_text()
    assert all(resource in report for resource in ("Task window", "Heap", "Dep pool"))
    assert "r-tensormap" not in report.partition("</style>")[2]  # left out by name, not as zero


@pytest.mark.parametrize("counter_mhz", [200, 1000])
def test_upstream_accepts_other_clocks(tmp_path: Path, counter_mhz: int) -> None:
    trace = ChipRun().build(counter_mhz)
    write_capture(tmp_path, trace, None, level=4, layout=layout_of_checkout())
    assert_accepted(tmp_path)


def test_upstream_accepts_what_we_read_and_wrote_again(tmp_path: Path) -> None:
    layout = layout_of_checkout()
    write_capture(tmp_path / "a", ChipRun().build(), chip_program(), level=4, layout=layout)
    write_capture(tmp_path / "b", read_capture(tmp_path / "a"), None, level=4, layout=layout)
    assert_accepted(tmp_path / "b")


@pytest.mark.slow
@pytest.mark.parametrize("level", [1, 2, 3, 4])
@pytest.mark.parametrize("variant", ["before", "mid", "after"])
def test_upstream_accepts_the_reference_kernel(tmp_path: Path, variant: str, level: int) -> None:
    case = load_kernel("prefill_sparse_attn").case(variant, {}, {})
    run = run_kernel(case, RunRequest(is_verified=False))
    layout = layout_of_checkout()
    write_capture(tmp_path, run.trace, run.program, level=level, layout=layout)
    assert_accepted(tmp_path)


@pytest.mark.slow
def test_upstream_accepts_twenty_thousand_rows(tmp_path: Path) -> None:
    write_capture(tmp_path, many_rows(), None, level=4, layout=layout_of_checkout())
    assert_accepted(tmp_path)


def many_rows(least: int = 20_000):
    """The synthetic run again and again, each round after the one before."""
    jobs: list[Job] = []
    while sum(len(JOBS) for _ in jobs[:: len(JOBS)]) * 3.2 < least:
        base = len(jobs)
        for job in JOBS:
            preds = tuple(base + pred for pred in job.preds) or ((base - 1,) if base else ())
            jobs.append(Job(job.name, job.core_type, job.blocks, job.duration_us, preds))
        jobs[base + 2] = Job("barrier", "aiv", 1, 0.0, jobs[base + 2].preds, is_dummy=True)
    return ChipRun(tuple(jobs), clusters=8).build()


@pytest.mark.parametrize("case", ["demo", "every_kind", "reference"])
def test_upstream_finds_the_same_critical_paths(tmp_path: Path, case: str, capsys) -> None:
    assert SIMPLER
    if not (Path(SIMPLER) / "simpler_setup" / "tools" / "critical_path.py").is_file():
        pytest.skip("this checkout has no critical_path tool")
    if layout_of_checkout() is not Layout.D:
        pytest.skip("its critical_path tool reads layout D")
    trace = ChipRun().build()
    if case == "every_kind":
        trace = simulate_program(record()[0], RunRequest())
    if case == "reference":
        definition = load_kernel("prefill_sparse_attn")
        run = run_kernel(definition.case("after", {}, {}), RunRequest(is_verified=False))
        trace = run.trace
    write_capture(tmp_path / "capture", trace, None, level=4)
    shim = tmp_path / "shim" / "simpler_setup"
    shim.mkdir(parents=True)
    (shim / "__init__.py").write_text("")
    (shim / "tools").symlink_to(Path(SIMPLER).resolve() / "simpler_setup" / "tools")
    code = (
        "import json, sys; from pathlib import Path\n"
        "from simpler_setup.tools import critical_path as tool\n"
        "folder = Path(sys.argv[1])\n"
        "found = tool.analyze_rank(tool.build_graph(folder, folder, 0), 0)\n"
        "ticks = [found.makespan, found.cpm_len, found.compute_total, found.stall_total]\n"
        "lengths = [tick * 1e6 / found.freq for tick in ticks]\n"
        "print(json.dumps([lengths, [one.task for one in found.segments]]))\n"
    )
    run_tool = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "capture")],
        env=os.environ | {"PYTHONPATH": str(tmp_path / "shim")},
        capture_output=True,
        text=True,
        check=True,
    )
    lengths, observed = json.loads(run_tool.stdout)
    capsys.readouterr()
    assert run_command(["critical-path", str(tmp_path / "capture"), "--wall", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)["wall"]
    ours = {row["part"]: row["length_us"] for row in printed}
    assert [ours[part] for part in PARTS] == pytest.approx(lengths, abs=TICK_US)
    # The very same tasks, also of the run before it became a capture. Of the static path the
    # length only: there may be several as long.
    for subject in (trace, read_capture(tmp_path / "capture")):
        path = wall_path(subject)
        assert [str(subject.tasks[i].task_id) for i in path.observed_tasks] == observed
