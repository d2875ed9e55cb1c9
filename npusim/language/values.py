"""The two values of the DSL: a tensor in global memory and a tile on a core.

Aliasing rules: DSL_REFERENCE.md section 1.3. A tensor is a view on a buffer, every write to it is
in place; a tile is a value, except for the explicit in-place operations.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from npusim.errors import KernelError
from npusim.language.dtypes import Array, DType
from npusim.program import NO_INDEX, TensorRole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npusim.language.block import Block

Shape = tuple[int, ...]


class TileRegion(tuple[int, ...]):
    """The valid region of a tile that ``pl.load`` made.

    At tile level the first operand of an expand operation decides the region of the result; at
    tensor level (``pl.slice``, subscripts) a region never passes through a broadcast
    (DSL_REFERENCE.md section 5.3; seen in kernels that pad after ``pl.row_expand_mul``).
    """

    __slots__ = ()


class Buffer:
    """One allocation in global memory: a flat array and the identity that a Program records."""

    __slots__ = ("dtype", "flat", "is_manual_dep", "name", "role", "shape", "tensor_id", "writers")

    def __init__(
        self, tensor_id: int, name: str, array: Array, dtype: DType, role: TensorRole
    ) -> None:
        self.tensor_id = tensor_id
        self.name = name
        self.shape: Shape = array.shape
        self.flat: Array = array.reshape(-1)
        self.dtype = dtype
        self.role = role
        self.is_manual_dep = False
        """``create_tensor(manual_dep=True)``: the runtime does not track this buffer."""
        self.writers: list[Block] = []
        """The last block of each task that wrote to it, in order."""

    def note_writer(self, block: "Block") -> None:
        """``block`` writes to the buffer."""
        if self.writers and self.writers[-1].task is block.task:
            self.writers[-1] = block
        else:
            self.writers.append(block)


class Tensor:
    """A view on a buffer in global memory.

    ``pl.Tensor[[M, N], pl.BF16]`` is the annotation form; it records shape and type and is never
    evaluated for anything else.
    """

    __slots__ = ("array", "buffer", "dtype", "offset", "origin", "shape", "strides")
    __array_ufunc__ = None  # a numpy scalar on the left leaves the operation to us

    def __init__(
        self,
        buffer: Buffer,
        array: Array,
        offset: int,
        *,
        origin: "Tensor | None" = None,
    ) -> None:
        self.buffer = buffer
        self.array = array
        self.shape: Shape = array.shape
        """Elements along each axis."""
        self.dtype = buffer.dtype
        self.offset = offset
        item = array.dtype.itemsize
        self.strides: Shape = tuple(stride // item for stride in array.strides)
        self.origin = origin
        """The handle a task captures instead, for a view made inside its scope."""

    def __class_getitem__(cls, item: Any) -> "TensorType":
        return TensorType(cls.__name__, item)

    def bind_dynamic(self, axis: int, symbol: object) -> None:
        """Accepted for compatibility; shapes are concrete here."""

    def __repr__(self) -> str:
        return f"Tensor({self.buffer.name}, {list(self.shape)}, {self.dtype})"


class TileStorage:
    """Where a tile lives in one block, and the copies of it in other spaces.

    ``row`` is the mutable tile row [space, stages, slot, site, nbytes] of the block: the space of a
    loaded tile is known only when its first consumer asks for it. ``writes`` counts in-place
    operations, so that values derived from the array are known to be stale.
    """

    __slots__ = ("block", "copies", "full", "implicit", "load_access", "row", "tile_id", "writes")

    def __init__(self, block: "Block", tile_id: int, row: list[int], full: Array) -> None:
        self.block = block
        self.tile_id = tile_id
        self.row = row
        self.full = full
        self.copies: dict[int, int] = {}
        self.load_access = NO_INDEX
        self.implicit: Tensor | None = None
        self.writes = 0


class Tile:
    """A tile on a core: a numpy array, its valid region and its place.

    ``valid`` is the shape of the region that holds data; ``None`` means all of it.
    """

    __slots__ = ("array", "dtype", "shape", "storage", "valid", "widened", "widened_at")
    __array_ufunc__ = None  # as for Tensor

    def __init__(
        self, array: Array, dtype: DType, storage: TileStorage, valid: Shape | None = None
    ) -> None:
        self.array = array
        self.shape: Shape = array.shape
        """Elements along each axis."""
        self.dtype = dtype
        self.storage = storage
        self.valid = valid
        self.widened: Array | None = None
        self.widened_at = 0
        """``storage.writes`` when ``widened`` was made."""

    def __class_getitem__(cls, item: Any) -> "TensorType":
        return TensorType(cls.__name__, item)

    def alias(self, array: Array, valid: Shape | None) -> Self:
        """The same storage seen as ``array`` with another valid region."""
        return type(self)(array, self.dtype, self.storage, valid)

    def __repr__(self) -> str:
        return f"Tile({list(self.shape)}, {self.dtype})"


class TensorType:
    """What an annotation such as ``pl.Tensor[[M, N], pl.FP32]`` evaluates to."""

    __slots__ = ("item", "kind")

    def __init__(self, kind: str, item: Any) -> None:
        self.kind = kind
        self.item = item

    def __repr__(self) -> str:
        return f"pl.{self.kind}[{self.item}]"


class _Direction:
    """``pl.Out[...]`` and ``pl.InOut[...]``: annotations that name a direction."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __getitem__(self, item: Any) -> TensorType:
        return TensorType(self.kind, item)


Out = _Direction("Out")
InOut = _Direction("InOut")
Scalar = _Direction("Scalar")
ArrayType = _Direction("Array")
TupleType = _Direction("Tuple")

Region = tuple[int, int, int, int, int, int, int]


@lru_cache(maxsize=65536)
def collapse(shape: Shape, strides: Shape) -> Region:
    """``(n0, s0, n1, s1, n2, s2, run)`` of a strided box, as ``ACCESS_DTYPE`` stores it.

    Contiguous inner axes melt into ``run``; neighbouring outer axes that step evenly melt into one.

    Raises:
        KernelError: If more than three outer axes remain.
    """
    axes = [(n, s) for n, s in zip(shape, strides, strict=True) if n != 1]
    run = 1
    while axes and axes[-1][1] == run:
        run *= axes.pop()[0]
    outer: list[tuple[int, int]] = []
    for count, stride in axes:
        if outer and outer[-1][1] == count * stride:
            outer[-1] = (outer[-1][0] * count, stride)
        else:
            outer.append((count, stride))
    if len(outer) > 3:
        msg = (
            f"a region of shape {list(shape)} with strides {list(strides)} has {len(outer)} "
            "uneven axes; expected at most 3 above the contiguous one; access it in parts"
        )
        raise KernelError(msg)
    padded = [(1, 0)] * (3 - len(outer)) + outer
    (n0, s0), (n1, s1), (n2, s2) = padded
    return n0, s0, n1, s1, n2, s2, run


def rows_and_cols(shape: "Sequence[int]") -> tuple[int, int]:
    """A shape as rows and columns: leading axes multiply into rows."""
    cols = shape[-1] if shape else 1
    rows = 1
    for extent in shape[:-1]:
        rows *= extent
    return rows, cols
