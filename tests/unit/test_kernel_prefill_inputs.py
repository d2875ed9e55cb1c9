"""Inputs of the reference kernel, bit for bit (KERNEL_SPEC.md section 2.2)."""

import hashlib

import numpy as np
import pytest
from prefill_sparse_attn import KERNEL
from prefill_sparse_attn_config import AFTER, Constants
from prefill_sparse_attn_golden import index_lists

# First 12 hex digits of SHA-1 over the raw bytes.
FINGERPRINTS = {
    "q": "8cb5dadafae4",
    "ori_kv": "4026606c3a3c",
    "cmp_kv": "2a1512d8ef94",
    "wo_a": "d7e800b68eeb",
    "wo_b": "302900009589",
    "wo_b_scale": "eac3b35cbf98",
    "freqs_cos": "47c88efcf491",
    "freqs_sin": "7aa6b5177141",
    "even_select_local": "871363ef179c",
    "odd_select_local": "20889653707d",
}
INDICES = {0: "900becef143a", 4: "acc4b1c2c741", 128: "39e8055b5f62"}


def fingerprint(array):
    return hashlib.sha1(array.tobytes(), usedforsecurity=False).hexdigest()[:12]


@pytest.mark.parametrize("variant", ["before", "mid", "after"])
def test_fingerprints(prefill_inputs, variant):
    inputs = prefill_inputs(KERNEL.case(variant))
    assert {name: fingerprint(inputs[name]) for name in FINGERPRINTS} == FINGERPRINTS
    for name in ("ori_block_table", "cmp_block_table"):
        assert inputs[name].tolist() == [[0]]
    assert inputs["seqused_kv"].tolist() == [128]
    for name in ("attn_sink", "attn_out"):
        assert not inputs[name].any()


@pytest.mark.parametrize("ratio", [0, 4, 128])
def test_index_tables(prefill_inputs, ratio):
    case = KERNEL.case("after", options={"compress_ratio": ratio})
    assert fingerprint(prefill_inputs(case)["cmp_sparse_indices"]) == INDICES[ratio]


@pytest.mark.parametrize("variant", ["before", "mid"])
def test_prompt_variants_have_no_index_lists(prefill_inputs, variant):
    inputs = prefill_inputs(KERNEL.case(variant))
    assert (inputs["cmp_sparse_indices"] == -1).all()


def test_compressed_rows_follow_the_window():
    """Section 2.2: N(s) = s + 1 + (s + 1) // 4 entries at ratio 4, equal in every sequence."""
    c = Constants(AFTER, batch=2, ratio=4)
    table = index_lists(c)
    assert (table[:128] == table[128:]).all()
    positions = np.arange(128)
    assert ((table[:128] >= 0).sum(axis=1) == positions + 1 + (positions + 1) // 4).all()
    assert table[7, :11].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 128, 129, -1]


def test_wide_batches_get_their_own_pages(prefill_inputs):
    inputs = prefill_inputs(KERNEL.case("after", options={"batch": 2, "seq": 16}))
    assert inputs["ori_block_table"].tolist() == [[0], [1]]
    assert inputs["q"].shape == (32, 64, 512)
    assert inputs["seqused_kv"].tolist() == [16, 16]
