"""Values that loops carry."""

import numpy as np
import pytest

import npusim.language as pl
from npusim.errors import KernelError


def record(kernel):
    x, out = np.arange(8, dtype=np.float32).reshape(2, 4), np.zeros((1, 4), np.float32)
    pl.record(kernel, {"x": x, "out": out}, outputs={"out"})
    return x, out


@pytest.mark.parametrize("loop", [pl.range, pl.pipeline, pl.unroll, pl.parallel])
def test_a_loop_hands_values_on(loop):
    def kernel(x, out):
        with pl.at(name_hint="sum"):
            total = pl.full([1, 4], pl.FP32, 0.0)
            for row, (acc, count) in loop(2, init_values=(total, 0)):
                total, rows = pl.yield_(pl.add(acc, x[row : row + 1, :]), count + 1)
            out[:, :] = pl.mul(total, float(rows))

    x, out = record(kernel)
    np.testing.assert_array_equal(out, 2 * x.sum(axis=0, keepdims=True))


def test_loops_that_carry_nest():
    seen = []

    def kernel(x, out):
        for _, (a,) in pl.range(2, init_values=(0,)):
            for _, (b,) in pl.range(3, init_values=(a,)):
                inner = pl.yield_(b + 1)
            seen.append(pl.yield_(inner))

    record(kernel)
    assert seen == [3, 6]


@pl.jit
def counted(x, out):
    with pl.at(name_hint="count"):
        for i, total in pl.while_(init_values=(0, 0.0)):
            pl.cond(i < 3)
            _, total = pl.yield_(i + 1, total + pl.read(x, [0, i]))  # noqa: PLW2901 - the carry
        pl.write(out, [0, 0], total)


def test_while_ends_where_its_condition_is_false():
    x, out = record(counted)
    assert out[0, 0] == x[0, :3].sum()


def test_while_as_plain_python_says_what_it_needs():
    with pytest.raises(
        KernelError, match=r"^test_language_carry\.py:\d+ .*: pl\.cond is false in plain"
    ):
        record(counted.__wrapped__)


def test_yield_needs_a_loop_that_carries_as_many():
    def none(x, out):
        pl.yield_(1)

    def other(x, out):
        for _, (_a,) in pl.range(1, init_values=(1,)):
            pl.yield_(1, 2)

    with pytest.raises(KernelError, match=r"pl\.yield_ of 1 values in a loop that carries 0; "):
        record(none)
    with pytest.raises(KernelError, match=r"pl\.yield_ of 2 values in a loop that carries 1; "):
        record(other)
