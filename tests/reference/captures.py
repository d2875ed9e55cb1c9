"""The real captures under ``traces/``: where they are and how a test reads them."""

import csv
from functools import cache
from pathlib import Path

from npusim.formats import CoreCounts, companion, read_csv_capture
from npusim.trace import Trace
from tests.golden.runs import ROOT

TRACES = ROOT / "traces"
ESL = TRACES / "esl"
FOLDERS = (ESL, TRACES / "block_table", TRACES / "moe_prologue")
CORES = CoreCounts(aic=24, aiv=48)


def summary_rows() -> list[dict[str, str]]:
    """The published or separately computed figures of the ESL captures."""
    with (ESL / "summary.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def esl_files(case: str, date: str, mode: str) -> tuple[Path, Path]:
    """Task table and dependency table of an ESL capture."""
    graph = next(name for name in ("paged_attention_unroll", "qwen3_dynamic") if name in case)
    return ESL / f"{date}_{mode}_{case}.csv.gz", ESL / f"deps_{graph}.csv.gz"


@cache
def esl_trace(case: str, date: str, mode: str) -> Trace:
    """An ESL capture on its 24 AIC and 48 AIV."""
    return read_csv_capture(*esl_files(case, date, mode), chip="a2a3", cores=CORES)


@cache
def pair_trace(name: str) -> Trace:
    """``block_table`` or ``moe_prologue``."""
    tasks = TRACES / name / f"{name}_tasks.csv"
    return read_csv_capture(
        tasks,
        companion(tasks, "deps"),
        phases=companion(tasks, "phases"),
        chip="a2a3",
        cores=CORES,
    )
