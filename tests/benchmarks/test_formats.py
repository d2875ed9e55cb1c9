"""What captures cost: reading and analysing 20,000 rows, and the size of a Perfetto file."""

import gzip
import json
import time
from pathlib import Path

import pytest

from npusim.analysis import bubble_table, summary, with_waits
from npusim.formats import read_capture, write_capture, write_perfetto
from npusim.trace import Trace
from tests.golden.runs import reference_run
from tests.trace_builder import layered_trace

ROWS = 20_000
READ_AND_ANALYSE_S = 2.0
PERFETTO_BYTES_PER_TASK = {1: 1_500, 4: 3_000}
SCOPES = {f"scope_{i}": ("aic", "aiv")[i % 2] for i in range(20)}


@pytest.fixture(scope="module")
def large() -> Trace:
    """20,000 kernels on 72 cores, each scope after the one before."""
    return layered_trace(SCOPES, blocks=ROWS // len(SCOPES), has_waits=False)


@pytest.fixture(scope="module", params=[1, 2])
def capture(large: Trace, request, tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp(f"level{request.param}")
    write_capture(directory, large, None, level=request.param)
    return directory


@pytest.mark.benchmark(timer=time.process_time)  # wall time says more about the neighbours
def test_read_and_analyse(benchmark, capture):
    def work() -> int:
        trace = read_capture(capture)
        summary(trace)
        bubble_table(trace)
        return len(trace.slices)

    rows = benchmark.pedantic(work, rounds=3)
    benchmark.extra_info["rows"] = rows
    assert rows == ROWS
    assert benchmark.stats.stats.min <= READ_AND_ANALYSE_S


def test_write(benchmark, large, tmp_path):
    benchmark.pedantic(write_capture, (tmp_path, large, None), {"level": 2}, rounds=2)


@pytest.mark.parametrize("level", [1, 4])
@pytest.mark.parametrize("variant", ["before", "after"])
def test_perfetto_size(benchmark, level, variant, tmp_path):
    """Bytes per task of the reference kernel, as its capture of that level becomes a run."""
    trace = with_waits(read_capture(reference_capture(variant, level, tmp_path)))
    path = tmp_path / "perfetto.json"
    benchmark.pedantic(write_perfetto, (path, trace), rounds=2)
    size = path.stat().st_size
    benchmark.extra_info["bytes_per_task"] = round(size / len(trace.tasks))
    benchmark.extra_info["compressed"] = len(gzip.compress(path.read_bytes()))
    assert size / len(trace.tasks) <= PERFETTO_BYTES_PER_TASK[level]
    assert json.loads(path.read_text())["traceEvents"]


def reference_capture(variant: str, level: int, directory: Path) -> Path:
    run = reference_run(variant)
    write_capture(directory / "capture", run.trace, run.program, level=level)
    return directory / "capture"
