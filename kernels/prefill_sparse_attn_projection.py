"""Stages 3 to 7 of the prefill sparse attention kernel: inverse RoPE, pack, grouped projection.

KERNEL_SPEC.md sections 5 and 6.
"""

from prefill_sparse_attn_config import Constants

import npusim.language as pl

CORE_GROUP = pl.Level.CORE_GROUP


def inverse_rope(c: Constants, rope_stage, cos, sin, even_select, odd_select):
    """Stage 3: rotate the tails back; selector matmuls split and rejoin even and odd columns."""
    rows = c.tokens * c.heads
    rope_even = pl.create_tensor([rows, c.rope_dim], pl.FP32)
    rope_odd = pl.create_tensor([rows, c.rope_dim], pl.FP32)
    if c.tiling.fuse_rope:
        even_stage, odd_stage = copy_selectors(c, even_select, odd_select)
    else:
        halves = slice_rope(c, rope_stage, even_select, odd_select)
    for t0 in pl.parallel(0, c.tokens, c.tiling.rope_token_tile):
        with pl.at(level=CORE_GROUP, name_hint="prefill_rope_apply_assemble_tile"):
            for dt in pl.range(c.tiling.rope_token_tile):
                for r0 in pl.range(0, c.half_rope, c.tiling.rope_chunk):
                    t = t0 + dt
                    cos_row, sin_row = frequencies(c, t, r0, cos, sin)
                    if c.tiling.fuse_rope:
                        even, odd = split_pairs(c, t, r0, rope_stage, even_stage, odd_stage)
                    else:
                        even = pl.slice(
                            halves[0], [c.heads, c.tiling.rope_chunk], [t * c.heads, r0]
                        )
                        odd = pl.slice(halves[1], [c.heads, c.tiling.rope_chunk], [t * c.heads, r0])
                    rotated_even = pl.add(
                        pl.col_expand_mul(even, cos_row), pl.col_expand_mul(odd, sin_row)
                    )
                    rotated_odd = pl.sub(
                        pl.col_expand_mul(odd, cos_row), pl.col_expand_mul(even, sin_row)
                    )
                    rejoin(c, t, r0, rotated_even, even_select, rope_even)
                    rejoin(c, t, r0, rotated_odd, odd_select, rope_odd)
    return rope_even, rope_odd


def copy_selectors(c: Constants, even_select, odd_select):
    """Copies of both selectors, for their plain use.

    Each is used plain and transposed, and the compiler could not load one tensor in two layouts in
    a scope.
    """
    shape = [2 * c.tiling.rope_chunk, c.tiling.rope_chunk]
    even_stage = pl.create_tensor(shape, pl.BF16)
    odd_stage = pl.create_tensor(shape, pl.BF16)
    with pl.at(level=CORE_GROUP, name_hint="prefill_rope_selector_copy"):
        even_stage = pl.assemble(even_stage, pl.slice(even_select, shape, [0, 0]), [0, 0])
        odd_stage = pl.assemble(odd_stage, pl.slice(odd_select, shape, [0, 0]), [0, 0])
    return even_stage, odd_stage


def slice_rope(c: Constants, rope_stage, even_select, odd_select):
    """The older version's first RoPE stage: even and odd columns, in cube tasks of their own."""
    rows = c.tokens * c.heads
    even_half = pl.create_tensor([rows, c.half_rope], pl.FP32)
    odd_half = pl.create_tensor([rows, c.half_rope], pl.FP32)
    for t0 in pl.parallel(0, c.tokens, c.tiling.rope_token_tile):
        with pl.at(level=CORE_GROUP, name_hint="prefill_rope_slice_tile"):
            for dt in pl.range(c.tiling.rope_token_tile):
                for r0 in pl.range(0, c.half_rope, c.tiling.rope_chunk):
                    t = t0 + dt
                    even, odd = split_pairs(c, t, r0, rope_stage, even_select, odd_select)
                    even_half = pl.assemble(even_half, even, [t * c.heads, r0])
                    odd_half = pl.assemble(odd_half, odd, [t * c.heads, r0])
    return even_half, odd_half


