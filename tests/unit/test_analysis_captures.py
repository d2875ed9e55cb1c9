"""The analyser on real captures: the expected answers of CAPTURES.md sections 3 and 4 (c)."""

import csv
from pathlib import Path

import pytest

from npusim.analysis.cause_table import cause_table
from npusim.analysis.causes import CAUSES, Cause, idle_causes
from npusim.analysis.gaps import gap_table
from npusim.analysis.hand_over import hand_over_table
from npusim.analysis.limits import find_limits
from npusim.analysis.observed_path import observed_path
from npusim.analysis.stages import stage_table
from npusim.formats import CoreCounts, read_csv_capture
from npusim.trace import Trace
from npusim.units import us_to_ps

TRACES = Path(__file__).parents[2] / "traces"
CORES = CoreCounts(24, 48)


def read(folder: str) -> Trace:
    directory = TRACES / folder
    tasks, deps = (directory / f"{folder}_{part}.csv" for part in ("tasks", "deps"))
    return read_csv_capture(tasks, deps, cores=CORES)


def read_esl(row: dict[str, str]) -> Trace:
    kernel = "qwen3_dynamic" if "qwen3" in row["case"] else "paged_attention_unroll"
    directory = TRACES / "esl"
    name = f"{row['capture']}_{row['mode']}_{row['case']}.csv.gz"
    return read_csv_capture(directory / name, directory / f"deps_{kernel}.csv.gz", cores=CORES)


def esl_rows() -> list[dict[str, str]]:
    with (TRACES / "esl" / "summary.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def block_table() -> Trace:
    return read("block_table")


def test_the_delays_of_capture_a(block_table: Trace) -> None:
    rows = {row["quantity"]: row for row in hand_over_table(block_table).to_json()}
    expected = {
        "dispatch_to_start": (32, 0.36, 0.64, 0.74, 1.00, 1.92),
        "end_to_seen": (32, 0.66, 1.78, 2.72, 6.14, 8.66),
        "seen_to_next_dispatch": (16, 1.08, 2.64, 2.94, 5.46, 11.92),
        "end_to_next_start": (16, 2.58, 4.94, 6.69, 11.36, 18.64),
    }
    names = ("count", "min_us", "p50_us", "mean_us", "p90_us", "max_us")
    for quantity, values in expected.items():
        found = [rows[quantity][name] for name in names]
        assert found == pytest.approx(values, abs=0.02), quantity


def test_the_second_wave_of_capture_a_is_blamed_on_nobody(block_table: Trace) -> None:
    """8 of the 16 roots start 30 us late, with no dependency or resource behind it."""
    second_wave = block_table.slices[
        (block_table.slices["start_ps"] > us_to_ps(82))
        & (block_table.slices["start_ps"] < us_to_ps(87))
    ]
    assert len(second_wave) == 8
    causes = idle_causes(block_table)
    own = causes[[task in set(second_wave["task"].tolist()) for task in causes["task"]]]
    assert set(own["blamed"].tolist()) == {-1}
    lengths = {
        cause: int((own["end_ps"] - own["start_ps"])[own["cause"] == index].sum())
        for index, cause in enumerate(CAUSES)
    }
    assert lengths[Cause.DEPENDENCY] == lengths[Cause.UNKNOWN] == 0
    assert lengths[Cause.NOT_DISPATCHED] > 8 * us_to_ps(30)
    assert lengths[Cause.NOT_DISPATCHED] > 0.95 * sum(lengths.values())


def test_the_stages_of_capture_b() -> None:
    trace = read("moe_prologue")
    rows = {row["stage"]: row for row in stage_table(trace).to_json()}
    expected = {  # n, mean, min, max, ready to first start
        "K3": (10, 5.32, 4.74, 6.10, 6.24),
        "K8": (10, 9.89, 8.74, 10.86, 11.82),
        "K4": (2, 3.75, 3.56, 3.94, 1.80),
        "K5": (20, 3.00, 1.70, 4.40, 1.34),
        "K9": (16, 6.78, 4.58, 8.20, 4.92),
        "K6": (4, 4.35, 4.00, 4.66, 2.52),
    }
    names = ("kernels", "mean_us", "min_us", "max_us", "ready_to_first_start_us")
    for stage, values in expected.items():
        assert [rows[stage][name] for name in names] == pytest.approx(values, abs=0.02), stage
    limits = find_limits(trace)
    assert limits.time_ps("dependency") == limits.time_ps("zero_gap") == us_to_ps(26.60)
    assert trace.makespan_ps - us_to_ps(26.60) == us_to_ps(16.46)


@pytest.mark.parametrize("folder", ["block_table", "moe_prologue"])
def test_causes_and_path_of_captures_are_exact(folder: str) -> None:
    trace = read(folder)
    total = cause_table(trace).to_json()[-1]
    assert total["unknown_us"] == 0
    times = [total["busy_us"], *(total[f"{cause}_us"] for cause in Cause)]
    assert sum(times) == pytest.approx(total["span_us"], abs=1e-6)
    segments = observed_path(trace).segments
    assert sum(one.length_ps for one in segments) == trace.makespan_ps


@pytest.mark.parametrize(
    "row", esl_rows(), ids=lambda row: f"{row['case']}-{row['capture']}-{row['mode']}"
)
def test_the_gaps_of_the_esl_captures(row: dict[str, str]) -> None:
    """Gap columns of summary.csv to 0.02 us, the resolution of the recorder."""
    ready, waited = gap_table(read_esl(row)).to_json()
    for found, count, prefix in (
        (ready, "gap_ready_n", "gap_ready"),
        (waited, "dep_wait_n", "r2s"),
    ):
        assert found["count"] == int(row[count])
        for name in ("p50", "p90"):
            assert found[f"{name}_us"] == pytest.approx(float(row[f"{prefix}_{name}"]), abs=0.02)
