"""Conversions: every mode, exact ties, saturation, NaN and infinity, the INT8 chain."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import npusim.language as pl
from npusim.errors import KernelError
from npusim.language.dtypes import ROUND_MODES, promote, round_to

ULP = 2.0**-7
"""Spacing of BF16 between 1 and 2."""
NARROW = {  # 1 + 1/4 ulp, 1 + 1/2, 1 + 3/4, 1 + 3/2, and the same below zero; in ulps above 1
    "none": (0, 0, 1, 2),
    "rint": (0, 0, 1, 2),
    "round": (0, 1, 1, 2),
    "trunc": (0, 0, 0, 1),
    "odd": (1, 1, 1, 1),
}
FRACTIONS = (0.25, 0.5, 0.75, 1.5)


@pytest.mark.parametrize("mode", sorted(NARROW))
@pytest.mark.parametrize(
    ("target", "ulp"), [(pl.BF16, 2.0**-7), (pl.FP16, 2.0**-10), (pl.FP8E4M3FN, 2.0**-3)]
)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_narrowing_floats_around_ties(mode: str, target: pl.DType, ulp: float, sign: float) -> None:
    x = np.array([sign * (1 + f * ulp) for f in FRACTIONS], np.float32)
    got = round_to(x, target, mode).astype(np.float64)
    assert ((got * sign - 1) / ulp).tolist() == list(NARROW[mode])


@pytest.mark.parametrize("target", [pl.BF16, pl.FP16, pl.FP8E4M3FN])
def test_floor_and_ceil_are_directed(target: pl.DType) -> None:
    x = np.array([1.001, -1.001, 2.0, -2.0], np.float32)
    low, high = (round_to(x, target, mode).astype(np.float64) for mode in ("floor", "ceil"))
    assert (low <= x).all()
    assert (high >= x).all()
    assert (low[:2] < high[:2]).all()
    assert low[2:].tolist() == high[2:].tolist() == [2.0, -2.0]


INTEGER_CASES = {
    "none": [0, 2, 2, -2, -2, 3],
    "rint": [0, 2, 2, -2, -2, 3],
    "round": [1, 2, 3, -2, -3, 3],
    "floor": [0, 1, 2, -2, -3, 2],
    "ceil": [1, 2, 3, -1, -2, 3],
    "trunc": [0, 1, 2, -1, -2, 2],
    "odd": [1, 1, 3, -1, -3, 3],
}


@pytest.mark.parametrize("target", [pl.INT8, pl.INT16, pl.INT32, pl.INT64])
@pytest.mark.parametrize("mode", ROUND_MODES)
def test_float_to_integer_on_exact_halves(mode: str, target: pl.DType) -> None:
    x = np.array([0.5, 1.5, 2.5, -1.5, -2.5, 2.75], np.float32)
    assert round_to(x, target, mode).tolist() == INTEGER_CASES[mode]


def test_ties_away_and_ties_even_differ_by_one_bf16_ulp() -> None:
    tie = np.array([1 + ULP / 2], np.float32)
    even, away = round_to(tie, pl.BF16, "rint"), round_to(tie, pl.BF16, "round")
    assert int(away.view(np.uint16)[0]) - int(even.view(np.uint16)[0]) == 1


@pytest.mark.parametrize("target", [pl.INT8, pl.INT16, pl.INT32, pl.INT64, pl.UINT8, pl.UINT64])
@pytest.mark.parametrize("mode", ROUND_MODES)
def test_float_to_integer_saturates_and_nan_is_zero(mode: str, target: pl.DType) -> None:
    info = np.iinfo(target.numpy)
    x = np.array([1e30, -1e30, np.inf, -np.inf, np.nan], np.float32)
    got = round_to(x, target, mode).tolist()
    assert got == [info.max, info.min, info.max, info.min, 0]


@pytest.mark.parametrize("target", [pl.BF16, pl.FP16])
@pytest.mark.parametrize("mode", ROUND_MODES)
def test_infinity_and_nan_survive_narrowing(mode: str, target: pl.DType) -> None:
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0], np.float32)
    got = round_to(x, target, mode).astype(np.float32)
    assert got[:2].tolist() == [np.inf, -np.inf]
    assert np.isnan(got[2])
    assert np.signbit(got[3:]).tolist() == [False, True]


@pytest.mark.parametrize(
    ("mode", "positive", "negative"),
    [
        ("rint", np.inf, -np.inf),
        ("round", np.inf, -np.inf),
        ("trunc", 65504.0, -65504.0),
        ("floor", 65504.0, -np.inf),
        ("ceil", np.inf, -65504.0),
    ],
)
@pytest.mark.parametrize("value", [65520.0, 1e6])
def test_fp16_overflows_where_the_mode_rounds_outwards(
    mode: str, positive: float, negative: float, value: float
) -> None:
    got = round_to(np.array([value, -value], np.float32), pl.FP16, mode)
    assert got.tolist() == [positive, negative]


def test_fp16_just_below_the_overflow_tie_rounds_to_the_largest() -> None:
    x = np.array([65519.0], np.float32)
    assert round_to(x, pl.FP16, "round").tolist() == [65504.0]


@pytest.mark.parametrize(
    ("mode", "expected"), [("rint", 2048), ("round", 2050), ("floor", 2048), ("ceil", 2050)]
)
def test_int32_to_fp16_takes_the_mode(mode: str, expected: int) -> None:
    assert round_to(np.array([2049], np.int32), pl.FP16, mode).tolist() == [expected]


def test_narrowing_integers_saturates_and_equal_width_keeps_bits() -> None:
    x = np.array([300, -300, 5], np.int32)
    assert round_to(x, pl.INT8).tolist() == [127, -128, 5]
    assert round_to(x, pl.UINT8).tolist() == [255, 0, 5]
    assert round_to(x[1:2], pl.UINT32).tolist() == [2**32 - 300]
    assert round_to(np.array([2**32 - 1], np.uint32), pl.INT32).tolist() == [-1]
    assert round_to(np.array([200], np.uint8), pl.INT8).tolist() == [-56]
    assert round_to(np.array([2**32 - 1], np.uint32), pl.INT8).tolist() == [127]


def test_bool_is_true_for_everything_but_zero() -> None:
    assert round_to(np.array([0.0, 0.5, -1.0], np.float32), pl.BOOL).tolist() == [
        False,
        True,
        True,
    ]
    assert round_to(np.array([0, 256], np.int32), pl.BOOL).tolist() == [False, True]
    assert round_to(np.array([True, False]), pl.INT8).tolist() == [1, 0]


@pytest.mark.parametrize("mode", ROUND_MODES)
def test_widening_is_exact(mode: str) -> None:
    bits = np.arange(0, 2**16, 7, dtype=np.uint16)
    for storage in (np.float16, ml_dtypes.bfloat16):
        x = bits.view(storage)
        np.testing.assert_array_equal(round_to(x, pl.FP32, mode), x.astype(np.float32))


def test_same_type_is_a_copy() -> None:
    x = np.ones(3, np.float32)
    assert not np.shares_memory(round_to(x, pl.FP32), x)


def test_promotion_prefers_float_then_bits_then_signed() -> None:
    assert promote(pl.INT64, pl.FP16) is pl.FP16
    assert promote(pl.BF16, pl.FP32) is pl.FP32
    assert promote(pl.INT8, pl.UINT16) is pl.UINT16
    assert promote(pl.UINT32, pl.INT32) is pl.INT32
    assert promote(pl.INT32, pl.UINT32) is pl.INT32


def test_int8_quantisation_chain_is_executed_as_written() -> None:
    """FP32 -(rint)-> INT32 -(round)-> FP16 -(trunc)-> INT8, as the models write it."""
    x = np.array([[0.5, 1.5, 2.5, -2.5, 126.6, 127.4, -128.0, 100.0]], np.float32)
    out = np.zeros((1, 8), np.int8)

    def kernel(x: pl.Tensor, out: pl.Tensor) -> None:
        with pl.at(name_hint="quant"):
            whole = pl.cast(x[:, :], pl.INT32, mode="rint")
            half = pl.cast(whole, pl.FP16, mode="round")
            pl.assemble(out, pl.cast(half, pl.INT8, mode="trunc"), [0, 0])

    pl.record(kernel, {"x": x, "out": out}, outputs={"out"})
    assert out.tolist() == [[0, 2, 2, -2, 127, 127, -128, 100]]


def test_default_mode_of_pl_cast_is_ties_away() -> None:
    x, kept = np.array([[0.5, 1 + ULP / 2]], np.float32), []

    def kernel(x: pl.Tensor) -> None:
        with pl.at():
            kept.append(pl.cast(x, pl.INT32).array)
            kept.append(pl.cast(x, pl.BF16).array.astype(np.float32))

    pl.record(kernel, {"x": x})
    assert kept[0].tolist() == [[1, 1]]
    assert kept[1].tolist() == [[0.5, 1 + ULP]]


@pytest.mark.parametrize(
    ("value", "target", "expected"),
    [
        (2.75, pl.INT32, 2),
        (-2.75, pl.INDEX, -2),
        (7, pl.INDEX, 7),
        (1 + ULP / 4, pl.BF16, 1.0),
        (0.1, pl.FP32, float(np.float32(0.1))),
        (3, pl.BOOL, True),
    ],
)
def test_scalars_are_cast_without_a_tile(value: Any, target: pl.DType, expected: Any) -> None:
    assert pl.cast(value, target) == expected
    assert pl.tensor is not None
    assert type(pl.cast(value, target)) is type(expected)


def test_unknown_mode_and_unmappable_numbers_are_refused() -> None:
    with pytest.raises(KernelError, match=r"^cast mode is 'up'; expected one of none, rint, "):
        round_to(np.ones(1, np.float32), pl.BF16, "up")
    with pytest.raises(KernelError, match=r"^pl\.const of nan as INT32; expected a finite number$"):
        pl.const(float("nan"), pl.INT32)
