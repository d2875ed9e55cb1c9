"""Constants of the DeepSeek-V4 prefill sparse attention kernel: the model, the tiling, the guards.

Source of every value: hw-native-sys/pypto-lib pull request 394, commits a08ea3b9 (before), 5b0e1208
(mid) and 793c1bee (after), as described in KERNEL_SPEC.md sections 1 and 11.
"""

from dataclasses import dataclass

from npusim.errors import GuardError


@dataclass(frozen=True)
class Tiling:
    """What an engineer may turn. Sizes in tokens, heads, rows or columns."""

    gather_token_tile: int = 8
    attn_token_tile: int = 32
    matmul_row_pad: int = 16
    """Heads per QK and softmax task: the rows of one cube tile."""
    pv_head_tile: int = 16
    merge_norm_token_tile: int = 16
    attn_tile: int = 64
    """Context columns per softmax block."""
    rope_token_tile: int = 8
    rope_chunk: int = 16
    """(even, odd) pairs rotated at once."""
    rope_pack_token_tile: int = 16
    a_k_chunk: int = 128
    a_n_chunk: int = 128
    b_k_chunk: int = 128
    b_n_chunk: int = 128
    proj_token_tile: int = 128
    quant_token_tile: int = 32
    quant_chunk: int = 128
    context: str = "sparse"
    """``sparse``: an index list per token; ``prompt``: the plain causal prefix."""
    fuse_merge_norm: bool = True
    fuse_rope: bool = True
    split_oi_by_block: bool = True
    """One PV output buffer per context block instead of one for all."""
    reference: str = "tilewise"
    """Golden softmax: ``tilewise`` with BF16 weights, or ``global`` in FP32 (the older golden)."""


AFTER = Tiling()
MID = Tiling(context="prompt")
BEFORE = Tiling(
    attn_token_tile=16,
    quant_token_tile=8,
    quant_chunk=32,
    context="prompt",
    fuse_merge_norm=False,
    fuse_rope=False,
    split_oi_by_block=False,
    reference="global",
)


