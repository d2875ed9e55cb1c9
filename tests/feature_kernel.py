"""A small kernel with every kind of task that the runtime knows, and what it should compute.

::

    scale      AIV  SPMD, flagged        8 blocks of rows
    project    AIC  one per row tile     staged before scale ends
    score      MIX  one per row tile     product and its exponential
    boost      AIV  predicate true       first row tile
    drop       AIV  predicate false      second row tile: runs nowhere
    join       -    dummy                behind all of it
    gate       MIX  SPMD, flagged        4 blocks
    together   AIV  SPMD, sync_start     blocks start at once
    close      AIV                       behind a second dummy
"""

from typing import Any

import numpy as np

import npusim.language as pl
from npusim.program import Program

ROWS, COLS = 256, 64
TILE = 64
TILES = ROWS // TILE
BLOCKS = 8
GATES = 4
STEP = ROWS // BLOCKS


@pl.jit
def every_kind(x: pl.Tensor, w: pl.Tensor, flags: pl.Tensor, out: pl.Out[pl.Tensor]) -> None:
    """The kernel; see the table above."""
    scaled = pl.create_tensor([ROWS, COLS], pl.BF16)
    product = pl.create_tensor([ROWS, COLS], pl.FP32)
    score = pl.create_tensor([ROWS, COLS], pl.FP32)
    gated = pl.create_tensor([ROWS, COLS], pl.FP32)
    with pl.spmd(BLOCKS, name_hint="scale", allow_early_resolve=True):
        row = pl.get_block_idx() * STEP
        tile = pl.mul(pl.slice(x, [STEP, COLS], [row, 0]), 0.5)
        pl.assemble(scaled, pl.cast(tile, target_type=pl.BF16, mode="rint"), [row, 0])
    finished = pl.array.create(2 * TILES, pl.TASK_ID)
    for number in pl.parallel(TILES):
        row = number * TILE
        with pl.at(name_hint="project") as finished[number]:
            left = pl.slice(scaled, [TILE, COLS], [row, 0])
            pl.assemble(product, pl.matmul(left, w, out_dtype=pl.FP32), [row, 0])
        with pl.at(name_hint="score", allow_early_resolve=True) as finished[TILES + number]:
            left = pl.slice(scaled, [TILE, COLS], [row, 0])
            pl.assemble(score, pl.exp(pl.matmul(left, w, out_dtype=pl.FP32)), [row, 0])
    with pl.at(name_hint="boost", predicate=(flags[0, 0] > 0)) as boosted:
        pl.assemble(product, pl.mul(pl.slice(product, [TILE, COLS], [0, 0]), 2.0), [0, 0])
    with pl.at(name_hint="drop", predicate=(flags[0, 1] > 0)) as dropped:
        pl.assemble(product, pl.mul(pl.slice(product, [TILE, COLS], [TILE, 0]), 0.0), [TILE, 0])
    joined = pl.system.task_dummy(deps=[finished, boosted, dropped])
    with pl.spmd(GATES, name_hint="gate", deps=[joined], allow_early_resolve=True):
        row = pl.get_block_idx() * TILE
        left = pl.slice(scaled, [TILE, COLS], [row, 0])
        raw = pl.matmul(left, w, out_dtype=pl.FP32)
        weights = pl.slice(score, [TILE, COLS], [row, 0])
        pl.assemble(gated, pl.mul(raw, weights), [row, 0])
    with pl.spmd(BLOCKS, name_hint="together", sync_start=True) as summed:
        row = pl.get_block_idx() * STEP
        left = pl.slice(gated, [STEP, COLS], [row, 0])
        right = pl.slice(product, [STEP, COLS], [row, 0])
        pl.assemble(out, pl.add(left, right), [row, 0])
    last = pl.system.task_dummy(deps=[summed])
    for number in pl.parallel(TILES):
        with pl.at(name_hint="close", deps=[last]):
            row = number * TILE
            tile = pl.slice(out, [TILE, COLS], [row, 0])
            pl.assemble(out, pl.sub(tile, 1.0), [row, 0])


def inputs() -> dict[str, Any]:
    """The same values every time."""
    dice = np.random.default_rng(7)
    return {
        "x": dice.uniform(-1, 1, (ROWS, COLS)).astype(np.float32),
        "w": (dice.uniform(-1, 1, (COLS, COLS)) / 8).astype(pl.BF16.numpy),
        "flags": np.array([[1.0, 0.0] + [0.0] * 6], np.float32),
    }


def golden(x: Any, w: Any, flags: Any) -> Any:
    """What the kernel should leave in ``out``."""
    scaled = (x * np.float32(0.5)).astype(w.dtype).astype(np.float32)
    raw = scaled @ w.astype(np.float32)
    product = raw.copy()
    product[:TILE] *= 2.0 if flags[0, 0] > 0 else 1.0
    return raw * np.exp(raw) + product - 1.0


def record() -> tuple[Program, Any]:
    """The recording, and the output."""
    values, out = inputs(), np.zeros((ROWS, COLS), np.float32)
    program = pl.record(every_kind, {**values, "out": out}, outputs={"out"})
    return program, out
