"""Python stand-ins for the C++ kernels of pypto-lib (``@pl.jit.extern``), by their names.

The paged attention of ``models/qwen3_14b``: one kernel plans the work and leaves the plan in a
metadata buffer, another does grouped-query attention over a paged cache, a third does QK-norm, RoPE
and the cache update before it. The layout of the plan is private to the two sides, on the device as
here. Sources: the declarations and torch goldens of ``paged_attention_cce.py`` and
``decode_fwd.py`` at pypto-lib 634e77bd.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import KernelError
from npusim.language import has_extern, register_extern

Array = npt.NDArray[Any]

PAGE_TOKENS = 128
"""Tokens per page of the cache: ``BLOCK_SIZE`` of paged_attention_cce.py."""
_EPS = 1e-6
"""RMS norm of Qwen3: ``eps`` of models/qwen3_14b/config.py."""
_PLAN_HEADER = 2


def register_external_kernels() -> None:
    """Register every stand-in whose name has none yet: one of the user's own stays."""
    for name, function in _STAND_INS.items():
        if not has_extern(name):
            register_extern(name, function)


def plan_attention(
    seq_lens: Array,
    metadata: Array,
    max_blocks_per_seq: int,
    num_blocks: int,
    batch_offset: int,
    batch_count: int,
) -> None:
    """Leave the plan of a window of sequences in ``metadata``.

    Shapes: seq_lens (B,) INT32, metadata (bytes,) UINT8, written.

    Raises:
        KernelError: If a sequence is longer than its pages, or the buffer is too small.
    """
    del num_blocks
    lengths = seq_lens.reshape(-1)[batch_offset : batch_offset + batch_count]
    words = metadata[: metadata.size // 4 * 4].view(np.int32)
    if lengths.size != batch_count or lengths.size + _PLAN_HEADER > words.size:
        msg = (
            f"paged attention of {batch_count} sequences from {batch_offset}: {seq_lens.size} "
            f"lengths and {metadata.size} bytes of metadata; expected room for all of them"
        )
        raise KernelError(msg)
    if lengths.size and int(lengths.max()) > max_blocks_per_seq * PAGE_TOKENS:
        msg = (
            f"paged attention: a sequence of {int(lengths.max())} tokens has "
            f"{max_blocks_per_seq} pages of {PAGE_TOKENS}; expected pages for all of its tokens"
        )
        raise KernelError(msg)
    words[:_PLAN_HEADER] = batch_count, max_blocks_per_seq
    words[_PLAN_HEADER : _PLAN_HEADER + batch_count] = lengths


def paged_attention(  # noqa: PLR0913, PLR0917 - the arguments of the C++ kernel
    query: Array,
    key_cache: Array,
    value_cache: Array,
    block_table: Array,
    out: Array,
    workspace: Array,
    metadata: Array,
    cache_row_offset: int,
    batch_offset: int = 0,
    kv_heads: int = 0,
) -> None:
    """Grouped-query attention of one query token per sequence; FP32 inside.

    Shapes: query (B, H, D), caches of pages of (PAGE_TOKENS, kv_heads, D) from row
    ``cache_row_offset`` of D elements on, block_table B times the pages of a sequence, out (B, H,
    D), written for the sequences of the plan in ``metadata``.
    """
    del workspace
    depth = query.shape[-1]
    heads = kv_heads or key_cache.shape[-1] // depth
    lengths, pages_per_sequence = _plan(metadata)
    table = block_table.reshape(-1)[batch_offset * pages_per_sequence :]
    keys, values = (
        cache.reshape(-1, depth)[cache_row_offset:] for cache in (key_cache, value_cache)
    )
    for index, length in enumerate(lengths):
        first = index * pages_per_sequence
        pages = table[first : first + -(-length // PAGE_TOKENS)]
        rows = _rows_of(pages, length, heads)
        k, v = (
            rows_of[rows].astype(np.float32).reshape(length, heads, depth).swapaxes(0, 1)
            for rows_of in (keys, values)
        )
        q = query[index].astype(np.float32).reshape(heads, -1, depth)
        scores = q @ k.swapaxes(1, 2) / np.sqrt(np.float32(depth))
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        result = weights @ v / weights.sum(axis=-1, keepdims=True)
        out[index] = result.reshape(query.shape[1:]).astype(out.dtype)


def paged_attention_with_rope(  # noqa: PLR0913, PLR0917 - the arguments of the C++ kernel
    out: Array,
    query: Array,
    key_cache: Array,
    value_cache: Array,
    block_table: Array,
    workspace: Array,
    metadata: Array,
    q_proj: Array,
    k_proj: Array,
    v_proj: Array,
    q_norm_w: Array,
    k_norm_w: Array,
    rope_cos: Array,
    rope_sin: Array,
    inv_rms_states: Array,
    slot_mapping: Array,
    seq_lens: Array,
    cache_row_offset: int,
    batch_offset: int,
) -> None:
    """QK-norm and RoPE of the projections, their K and V into the cache, then ``paged_attention``.

    Shapes: q_proj (B, H * D), k_proj and v_proj (B, kv_heads * D) FP32, norm weights (1, D),
    rope tables (T, D), inv_rms_states (B, 1); the others as ``paged_attention``. Writes query, the
    rows of the new tokens in the caches, and out.
    """
    depth = query.shape[-1]
    heads = k_proj.shape[1] // depth
    lengths, _ = _plan(metadata)
    for index, length in enumerate(lengths):
        scale = np.float32(inv_rms_states[index, 0])
        cos, sin = rope_cos[length - 1], rope_sin[length - 1]
        slot = int(slot_mapping.reshape(-1)[batch_offset + index])
        row = cache_row_offset + slot * heads
        k = _rotate(_norm(k_proj[index].reshape(heads, depth) * scale, k_norm_w), cos, sin)
        q = _rotate(_norm(q_proj[index].reshape(-1, depth) * scale, q_norm_w), cos, sin)
        v = v_proj[index].reshape(heads, depth) * scale
        key_cache.reshape(-1, depth)[row : row + heads] = k.astype(key_cache.dtype)
        value_cache.reshape(-1, depth)[row : row + heads] = v.astype(value_cache.dtype)
        query[index] = q.astype(query.dtype)
    del seq_lens  # the plan has them
    paged_attention(
        query,
        key_cache,
        value_cache,
        block_table,
        out,
        workspace,
        metadata,
        cache_row_offset,
        batch_offset,
        heads,
    )


def _plan(metadata: Array) -> tuple[list[int], int]:
    """Lengths of the planned sequences, and pages per sequence in the block table."""
    words = metadata[: metadata.size // 4 * 4].view(np.int32)
    count, pages = (int(word) for word in words[:_PLAN_HEADER])
    return [int(n) for n in words[_PLAN_HEADER : _PLAN_HEADER + count]], pages


def _rows_of(pages: Array, length: int, heads: int) -> Array:
    """Rows of the flat cache that hold ``length`` tokens: tokens outside, heads inside."""
    tokens = (pages[:, None] * PAGE_TOKENS + np.arange(PAGE_TOKENS)).reshape(-1)[:length]
    rows: Array = (tokens[:, None].astype(np.int64) * heads + np.arange(heads)).reshape(-1)
    return rows


def _norm(x: Array, weight: Array) -> Array:
    """RMS norm of each row, times ``weight``."""
    scale = 1 / np.sqrt((x * x).mean(axis=-1, keepdims=True) + np.float32(_EPS))
    normed: Array = x * weight.reshape(1, -1) * scale
    return normed


def _rotate(x: Array, cos: Array, sin: Array) -> Array:
    """Rotary embedding of rows, in two halves."""
    half = x.shape[-1] // 2
    low, high = x[:, :half], x[:, half:]
    rotated = (low * cos[:half] - high * sin[:half], high * cos[half:] + low * sin[half:])
    return np.concatenate(rotated, axis=-1)


_STAND_INS: dict[str, Callable[..., None]] = {
    "paged_attention_cce": paged_attention,
    "paged_attention_rope_cce": paged_attention_with_rope,
    "paged_attention_tiling_cce": plan_attention,
}
