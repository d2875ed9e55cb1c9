"""The kernel DSL: ``import npusim.language as pl``.

Owns eager execution on numpy and the recording of what ran. Names and semantics are those of
``pypto.language`` (DSL_REFERENCE.md), so that a kernel moves between npusim and a device unchanged.
Refuses to know chips, time and dependencies: it only says what was computed.
"""

from typing import NoReturn

from npusim.language import namespaces
from npusim.language.carry import (
    cond,
    while_,
    yield_,
)
from npusim.language.convert import (
    cast,
    const,
)
from npusim.language.create import (
    arange,
    concat,
    create_tensor,
    create_tile,
    fillpad,
    full,
)
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
    fmods,
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
from npusim.language.external import (
    has_extern,
    register_extern,
)
from npusim.language.flags import (
    TASK_ID,
    TaskId,
    auto_chunk,
    chunked_loop_optimizer,
    cross_core_slot,
    no_dep,
    split,
    task_dummy,
)
from npusim.language.gather import (
    gather,
    scatter,
)
from npusim.language.jit import (
    HostFunction,
    JitFunction,
    jit,
)
from npusim.language.lanes import (
    aic_gather,
    aiv_shard,
    split_aiv,
)
from npusim.language.loops import (
    parallel,
    pipeline,
    range_,
    unroll,
)
from npusim.language.matrix import (
    matmul,
    matmul_acc,
)
from npusim.language.onchip import (
    create_l1,
    expands,
    gather_row,
    move,
    transpose_view,
)
from npusim.language.operators import (
    bind_operators,
)
from npusim.language.programs import (
    FunctionType,
    Role,
    function,
    program,
)
from npusim.language.record import (
    record,
)
from npusim.language.recorder import (
    RecordOptions,
)
from npusim.language.reduce import (
    col_max,
    col_min,
    col_sum,
    row_argmax,
    row_max,
    row_min,
    row_sum,
)
from npusim.language.runtime_scopes import (
    manual_scope,
    scope,
)
from npusim.language.scalar import (
    read,
    write,
)
from npusim.language.scopes import (
    at,
    auto_incore,
    get_block_idx,
    get_block_num,
    incore,
    spmd,
)
from npusim.language.sort import (
    mrgsort,
    sort32,
)
from npusim.language.static import (
    dynamic,
    func_attr,
    static_assert,
    static_print,
)
from npusim.language.submit import (
    spmd_submit,
    submit,
)
from npusim.language.transfer import (
    assemble,
    load,
    store,
)
from npusim.language.unknown import (
    UnknownOperationError,
    refuse_unknown,
)
from npusim.language.values import (
    ArrayType,
    InOut,
    Out,
    Scalar,
    Tensor,
    Tile,
    TupleType,
)
from npusim.language.views import (
    reshape,
    set_validshape,
    slice_,
    transpose,
)

bind_operators()

# The DSL's own names that are also Python builtins; kernels write pl.range, pl.abs, pl.slice.
abs = abs_  # noqa: A001
Array, Tuple = ArrayType, TupleType
max = max  # noqa: A001, PLW0127 - scalar maximum
min = min  # noqa: A001, PLW0127 - scalar minimum
range = range_  # noqa: A001
slice = slice_  # noqa: A001

array, prefetch, system = namespaces.array, namespaces.prefetch, namespaces.system
tensor, tile = namespaces.tensor, namespaces.tile


def __getattr__(name: str) -> NoReturn:
    """Refuse a name that the DSL does not have, with its place in the kernel.

    Raises:
        UnknownOperationError: Always.
    """
    refuse_unknown("pl", name)


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
    "Array",
    "AtomicType",
    "CmpMode",
    "DType",
    "FunctionType",
    "HostFunction",
    "InOut",
    "JitFunction",
    "Level",
    "MaskPattern",
    "MemorySpace",
    "Out",
    "PadValue",
    "RecordOptions",
    "Role",
    "Scalar",
    "SplitMode",
    "TaskId",
    "Tensor",
    "Tile",
    "Tuple",
    "UnknownOperationError",
    "abs",
    "add",
    "aic_gather",
    "aiv_shard",
    "arange",
    "array",
    "assemble",
    "at",
    "auto_chunk",
    "auto_incore",
    "cast",
    "chunked_loop_optimizer",
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
    "cond",
    "const",
    "cos",
    "create_l1",
    "create_tensor",
    "create_tile",
    "cross_core_slot",
    "div",
    "dynamic",
    "exp",
    "expands",
    "fillpad",
    "fmod",
    "fmods",
    "full",
    "func_attr",
    "function",
    "gather",
    "gather_row",
    "get_block_idx",
    "get_block_num",
    "has_extern",
    "incore",
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
    "move",
    "mrgsort",
    "mul",
    "neg",
    "no_dep",
    "parallel",
    "pipeline",
    "prefetch",
    "program",
    "range",
    "read",
    "recip",
    "record",
    "register_extern",
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
    "sort32",
    "split",
    "split_aiv",
    "spmd",
    "spmd_submit",
    "sqrt",
    "static_assert",
    "static_print",
    "store",
    "sub",
    "submit",
    "system",
    "task_dummy",
    "tensor",
    "tile",
    "transpose",
    "transpose_view",
    "unroll",
    "while_",
    "write",
    "yield_",
]
