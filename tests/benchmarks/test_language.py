"""What the interpreter costs beyond numpy: per tile operation, per scalar read, per million.

Numbers are medians over runs of one process; the limits are those of the project (15 us, 1 us,
2 GiB). A machine that other work shares may exceed them: run alone.
"""

import resource
import subprocess
import sys
import time

import numpy as np
import pytest

import npusim.language as pl

OPERATIONS, RUNS = 4000, 9
MOST_US_PER_TILE_OP, MOST_US_PER_READ = 15.0, 1.0
MILLION, MOST_BYTES = 1_000_000, 2 * 1024**3


@pl.jit
def tile_kernel(x, out):
    with pl.at(name_hint="tile"):
        tile = pl.slice(x, [16, 64], [0, 0])
        for _ in pl.range(OPERATIONS // 4):
            tile = pl.mul(pl.exp(pl.neg(pl.add(tile, 1.0))), 0.5)
        pl.assemble(out, tile, [0, 0])


@pl.jit
def read_kernel(table, out):
    total = 0
    with pl.at(name_hint="read"):
        for index in pl.range(OPERATIONS):
            total += pl.read(table, [0, index])
        pl.write(out, [0, 0], total)


@pl.jit
def empty_kernel(table, out):
    total = 0
    with pl.at(name_hint="read"):
        for index in pl.range(OPERATIONS):
            total += index
        pl.write(out, [0, 0], total)


@pl.jit
def million_kernel(x, out):
    for _ in pl.range(100):
        with pl.at(name_hint="many"):
            tile = pl.slice(x, [1, 8], [0, 0])
            for _ in pl.range(MILLION // 100):
                tile = pl.add(tile, 1.0)
            pl.assemble(out, tile, [0, 0])


def median_us(run):
    """Median processor time of ``run`` in microseconds."""
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return float(np.median(times)) * 1e6


def numpy_alone():
    tile = np.zeros((16, 64), np.float32)
    for _ in range(OPERATIONS // 4):
        tile = np.multiply(np.exp(np.negative(np.add(tile, np.float32(1)))), np.float32(0.5))


@pytest.mark.slow
def test_a_tile_operation_costs_little_beyond_numpy():
    x, out = np.zeros((16, 64), np.float32), np.zeros((16, 64), np.float32)
    ours = median_us(lambda: pl.record(tile_kernel, {"x": x, "out": out}, outputs={"out"}))
    overhead_us = (ours - median_us(numpy_alone)) / OPERATIONS
    assert overhead_us < MOST_US_PER_TILE_OP, f"{overhead_us:.1f} us"


@pytest.mark.slow
def test_a_scalar_read_costs_little():
    arguments = {"table": np.ones((1, OPERATIONS), np.int32), "out": np.zeros((1, 8), np.int32)}

    def timed(kernel):
        return median_us(lambda: pl.record(kernel, arguments, outputs={"out"}))

    read_us = (timed(read_kernel) - timed(empty_kernel)) / OPERATIONS
    assert read_us < MOST_US_PER_READ, f"{read_us:.2f} us"


@pytest.mark.slow
def test_a_million_operations_fit_in_memory():
    code = "from tests.benchmarks.test_language import record_a_million; record_a_million()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < MOST_BYTES, f"{int(done.stdout) / 1024**2:.0f} MiB"


def record_a_million():
    """Record a million operations and print the peak memory of this process in bytes."""
    x, out = np.zeros((1, 8), np.float32), np.zeros((1, 8), np.float32)
    program = pl.record(million_kernel, {"x": x, "out": out}, outputs={"out"})
    assert len(program.ops) >= MILLION
    sys.stdout.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
