"""Inputs and reference outputs of the prefill sparse attention kernel, in numpy.

Inputs: KERNEL_SPEC.md section 2.2, bit for bit. References: section 4; the faithful one of section
4.7 also rounds the attention output to BF16 before the inverse rotation, as the kernels do.

    attention_output ─▶ projection_input ─▶ quantise_rows ─▶ dequantised_product
"""

from collections.abc import Callable, Mapping
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
from prefill_sparse_attn_config import Constants

from npusim.golden import ScalarSpec, TensorSpec, uniform

Array = npt.NDArray[Any]
Attention = Callable[[Constants, Array, Array, Array], Array]
"""Attention of one token: constants, q, context rows, sinks."""

BF16 = np.dtype(ml_dtypes.bfloat16)


def specs(c: Constants) -> tuple[TensorSpec | ScalarSpec, ...]:
    """The sixteen arguments, in order."""
    pages = c.batch * c.ori_pages
    cmp_pages = c.batch * c.cmp_pages
    row = (c.page_rows, 1, c.head_dim)
    wo_b = _Once(lambda: _output_weights(c))
    return (
        TensorSpec("q", (c.tokens, c.heads, c.head_dim), BF16, _eighth(1, c.tokens, c.heads, c)),
        TensorSpec("ori_kv", (pages, *row), BF16, lambda: _centred(2, (pages, *row)) / 8),
        TensorSpec("ori_block_table", (c.batch, c.ori_pages), np.int32, _table(c.ori_pages, c)),
        TensorSpec("cmp_kv", (cmp_pages, *row), BF16, lambda: _centred(3, (cmp_pages, *row)) / 8),
        TensorSpec("cmp_block_table", (c.batch, c.cmp_pages), np.int32, _table(c.cmp_pages, c)),
        TensorSpec("cmp_sparse_indices", (c.tokens, c.topk), np.int32, lambda: index_lists(c)),
        TensorSpec("attn_sink", (c.heads,), np.float32),
        TensorSpec("seqused_kv", (c.batch,), np.int32, c.seq),
        TensorSpec("freqs_cos", (c.tokens, c.rope_dim), BF16, lambda: np.cos(_angles(c))),
        TensorSpec("freqs_sin", (c.tokens, c.rope_dim), BF16, lambda: np.sin(_angles(c))),
        TensorSpec("even_select_local", _selector_shape(c), BF16, lambda: _selector(c, 0)),
        TensorSpec("odd_select_local", _selector_shape(c), BF16, lambda: _selector(c, 1)),
        TensorSpec("wo_a", (c.o_groups, c.o_lora, c.group_in), BF16, lambda: _group_weights(c)),
        TensorSpec("wo_b", (c.hidden, c.proj_in), np.int8, lambda: wo_b()[0]),
        TensorSpec("wo_b_scale", (c.hidden,), np.float32, lambda: wo_b()[1]),
        TensorSpec("attn_out", (c.tokens, c.hidden), BF16, is_output=True),
    )


