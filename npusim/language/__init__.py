"""The kernel DSL: ``import npusim.language as pl``.

Owns eager execution on numpy and the recording of what ran. Names and semantics are those of
``pypto.language`` (DSL_REFERENCE.md), so that a kernel moves between npusim and a device unchanged.
Refuses to know chips, time and dependencies: it only says what was computed.
"""

from types import SimpleNamespace

from npusim.language.convert import cast, const
from npusim.language.create import arange, concat, create_tensor, create_tile, fillpad, full
from npusim.language.dtypes import (
    BF16,
    BOOL,
    FP8E4M3FN,
    FP16,
    FP32,
    INDEX,
    INT8,
    INT16,
    INT32,
    INT64,
    UINT8,
    UINT16,
    UINT32,
    UINT64,
    DType,
)
from npusim.language.elementwise import (
    abs_,
    add,
    cmp,
    cos,
    div,
    exp,
    fmod,
    log,
    maximum,
    minimum,
    mul,
    neg,
    recip,
    rsqrt,
    sin,
    sqrt,
    sub,
)
from npusim.language.enums import (
    AtomicType,
    CmpMode,
    Level,
    MaskPattern,
    MemorySpace,
    PadValue,
    SplitMode,
)
from npusim.language.expand import (
    col_expand,
    col_expand_add,
    col_expand_div,
    col_expand_expdif,
    col_expand_mul,
    col_expand_sub,
    row_expand,
    row_expand_add,
    row_expand_div,
    row_expand_expdif,
    row_expand_mul,
    row_expand_sub,
)
from npusim.language.gather import gather, scatter
from npusim.language.jit import JitFunction, jit
from npusim.language.loops import parallel, pipeline, range_, unroll
from npusim.language.matrix import matmul, matmul_acc
from npusim.language.operators import bind_operators
from npusim.language.record import record
from npusim.language.recorder import RecordOptions
from npusim.language.reduce import (
    col_max,
    col_min,
    col_sum,
    row_argmax,
    row_max,
    row_min,
    row_sum,
)
from npusim.language.scopes import (
    TASK_ID,
    TaskId,
    array_create,
    at,
    get_block_idx,
    manual_scope,
    scope,
    split,
    spmd,
    task_dummy,
)
from npusim.language.transfer import assemble, load, read, store, write
from npusim.language.values import InOut, Out, Scalar, Tensor, Tile
from npusim.language.views import reshape, set_validshape, slice_, transpose

bind_operators()

# The DSL's own names that are also Python builtins; kernels write pl.range, pl.abs, pl.slice.
abs = abs_  # noqa: A001
max = max  # noqa: A001, PLW0127 - scalar maximum
min = min  # noqa: A001, PLW0127 - scalar minimum
range = range_  # noqa: A001
slice = slice_  # noqa: A001

tensor = SimpleNamespace(
    dim=lambda x, axis: x.shape[axis],
    read=read,
    write=write,
    slice=slice_,
    reshape=reshape,
    set_validshape=set_validshape,
    gather=gather,
    scatter=scatter,
    arange=arange,
)
"""``pl.tensor.*``: the same operations under their namespace."""

tile = SimpleNamespace(
    get_block_idx=get_block_idx,
    MaskPattern=MaskPattern,
    load=load,
    store=store,
    full=full,
    cast=cast,
    slice=slice_,
    reshape=reshape,
    gather=gather,
)
"""``pl.tile.*``: the same operations under their namespace."""

array = SimpleNamespace(create=array_create)
system = SimpleNamespace(task_dummy=task_dummy)


def dynamic(name: str) -> str:
    """A symbol for a dynamic extent; used only in annotations."""
    return name


__all__ = [
    "BF16",
    "BOOL",
    "FP8E4M3FN",
    "FP16",
    "FP32",
    "INDEX",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "TASK_ID",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "AtomicType",
    "CmpMode",
    "DType",
    "InOut",
    "JitFunction",
    "Level",
    "MaskPattern",
    "MemorySpace",
    "Out",
    "PadValue",
    "RecordOptions",
    "Scalar",
    "SplitMode",
    "TaskId",
    "Tensor",
    "Tile",
    "abs",
    "add",
    "arange",
    "array",
    "assemble",
    "at",
    "cast",
    "cmp",
    "col_expand",
    "col_expand_add",
    "col_expand_div",
    "col_expand_expdif",
    "col_expand_mul",
    "col_expand_sub",
    "col_max",
    "col_min",
    "col_sum",
    "concat",
    "const",
    "cos",
    "create_tensor",
    "create_tile",
    "div",
    "dynamic",
    "exp",
    "fillpad",
    "fmod",
    "full",
    "gather",
    "get_block_idx",
    "jit",
    "load",
    "log",
    "manual_scope",
    "matmul",
    "matmul_acc",
    "max",
    "maximum",
    "min",
    "minimum",
    "mul",
    "neg",
    "parallel",
    "pipeline",
    "range",
    "read",
    "recip",
    "record",
    "reshape",
    "row_argmax",
    "row_expand",
    "row_expand_add",
    "row_expand_div",
    "row_expand_expdif",
    "row_expand_mul",
    "row_expand_sub",
    "row_max",
    "row_min",
    "row_sum",
    "rsqrt",
    "scatter",
    "scope",
    "set_validshape",
    "sin",
    "slice",
    "split",
    "spmd",
    "sqrt",
    "store",
    "sub",
    "system",
    "task_dummy",
    "tensor",
    "tile",
    "transpose",
    "unroll",
    "write",
]
