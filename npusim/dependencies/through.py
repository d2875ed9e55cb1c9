"""Through which part of which tensor a task waits for another."""

import numpy as np
import numpy.typing as npt

from npusim.program import NO_INDEX, AccessMode, Argument, Program, TensorInfo

Ints = npt.NDArray[np.int64]
_Extents = dict[tuple[int, int], tuple[int, int]]
"""(task, tensor) -> first element and one behind the last."""


class EdgeRegions:
    """Names the tensor region behind a dependency of a program.

    Regions are the elements from the first to the last that both tasks touch, written as rows of
    the tensor's first axis: ``raw_scores[512:1024]`` of 2048 rows. Where the accesses of the two do
    not meet, the arguments that the runtime looks at do: ``oi (declared, not touched)``. An
    explicit dependency needs neither: ``deps=``.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._written, self._read = _touched(program)
        self._tensors: dict[int, set[int]] = {}
        for task, tensor in self._read:
            self._tensors.setdefault(task, set()).add(tensor)

    def text(self, pred: int, succ: int) -> str:
        """The region through which task ``succ`` waits for task ``pred``; task indices."""
        parts = []
        for tensor in sorted(self._tensors.get(succ, ())):
            written = self._written.get((pred, tensor))
            low, high = self._read[succ, tensor]
            if written is not None and max(low, written[0]) < min(high, written[1]):
                region = (max(low, written[0]), min(high, written[1]))
                parts.append(_rows(self._program.tensors[tensor], *region))
        return ", ".join(parts) or self._declared(pred, succ)

    def _declared(self, pred: int, succ: int) -> str:
        tasks = self._program.tasks
        written = {a.tensor_id: a for a in tasks[pred].arguments if a.is_written}
        names = [
            self._program.tensors[a.tensor_id].name
            for a in tasks[succ].arguments
            if a.tensor_id in written and _meets(a, written[a.tensor_id])
        ]
        if names:
            return ", ".join(f"{name} (declared, not touched)" for name in dict.fromkeys(names))
        return "deps=" if pred in tasks[succ].deps else ""


def _touched(program: Program) -> tuple[_Extents, _Extents]:
    """The extents that each task writes and reads, by tensor."""
    lengths = program.blocks["op_stop"] - program.blocks["op_start"]
    task_of_op = np.repeat(program.blocks["task"], lengths).astype(np.int64)
    touching = np.flatnonzero(program.ops["access"] != NO_INDEX)
    accesses = program.accesses[program.ops["access"][touching]]
    tasks = task_of_op[touching]
    low = accesses["offset"].astype(np.int64)
    high = low + accesses["run"]
    for count, stride in (("n0", "s0"), ("n1", "s1"), ("n2", "s2")):
        high += (accesses[count] - 1) * accesses[stride]
    is_write = accesses["mode"] != AccessMode.READ
    is_read = accesses["mode"] != AccessMode.WRITE
    return tuple(  # type: ignore[return-value]
        _extents(tasks[rows], accesses["tensor"][rows], low[rows], high[rows])
        for rows in (is_write, is_read)
    )


def _extents(tasks: Ints, tensors: Ints, low: Ints, high: Ints) -> _Extents:
    keys, group = np.unique(tasks << 32 | tensors.astype(np.int64), return_inverse=True)
    first = np.full(len(keys), np.iinfo(np.int64).max)
    stop = np.zeros(len(keys), np.int64)
    np.minimum.at(first, group, low)
    np.maximum.at(stop, group, high)
    found = zip(keys.tolist(), first.tolist(), stop.tolist(), strict=True)
    return {(key >> 32, key & 0xFFFFFFFF): (one, end) for key, one, end in found}


def _rows(tensor: TensorInfo, low: int, high: int) -> str:
    row = 1
    for extent in tensor.shape[1:]:
        row *= extent
    if not row:
        return tensor.name
    first, stop = low // row, -(-high // row)
    is_whole = first == 0 and tensor.shape and stop >= tensor.shape[0]
    return f"{tensor.name}[:]" if is_whole else f"{tensor.name}[{first}:{stop}]"


def _meets(one: Argument, other: Argument) -> bool:
    return one.offset < other.offset + _extent(other) and other.offset < one.offset + _extent(one)


def _extent(argument: Argument) -> int:
    steps = zip(argument.shape, argument.strides, strict=True)
    return 1 + sum((count - 1) * stride for count, stride in steps)
