"""sort32, mrgsort and the top-k idiom against numpy."""

import numpy as np
import pytest

import npusim.language as pl
from npusim.errors import KernelError

RNG = np.random.default_rng(11)


def run(body, *arrays, out):
    def kernel(*handles):
        with pl.at(name_hint="sort"):
            pl.assemble(handles[-1], body(*handles[:-1]), [0] * out.ndim)

    names = {f"x{i}": x for i, x in enumerate(arrays)}
    pl.record(kernel, {**names, "out": out}, outputs={"out"})
    return out


def refuse(body, match, *arrays):
    with pytest.raises(KernelError, match=match):
        run(body, *arrays, out=np.zeros((1, 1), np.float32))


def top_k(x, k):
    """The idiom of the kernels: indices, sort, merge, take the pairs apart."""
    cols = x.shape[1]
    pairs = pl.sort32(x[:, :], pl.arange(0, [1, cols], dtype=pl.UINT32))
    run_len = 64
    while run_len < 2 * cols:
        pairs = pl.mrgsort(pairs, block_len=run_len)
        run_len *= 4
    head = pairs[:, 0 : 2 * k]
    values = pl.gather(head, mask_pattern=pl.MaskPattern.P0101)
    index = pl.gather(head, mask_pattern=pl.MaskPattern.P1010, output_dtype=pl.INT32)
    return values, index


@pytest.mark.parametrize("cols", [32, 128, 256, 512])
def test_top_k_gives_values_and_indices_of_the_largest(cols):
    x = RNG.permutation(cols).astype(np.float32)[None]
    values, index = np.zeros((1, 16), np.float32), np.zeros((1, 16), np.int32)
    run(lambda x: top_k(x, 16)[0], x, out=values)
    run(lambda x: top_k(x, 16)[1], x, out=index)
    order = np.argsort(-x[0])[:16]
    assert values[0].tolist() == x[0, order].tolist()
    assert index[0].tolist() == order.tolist()


def test_sort32_sorts_runs_of_32_and_keeps_the_bits_of_the_index():
    x = RNG.normal(size=(2, 64)).astype(np.float32)
    out = run(
        lambda x: pl.sort32(x, pl.arange(7, [1, 64], dtype=pl.UINT32)),
        x,
        out=np.zeros((2, 128), np.float32),
    )
    runs = x.reshape(2, 2, 32)
    order = np.argsort(-runs, axis=-1)
    assert (out[:, 0::2].reshape(2, 2, 32) == np.take_along_axis(runs, order, -1)).all()
    labels = np.ascontiguousarray(out[:, 1::2]).view(np.uint32).reshape(2, 2, 32)
    assert (labels == order + 7 + np.array([0, 32])[None, :, None]).all()


def test_fp16_pairs_take_four_lanes():
    x = RNG.permutation(32).astype(np.float16)[None]
    out = run(
        lambda x: pl.sort32(x, pl.arange(0, [1, 32], dtype=pl.UINT32)),
        x,
        out=np.zeros((1, 128), np.float16),
    )
    assert out[0, 0::4].tolist() == sorted(x[0].tolist(), reverse=True)
    assert out.view(np.uint32)[0, 1::2].tolist() == np.argsort(-x[0]).tolist()


def test_equal_values_keep_their_order():
    """The device may give any order; here the earlier element comes first."""
    x = np.zeros((1, 32), np.float32)
    out = run(lambda x: top_k(x, 4)[1], x, out=np.zeros((1, 4), np.int32))
    assert out[0].tolist() == [0, 1, 2, 3]


def test_mrgsort_merges_lists_of_different_lengths():
    a, b = np.zeros((1, 128), np.float32), np.zeros((1, 64), np.float32)
    a[0, 0::2], b[0, 0::2] = -np.arange(64), -np.arange(32) - 0.5
    out = run(pl.mrgsort, a, b, out=np.zeros((1, 192), np.float32))
    assert out[0, 0::2].tolist() == sorted([*a[0, 0::2], *b[0, 0::2]], reverse=True)


def test_refusals():
    x, row = np.zeros((1, 48), np.float32), np.zeros((1, 64), np.float32)
    index = np.zeros((1, 48), np.int32)
    ints, two = np.zeros((1, 32), np.int32), np.zeros((2, 64), np.float32)
    where = r"^test_language_sort\.py:\d+ \(scope sort, task 0, block 0\): "
    refuse(
        pl.sort32, where + r"pl\.sort32 of Tile.* expected rows of FP32 or FP16 with a", x, index
    )
    refuse(pl.sort32, where + r"pl\.sort32 of Tile.* expected a 32-bit integer", row, row)
    refuse(pl.mrgsort, where + r"pl\.mrgsort of 1 lists with block_len None", row)
    refuse(lambda x: pl.mrgsort(x, block_len=32), where + r"pl\.mrgsort with block_len 32; ", row)
    refuse(lambda x: pl.mrgsort(x, block_len=64), where + r".* expected one row of pairs", two)
    refuse(lambda x: pl.mrgsort(x, block_len=64), where + r".* expected one row of pairs", ints)
