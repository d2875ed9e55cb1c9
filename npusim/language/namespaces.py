"""``pl.tensor.*``, ``pl.tile.*`` and the other namespaces: the same operations once more.

Tensor and tile level share their functions: what a value is decides, not how the name is spelled.
Arguments that only the tile level has (scratch tiles, target memories) are accepted everywhere.
"""

from npusim.language import (
    convert,
    create,
    elementwise,
    enums,
    expand,
    flags,
    gather,
    matrix,
    onchip,
    reduce,
    runtime_scopes,
    scalar,
    scopes,
    sort,
    transfer,
    views,
)
from npusim.language.unknown import Namespace
from npusim.language.values import Tensor, Tile

_ELEMENTWISE = ("add", "sub", "mul", "div", "maximum", "minimum", "fmod", "cmp")
_UNARY = ("neg", "exp", "log", "sqrt", "rsqrt", "recip", "sin", "cos")
_EXPAND = ("add", "sub", "mul", "div", "expdif")
_REDUCE = ("row_sum", "row_max", "row_min", "row_argmax", "col_sum", "col_max", "col_min")


def dim(x: Tensor | Tile, axis: int) -> int:
    """The extent of ``x`` along ``axis``."""
    return x.shape[axis]


OPERATIONS: dict[str, object] = {
    **{name: getattr(elementwise, name) for name in (*_ELEMENTWISE, *_UNARY)},
    **{f"{name}s": getattr(elementwise, name) for name in _ELEMENTWISE},
    **{
        f"{axis}_expand{suffix}": getattr(expand, f"{axis}_expand{suffix}")
        for axis in ("row", "col")
        for suffix in ("", *(f"_{name}" for name in _EXPAND))
    },
    **{name: getattr(reduce, name) for name in _REDUCE},
    "abs": elementwise.abs_,
    "arange": create.arange,
    "assemble": transfer.assemble,
    "cast": convert.cast,
    "concat": create.concat,
    "expands": onchip.expands,
    "fillpad": create.fillpad,
    "full": create.full,
    "gather": gather.gather,
    "gather_row": onchip.gather_row,
    "load": transfer.load,
    "matmul": matrix.matmul,
    "matmul_acc": matrix.matmul_acc,
    "move": onchip.move,
    "mrgsort": sort.mrgsort,
    "read": scalar.read,
    "reshape": views.reshape,
    "scatter": gather.scatter,
    "set_validshape": views.set_validshape,
    "slice": views.slice_,
    "sort32": sort.sort32,
    "store": transfer.store,
    "transpose": views.transpose,
    "transpose_view": onchip.transpose_view,
    "write": scalar.write,
}
"""The operations of both levels by name."""

tensor = Namespace("pl.tensor", {**OPERATIONS, "create": create.create_tensor, "dim": dim})
"""``pl.tensor.*``."""

tile = Namespace(
    "pl.tile",
    {
        **OPERATIONS,
        "MaskPattern": enums.MaskPattern,
        "create": create.create_tile,
        "create_l1": onchip.create_l1,
        "get_block_idx": scopes.get_block_idx,
        "get_block_num": scopes.get_block_num,
    },
)
"""``pl.tile.*``."""

array = Namespace("pl.array", {"create": flags.array_create})
system = Namespace(
    "pl.system",
    {
        "cacheinvalid": runtime_scopes.cacheinvalid,
        "fence": runtime_scopes.fence,
        "syncall": runtime_scopes.syncall,
        "task_dummy": flags.task_dummy,
    },
)
prefetch = Namespace(
    "pl.prefetch",
    {
        "async_prefetch": runtime_scopes.async_prefetch,
        "make_context": runtime_scopes.make_context,
    },
)
