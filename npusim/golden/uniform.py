"""Uniform random numbers that equal those of ``torch.rand`` with a manual seed, bit for bit."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_WORDS_PER_CHUNK = 1 << 14  # 64 KiB: generating, masking and scaling stay in the L2 cache
_MANTISSA_MASK = np.uint32((1 << 24) - 1)
_MANTISSA_SCALE = np.float32(2.0**-24)
_SEED_LIMIT = 1 << 32


def uniform(seed: int, shape: Sequence[int]) -> npt.NDArray[np.float32]:
    """Uniform numbers in [0, 1) of the given shape, a function of the seed alone.

    Method: MT19937 with the classic integer seeding (``init_genrand``), one 32-bit word an
    element, the low 24 bits times 2**-24. That is what ``torch.rand`` does on a CPU for float32,
    so inputs that upstream makes with torch are reproduced without torch.

    Args:
        seed: 0 to 2**32 - 1.
        shape: Lengths of the axes, in elements; filled in row-major order.

    Raises:
        ValueError: If the seed is out of range or a length is negative.
    """
    if not 0 <= seed < _SEED_LIMIT:
        msg = f"uniform: seed is {seed}; expected 0 to {_SEED_LIMIT - 1}"
        raise ValueError(msg)
    if any(length < 0 for length in shape):
        msg = f"uniform: shape is {tuple(shape)}; expected lengths that are not negative"
        raise ValueError(msg)
    numbers = np.empty(math.prod(shape), np.float32)
    # Only the legacy class seeds with init_genrand; the newer Generator hashes the seed first.
    # Its bytes() hands out whole words in order, which none of its samplers does.
    generator = np.random.RandomState(seed)
    for start in range(0, numbers.size, _WORDS_PER_CHUNK):
        chunk = numbers[start : start + _WORDS_PER_CHUNK]
        words = np.frombuffer(generator.bytes(4 * chunk.size), dtype="<u4")
        chunk[...] = words & _MANTISSA_MASK  # one product would promote both to float64
        chunk *= _MANTISSA_SCALE
    return numbers.reshape(shape)