def golden(c: Constants, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The official reference: sections 4.1 (or 4.6) to 4.4.

    Shapes: ``attn_out`` (T, hidden) BF16.
    """
    attend = tilewise_attention if c.tiling.reference == "tilewise" else global_attention
    attention = attention_output(c, inputs, attend)
    return {"attn_out": project(c, projection_input(c, attention, inputs), inputs)}


def faithful_golden(c: Constants, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The reference that rounds where the kernels round (section 4.7).

    Tile-wise softmax with BF16 weights; the attention output is BF16 before the rotation.

    Shapes: ``attn_out`` (T, hidden) BF16.
    """
    attention = attention_output(c, inputs, tilewise_attention)
    rounded = attention.astype(ml_dtypes.bfloat16).astype(np.float32)
    return {"attn_out": project(c, projection_input(c, rounded, inputs), inputs)}


def attention_output(c: Constants, inputs: Mapping[str, Array], attend: Attention) -> Array:
    """Attention of every token before the rotation; zero where a token has no context.

    Shapes: → (T, heads, head_dim) FP32.
    """
    attention = np.zeros((c.tokens, c.heads, c.head_dim), np.float32)
    q = inputs["q"].astype(np.float32)
    for token in range(c.tokens):
        context = context_rows(c, inputs, token)
        if len(context):
            attention[token] = attend(c, q[token], context, inputs["attn_sink"])
    return attention


def projection_input(c: Constants, attention: Array, inputs: Mapping[str, Array]) -> Array:
    """Rows of projection B: inverse rotation (section 4.2), grouped projection A (4.3).

    Shapes: attention (T, heads, head_dim) FP32 → (T, proj_in) BF16 values in FP32.
    """
    rotated = _inverse_rope(c, attention, inputs["freqs_cos"], inputs["freqs_sin"])
    grouped = rotated.reshape(c.tokens, c.o_groups, c.group_in)
    x = np.empty((c.tokens, c.proj_in), np.float32)
    for group in range(c.o_groups):
        weights = inputs["wo_a"][group].astype(np.float32)
        columns = slice(group * c.o_lora, (group + 1) * c.o_lora)
        x[:, columns] = (grouped[:, group] @ weights.T).astype(ml_dtypes.bfloat16)
    return x


def project(c: Constants, x: Array, inputs: Mapping[str, Array]) -> Array:
    """INT8 projection B (section 4.4).

    Shapes: x (T, proj_in) FP32 → (T, hidden) BF16.
    """
    codes, scale = quantise_rows(c, x)
    return dequantised_product(codes, scale, inputs)


def dequantised_product(codes: Array, scale: Array, inputs: Mapping[str, Array]) -> Array:
    """Product of quantised rows with the output weights, scaled back.

    Shapes: codes (T, proj_in) INT8, scale (T,) FP32 → (T, hidden) BF16.
    """
    # FP64 holds these sums exactly: 8192 products of at most 127 * 127.
    total = codes.astype(np.float64) @ inputs["wo_b"].astype(np.float64).T
    out = total.astype(np.float32) * scale[:, None] * inputs["wo_b_scale"][None, :]
    return np.asarray(out.astype(ml_dtypes.bfloat16))


def context_rows(c: Constants, inputs: Mapping[str, Array], token: int) -> Array:
    """K (= V) rows of one token, none when it is beyond the used length.

    Shapes: → (n, head_dim) FP32.
    """
    sequence, position = divmod(token, c.seq)
    used = int(inputs["seqused_kv"][sequence])
    if position >= used:
        return np.zeros((0, c.head_dim), np.float32)
    prompt = _paged_rows(inputs["ori_kv"], inputs["ori_block_table"][sequence])
    if not c.is_sparse:
        return prompt[: min(position + 1, used)].astype(np.float32)
    entries = inputs["cmp_sparse_indices"][token, : c.sparse_topk]
    compressed = _paged_rows(inputs["cmp_kv"], inputs["cmp_block_table"][sequence])
    slot = entries - c.seq
    from_prompt = (entries >= 0) & (entries < min(used, c.seq))
    from_compressed = (slot >= 0) & (slot < len(compressed))
    rows = np.zeros((len(entries), c.head_dim), np.float32)
    rows[from_prompt] = prompt[entries[from_prompt]]
    rows[from_compressed] = compressed[slot[from_compressed]]
    return rows[from_prompt | from_compressed]


def tilewise_attention(c: Constants, q: Array, context: Array, sink: Array) -> Array:
    """Online softmax over blocks; the weights are rounded to BF16 before they are summed.

    Shapes: q (heads, head_dim), context (n, head_dim), sink (heads,) → (heads, head_dim) FP32.
    """
    m = l = o = None
    for start in range(0, len(context), c.tiling.attn_tile):
        rows = context[start : start + c.tiling.attn_tile]
        scores = (q @ rows.T) * np.float32(c.softmax_scale)
        m_j = scores.max(axis=1, keepdims=True)
        weights = np.exp(scores - m_j).astype(ml_dtypes.bfloat16).astype(np.float32)
        l_j, o_j = weights.sum(axis=1, keepdims=True), weights @ rows
        if m is None:
            m, l, o = m_j, l_j, o_j
            continue
        top = np.maximum(m, m_j)
        alpha, beta = np.exp(m - top), np.exp(m_j - top)
        l, o, m = alpha * l + beta * l_j, alpha * o + beta * o_j, top
    return np.asarray(o / (l + np.exp(sink[:, None] - m)))


def global_attention(c: Constants, q: Array, context: Array, sink: Array) -> Array:
    """One softmax over the whole context in FP32, nothing rounded (section 4.6).

    Shapes: as for ``tilewise_attention``.
    """
    scores = (q @ context.T) * np.float32(c.softmax_scale)
    m = scores.max(axis=1, keepdims=True)
    weights = np.exp(scores - m)
    denominator = weights.sum(axis=1, keepdims=True) + np.exp(sink[:, None] - m)
    return np.asarray((weights @ context) / denominator)


def quantise_rows(c: Constants, x: Array) -> tuple[Array, Array]:
    """Symmetric INT8 codes and scales of each row (section 4.5).

    Shapes: x (R, N) FP32 → codes (R, N) INT8, scales (R,) FP32. The scale is 1 / (127 / amax), not
    amax / 127: the two differ in the last bit.
    """
    amax = np.maximum(np.abs(x).max(axis=1), np.float32(c.amax_eps))
    sigma = np.float32(c.int8_max) / amax
    codes = np.multiply(x, sigma[:, None])
    np.rint(codes, out=codes)
    return codes.astype(np.int8), np.float32(1) / sigma


def index_lists(c: Constants) -> Array:
    """Context of each token: its window in ascending order, then the compressed rows behind it.

    Shapes: (T, topk) INT32, -1 where empty. All -1 where the kernel takes the plain prompt.
    """
    table = np.full((c.tokens, c.topk), -1, np.int32)
    if not c.is_sparse:
        return table
    reachable = min(c.index_topk, c.seq // c.ratio) if c.ratio else 0
    for s in range(c.seq):
        window = np.arange(max(0, s - c.window + 1), s + 1)
        count = min(reachable, (s + 1) // c.ratio) if c.ratio else 0
        entries = np.concatenate([window, c.seq + np.arange(count)])
        table[s :: c.seq, : len(entries)] = entries
    return table


class _Once:
    """Two specs share one expensive initialiser; the value is dropped after both have it."""

    def __init__(self, make: Any) -> None:
        self._make = make
        self._value: Any = None

    def __call__(self) -> Any:
        if self._value is None:
            self._value = self._make()
            return self._value
        value, self._value = self._value, None
        return value


def _paged_rows(pages: Array, table: Array) -> Array:
    """The logical rows of one sequence, through its page table."""
    return pages[table].reshape(-1, pages.shape[-1])


def _inverse_rope(c: Constants, attention: Array, cos: Array, sin: Array) -> Array:
    """Rotate the tail of each head back; (T, heads, head_dim) BF16 values in FP32."""
    cos_t = cos[:, None, : c.half_rope].astype(np.float32)
    sin_t = sin[:, None, : c.half_rope].astype(np.float32)
    even = attention[:, :, c.nope_dim :: 2].copy()
    odd = attention[:, :, c.nope_dim + 1 :: 2].copy()
    attention = attention.copy()
    attention[:, :, c.nope_dim :: 2] = even * cos_t + odd * sin_t
    attention[:, :, c.nope_dim + 1 :: 2] = odd * cos_t - even * sin_t
    return np.asarray(attention.astype(ml_dtypes.bfloat16).astype(np.float32))


def _centred(seed: int, shape: tuple[int, ...]) -> Array:
    values = uniform(seed, shape)
    values -= np.float32(0.5)
    return values


def _eighth(seed: int, tokens: int, heads: int, c: Constants) -> Any:
    return lambda: _centred(seed, (tokens, heads, c.head_dim)) / 8


def _table(pages: int, c: Constants) -> Any:
    return lambda: np.arange(c.batch * pages, dtype=np.int32).reshape(c.batch, pages)


def _angles(c: Constants) -> Array:
    steps = np.arange(c.tokens * c.half_rope, dtype=np.float32).reshape(c.tokens, c.half_rope)
    return np.tile(steps * np.float32(1e-3), (1, 2))


def _selector_shape(c: Constants) -> tuple[int, int]:
    return (2 * c.tiling.rope_chunk, c.tiling.rope_chunk)


def _selector(c: Constants, parity: int) -> Array:
    matrix = np.zeros(_selector_shape(c), np.float32)
    pairs = np.arange(c.tiling.rope_chunk)
    matrix[2 * pairs + parity, pairs] = 1
    return matrix


def _group_weights(c: Constants) -> Array:
    weights = _centred(4, (c.o_groups, c.o_lora, c.group_in))
    weights /= np.float32(np.sqrt(c.hidden))
    return weights


def _output_weights(c: Constants) -> tuple[Array, Array]:
    weights = _centred(5, (c.hidden, c.proj_in))
    weights /= np.float32(np.sqrt(c.proj_in))
    return quantise_rows(c, weights.astype(ml_dtypes.bfloat16).astype(np.float32))
