import hashlib

import ml_dtypes
import numpy as np
import pytest

from npusim.golden import TensorSpec, make_inputs, uniform

HALF = np.float32(0.5)


def _fingerprint(array: np.ndarray) -> str:
    return hashlib.sha1(array.tobytes()).hexdigest()[:12]


@pytest.mark.parametrize(
    ("seed", "shape", "divisor", "fingerprint"),
    [
        (1, (128, 64, 512), 8.0, "8cb5dadafae4"),
        (2, (1, 128, 1, 512), 8.0, "4026606c3a3c"),
        (3, (1, 128, 1, 512), 8.0, "2a1512d8ef94"),
        (4, (8, 1024, 4096), 4096**0.5, "d7e800b68eeb"),
    ],
    ids=["q", "ori_kv", "cmp_kv", "wo_a"],
)
def test_inputs_of_the_reference_kernel_are_those_of_torch(
    seed: int, shape: tuple[int, ...], divisor: float, fingerprint: str
) -> None:
    spec = TensorSpec(
        "x",
        shape,
        np.dtype(ml_dtypes.bfloat16),
        init_value=lambda: (uniform(seed, shape) - HALF) / np.float32(divisor),
    )
    assert _fingerprint(make_inputs([spec])["x"]) == fingerprint


def test_the_numbers_are_the_words_of_the_twister() -> None:
    # First outputs of init_genrand(5489), Matsumoto and Nishimura 2002.
    words = np.array([3499211612, 581869302, 3890346734, 3586334585])
    expected = (words & 0xFFFFFF) / 2.0**24
    assert uniform(5489, (2, 2)).reshape(-1).tolist() == expected.tolist()


def test_chunks_do_not_show() -> None:
    long = uniform(7, (40_000,))
    assert long.dtype == np.float32
    assert np.array_equal(long[:100], uniform(7, (100,)))
    assert 0.0 <= long.min() < long.max() < 1.0
    assert uniform(7, ()).shape == ()
    assert uniform(7, (3, 0)).shape == (3, 0)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match=rf"^uniform: seed is {seed}; expected 0 to 4294967295"):
        uniform(seed, (1,))


def test_a_negative_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^uniform: shape is \(2, -1\); expected lengths"):
        uniform(1, (2, -1))
