"""Numbers of a trace as base64 typed arrays, which a browser reads without parsing digits."""

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.trace import NO_TIME
from npusim.units import PS_PER_US

_TYPES = {"i1": np.int8, "u1": np.uint8, "i4": np.int32, "f8": np.float64}


def encode(values: npt.ArrayLike, kind: str) -> dict[str, str]:
    """``values`` as little-endian ``i1``, ``u1``, ``i4`` or ``f8``, in base64 with their type."""
    array = np.ascontiguousarray(np.asarray(values).astype(_TYPES[kind]))
    raw = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return {"type": kind, "data": base64.b64encode(raw).decode("ascii")}


def encode_us(times_ps: npt.NDArray[Any]) -> dict[str, str]:
    """Picoseconds as microseconds; NaN where the trace does not hold the time."""
    return encode(np.where(times_ps == NO_TIME, np.nan, times_ps / PS_PER_US), "f8")
