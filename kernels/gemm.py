"""Matrix product in FP16 on all cube cores: the published GEMM of pto-isa as a DSL kernel.

Tiling after pto-isa kernels/manual/a2a3/gemm_performance/README.md: a grid of 4 x 6 cores, each
walks its part of c in base tiles of 128 x 256. A load brings ``step_k`` base steps of 64 columns to
L1 at once, double-buffered; L0C holds one base tile, so its drain is exposed.

    core (r, q)   c[r * M/4 :, q * N/6 :]     for each base tile: load a, b | matmul_acc ... | store
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

import npusim.language as pl
from npusim.errors import GuardError
from npusim.golden import KernelCase, KernelDefinition, TensorSpec, ratio_allclose, uniform


@dataclass(frozen=True)
class Tiling:
    """What an engineer may turn; sizes in elements."""

    base_m: int = 128
    base_n: int = 256
    base_k: int = 64
    step_k: int = 4
    """Base steps that one load brings to L1."""
    core_rows: int = 4
    core_cols: int = 6
    stages: int = 2
    """Buffers in L1 per operand."""


def check(t: Tiling, size: int) -> None:
    """Refuse a tiling that does not divide the matrix.

    Raises:
        GuardError: If a tile is left over.
    """
    for name, step in (
        ("core_rows * base_m", t.core_rows * t.base_m),
        ("core_cols * base_n", t.core_cols * t.base_n),
        ("step_k * base_k", t.step_k * t.base_k),
    ):
        if step < 1 or size % step:
            msg = f"gemm: {name} is {step}; expected a divisor of the size {size}; change the tiles"
            raise GuardError(msg)


def build_kernel(t: Tiling, size: int) -> Any:
    """The kernel for one set of constants."""
    part_m, part_n, step = size // t.core_rows, size // t.core_cols, t.step_k * t.base_k

    @pl.jit
    def gemm(
        a: pl.Tensor[[size, size], pl.FP16],
        b: pl.Tensor[[size, size], pl.FP16],
        c: pl.Out[pl.Tensor[[size, size], pl.FP32]],
    ):
        for core in pl.spmd(t.core_rows * t.core_cols, name_hint="gemm"):
            row0, col0 = core // t.core_cols * part_m, core % t.core_cols * part_n
            for m in pl.range(row0, row0 + part_m, t.base_m):
                for n in pl.range(col0, col0 + part_n, t.base_n):
                    acc = pl.create_tensor([t.base_m, t.base_n], pl.FP32)
                    for k in pl.pipeline(0, size, step, stage=t.stages):
                        left = pl.slice(a, [t.base_m, step], [m, k])
                        right = pl.slice(b, [step, t.base_n], [k, n])
                        acc = pl.matmul_acc(acc, left, right, init_cond=k == 0)
                    c = pl.assemble(c, acc, [m, n])

    return gemm


def centred(seed: int, shape: tuple[int, ...]) -> Any:
    """Seeded values in [-0.5, 0.5)."""
    return uniform(seed, shape) - np.float32(0.5)


def golden(inputs: dict[str, Any]) -> dict[str, Any]:
    """The product in FP32."""
    return {"c": inputs["a"].astype(np.float32) @ inputs["b"].astype(np.float32)}


def build(tiling: Any, options: dict[str, Any]) -> KernelCase:
    size = options["size"]
    check(tiling, size)
    shape = (size, size)
    return KernelCase(
        name="",
        variant="",
        parameters={},
        entry=build_kernel(tiling, size),
        specs=(
            TensorSpec("a", shape, pl.FP16, lambda: centred(1, shape)),
            TensorSpec("b", shape, pl.FP16, lambda: centred(2, shape)),
            TensorSpec("c", shape, pl.FP32, is_output=True),
        ),
        golden=golden,
        compare={"c": ratio_allclose(atol=1e-2, rtol=1e-3)},
    )


KERNEL = KernelDefinition(
    name="gemm",
    summary="Matrix product, FP16 in, FP32 out, square; tiling of the pto-isa performance kernel",
    variants={
        "small": Tiling(base_m=64, base_n=64, step_k=2, core_rows=2, core_cols=2),
        "published": Tiling(),
    },
    options={"size": (1536, 256, 512, 768, 3072, 6144, 7680)},
    build=build,
)
