"""What the parts cost: operations of the language, the simulator, graphs, pictures, files."""

import numpy as np
import pytest

import npusim.language as pl
from npusim.analysis import bubble_table, compare
from npusim.dependencies import DependencyMode, build_graph
from npusim.hardware import load_chip
from npusim.plotting import compare_figure, save_figure, swimlane_figure
from npusim.simulator import simulate
from npusim.trace import load_trace, save_trace
from tests.golden.runs import reference_run

OPERATIONS = 2000


@pl.jit
def read_kernel(table, out):
    total = 0
    with pl.at(level=pl.Level.CORE_GROUP, name_hint="read"):
        for index in range(OPERATIONS):
            total += pl.read(table, [0, index])
        pl.write(out, [0, 0], total)


@pl.jit
def tile_kernel(x, out):
    with pl.at(level=pl.Level.CORE_GROUP, name_hint="tile"):
        tile = pl.slice(x, [16, 64], [0, 0])
        for _ in range(OPERATIONS):
            tile = pl.add(tile, 1.0)
        out = pl.assemble(out, tile, [0, 0])


@pytest.fixture(scope="module")
def after():
    return reference_run("after")


def test_scalar_read(benchmark):
    """Divide by 2000 for the cost of one ``pl.read``."""
    table = np.ones((1, OPERATIONS), np.int32)
    arguments = {"table": table, "out": np.zeros((1, 8), np.int32)}
    benchmark.extra_info["operations"] = OPERATIONS
    benchmark(pl.record, read_kernel, arguments, outputs={"out"})
    assert arguments["out"][0, 0] == OPERATIONS


def test_tile_operation(benchmark):
    """Divide by 2000 for the cost of one tile operation on 16 x 64 elements."""
    arguments = {"x": np.zeros((16, 64), np.float32), "out": np.zeros((16, 64), np.float32)}
    benchmark.extra_info["operations"] = OPERATIONS
    benchmark(pl.record, tile_kernel, arguments, outputs={"out"})
    assert arguments["out"][0, 0] == OPERATIONS


def test_simulation(benchmark, after):
    graph, chip = build_graph(after.program), load_chip("a2a3")
    benchmark.pedantic(simulate, args=(after.program, graph, chip), rounds=3)
    operations = len(after.program.ops)
    benchmark.extra_info["operations_per_s"] = round(operations / benchmark.stats.stats.median)


@pytest.mark.parametrize("mode", DependencyMode)
def test_graph(benchmark, after, mode):
    benchmark.pedantic(build_graph, args=(after.program, mode), rounds=3)


def test_swimlane_picture(benchmark, after, tmp_path):
    benchmark.pedantic(
        lambda: save_figure(swimlane_figure(after.trace), tmp_path / "picture.png"), rounds=2
    )


def test_comparison_picture(benchmark, after, tmp_path):
    benchmark.pedantic(
        lambda: save_figure(compare_figure(after.trace, after.trace), tmp_path / "picture.png"),
        rounds=2,
    )


def test_bubble_table(benchmark, after):
    benchmark.pedantic(bubble_table, args=(after.trace,), rounds=3)


def test_comparison(benchmark, after):
    benchmark.pedantic(compare, args=(after.trace, after.trace), rounds=3)


def test_trace_file(benchmark, after, tmp_path):
    def there_and_back():
        save_trace(after.trace, tmp_path / "trace.npz")
        return load_trace(tmp_path / "trace.npz")

    assert benchmark.pedantic(there_and_back, rounds=3).makespan_ps == after.trace.makespan_ps
