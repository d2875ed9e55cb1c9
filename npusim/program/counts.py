"""What a program does, counted by scope: tasks, bytes by path, MACs, element operations.

Conventions (those of the kernel specification, section 3): a slice that a task uses twice is loaded
once; vector element-operations are the elements of the result of each vector operation, of the
input for reductions; MACs are m * n * k per matmul; a column of 16 FP32 values counts 64 bytes.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from npusim.program.model import Program, Space, Unit


@dataclass(frozen=True, slots=True)
class ScopeCounts:
    """Counts of one scope name, or of a whole program. Bytes are exact, without line rounding."""

    name: str
    core_types: tuple[str, ...]
    tasks: int
    """Blocks: each iteration of a ``pl.spmd`` loop counts."""
    nodes: int
    """Submits: a ``pl.spmd`` dispatch counts once."""
    gm_to_ub_bytes: int
    gm_to_l1_bytes: int
    ub_to_gm_bytes: int
    l0c_to_gm_bytes: int
    cube_to_vector_bytes: int
    vector_to_cube_bytes: int
    macs: int
    matmuls: int
    vector_ops: int
    vector_elems: int
    scalar_reads: int
    loads: int
    stores: int


def count_by_scope(program: Program) -> list[ScopeCounts]:
    """Counts of each scope name, in order of first submission."""
    names: dict[str, int] = {}
    for task in program.tasks:
        names.setdefault(task.name, len(names))
    scope_of_task = np.array([names[task.name] for task in program.tasks], np.int64)
    figures = _figures_by_scope(program, scope_of_task, len(names))
    rows = []
    for name, scope in names.items():
        tasks = [task for task in program.tasks if task.name == name]
        core_types = tuple(sorted({str(task.core_type) for task in tasks if not task.is_dummy}))
        rows.append(
            ScopeCounts(
                name=name,
                core_types=core_types,
                tasks=sum(task.block_num for task in tasks if not task.is_dummy),
                nodes=len(tasks),
                **{key: int(values[scope]) for key, values in figures.items()},
            )
        )
    return rows


def total_counts(program: Program) -> ScopeCounts:
    """Counts of the whole program."""
    rows = count_by_scope(program)
    sums = {
        item.name: sum(getattr(row, item.name) for row in rows)
        for item in fields(ScopeCounts)
        if item.type in ("int", int)
    }
    core_types = tuple(sorted({kind for row in rows for kind in row.core_types}))
    return ScopeCounts(name="total", core_types=core_types, **sums)


def _figures_by_scope(
    program: Program, scope_of_task: npt.NDArray[np.int64], n_scopes: int
) -> dict[str, npt.NDArray[np.int64]]:
    ops, blocks = program.ops, program.blocks
    lengths = blocks["op_stop"] - blocks["op_start"]
    scope = np.repeat(scope_of_task[blocks["task"]], lengths)
    tile_base = np.repeat(blocks["tile_start"], lengths)
    elems = ops["rows"].astype(np.int64) * ops["cols"]

    def is_kind(*names: str) -> npt.NDArray[np.bool_]:
        return np.isin(ops["kind"], [program.kind_index(name) for name in names])

    def is_unit(unit: Unit) -> npt.NDArray[np.bool_]:
        return np.isin(ops["kind"], [i for i, k in enumerate(program.op_kinds) if k.unit == unit])

    def space_of(column: str) -> npt.NDArray[np.uint8]:
        index = np.where(ops[column] >= 0, tile_base + ops[column], 0)
        spaces: npt.NDArray[np.uint8] = (
            program.tiles["space"][index] if len(program.tiles) else np.zeros(len(ops), np.uint8)
        )
        return spaces

    def total(mask: npt.NDArray[np.bool_], values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        sums = np.zeros(n_scopes, np.int64)
        np.add.at(sums, scope[mask], values[mask])
        return sums

    sizes = np.array(program.dtype_bytes, np.int64)
    moved = elems * sizes[ops["out_dtype"]]
    ones = np.ones(len(ops), np.int64)
    loads, stores = is_kind("load"), is_kind("store")
    load_space, store_space = space_of("out"), space_of("in0")
    cube, vector = is_unit(Unit.CUBE), is_unit(Unit.VECTOR)
    return {
        "gm_to_ub_bytes": total(loads & (load_space == Space.UB), moved),
        "gm_to_l1_bytes": total(loads & (load_space == Space.L1), moved),
        "ub_to_gm_bytes": total(stores & (store_space != Space.L0C), moved),
        "l0c_to_gm_bytes": total(stores & (store_space == Space.L0C), moved),
        "cube_to_vector_bytes": total(is_kind("cube_to_vector"), moved),
        "vector_to_cube_bytes": total(is_kind("vector_to_cube"), moved),
        "macs": total(cube, elems * ops["depth"]),
        "matmuls": total(cube, ones),
        "vector_ops": total(vector, ones),
        "vector_elems": total(vector, elems),
        "scalar_reads": total(is_kind("scalar_read"), elems),
        "loads": total(loads, ones),
        "stores": total(stores, ones),
    }
