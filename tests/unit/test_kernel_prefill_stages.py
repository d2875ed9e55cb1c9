"""What the reference kernel leaves between its stages (KERNEL_SPEC.md section 12, extra test c).

The stage functions are wrapped while the kernel runs, so that their buffers can be looked at.
"""

import functools
from dataclasses import replace

import ml_dtypes
import numpy as np
import prefill_sparse_attn
import prefill_sparse_attn_attention
import pytest
from prefill_sparse_attn import KERNEL
from prefill_sparse_attn_config import AFTER, Constants
from prefill_sparse_attn_golden import (
    attention_output,
    context_rows,
    projection_input,
    quantise_rows,
    tilewise_attention,
)

from tests.kernel_runner import run_case

STAGES = {
    prefill_sparse_attn: ("gather_context", "attend", "inverse_rope", "project_a", "quantise"),
    prefill_sparse_attn_attention: ("block_softmax", "weighted_values"),
}
TOKENS, HEADS, TILE = 32, 64, 16


@pytest.fixture(scope="module")
def stages(prefill_inputs):
    """Last arguments and result of each stage, and the inputs, of a run with three blocks."""
    seen = {}

    def watch(name, function):
        @functools.wraps(function)
        def watched(*args):
            result = function(*args)
            seen[name] = (args, result)
            return result

        return watched

    with pytest.MonkeyPatch.context() as patch:
        for module, names in STAGES.items():
            for name in names:
                patch.setattr(module, name, watch(name, getattr(module, name)))
        case = KERNEL.case("after", {"attn_tile": TILE}, {"seq": TOKENS, "compress_ratio": 4})
        seen["run"] = run_case(case, prefill_inputs(case), poison=True)
    return seen


@pytest.fixture(scope="module")
def constants():
    return Constants(replace(AFTER, attn_tile=TILE), seq=TOKENS, ratio=4)


@pytest.fixture(scope="module")
def expected(stages, constants):
    """Attention output as the kernel rounds it, and the rows of projection B."""
    inputs = stages["run"].inputs
    attention = attention_output(constants, inputs, tilewise_attention)
    rounded = attention.astype(ml_dtypes.bfloat16).astype(np.float32)
    return rounded, projection_input(constants, rounded, inputs)


def rel_l2(actual, expected):
    difference = actual.astype(np.float64) - expected
    return np.linalg.norm(difference) / np.linalg.norm(expected)


def test_gathered_rows_are_the_context_then_zeros(stages, constants):
    kv = stages["gather_context"][1].array.reshape(TOKENS, 48, 512).astype(np.float32)
    for token in range(TOKENS):
        rows = context_rows(constants, stages["run"].inputs, token)
        assert (kv[token, : len(rows)] == rows).all()
        assert not kv[token, len(rows) :].any()


def test_statistics_and_values_of_every_block(stages, constants):
    """m, l and oi per (token, block), all heads; dead blocks are never written."""
    (_, _, _, stats), _ = stages["block_softmax"]
    oi = stages["weighted_values"][0][-1]
    m, sums, exp = (
        stats[name].array.reshape(TOKENS, 3, HEADS, -1).astype(np.float32)
        for name in ("m", "l", "exp")
    )
    values = [buffer.array.reshape(TOKENS, HEADS, 512) for buffer in oi.buffers]
    inputs = stages["run"].inputs
    for token in range(TOKENS):
        context = context_rows(constants, inputs, token)
        q = inputs["q"][token].astype(np.float32)
        for block in range(3):
            rows = context[block * TILE : (block + 1) * TILE]
            if not len(rows):
                assert np.isnan(m[token, block]).all()
                assert np.isnan(values[block][token]).all()
                continue
            scores = (q @ rows.T) * np.float32(constants.softmax_scale)
            top = scores.max(axis=1, keepdims=True)
            weights = np.exp(scores - top)
            np.testing.assert_allclose(m[token, block], top, rtol=1e-5, atol=1e-7)
            np.testing.assert_allclose(exp[token, block, :, : len(rows)], weights, rtol=2**-8)
            assert not exp[token, block, :, len(rows) :].any()
            total = exp[token, block].sum(axis=1, keepdims=True)
            np.testing.assert_allclose(sums[token, block], total, rtol=1e-6)
            product = exp[token, block, :, : len(rows)] @ rows
            np.testing.assert_allclose(values[block][token], product, rtol=1e-4, atol=1e-6)


def test_packed_rows_hold_every_head_rotated_back(stages, constants, expected):
    packed = stages["attend"][1][0].array.astype(np.float32)
    heads = packed.reshape(8, TOKENS, 8, 512).transpose(1, 0, 2, 3).reshape(TOKENS, HEADS, 512)
    attention, _ = expected
    assert rel_l2(heads[..., :448], attention[..., :448]) < 5e-4
    c, inputs = constants, stages["run"].inputs
    cos, sin = (
        inputs[name][:, None, :32].astype(np.float64) for name in ("freqs_cos", "freqs_sin")
    )
    even, odd = attention[..., 448::2], attention[..., 449::2]
    assert rel_l2(heads[..., c.nope_dim :: 2], even * cos + odd * sin) < 3e-3
    assert rel_l2(heads[..., c.nope_dim + 1 :: 2], odd * cos - even * sin) < 3e-3


def test_rope_halves_never_overlap(stages):
    """Each parity's buffer has zeros in the other's columns, so that adding joins them."""
    even, odd = (tensor.array for tensor in stages["inverse_rope"][1])
    assert not even[:, 1::2].any()
    assert not odd[:, ::2].any()


def test_grouped_projection(stages, expected):
    o_r, amax_parts = (tensor.array.astype(np.float32) for tensor in stages["project_a"][1])
    assert rel_l2(o_r, expected[1]) < 1e-3
    partial = np.abs(o_r).reshape(TOKENS, 64, 128).max(axis=2)
    assert (amax_parts == partial.T).all()


def test_codes_and_scales_are_those_of_the_golden(stages, constants):
    o_r = stages["project_a"][1][0].array.astype(np.float32)
    codes, scale = (tensor.array for tensor in stages["quantise"][1])
    expected_codes, expected_scale = quantise_rows(constants, o_r)
    assert (codes == expected_codes).all()
    assert (scale[:, 0] == expected_scale).all()
    assert np.abs(codes.astype(np.int32)).max() == 127