@dataclass(frozen=True)
class Constants:
    """Every size of one build: model (FLASH preset), workload, tiling, and what follows from them.

    Raises:
        GuardError: If the tiling cannot run this workload.
    """

    tiling: Tiling
    batch: int = 1
    seq: int = 128
    ratio: int = 0
    """Compress ratio; 0 means no compressed rows."""

    hidden: int = 4096
    heads: int = 64
    head_dim: int = 512
    rope_dim: int = 64
    window: int = 128
    index_topk: int = 512
    o_lora: int = 1024
    o_groups: int = 8
    page_rows: int = 128
    int8_max: float = 127.0
    amax_eps: float = 1e-4

    def __post_init__(self) -> None:
        self._check_values()
        self._check_divisors()
        self._check_context()

    @property
    def tokens(self) -> int:
        """T: all tokens of the batch."""
        return self.batch * self.seq

    @property
    def is_sparse(self) -> bool:
        """True where each token has an index list."""
        return self.tiling.context == "sparse"

    @property
    def topk(self) -> int:
        """Width of the index table."""
        return self.window + self.index_topk

    @property
    def half_rope(self) -> int:
        """Rotated pairs per head."""
        return self.rope_dim // 2

    @property
    def nope_dim(self) -> int:
        """Columns of a head that are not rotated."""
        return self.head_dim - self.rope_dim

    @property
    def softmax_scale(self) -> float:
        """1 / sqrt(head_dim)."""
        return float(self.head_dim) ** -0.5

    @property
    def heads_per_group(self) -> int:
        """Heads of one output group."""
        return self.heads // self.o_groups

    @property
    def group_in(self) -> int:
        """Inputs of one group of projection A."""
        return self.heads_per_group * self.head_dim

    @property
    def proj_in(self) -> int:
        """Inputs of projection B."""
        return self.o_groups * self.o_lora

    @property
    def max_compressed(self) -> int:
        """Compressed rows a prefill of this length can reference."""
        return max(1, min(self.index_topk, self.seq // 4))

    @property
    def sparse_topk(self) -> int:
        """Entries of an index list that can be used."""
        return min(self.topk, min(self.window, self.seq) + self.max_compressed)

    @property
    def context_len(self) -> int:
        """Longest context of a token."""
        return self.sparse_topk if self.is_sparse else self.seq

    @property
    def blocks(self) -> int:
        """Softmax blocks per token."""
        return -(-self.context_len // self.tiling.attn_tile)

    @property
    def context_pad(self) -> int:
        """Context columns with padding to whole blocks."""
        return self.blocks * self.tiling.attn_tile

    @property
    def proj_tokens(self) -> int:
        """Tokens per projection task."""
        return min(self.tiling.proj_token_tile, self.tokens)

    @property
    def pack_blocks(self) -> int:
        """Blocks of the RoPE pack dispatch."""
        return -(-self.tokens // self.tiling.rope_pack_token_tile) * self.o_groups

    @property
    def amax_blocks(self) -> int:
        """Partial maxima per token."""
        return self.o_groups * (self.o_lora // self.tiling.a_n_chunk)

    @property
    def ori_pages(self) -> int:
        """KV pages per sequence."""
        return -(-self.seq // self.page_rows)

    @property
    def cmp_pages(self) -> int:
        """Pages of compressed rows per sequence."""
        return max(1, -(-self.max_compressed // self.page_rows))

    def _check_values(self) -> None:
        t = self.tiling
        self._require(
            t.context in {"sparse", "prompt"},
            f"context is {t.context!r}; expected sparse or prompt",
        )
        self._require(
            t.reference in {"tilewise", "global"},
            f"reference is {t.reference!r}; expected tilewise or global",
        )
        for name, value in vars(t).items():
            if isinstance(value, int) and not isinstance(value, bool):
                self._require(value > 0, f"{name} is {value}; expected a positive size")

    def _check_divisors(self) -> None:
        t = self.tiling
        for what, total, name in (
            ("tokens", self.tokens, "gather_token_tile"),
            ("tokens", self.tokens, "attn_token_tile"),
            ("tokens", self.tokens, "rope_token_tile"),
            ("tokens", self.tokens, "quant_token_tile"),
            ("heads", self.heads, "matmul_row_pad"),
            ("matmul_row_pad", t.matmul_row_pad, "pv_head_tile"),
            ("pairs of the rotated tail", self.half_rope, "rope_chunk"),
            ("inputs of an output group", self.group_in, "a_k_chunk"),
            ("o_lora", self.o_lora, "a_n_chunk"),
            ("inputs of the output projection", self.proj_in, "b_k_chunk"),
            ("hidden size", self.hidden, "b_n_chunk"),
            ("inputs of the output projection", self.proj_in, "quant_chunk"),
        ):
            self._divides(what, total, name)
        if self.tokens > t.proj_token_tile:
            self._divides("tokens", self.tokens, "proj_token_tile")
        if t.fuse_merge_norm:
            self._divides("attn_token_tile", t.attn_token_tile, "merge_norm_token_tile")

    def _check_context(self) -> None:
        if self.is_sparse:
            self._require(
                self.context_pad <= self.topk,
                f"attn_tile is {self.tiling.attn_tile}: the padded context has "
                f"{self.context_pad} columns; expected at most {self.topk}, the width of the "
                "index table; make the tile smaller",
            )
        else:
            self._require(
                self.ratio == 0,
                f"compress ratio is {self.ratio}; the prompt context takes only 0; "
                "use the variant after",
            )

    def _divides(self, what: str, total: int, name: str) -> None:
        value = getattr(self.tiling, name)
        fits = max(size for size in range(1, min(value, total) + 1) if total % size == 0)
        self._require(
            fits == value,
            f"{name} is {value}; expected a divisor of {total} ({what}), such as {fits}",
        )

    @staticmethod
    def _require(holds: bool, message: str) -> None:
        if not holds:
            msg = f"prefill_sparse_attn: {message}"
            raise GuardError(msg)