def split_pairs(c: Constants, t, r0, rope_stage, even_select, odd_select):
    """Even and odd columns of one chunk, exactly, by 0/1 matrices."""
    width = 2 * c.tiling.rope_chunk
    x = pl.slice(rope_stage, [c.heads, width], [t * c.heads, 2 * r0])
    even = pl.matmul(x, even_select, out_dtype=pl.FP32)
    odd = pl.matmul(x, odd_select, out_dtype=pl.FP32)
    return even, odd


def frequencies(c: Constants, t, r0, cos, sin):
    """Cos and sin of one chunk of one token, in FP32."""
    shape = [1, c.tiling.rope_chunk]
    cos_row = pl.cast(pl.slice(cos, shape, [t, r0]), target_type=pl.FP32)
    sin_row = pl.cast(pl.slice(sin, shape, [t, r0]), target_type=pl.FP32)
    return cos_row, sin_row


def rejoin(c: Constants, t, r0, half, select, target):
    """Spread one parity back to its columns; the other parity's columns become zero."""
    rounded = pl.cast(half, target_type=pl.BF16, mode="rint")
    spread = pl.matmul(rounded, select, out_dtype=pl.FP32, b_trans=True)
    pl.assemble(target, spread, [t * c.heads, 2 * r0])


def pack_rope(c: Constants, rope_even, rope_odd, packed):
    """Stage 4: join both parities and put the tails into the packed rows."""
    tile = c.tiling.rope_pack_token_tile
    for i in pl.spmd(c.pack_blocks, name_hint="prefill_rope_pack_group_spmd"):
        group = i % c.o_groups
        for dt in pl.range(tile):
            t = (i // c.o_groups) * tile + dt
            if t < c.tokens:
                row = t * c.heads + group * c.heads_per_group
                shape = [c.heads_per_group, c.rope_dim]
                even = pl.slice(rope_even, shape, [row, 0])
                odd = pl.slice(rope_odd, shape, [row, 0])
                tail = pl.cast(pl.add(even, odd), target_type=pl.BF16, mode="rint")
                for hh in pl.range(c.heads_per_group):
                    one = pl.slice(tail, [1, c.rope_dim], [hh, 0])
                    column = hh * c.head_dim + c.nope_dim
                    packed = pl.assemble(packed, one, [group * c.tokens + t, column])


def project_a(c: Constants, packed, wo_a):
    """Stage 5: grouped projection, BF16 rows and their partial maxima."""
    k_tile, n_tile, tokens = c.tiling.a_k_chunk, c.tiling.a_n_chunk, c.proj_tokens
    o_r = pl.create_tensor([c.tokens, c.proj_in], pl.BF16)
    amax_parts = pl.create_tensor([c.amax_blocks, c.tokens], pl.FP32)
    for g in pl.parallel(c.o_groups):
        for n0 in pl.parallel(0, c.o_lora, n_tile):
            for t0 in pl.parallel(0, c.tokens, tokens):
                with pl.at(level=CORE_GROUP, name_hint="prefill_stage_a_accum_tile"):
                    row = g * c.tokens + t0
                    x = pl.slice(packed, [tokens, k_tile], [row, 0])
                    w = pl.slice(wo_a, [1, n_tile, k_tile], [g, n0, 0])
                    acc = pl.matmul(x, w, out_dtype=pl.FP32, b_trans=True)
                    for k0 in pl.pipeline(k_tile, c.group_in, k_tile, stage=2):
                        x = pl.slice(packed, [tokens, k_tile], [row, k0])
                        w = pl.slice(wo_a, [1, n_tile, k_tile], [g, n0, k0])
                        acc = pl.matmul_acc(acc, x, w, b_trans=True)
                with pl.at(level=CORE_GROUP, name_hint="prefill_stage_a_store_amax_tile"):
                    flat = pl.reshape(acc, [tokens, n_tile])
                    rounded = pl.cast(flat, target_type=pl.BF16, mode="rint")
                    o_r = pl.assemble(o_r, rounded, [t0, g * c.o_lora + n0])
                    wide = pl.cast(rounded, target_type=pl.FP32)
                    amax = pl.row_max(pl.maximum(wide, pl.neg(wide)))
                    part = g * (c.o_lora // n_tile) + n0 // n_tile
                    row_of_amax = pl.reshape(amax, [1, tokens])
                    amax_parts = pl.assemble(amax_parts, row_of_amax, [part, t0])
    return o_r, amax_parts


def quantise(c: Constants, o_r, amax_parts):
    """Stage 6: INT8 codes of each row and the scale that undoes them."""
    tile, chunk = c.tiling.quant_token_tile, c.tiling.quant_chunk
    codes = pl.create_tensor([c.tokens, c.proj_in], pl.INT8)
    scale_dq = pl.create_tensor([c.tokens, 1], pl.FP32)
    for t0 in pl.parallel(0, c.tokens, tile):
        with pl.at(level=CORE_GROUP, name_hint="prefill_stage_b_quant_tile"):
            amax = pl.full([1, tile], pl.FP32, c.amax_eps)
            for part in pl.range(c.amax_blocks):
                amax = pl.maximum(amax, pl.slice(amax_parts, [1, tile], [part, t0]))
            sigma = pl.div(pl.full([1, tile], pl.FP32, c.int8_max), amax)
            scale_dq = pl.assemble(scale_dq, pl.reshape(pl.recip(sigma), [tile, 1]), [t0, 0])
            sigma_column = pl.reshape(sigma, [tile, 1])
            for k0 in pl.range(0, c.proj_in, chunk):
                x = pl.cast(pl.slice(o_r, [tile, chunk], [t0, k0]), target_type=pl.FP32)
                scaled = pl.row_expand_mul(x, sigma_column)
                as_int32 = pl.cast(scaled, target_type=pl.INT32, mode="rint")
                as_fp16 = pl.cast(as_int32, target_type=pl.FP16, mode="round")
                code = pl.cast(as_fp16, target_type=pl.INT8, mode="trunc")
                codes = pl.assemble(codes, code, [t0, k0])
    return codes, scale_dq


def project_b(c: Constants, codes, scale_dq, wo_b, scale_row, attn_out):
    """Stage 7: INT8 projection and dequantisation."""
    k_tile, n_tile, tokens = c.tiling.b_k_chunk, c.tiling.b_n_chunk, c.proj_tokens
    for n0 in pl.parallel(0, c.hidden, n_tile):
        for t0 in pl.parallel(0, c.tokens, tokens):
            with pl.at(level=CORE_GROUP, name_hint="prefill_stage_b_accum_tile"):
                x = pl.slice(codes, [tokens, k_tile], [t0, 0])
                w = pl.slice(wo_b, [n_tile, k_tile], [n0, 0])
                acc = pl.matmul(x, w, out_dtype=pl.INT32, b_trans=True)
                for k0 in pl.pipeline(k_tile, c.proj_in, k_tile, stage=2):
                    x = pl.slice(codes, [tokens, k_tile], [t0, k0])
                    w = pl.slice(wo_b, [n_tile, k_tile], [n0, k0])
                    acc = pl.matmul_acc(acc, x, w, b_trans=True)
            with pl.at(level=CORE_GROUP, name_hint="prefill_stage_b_store_tile"):
                channel = pl.slice(scale_row, [1, n_tile], [0, n0])
                wide = pl.cast(acc, target_type=pl.FP32)
                token_scale = pl.slice(scale_dq, [tokens, 1], [t0, 0])
                scaled = pl.col_expand_mul(pl.row_expand_mul(wide, token_scale), channel)
                out = pl.cast(scaled, target_type=pl.BF16, mode="rint")
                attn_out = pl.assemble(attn_out, out, [t0, n0])
