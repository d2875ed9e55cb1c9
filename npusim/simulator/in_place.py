"""Which operands a result may not overwrite, though nobody uses them any more.

A compiler lets a result take the buffer of an operand that is used for the last time, where the
hardware can work in place. Where it reads an operand again after it has begun to write, it cannot
(hw-native-sys/pypto, docs/en/dev/passes/33-memory_reuse.md, no-alias guard)::

    widening cast      the writing cursor overtakes the reading one
    row reductions     read rows and scratch while they write results; so does a transpose
    expanding ops      read the vector again for every row or column
"""

import numpy as np
import numpy.typing as npt

from npusim.program import Program

_EVERY, _FIRST, _SECOND = 7, 1, 2
"""Bits of the operands in0, in1, in2."""

KEPT_OPERANDS = {
    **dict.fromkeys(("recip", "rsqrt", "fmod", "fmods", "transpose", "concat"), _EVERY),
    **dict.fromkeys(("row_sum", "row_max", "row_min", "row_argmax", "sort32", "mrgsort"), _EVERY),
    **dict.fromkeys(("row_expand", "col_expand"), _FIRST),
    **{
        f"{axis}_expand_{op}": _SECOND
        for axis in ("row", "col")
        for op in ("add", "sub", "mul", "div", "expdif")
    },
}
"""By the name of an operation, what it reads again; a widening cast is known by its types."""


def kept_operands(program: Program) -> npt.NDArray[np.bool_]:
    """True where the result of an operation may not overwrite its operand; shape (ops, 3)."""
    masks = np.asarray([KEPT_OPERANDS.get(kind.name, 0) for kind in program.op_kinds], np.int64)
    ops = program.ops
    mask = masks[ops["kind"]] if len(ops) else np.zeros(0, np.int64)
    width = np.asarray(program.dtype_bytes, np.int64)
    is_cast = np.asarray([kind.name == "cast" for kind in program.op_kinds], bool)[ops["kind"]]
    is_widening = is_cast & (width[ops["out_dtype"]] > width[ops["dtype"]])
    mask = np.where(is_widening, _EVERY, mask)
    kept: npt.NDArray[np.bool_] = (mask[:, None] & (1, 2, 4)) != 0
    return kept
