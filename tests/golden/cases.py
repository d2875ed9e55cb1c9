"""Tiny kernels whose whole trace fits on a page, one for each thing a trace can show."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

import npusim.language as pl
from npusim.program import Program


@pl.jit
def gemm_kernel(a, b, c):
    """Four output tiles; each walks k in a double-buffered loop and stores."""
    for row in pl.parallel(0, 64, 32):
        for col in pl.parallel(0, 128, 64):
            with pl.at(level=pl.Level.CORE_GROUP, name_hint="gemm"):
                acc = pl.matmul(
                    pl.slice(a, [32, 64], [row, 0]),
                    pl.slice(b, [64, 64], [0, col]),
                    out_dtype=pl.FP32,
                )
                for k in pl.pipeline(64, 256, 64, stage=2):
                    left = pl.slice(a, [32, 64], [row, k])
                    right = pl.slice(b, [64, 64], [k, col])
                    acc = pl.matmul_acc(acc, left, right)
                c = pl.assemble(c, acc, [row, col])


@pl.jit
def chain_kernel(x, y, z):
    """Two scopes; the second reads what the first wrote, tile by tile."""
    for row in pl.parallel(0, 128, 64):
        with pl.at(level=pl.Level.CORE_GROUP, name_hint="double"):
            y = pl.assemble(y, pl.mul(pl.slice(x, [64, 64], [row, 0]), 2.0), [row, 0])
        with pl.at(level=pl.Level.CORE_GROUP, name_hint="norm"):
            tile = pl.slice(y, [64, 64], [row, 0])
            z = pl.assemble(z, pl.row_expand_sub(tile, pl.row_max(tile)), [row, 0])


@pl.jit
def mix_kernel(a, b, c):
    """One scope with cube and vector work: a whole cluster, with a handshake inside."""
    with pl.at(level=pl.Level.CORE_GROUP, name_hint="mix"):
        product = pl.matmul(
            pl.slice(a, [32, 64], [0, 0]), pl.slice(b, [64, 64], [0, 0]), out_dtype=pl.FP32
        )
        c = pl.assemble(c, pl.exp(pl.mul(product, 0.125)), [0, 0])


@pl.jit
def waves_kernel(x, y):
    """One dispatch with more blocks than the chip has vector cores."""
    for i in pl.spmd(52, name_hint="waves"):
        y = pl.assemble(y, pl.add(pl.slice(x, [8, 64], [i * 8, 0]), 1.0), [i * 8, 0])


@dataclass(frozen=True)
class Case:
    """A kernel, its arguments by name, and what it should compute from them."""

    kernel: Any
    shapes: dict[str, tuple[tuple[int, int], Any]]
    output: str
    expected: Callable[..., Any]

    def arguments(self) -> dict[str, Any]:
        """Seeded small integers, so that every product and sum is exact."""
        generator = np.random.default_rng(20260528)
        return {
            name: generator.integers(-3, 4, shape).astype(dtype)
            for name, (shape, dtype) in self.shapes.items()
        }

    def record(self, name: str) -> tuple[Program, dict[str, Any], dict[str, Any]]:
        """The recording, the arguments before and the arguments after."""
        before, after = self.arguments(), self.arguments()
        options = pl.RecordOptions(kernel=name, variant="golden")
        outputs = {key for key in self.shapes if key not in ("a", "b", "x")}
        return pl.record(self.kernel, after, outputs=outputs, options=options), before, after


BF16, FP32 = ml_dtypes.bfloat16, np.float32
CASES = {
    "gemm": Case(
        gemm_kernel,
        {"a": ((64, 256), BF16), "b": ((256, 128), BF16), "c": ((64, 128), FP32)},
        "c",
        lambda before: before["a"].astype(FP32) @ before["b"].astype(FP32),
    ),
    "chain": Case(
        chain_kernel,
        dict.fromkeys("xyz", ((128, 64), FP32)),
        "z",
        lambda before: 2 * before["x"] - 2 * before["x"].max(axis=1, keepdims=True),
    ),
    "mix": Case(
        mix_kernel,
        {"a": ((32, 64), BF16), "b": ((64, 64), BF16), "c": ((32, 64), FP32)},
        "c",
        lambda before: np.exp((before["a"].astype(FP32) @ before["b"].astype(FP32)) * FP32(0.125)),
    ),
    "waves": Case(
        waves_kernel,
        dict.fromkeys("xy", ((416, 64), FP32)),
        "y",
        lambda before: before["x"] + 1,
    ),
}
