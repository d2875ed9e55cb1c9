"""Stand-ins of C++ kernels: paged attention against attention written out."""

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import npusim.language as pl
from npusim.compat import CompatOptions, Reason, run_script
from npusim.compat.external_kernels import (
    PAGE_TOKENS,
    paged_attention,
    paged_attention_with_rope,
    plan_attention,
    register_external_kernels,
)
from npusim.compat.torch_bridge import has_torch
from npusim.errors import KernelError, UsageError

KERNEL = Path(__file__).parent / "compat_files" / "jit_extern.py"
BF16 = ml_dtypes.bfloat16
KV_HEADS, GROUP, DEPTH, PAGES = 2, 3, 16, 2


def setup(lengths, seed=0):
    """Sequences over shuffled pages: (query, keys, values, table, metadata)."""
    rng = np.random.default_rng(seed)
    count = len(lengths)
    query = rng.standard_normal((count, KV_HEADS * GROUP, DEPTH)).astype(BF16)
    keys, values = (
        rng.standard_normal((count * PAGES, PAGE_TOKENS, KV_HEADS * DEPTH)).astype(BF16)
        for _ in range(2)
    )
    table = rng.permutation(count * PAGES).astype(np.int32).reshape(count, PAGES)
    metadata = np.zeros(256, np.uint8)
    plan_attention(np.array(lengths, np.int32), metadata, PAGES, count * PAGES, 0, count)
    return query, keys, values, table, metadata


def reference(query, keys, values, table, lengths):
    out = np.zeros(query.shape, np.float32)
    for index, length in enumerate(lengths):
        k, v = (
            pool[table[index]].reshape(-1, KV_HEADS, DEPTH)[:length].astype(np.float32)
            for pool in (keys, values)
        )
        for head in range(KV_HEADS * GROUP):
            scores = k[:, head // GROUP] @ query[index, head].astype(np.float32) / DEPTH**0.5
            weights = np.exp(scores - scores.max())
            out[index, head] = weights @ v[:, head // GROUP] / weights.sum()
    return out


@pytest.mark.parametrize("lengths", [[1], [PAGE_TOKENS], [5, 200, 256]])
def test_attention_reads_the_pages_of_each_sequence(lengths) -> None:
    query, keys, values, table, metadata = setup(lengths)
    out = np.zeros(query.shape, BF16)
    paged_attention(query, keys, values, table, out, metadata, metadata, 0)
    expected = reference(query, keys, values, table, lengths)
    np.testing.assert_allclose(out.astype(np.float32), expected, rtol=1e-2, atol=1e-2)


def test_a_row_offset_selects_a_layer_of_the_cache() -> None:
    query, keys, values, table, metadata = setup([130])
    layers = [np.concatenate([np.zeros_like(pool), pool]) for pool in (keys, values)]
    out, plain = np.zeros(query.shape, BF16), np.zeros(query.shape, BF16)
    paged_attention(query, keys, values, table, plain, metadata, metadata, 0)
    rows = keys.size // DEPTH
    paged_attention(query, *layers, table, out, metadata, metadata, rows)
    np.testing.assert_array_equal(out, plain)


def test_rope_writes_the_new_token_before_attention() -> None:
    lengths = [3, 129]
    _, keys, values, table, metadata = setup(lengths)
    rng = np.random.default_rng(1)
    q_proj = rng.standard_normal((2, KV_HEADS * GROUP * DEPTH)).astype(np.float32)
    k_proj, v_proj = rng.standard_normal((2, 2, KV_HEADS * DEPTH)).astype(np.float32)
    angle = np.outer(np.arange(300), 1.0 / 100.0 ** (np.arange(DEPTH // 2) / 8)).astype(np.float32)
    cos, sin = (np.tile(f(angle), 2).astype(np.float32) for f in (np.cos, np.sin))
    slots = np.array(
        [
            table[i, (n - 1) // PAGE_TOKENS] * PAGE_TOKENS + (n - 1) % PAGE_TOKENS
            for i, n in enumerate(lengths)
        ],
        np.int32,
    )
    norm = np.full((1, DEPTH), 0.5, np.float32)
    query = np.zeros((2, KV_HEADS * GROUP, DEPTH), BF16)
    out = np.zeros(query.shape, BF16)
    flat = [pool.reshape(-1, DEPTH) for pool in (keys, values)]
    tail = (norm, norm, cos, sin, np.full((2, 1), 0.25, np.float32), slots)
    sizes = (np.array(lengths, np.int32), 0, 0)
    paged_attention_with_rope(
        out, query, *flat, table.reshape(-1), metadata, metadata, q_proj, k_proj, v_proj,
        *tail, *sizes,
    )  # fmt: skip
    new = keys.reshape(-1, KV_HEADS, DEPTH)[slots[1]].astype(np.float32)
    raw = k_proj[1].reshape(KV_HEADS, DEPTH)
    raw = 0.5 * raw / np.sqrt((raw**2).mean(axis=1, keepdims=True))
    turned = (raw[:, :8] + 1j * raw[:, 8:]) * np.exp(1j * angle[128])
    expected = np.concatenate([turned.real, turned.imag], axis=1)
    np.testing.assert_allclose(new, expected, rtol=2e-2, atol=2e-2)
    stored = values.reshape(-1, KV_HEADS * DEPTH)[slots[0]].astype(np.float32)
    np.testing.assert_allclose(stored, 0.25 * v_proj[0], rtol=1e-2)
    expected = reference(query, keys, values, table, lengths)
    np.testing.assert_allclose(out.astype(np.float32), expected, rtol=2e-2, atol=2e-2)


def test_a_sequence_beyond_its_pages_is_refused() -> None:
    with pytest.raises(KernelError, match=r"^paged attention: a sequence of 257 tokens has 2 page"):
        plan_attention(np.array([257], np.int32), np.zeros(64, np.uint8), PAGES, 2, 0, 1)


def test_a_plan_that_does_not_fit_is_refused() -> None:
    with pytest.raises(KernelError, match=r"16 bytes of metadata; expected room for all of them$"):
        plan_attention(np.ones(8, np.int32), np.zeros(16, np.uint8), PAGES, 2, 0, 8)


def test_a_stand_in_of_the_user_stays(monkeypatch) -> None:
    known: dict[str, object] = {"paged_attention_cce": print}
    monkeypatch.setattr("npusim.language.external._STAND_INS", known)
    register_external_kernels()
    assert known["paged_attention_cce"] is print
    assert pl.has_extern("paged_attention_rope_cce")


@pytest.mark.skipif(not has_torch(), reason="kernel files need torch")
def test_a_file_names_the_stand_ins_of_external_kernels(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("npusim.language.external._STAND_INS", {})
    (tmp_path / "externs.py").write_text(
        "import npusim.language as pl\n"
        "def negate(x, out):\n"
        "    out[...] = -x\n"
        "pl.register_extern('negate_cce', negate)\n"
    )
    without = run_script(KERNEL, [], CompatOptions())
    assert without.outcome.reason is Reason.KERNEL_ERROR
    assert "before the kernel runs, in the file of --npusim-externs" in without.outcome.message
    result = run_script(KERNEL, [], CompatOptions(externs=tmp_path / "externs.py"))
    assert (result.outcome.reason, result.records[0].verified) == (Reason.PASSED, True)
    with pytest.raises(UsageError, match=r"none\.py: no such file; expected Python"):
        run_script(KERNEL, [], CompatOptions(externs=tmp_path / "none.py"))
