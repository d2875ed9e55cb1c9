"""Gather of scattered rows: 128 rows of 1 KiB by a list of row numbers, on an AIC or an AIV.

The case of hw-native-sys/pypto issue 2244: one small load per row, on the cube side into L1, on the
vector side into UB. The rows are then stored one after the other, so that the gather has a result.
The variant ``copy`` is the per-row copy of pypto-lib pull request 775, which reads each row number
from a table and has one buffer; ``bulk`` moves neighbouring rows, 16 at a time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

import npusim.language as pl
from npusim.errors import GuardError
from npusim.golden import KernelCase, KernelDefinition, TensorSpec, allclose, uniform

TABLE_ROWS = 4096
_STRIDE = 1021  # coprime to the rows of the table: no two picked rows are neighbours


@dataclass(frozen=True)
class Tiling:
    """What an engineer may turn."""

    core: str = "aiv"
    """``aic``: into L1; ``aiv``: into UB."""
    rows: int = 128
    cols: int = 512
    """BF16 elements of a row: 1 KiB."""
    stages: int = 128
    """Buffers that the loop rotates through."""
    is_indexed: bool = False
    """Row numbers are read from a table, one by one."""
    bulk_rows: int = 1
    """Neighbouring rows that one load brings."""


def build_kernel(t: Tiling) -> Any:
    """The kernel for one set of constants."""
    memory = pl.MemorySpace.Mat if t.core == "aic" else pl.MemorySpace.Vec
    picked = picked_rows(t)

    @pl.jit
    def gather_rows(
        table: pl.Tensor[[TABLE_ROWS, t.cols], pl.BF16],
        index: pl.Tensor[[t.rows], pl.INT32],
        out: pl.Out[pl.Tensor[[t.rows, t.cols], pl.BF16]],
    ):
        with pl.at(level=pl.Level.CORE_GROUP, name_hint="gather_rows"):
            for row in pl.pipeline(0, t.rows, t.bulk_rows, stage=t.stages):
                source = pl.read(index, [row]) if t.is_indexed else picked[row]
                tile = pl.load(table, [source, 0], [t.bulk_rows, t.cols], target_memory=memory)
                out = pl.assemble(out, tile, [row, 0])

    return gather_rows


def picked_rows(t: Tiling) -> list[int]:
    """The row numbers, scattered over the table."""
    starts = [index * _STRIDE % (TABLE_ROWS - t.bulk_rows) for index in range(t.rows)]
    return [starts[index - index % t.bulk_rows] + index % t.bulk_rows for index in range(t.rows)]


def check(t: Tiling) -> None:
    """Refuse what the kernel cannot do.

    Raises:
        GuardError: If the core is unknown or a size is out of range.
    """
    if t.core not in {"aic", "aiv"}:
        msg = f"gather_rows: core is {t.core!r}; expected aic or aiv; correct it"
        raise GuardError(msg)
    is_whole = t.bulk_rows > 0 and t.rows > 0 and t.rows % t.bulk_rows == 0
    if not is_whole or t.cols < 1 or not 1 <= t.stages <= 255:
        msg = (
            f"gather_rows: rows {t.rows}, bulk_rows {t.bulk_rows}, cols {t.cols}, "
            f"stages {t.stages}; expected rows in whole bulks, at least 1 column and 1 to 255 "
            "stages; correct them"
        )
        raise GuardError(msg)


def build(tiling: Any, options: dict[str, Any]) -> KernelCase:
    del options
    check(tiling)
    shape = (TABLE_ROWS, tiling.cols)
    return KernelCase(
        name="",
        variant="",
        parameters={},
        entry=build_kernel(tiling),
        specs=(
            TensorSpec("table", shape, pl.BF16, lambda: uniform(1, shape) - np.float32(0.5)),
            TensorSpec("index", (tiling.rows,), pl.INT32, lambda: np.array(picked_rows(tiling))),
            TensorSpec("out", (tiling.rows, tiling.cols), pl.BF16, is_output=True),
        ),
        golden=lambda inputs: {"out": inputs["table"][picked_rows(tiling)]},
        compare={"out": allclose(rtol=0.0, atol=0.0)},
    )


KERNEL = KernelDefinition(
    name="gather_rows",
    summary="128 scattered rows of 1 KiB, one load each, on an AIC or an AIV",
    variants={
        "aic": Tiling(core="aic"),
        "copy": Tiling(stages=1, is_indexed=True),
        "bulk": Tiling(stages=2, bulk_rows=16),
        "aiv": Tiling(),
    },
    options={},
    build=build,
)
