"""Flash attention in FP16, one head of 128, on clusters of one AIC and two AIV.

Tiling of pto-isa kernels/manual/common/flash_atten, its default 128/128/256: query rows in tiles of
128, a logical tile of 256 key columns as two score tiles of 128 x 128, online softmax on the AIV,
and everything between the cores through slots in global memory, as an A2/A3 does. Scores run
``preload`` tiles ahead of the values, so cube and vector work overlap::

    AIC   QK(j)      QK(j+1)    ...   PV(j-preload)           -> slots in global memory
    AIV        softmax(j)  softmax(j+1)      rescale(j-preload)

Each cluster walks the query tiles ``cluster, cluster + clusters, ...`` in one launch.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

import npusim.language as pl
from npusim.errors import GuardError
from npusim.golden import KernelCase, KernelDefinition, TensorSpec, ratio_allclose, uniform

HEAD = 128
LOWEST = -3.0e38


@dataclass(frozen=True)
class Tiling:
    """What an engineer may turn; rows and columns in elements."""

    query_rows: int = 128
    key_cols: int = 256
    """Columns of a logical tile; two score tiles of half of it share L0C."""
    vector_rows: int = 64
    """Rows that the AIVs load at once, half of them each."""
    preload: int = 4
    """Logical tiles by which the scores run ahead of the values."""
    clusters: int = 24


def check(t: Tiling, seq: int) -> None:
    """Refuse a tiling that leaves a rest.

    Raises:
        GuardError: If a tile does not divide the sequence, or the rows of a tile.
    """
    for name, step, total in (
        ("query_rows", t.query_rows, seq),
        ("key_cols", t.key_cols, seq),
        ("vector_rows", t.vector_rows, t.query_rows),
    ):
        if step < 1 or total % step:
            msg = f"flash_attention: {name} is {step}; expected a divisor of {total}; change it"
            raise GuardError(msg)
    if t.preload < 1 or t.clusters < 1 or t.key_cols % 2:
        msg = (
            f"flash_attention: preload {t.preload}, clusters {t.clusters}, key_cols {t.key_cols}; "
            "expected at least 1, at least 1 and an even number; change them"
        )
        raise GuardError(msg)


@dataclass(frozen=True)
class Slots:
    """The slots of one cluster in global memory, and where they begin."""

    t: Tiling
    scores: Any
    weights: Any
    values: Any
    cluster: int

    def row(self, tile: int) -> int:
        """First row of the slot of logical tile ``tile``."""
        return (self.cluster * 2 * self.t.preload + tile % (2 * self.t.preload)) * self.t.query_rows


def scores_of_tile(slots: Slots, j: int, query, k) -> None:
    """Cube: both halves of the scores of logical tile ``j``, into its slot."""
    t, half = slots.t, slots.t.key_cols // 2
    left_keys = pl.slice(k, [half, HEAD], [j * t.key_cols, 0])
    right_keys = pl.slice(k, [half, HEAD], [j * t.key_cols + half, 0])
    left = pl.matmul(query, left_keys, out_dtype=pl.FP32, b_trans=True)
    right = pl.matmul(query, right_keys, out_dtype=pl.FP32, b_trans=True)
    pl.assemble(slots.scores, left, [slots.row(j), 0])
    pl.assemble(slots.scores, right, [slots.row(j), half])


def softmax_of_tile(slots: Slots, j: int, state: list[Any]) -> list[Any]:
    """Vector: weights of logical tile ``j``; updates maxima and sums, returns the rescaling."""
    t = slots.t
    factors = []
    leaving: list[tuple[Any, int]] = []
    for part in pl.pipeline(t.query_rows // t.vector_rows, stage=2):
        row = slots.row(j) + part * t.vector_rows
        raw = pl.slice(slots.scores, [t.vector_rows, t.key_cols], [row, 0])
        top_before, total_before = state[part][:2]
        # Short operations on columns go between long ones, which hide their latency.
        highest = pl.row_max(raw)
        # Weights leave one row maximum later: it may then not take their buffer and wait for MTE3.
        store_weights(slots, leaving)
        top = pl.maximum(top_before, highest)
        step = pl.sub(top_before, top)
        shifted = pl.row_expand_sub(raw, top)
        step = pl.mul(step, HEAD**-0.5)
        shifted = pl.mul(shifted, HEAD**-0.5)
        factor = pl.exp(step)
        weights = pl.exp(shifted)
        total = pl.mul(total_before, factor)
        part_sum = pl.row_sum(weights)
        narrow = pl.cast(weights, target_type=pl.FP16, mode="rint")
        total = pl.add(total, part_sum)
        leaving.append((narrow, row))
        state[part][:2] = [top, total]
        factors.append(factor)
    store_weights(slots, leaving)
    return factors


def store_weights(slots: Slots, leaving: list[tuple[Any, int]]) -> None:
    """Vector: finished weights and the rows they go to, into the slot; empties the list."""
    for weights, row in leaving:
        pl.assemble(slots.weights, weights, [row, 0])
    leaving.clear()


def values_of_tile(slots: Slots, j: int, v) -> None:
    """Cube: weights times values of logical tile ``j``, into its slot."""
    t = slots.t
    weights = pl.slice(slots.weights, [t.query_rows, t.key_cols], [slots.row(j), 0])
    rows = pl.slice(v, [t.key_cols, HEAD], [j * t.key_cols, 0])
    product = pl.matmul(weights, rows, out_dtype=pl.FP32)
    pl.assemble(slots.values, product, [slots.row(j), 0])


def rescale_output(slots: Slots, j: int, state: list[Any], factors: list[Any]) -> None:
    """Vector: the running output times the rescaling, plus the product of tile ``j``."""
    t = slots.t
    for part in pl.pipeline(t.query_rows // t.vector_rows, stage=2):
        row = slots.row(j) + part * t.vector_rows
        product = pl.slice(slots.values, [t.vector_rows, HEAD], [row, 0])
        state[part][2] = pl.add(pl.row_expand_mul(state[part][2], factors[part]), product)


def attend(slots: Slots, s0: int, seq: int, q, k, v, out) -> None:
    """One tile of query rows against all keys."""
    t = slots.t
    tiles = seq // t.key_cols
    query = pl.slice(q, [t.query_rows, HEAD], [s0, 0])
    state = [
        [
            pl.full([t.vector_rows, 1], pl.FP32, LOWEST),
            pl.full([t.vector_rows, 1], pl.FP32, 0.0),
            pl.full([t.vector_rows, HEAD], pl.FP32, 0.0),
        ]
        for _ in range(t.query_rows // t.vector_rows)
    ]
    waiting: deque[list[Any]] = deque()
    for j in pl.pipeline(tiles + t.preload, stage=2):
        if j < tiles:
            scores_of_tile(slots, j, query, k)
            waiting.append(softmax_of_tile(slots, j, state))
        if j >= t.preload:
            values_of_tile(slots, j - t.preload, v)
            rescale_output(slots, j - t.preload, state, waiting.popleft())
    for part, (_, total, acc) in enumerate(state):
        pl.assemble(out, pl.row_expand_div(acc, total), [s0 + part * t.vector_rows, 0])


def build_kernel(t: Tiling, seq: int) -> Any:
    """The kernel for one set of constants."""
    clusters = min(t.clusters, seq // t.query_rows)
    slot_rows = clusters * 2 * t.preload * t.query_rows

    @pl.jit
    def flash_attention(
        q: pl.Tensor[[seq, HEAD], pl.FP16],
        k: pl.Tensor[[seq, HEAD], pl.FP16],
        v: pl.Tensor[[seq, HEAD], pl.FP16],
        out: pl.Out[pl.Tensor[[seq, HEAD], pl.FP32]],
    ):
        scores = pl.create_tensor([slot_rows, t.key_cols], pl.FP32)
        weights = pl.create_tensor([slot_rows, t.key_cols], pl.FP16)
        values = pl.create_tensor([slot_rows, HEAD], pl.FP32)
        for cluster in pl.spmd(
            clusters, name_hint="flash", optimizations=[pl.split(pl.SplitMode.UP_DOWN)]
        ):
            slots = Slots(t, scores, weights, values, cluster)
            for s0 in pl.range(cluster * t.query_rows, seq, clusters * t.query_rows):
                attend(slots, s0, seq, q, k, v, out)

    return flash_attention


def golden(inputs: dict[str, Any]) -> dict[str, Any]:
    """Softmax attention in FP32."""
    q, k, v = (inputs[name].astype(np.float32) for name in "qkv")
    scores = q @ k.T * np.float32(HEAD**-0.5)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return {"out": weights @ v / weights.sum(axis=1, keepdims=True)}


def centred(seed: int, shape: tuple[int, ...]) -> Any:
    """Seeded values in [-1, 1)."""
    return 2 * uniform(seed, shape) - np.float32(1)


def build(tiling: Any, options: dict[str, Any]) -> KernelCase:
    seq = options["seq"]
    check(tiling, seq)
    shape = (seq, HEAD)
    return KernelCase(
        name="",
        variant="",
        parameters={},
        entry=build_kernel(tiling, seq),
        specs=(
            TensorSpec("q", shape, pl.FP16, lambda: centred(1, shape)),
            TensorSpec("k", shape, pl.FP16, lambda: centred(2, shape)),
            TensorSpec("v", shape, pl.FP16, lambda: centred(3, shape)),
            TensorSpec("out", shape, pl.FP32, is_output=True),
        ),
        golden=golden,
        compare={"out": ratio_allclose(atol=2e-3, rtol=1e-2)},
    )


KERNEL = KernelDefinition(
    name="flash_attention",
    summary="Flash attention, FP16, one head of 128; default tiling of the pto-isa kernel",
    variants={
        "small": Tiling(query_rows=64, key_cols=128, vector_rows=32, preload=2),
        "default": Tiling(),
    },
    options={"seq": (1024, 256, 512, 2048, 4096, 8192, 16384, 32768)},
    build=build,
)
