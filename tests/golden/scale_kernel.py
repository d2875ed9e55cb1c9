"""A kernel file as a user writes one, small enough to run in milliseconds; one golden is wrong."""

from dataclasses import dataclass

import numpy as np

import npusim.language as pl
from npusim.errors import GuardError
from npusim.golden import KernelCase, KernelDefinition, TensorSpec

ROWS, COLS = 256, 64


@dataclass(frozen=True)
class Tiling:
    """Knobs of the kernel."""

    row_tile: int = 64
    golden_factor: int = 2

    def __post_init__(self):
        if self.row_tile < 1 or ROWS % self.row_tile:
            msg = f"scale: row_tile is {self.row_tile}; expected a divisor of {ROWS} (rows)"
            raise GuardError(msg)


def build(tiling, options):
    @pl.jit
    def scale(x, y):
        for row in pl.parallel(0, ROWS, tiling.row_tile):
            with pl.at(level=pl.Level.CORE_GROUP, name_hint="scale"):
                tile = pl.slice(x, [tiling.row_tile, COLS], [row, 0])
                y = pl.assemble(y, pl.mul(tile, 2.0), [row, 0])

    return KernelCase(
        name="",
        variant="",
        parameters={},
        entry=scale,
        specs=(
            TensorSpec("x", (ROWS, COLS), pl.FP32, init_value=options["fill"]),
            TensorSpec("y", (ROWS, COLS), pl.FP32, is_output=True),
        ),
        golden=lambda inputs: {"y": inputs["x"] * np.float32(tiling.golden_factor)},
    )


KERNEL = KernelDefinition(
    name="scale",
    summary="twice every element",
    variants={"wrong": Tiling(golden_factor=3), "right": Tiling()},
    options={"fill": (1, 5)},
    build=build,
)
