"""Stages 1 and 2 of the prefill sparse attention kernel: gather the context, attend to it.

KERNEL_SPEC.md sections 5 and 6. Every row of a scratch buffer is written once, so only reads after
writes order the tasks.
"""

from prefill_sparse_attn_config import Constants

import npusim.language as pl

CORE_GROUP = pl.Level.CORE_GROUP


class Context:
    """Which context columns a token has; how the kernel asks for them differs by version.

    ``sparse`` reads the token's index list, entry by entry; ``prompt`` computes the causal prefix.
    """

    def __init__(self, c: Constants, seqused: pl.Tensor, indices: pl.Tensor):
        self.c = c
        self.seqused = seqused
        self.indices = indices

    def used(self, token: int) -> int:
        """Scalar read of the used length of the token's sequence."""
        return pl.read(self.seqused, [token // self.c.seq])

    def is_live(self, token: int, used: int) -> bool:
        """True for a token within the used length of its sequence."""
        return token % self.c.seq < used

    def valid_cols(self, token: int, used: int, block: int) -> int:
        """Valid columns of one block: up to the last entry that is set."""
        tile = self.c.tiling.attn_tile
        if not self.c.is_sparse:
            length = pl.min(token % self.c.seq + 1, used)
            return pl.max(0, pl.min(tile, length - block * tile))
        valid = 0
        for k in pl.range(tile):
            if pl.read(self.indices, [token, block * tile + k]) >= 0:
                valid = k + 1
        return valid

    def is_block_live(self, token: int, used: int, block: int) -> bool:
        """True where the block has any column; looks at its first entry only."""
        tile = self.c.tiling.attn_tile
        if not self.c.is_sparse:
            return block * tile < pl.min(token % self.c.seq + 1, used)
        return pl.read(self.indices, [token, block * tile]) >= 0

    def kv_row(self, token: int, block: int) -> int:
        """First row of a context block in the gathered buffer."""
        owner = token if self.c.is_sparse else token // self.c.seq
        return owner * self.c.context_pad + block * self.c.tiling.attn_tile

    def stat_row(self, token: int, block: int, head: int) -> int:
        """First row of a (token, block, head tile) in the score and statistics buffers."""
        return (token * self.c.blocks + block) * self.c.heads + head


def gather_context(context: Context, ori, ori_table, cmp, cmp_table):
    """Stage 1: bring the context rows of every token (or sequence) together."""
    c = context.c
    if c.is_sparse:
        kv = pl.create_tensor([c.tokens * c.context_pad, c.head_dim], pl.BF16)
    else:
        kv = pl.create_tensor([c.batch * c.context_pad, c.head_dim], pl.BF16)
    for t0 in pl.parallel(0, c.tokens, c.tiling.gather_token_tile):
        with pl.at(level=CORE_GROUP, name_hint="prefill_gather_prompt_kv_tile"):
            zero = pl.full([1, c.head_dim], pl.BF16, 0.0)
            for dt in pl.range(c.tiling.gather_token_tile):
                if c.is_sparse:
                    gather_token(context, t0 + dt, zero, kv, ori, ori_table, cmp, cmp_table)
                else:
                    gather_prompt_row(context, t0 + dt, zero, kv, ori, ori_table)
    pad_rows = c.context_pad - c.seq
    if not c.is_sparse and pad_rows:
        for b in pl.parallel(c.batch):
            with pl.at(level=CORE_GROUP, name_hint="prefill_zero_prompt_kv_pad"):
                zero = pl.full([1, c.head_dim], pl.BF16, 0.0)
                for r in pl.range(pad_rows):
                    kv = pl.assemble(kv, zero, [b * c.context_pad + c.seq + r, 0])
    return kv


def gather_token(context: Context, t, zero, kv, ori, ori_table, cmp, cmp_table):
    """Copy the listed rows of one token; rows beyond its list become zero."""
    c = context.c
    b = t // c.seq
    used = context.used(t)
    if not context.is_live(t, used):
        for k in pl.range(c.context_pad):
            kv = pl.assemble(kv, zero, [t * c.context_pad + k, 0])
        return
    for k in pl.range(c.context_pad):
        entry = pl.read(context.indices, [t, k])
        row = t * c.context_pad + k
        if entry < 0:
            kv = pl.assemble(kv, zero, [row, 0])
        elif entry < c.seq:
            page = pl.read(ori_table, [b * c.ori_pages + entry // c.page_rows])
            src = page * c.page_rows + entry % c.page_rows
            kv = pl.assemble(kv, pl.slice(ori, [1, c.head_dim], [src, 0]), [row, 0])
        else:
            slot = entry - c.seq
            page = pl.read(cmp_table, [b * c.cmp_pages + slot // c.page_rows])
            src = page * c.page_rows + slot % c.page_rows
            kv = pl.assemble(kv, pl.slice(cmp, [1, c.head_dim], [src, 0]), [row, 0])


def gather_prompt_row(context: Context, t, zero, kv, ori, ori_table):
    """Copy the prompt row of one token through the page table."""
    c = context.c
    b, s = t // c.seq, t % c.seq
    row = b * c.context_pad + s
    if context.is_live(t, context.used(t)):
        page = pl.read(ori_table, [b * c.ori_pages + s // c.page_rows])
        src = page * c.page_rows + s % c.page_rows
        kv = pl.assemble(kv, pl.slice(ori, [1, c.head_dim], [src, 0]), [row, 0])
    else:
        kv = pl.assemble(kv, zero, [row, 0])


def attend(context: Context, q_rows, kv, attn_sink):
    """Stage 2: attention per token tile and head tile; returns the packed rows and RoPE tails."""
    c = context.c
    rows = c.tokens * c.heads
    stats = {
        "raw": pl.create_tensor([rows * c.blocks, c.tiling.attn_tile], pl.FP32),
        "exp": pl.create_tensor([rows * c.blocks, c.tiling.attn_tile], pl.BF16),
        "m": pl.create_tensor([rows * c.blocks, 1], pl.FP32),
        "l": pl.create_tensor([rows * c.blocks, 1], pl.FP32),
    }
    oi = BlockOutputs(context)
    merged = None if c.tiling.fuse_merge_norm else Merged(rows, c)
    rope_stage = pl.create_tensor([rows, c.rope_dim], pl.BF16)
    packed = pl.create_tensor([c.o_groups * c.tokens, c.group_in], pl.BF16)
    for a in pl.parallel(0, c.tokens, c.tiling.attn_token_tile):
        for h0 in pl.parallel(0, c.heads, c.tiling.matmul_row_pad):
            qk_scores(context, a, h0, q_rows, kv, stats["raw"])
            block_softmax(context, a, h0, stats)
            weighted_values(context, a, h0, kv, stats["exp"], oi)
            if merged is None:
                merge_and_normalise(context, a, h0, stats, oi, attn_sink, packed, rope_stage)
            else:
                merge_blocks(context, a, h0, stats, oi, merged)
                normalise(context, a, h0, merged, attn_sink, packed, rope_stage)
    return packed, rope_stage


class BlockOutputs:
    """Where PV stores its output: a buffer per context block, or one for all blocks."""

    def __init__(self, context: Context):
        c = context.c
        self.context = context
        rows = c.tokens * c.heads
        if c.tiling.split_oi_by_block:
            self.buffers = [pl.create_tensor([rows, c.head_dim], pl.FP32) for _ in range(c.blocks)]
        else:
            self.buffers = [pl.create_tensor([rows * c.blocks, c.head_dim], pl.FP32)]

    def place(self, token: int, block: int, head: int):
        """Buffer and first row of a (token, block, head tile)."""
        c = self.context.c
        if c.tiling.split_oi_by_block:
            return self.buffers[block], token * c.heads + head
        return self.buffers[0], self.context.stat_row(token, block, head)


class Merged:
    """The folded statistics and accumulator between separate merge and norm tasks."""

    def __init__(self, rows: int, c: Constants):
        self.m = pl.create_tensor([rows, 1], pl.FP32)
        self.l = pl.create_tensor([rows, 1], pl.FP32)
        self.oi = pl.create_tensor([rows, c.head_dim], pl.FP32)


def qk_scores(context: Context, a, h0, q_rows, kv, raw):
    """Stage 2a: raw scores of every live block."""
    c = context.c
    heads = c.tiling.matmul_row_pad
    with pl.at(level=CORE_GROUP, name_hint="prefill_attn_qk_matmul_tile"):
        for dt in pl.range(c.tiling.attn_token_tile):
            t = a + dt
            used = context.used(t)
            if context.is_live(t, used):
                q_tile = pl.slice(q_rows, [heads, c.head_dim], [t * c.heads + h0, 0])
                for j in pl.range(c.blocks):
                    if context.valid_cols(t, used, j) > 0:
                        kv_tile = pl.slice(
                            kv, [c.tiling.attn_tile, c.head_dim], [context.kv_row(t, j), 0]
                        )
                        score = pl.matmul(q_tile, kv_tile, out_dtype=pl.FP32, b_trans=True)
                        raw = pl.assemble(raw, score, [context.stat_row(t, j, h0), 0])


def block_softmax(context: Context, a, h0, stats):
    """Stage 2b: exponentials, maxima and sums of every live block."""
    c = context.c
    heads, cols = c.tiling.matmul_row_pad, c.tiling.attn_tile
    with pl.at(level=CORE_GROUP, name_hint="prefill_attn_softmax_tile"):
        for dt in pl.range(c.tiling.attn_token_tile):
            t = a + dt
            used = context.used(t)
            if context.is_live(t, used):
                for j in pl.range(c.blocks):
                    valid = context.valid_cols(t, used, j)
                    if valid > 0:
                        row = context.stat_row(t, j, h0)
                        raw = pl.slice(stats["raw"], [heads, cols], [row, 0])
                        scaled = pl.mul(raw, c.softmax_scale)
                        marked = pl.slice(scaled, [heads, cols], [0, 0], valid_shape=[heads, valid])
                        padded = pl.fillpad(marked, pad_value=pl.PadValue.min)
                        m = pl.row_max(padded)
                        weights = pl.exp(pl.row_expand_sub(padded, m))
                        weights = pl.cast(weights, target_type=pl.BF16, mode="rint")
                        l = pl.row_sum(pl.cast(weights, target_type=pl.FP32))
                        stats["m"] = pl.assemble(stats["m"], m, [row, 0])
                        stats["l"] = pl.assemble(stats["l"], l, [row, 0])
                        stats["exp"] = pl.assemble(stats["exp"], weights, [row, 0])


def weighted_values(context: Context, a, h0, kv, exp, oi):
    """Stage 2c: exponentials times values of every live block."""
    c = context.c
    heads = c.tiling.pv_head_tile
    for hp in pl.parallel(0, c.tiling.matmul_row_pad, heads):
        with pl.at(level=CORE_GROUP, name_hint="prefill_attn_pv_head_tile"):
            for dt in pl.range(c.tiling.attn_token_tile):
                t = a + dt
                used = context.used(t)
                if context.is_live(t, used):
                    for j in pl.range(c.blocks):
                        if context.is_block_live(t, used, j):
                            kv_tile = pl.slice(
                                kv, [c.tiling.attn_tile, c.head_dim], [context.kv_row(t, j), 0]
                            )
                            row = context.stat_row(t, j, h0 + hp)
                            weights = pl.slice(exp, [heads, c.tiling.attn_tile], [row, 0])
                            value = pl.matmul(weights, kv_tile, out_dtype=pl.FP32)
                            buffer, place = oi.place(t, j, h0 + hp)
                            pl.assemble(buffer, value, [place, 0])


def fold_blocks(context: Context, t, used, h, stats, oi):
    """Fold the live blocks of one token and head tile into one (m, l, accumulator).

    A loop over any number of blocks; each has its own statistics and accumulator rows.
    """
    c = context.c
    heads = c.tiling.pv_head_tile
    first = context.stat_row(t, 0, h)
    m = pl.slice(stats["m"], [heads, 1], [first, 0])
    l = pl.slice(stats["l"], [heads, 1], [first, 0])
    buffer, place = oi.place(t, 0, h)
    acc = pl.slice(buffer, [heads, c.head_dim], [place, 0])
    for j in pl.range(1, c.blocks):
        if context.is_block_live(t, used, j):
            row = context.stat_row(t, j, h)
            m_j = pl.slice(stats["m"], [heads, 1], [row, 0])
            l_j = pl.slice(stats["l"], [heads, 1], [row, 0])
            buffer, place = oi.place(t, j, h)
            acc_j = pl.slice(buffer, [heads, c.head_dim], [place, 0])
            top = pl.maximum(m, m_j)
            alpha = pl.exp(pl.sub(m, top))
            beta = pl.exp(pl.sub(m_j, top))
            l = pl.add(pl.mul(l, alpha), pl.mul(l_j, beta))
            acc = pl.add(pl.row_expand_mul(acc, alpha), pl.row_expand_mul(acc_j, beta))
            m = top
    return m, l, acc


def finish_token(context: Context, t, h, m, l, acc, attn_sink):
    """Divide by the sum with the sink in it; BF16."""
    heads = context.c.tiling.pv_head_tile
    sink = pl.reshape(pl.slice(attn_sink, [heads], [h]), [heads, 1])
    # The original adds the sink to a zero column, m - m; kept, so that operation counts compare.
    sink_column = pl.add(pl.sub(m, m), sink)
    denominator = pl.add(l, pl.exp(pl.sub(sink_column, m)))
    return pl.cast(pl.row_expand_div(acc, denominator), target_type=pl.BF16, mode="rint")


def store_token(context: Context, t, h, out, packed, rope_stage):
    """The rotated tail goes to the RoPE stage, the rest to the packed rows, head by head."""
    c = context.c
    heads = c.tiling.pv_head_tile
    tail = pl.slice(out, [heads, c.rope_dim], [0, c.nope_dim])
    pl.assemble(rope_stage, tail, [t * c.heads + h, 0])
    for i in pl.range(heads):
        group, hh = (h + i) // c.heads_per_group, (h + i) % c.heads_per_group
        row = pl.slice(out, [1, c.nope_dim], [i, 0])
        pl.assemble(packed, row, [group * c.tokens + t, hh * c.head_dim])


def merge_and_normalise(context: Context, a, h0, stats, oi, attn_sink, packed, rope_stage):
    """Stage 2d: fold, divide and store in one task per half token tile."""
    c = context.c
    heads = c.tiling.pv_head_tile
    for hp in pl.parallel(0, c.tiling.matmul_row_pad, heads):
        for d0 in pl.parallel(0, c.tiling.attn_token_tile, c.tiling.merge_norm_token_tile):
            with pl.at(level=CORE_GROUP, name_hint="prefill_attn_merge_norm_head_tile"):
                zero = pl.full([heads, c.head_dim], pl.BF16, 0.0)
                for dt in pl.range(c.tiling.merge_norm_token_tile):
                    t, h = a + d0 + dt, h0 + hp
                    used = context.used(t)
                    out = zero
                    if context.is_live(t, used):
                        m, l, acc = fold_blocks(context, t, used, h, stats, oi)
                        out = finish_token(context, t, h, m, l, acc, attn_sink)
                    store_token(context, t, h, out, packed, rope_stage)


def merge_blocks(context: Context, a, h0, stats, oi, merged):
    """Stage 2d of the older version: fold and store the merged accumulator."""
    c = context.c
    heads = c.tiling.pv_head_tile
    for hp in pl.parallel(0, c.tiling.matmul_row_pad, heads):
        with pl.at(level=CORE_GROUP, name_hint="prefill_attn_merge_head_tile"):
            for dt in pl.range(c.tiling.attn_token_tile):
                t, h = a + dt, h0 + hp
                used = context.used(t)
                if context.is_live(t, used):
                    m, l, acc = fold_blocks(context, t, used, h, stats, oi)
                    row = t * c.heads + h
                    merged.m = pl.assemble(merged.m, m, [row, 0])
                    merged.l = pl.assemble(merged.l, l, [row, 0])
                    merged.oi = pl.assemble(merged.oi, acc, [row, 0])


def normalise(context: Context, a, h0, merged, attn_sink, packed, rope_stage):
    """Stage 2e of the older version: reload the merged accumulator, divide and store."""
    c = context.c
    heads = c.tiling.pv_head_tile
    for hp in pl.parallel(0, c.tiling.matmul_row_pad, heads):
        with pl.at(level=CORE_GROUP, name_hint="prefill_attn_norm_head_tile"):
            zero = pl.full([heads, c.head_dim], pl.BF16, 0.0)
            for dt in pl.range(c.tiling.attn_token_tile):
                t, h = a + dt, h0 + hp
                out = zero
                if context.is_live(t, context.used(t)):
                    row = t * c.heads + h
                    m = pl.slice(merged.m, [heads, 1], [row, 0])
                    l = pl.slice(merged.l, [heads, 1], [row, 0])
                    acc = pl.slice(merged.oi, [heads, c.head_dim], [row, 0])
                    out = finish_token(context, t, h, m, l, acc, attn_sink)
                store_token(context, t, h, out, packed, rope_stage)
