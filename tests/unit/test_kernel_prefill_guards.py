"""What the reference kernel refuses to be built with (KERNEL_SPEC.md section 11)."""

import re
from dataclasses import replace

import pytest
from prefill_sparse_attn import KERNEL
from prefill_sparse_attn_config import AFTER, BEFORE, MID, Constants

from npusim.errors import GuardError, UsageError
from tests.kernel_runner import run_case

BAD_TILES = [
    ("gather_token_tile", 7, "128 (tokens), such as 4"),
    ("attn_token_tile", 48, "128 (tokens), such as 32"),
    ("rope_token_tile", 3, "128 (tokens), such as 2"),
    ("quant_token_tile", 256, "128 (tokens), such as 128"),
    ("proj_token_tile", 96, "128 (tokens), such as 64"),
    ("merge_norm_token_tile", 24, "32 (attn_token_tile), such as 16"),
    ("matmul_row_pad", 24, "64 (heads), such as 16"),
    ("pv_head_tile", 32, "16 (matmul_row_pad), such as 16"),
    ("rope_chunk", 12, "32 (pairs of the rotated tail), such as 8"),
    ("a_k_chunk", 96, "4096 (inputs of an output group), such as 64"),
    ("a_n_chunk", 96, "1024 (o_lora), such as 64"),
    ("b_k_chunk", 96, "8192 (inputs of the output projection), such as 64"),
    ("b_n_chunk", 96, "4096 (hidden size), such as 64"),
    ("quant_chunk", 96, "8192 (inputs of the output projection), such as 64"),
]


@pytest.mark.parametrize(("knob", "value", "expected"), BAD_TILES)
def test_tiles_that_do_not_divide_are_refused(knob, value, expected):
    message = f"prefill_sparse_attn: {knob} is {value}; expected a divisor of {expected}"
    with pytest.raises(GuardError, match=rf"^{re.escape(message)}$"):
        KERNEL.case("after", {knob: value})


def test_every_size_must_be_positive():
    for knob, value in KERNEL.knobs("after").items():
        if type(value) is int:
            message = rf"^prefill_sparse_attn: {knob} is 0; expected a positive size$"
            with pytest.raises(GuardError, match=message):
                KERNEL.case("after", {knob: 0})


def test_padded_context_must_fit_the_index_table():
    message = (
        r"^prefill_sparse_attn: attn_tile is 1024: the padded context has 1024 columns; "
        r"expected at most 640, the width of the index table; make the tile smaller$"
    )
    with pytest.raises(GuardError, match=message):
        KERNEL.case("after", {"attn_tile": 1024})
    assert Constants(replace(AFTER, attn_tile=640)).context_pad == 640


@pytest.mark.parametrize("variant", ["before", "mid"])
def test_prompt_context_has_no_compressed_rows(variant):
    message = (
        r"^prefill_sparse_attn: compress ratio is 4; the prompt context takes only 0; "
        r"use the variant after$"
    )
    with pytest.raises(GuardError, match=message):
        KERNEL.case(variant, options={"compress_ratio": 4})


def test_words_are_checked():
    with pytest.raises(GuardError, match=r"^prefill_sparse_attn: context is 'ring'; expected"):
        KERNEL.case("after", {"context": "ring"})
    with pytest.raises(GuardError, match=r"^prefill_sparse_attn: reference is 'none'; expected"):
        KERNEL.case("after", {"reference": "none"})


def test_unsupported_ratio_is_a_wrong_option():
    with pytest.raises(UsageError, match=r"^kernel prefill_sparse_attn: option compress_ratio is"):
        KERNEL.case("after", options={"compress_ratio": 2})


def test_tile_that_is_not_used_is_not_checked():
    """Before has no merge/norm tile, so it does not bind the attention tile."""
    assert Constants(replace(BEFORE, attn_token_tile=8)).tiling.merge_norm_token_tile == 16


def test_constants_of_section_1():
    after, mid, before = Constants(AFTER), Constants(MID), Constants(BEFORE, batch=16)
    assert (after.blocks, after.context_pad, after.context_len) == (3, 192, 160)
    assert (mid.blocks, mid.context_pad) == (before.blocks, before.context_pad) == (2, 128)
    assert (before.tokens, before.pack_blocks, after.pack_blocks) == (2048, 1024, 64)
    assert (after.topk, after.proj_in, after.group_in, after.amax_blocks) == (640, 8192, 4096, 64)
    assert after.softmax_scale == 0.04419417382415922
    assert (after.nope_dim, after.half_rope, after.heads_per_group) == (448, 32, 8)


@pytest.mark.parametrize(
    ("variant", "knobs", "options"),
    [
        pytest.param("after", {"attn_tile": 16}, {"seq": 64}, id="five-blocks"),
        pytest.param(
            "after",
            {"attn_tile": 16, "split_oi_by_block": False, "fuse_merge_norm": False},
            {"seq": 32},
            id="three-blocks-one-buffer",
        ),
        pytest.param(
            "after",
            {"rope_chunk": 32, "fuse_rope": False, "pv_head_tile": 8, "proj_token_tile": 16},
            {"seq": 16, "batch": 2},
            id="other-tiles",
        ),
        pytest.param(
            "after",
            {"rope_pack_token_tile": 24, "a_n_chunk": 256, "b_n_chunk": 256, "quant_chunk": 512},
            {"seq": 32},
            id="ragged-pack",
        ),
        pytest.param("before", {"context": "sparse"}, {"seq": 32}, id="before-with-lists"),
    ],
)
def test_other_tilings_verify(prefill_inputs, variant, knobs, options):
    case = KERNEL.case(variant, knobs, {"compress_ratio": 4, **options})
    verdict = run_case(case, prefill_inputs(case), poison=True).verify().outputs[0]
    assert verdict.golden.bad_elements == 0
    assert verdict.faithful.rel_l2 <= 2e-3


def test_five_blocks_are_five_blocks():
    assert Constants(replace(AFTER, attn_tile=16), seq=64, ratio=4).blocks == 5
    assert Constants(replace(AFTER, attn_tile=32), ratio=4).blocks == 5
