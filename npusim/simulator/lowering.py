"""From operations to what the pipes see: columns over all operations of a program.

Operations of one shape share a recipe, so formulas run once per shape, not once per operation.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.cost import access_bursts, effective_bytes, server_cycles, write_cycles
from npusim.hardware.spec import ChipSpec
from npusim.program import NO_INDEX, CoreType, Program, Space
from npusim.simulator.gm_order import gm_predecessors
from npusim.simulator.profile import OpWork
from npusim.simulator.recipe import OpShape, Step, build_recipe
from npusim.simulator.residency import residency, tensor_elem_bytes
from npusim.simulator.scalar_reads import scalar_access_cycles

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_CORE_TYPES = tuple(CoreType)


@dataclass(frozen=True, slots=True, eq=False)
class LoweredOps:
    """Columns over the operations of a program; cycles are of the core clock."""

    recipes: tuple[tuple[Step, ...], ...]
    recipe: IntArray
    """Index into ``recipes`` of each operation."""
    operands: npt.NDArray[np.int32]
    """Shape (ops, 4): out, in0, in1, in2; tiles of the block, or NO_INDEX."""
    work: OpWork
    gm_predecessors: dict[int, tuple[int, ...]]

    @property
    def moved_bytes(self) -> FloatArray:
        """As in ``work``."""
        return self.work.moved_bytes

    @property
    def server_cycles(self) -> FloatArray:
        """As in ``work``."""
        return self.work.server_cycles

    @property
    def write_back_cycles(self) -> FloatArray:
        """As in ``work``."""
        return self.work.write_back_cycles


def lower_ops(program: Program, chip: ChipSpec) -> LoweredOps:
    """Lower all operations of a program onto the pipes of a chip.

    Raises:
        NpuSimError: If an operation has no timing model.
        HardwareSpecError: If the chip has no figures for a vector class.
    """
    block_of_op = np.zeros(len(program.ops), np.int64)
    for block, row in enumerate(program.blocks):
        block_of_op[row["op_start"] : row["op_stop"]] = block
    shapes, recipe = _shapes(program, block_of_op)
    streams = np.asarray([_streams(shape) for shape in shapes], np.float64)[recipe]
    hit_bytes, miss_bytes, back_bytes, late_frac = _traffic(program, block_of_op, chip)
    return LoweredOps(
        recipes=tuple(build_recipe(shape, chip) for shape in shapes),
        recipe=recipe,
        operands=_columns(program.ops, ("out", "in0", "in1", "in2")),
        work=OpWork(
            scalar_cycles=scalar_access_cycles(program, block_of_op, chip),
            moved_bytes=(hit_bytes + miss_bytes) / streams,
            server_cycles=server_cycles(hit_bytes, miss_bytes, chip) / streams,
            write_server_cycles=write_cycles(hit_bytes + miss_bytes, chip) / streams,
            write_back_cycles=server_cycles(np.zeros_like(back_bytes), back_bytes, chip) / streams,
            late_frac=late_frac,
            streams=streams,
        ),
        gm_predecessors=gm_predecessors(program, block_of_op, chip),
    )


def _columns(records: Any, names: tuple[str, ...]) -> npt.NDArray[np.int32]:
    return np.stack([records[name].astype(np.int32) for name in names], axis=1)


def _tile_column(program: Program, block_of_op: IntArray, operand: str, column: str) -> IntArray:
    """A column of the tile that each operation has as ``operand``; 0 where it has none."""
    tile = program.ops[operand].astype(np.int64)
    if not len(program.tiles):
        return np.zeros(len(tile), np.int64)
    index = np.maximum(tile, 0) + program.blocks["tile_start"][block_of_op]
    index = np.minimum(index, len(program.tiles) - 1)
    values = program.tiles[column][index].astype(np.int64)
    return np.where(tile == NO_INDEX, 0, values)


def _shapes(program: Program, block_of_op: IntArray) -> tuple[list[OpShape], IntArray]:
    """The distinct shapes of operations, and which of them each operation has."""
    if not len(program.ops):
        return [], np.zeros(0, np.int64)
    task_of_op = program.blocks["task"][block_of_op]
    core_type = np.asarray([_CORE_TYPES.index(task.core_type) for task in program.tasks])
    is_split = np.asarray([is_split_task(program, index) for index in range(len(program.tasks))])
    table = np.column_stack(
        [
            _columns(program.ops, ("kind", "dtype", "out_dtype", "rows", "cols", "depth")),
            _tile_column(program, block_of_op, "out", "space"),
            _tile_column(program, block_of_op, "in0", "space"),
            core_type[task_of_op],
            is_split[task_of_op],
        ]
    )
    distinct, recipe = _number_rows(table)
    return [_shape(program, row) for row in distinct.tolist()], recipe


def _number_rows(table: IntArray) -> tuple[IntArray, IntArray]:
    """The distinct rows in order of appearance, and the number of each row among them.

    A dictionary over the bytes of a row is several times faster than sorting the table.
    """
    raw = np.ascontiguousarray(table).tobytes()
    width = len(raw) // len(table)
    numbers: dict[bytes, int] = {}
    index = [
        numbers.setdefault(raw[start : start + width], len(numbers))
        for start in range(0, len(raw), width)
    ]
    distinct = np.frombuffer(b"".join(numbers), table.dtype).reshape(len(numbers), -1)
    return distinct, np.asarray(index, np.int64)


def is_split_task(program: Program, task: int) -> bool:
    """True where the vector work of a task is halved over both AIV of its cluster."""
    one = program.tasks[task]
    return one.core_type is CoreType.MIX and bool(one.split_mode)


def _shape(program: Program, row: list[int]) -> OpShape:
    kind, dtype, out_dtype, rows, cols, depth, out_space, in0_space, core_type, is_split = row
    op_kind = program.op_kinds[kind]
    return OpShape(
        name=op_kind.name,
        unit=op_kind.unit,
        cost_key=op_kind.cost_key,
        rows=rows,
        cols=cols,
        depth=depth,
        elem_bytes=program.dtype_bytes[dtype],
        out_elem_bytes=program.dtype_bytes[out_dtype],
        out_space=Space(out_space),
        in0_space=Space(in0_space),
        core_type=_CORE_TYPES[core_type],
        is_split=bool(is_split),
    )


def _streams(shape: OpShape) -> int:
    """How many cores share the transfer of an operation."""
    return 2 if shape.is_split and Space.UB in {shape.out_space, shape.in0_space} else 1


def _traffic(
    program: Program, block_of_op: IntArray, chip: ChipSpec
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Bytes each operation finds in L2, takes from HBM, and causes to be written back.

    The fourth column is the part of them that it has to wait for HBM for.
    """
    memory = chip.memory
    # A tile that crosses between AIC and AIV was just written, so it is in L2.
    crossing = np.isin(
        program.ops["kind"],
        [program.kind_index("cube_to_vector"), program.kind_index("vector_to_cube")],
    )
    tile_bytes = _tile_column(program, block_of_op, "in0", "nbytes").astype(np.float64)
    granule = memory.gm_granularity_bytes
    hit_bytes = np.where(crossing, np.ceil(tile_bytes / granule) * granule, 0.0)
    miss_bytes, back_bytes, late_frac = (np.zeros(len(program.ops)) for _ in range(3))
    with_access = np.flatnonzero(program.ops["access"] != NO_INDEX)
    if len(with_access):
        elem_bytes = np.asarray(tensor_elem_bytes(program))[program.accesses["tensor"]]
        moved = effective_bytes(access_bursts(program.accesses), elem_bytes, granule)
        found = residency(program, chip)
        missed = moved * found.missed
        access = program.ops["access"][with_access]
        hit_bytes[with_access] = (moved - missed)[access]
        miss_bytes[with_access] = missed[access]
        back_bytes[with_access] = (moved * found.written_back)[access]
        late_frac[with_access] = found.late[access]
    return hit_bytes, miss_bytes, back_bytes, late_frac
