"""DeepSeek-V4 prefill sparse attention, tiled: the reference workload.

After hw-native-sys/pypto-lib pull request 394 in its versions before, mid and after, from the
description in KERNEL_SPEC.md; scope names are those of the original, so task graphs compare.

    gather ─▶ QK ─▶ softmax ─▶ PV ─▶ merge/norm ─▶ inverse RoPE ─▶ pack ─▶ projection A ─▶
    quantise ─▶ projection B
"""

from typing import Any

from prefill_sparse_attn_attention import Context, attend, gather_context
from prefill_sparse_attn_config import AFTER, BEFORE, MID, Constants
from prefill_sparse_attn_golden import faithful_golden, golden, specs
from prefill_sparse_attn_projection import (
    inverse_rope,
    pack_rope,
    project_a,
    project_b,
    quantise,
)

import npusim.language as pl
from npusim.golden import KernelCase, KernelDefinition, ratio_allclose


def build_kernel(c: Constants) -> Any:
    """The kernel for one set of constants."""

    @pl.jit
    def prefill_sparse_attn(
        q: pl.Tensor[[c.tokens, c.heads, c.head_dim], pl.BF16],
        ori_kv: pl.Tensor[[c.batch * c.ori_pages, c.page_rows, 1, c.head_dim], pl.BF16],
        ori_block_table: pl.Tensor[[c.batch, c.ori_pages], pl.INT32],
        cmp_kv: pl.Tensor[[c.batch * c.cmp_pages, c.page_rows, 1, c.head_dim], pl.BF16],
        cmp_block_table: pl.Tensor[[c.batch, c.cmp_pages], pl.INT32],
        cmp_sparse_indices: pl.Tensor[[c.tokens, c.topk], pl.INT32],
        attn_sink: pl.Tensor[[c.heads], pl.FP32],
        seqused_kv: pl.Tensor[[c.batch], pl.INT32],
        freqs_cos: pl.Tensor[[c.tokens, c.rope_dim], pl.BF16],
        freqs_sin: pl.Tensor[[c.tokens, c.rope_dim], pl.BF16],
        even_select_local: pl.Tensor[[2 * c.tiling.rope_chunk, c.tiling.rope_chunk], pl.BF16],
        odd_select_local: pl.Tensor[[2 * c.tiling.rope_chunk, c.tiling.rope_chunk], pl.BF16],
        wo_a: pl.Tensor[[c.o_groups, c.o_lora, c.group_in], pl.BF16],
        wo_b: pl.Tensor[[c.hidden, c.proj_in], pl.INT8],
        wo_b_scale: pl.Tensor[[c.hidden], pl.FP32],
        attn_out: pl.Out[pl.Tensor[[c.tokens, c.hidden], pl.BF16]],
    ):
        q_rows = pl.reshape(q, [c.tokens * c.heads, c.head_dim])
        scale_row = pl.reshape(wo_b_scale, [1, c.hidden])
        context = Context(c, seqused_kv, cmp_sparse_indices)
        kv = gather_context(
            context,
            pl.reshape(ori_kv, [c.batch * c.ori_pages * c.page_rows, c.head_dim]),
            pl.reshape(ori_block_table, [c.batch * c.ori_pages]),
            pl.reshape(cmp_kv, [c.batch * c.cmp_pages * c.page_rows, c.head_dim]),
            pl.reshape(cmp_block_table, [c.batch * c.cmp_pages]),
        )
        packed, rope_stage = attend(context, q_rows, kv, attn_sink)
        rope_even, rope_odd = inverse_rope(
            c, rope_stage, freqs_cos, freqs_sin, even_select_local, odd_select_local
        )
        pack_rope(c, rope_even, rope_odd, packed)
        o_r, amax_parts = project_a(c, packed, wo_a)
        codes, scale_dq = quantise(c, o_r, amax_parts)
        project_b(c, codes, scale_dq, wo_b, scale_row, attn_out)

    return prefill_sparse_attn


def build(tiling: Any, options: dict[str, Any]) -> KernelCase:
    c = Constants(
        tiling, batch=options["batch"], seq=options["seq"], ratio=options["compress_ratio"]
    )
    return KernelCase(
        name="",
        variant="",
        parameters={},
        entry=build_kernel(c),
        specs=specs(c),
        golden=lambda inputs: golden(c, inputs),
        faithful_golden=lambda inputs: faithful_golden(c, inputs),
        compare={"attn_out": ratio_allclose(atol=1e-4, rtol=1 / 128)},
    )


KERNEL = KernelDefinition(
    name="prefill_sparse_attn",
    summary="DeepSeek-V4 prefill sparse attention (pypto-lib PR #394): before, mid, after",
    variants={"before": BEFORE, "mid": MID, "after": AFTER},
    options={"compress_ratio": (0, 4, 128), "batch": (1, 2, 4, 8, 16), "seq": (128, 64, 32, 16)},
    build=build,
    note="batch above 2: add --ring-heap 2GiB, the outputs of the body outgrow the heap of a ring",
)
