"""Which pipes an operation occupies, for how long: the lowering of one operation.

A recipe is a short list of steps, each an instruction on one in-order pipe::

    load      MTE2                       store          FIX | MTE3
    matmul    MTE1, M   per K step       acc_to_l1      FIX
    vector    V                          scalar_*       S

    cube_to_vector   direct: FIX     through GM: FIX, then MTE2 of the AIV
    vector_to_cube   direct: MTE3    through GM: MTE3 of the AIV, then MTE2 of the AIC
"""

from dataclasses import dataclass
from enum import IntEnum

from npusim.cost import (
    drain_cycles,
    latency_cycles,
    matmul_steps,
    narrow_rows_cycles,
    vector_cost,
)
from npusim.errors import NpuSimError
from npusim.hardware.spec import ChipSpec
from npusim.program import CoreType, Space, Unit


class Pipe(IntEnum):
    """The in-order pipes of a cluster; a task on one core uses those of that core."""

    AIC_S = 0
    AIV_S = 1
    AIC_MTE2 = 2
    AIC_MTE1 = 3
    AIC_M = 4
    AIC_FIX = 5
    AIC_MTE3 = 6
    AIV_MTE2 = 7
    AIV_V = 8
    AIV_MTE3 = 9

    @property
    def is_vector_side(self) -> bool:
        """True for the pipes of the AIV."""
        return self in _VECTOR_SIDE

    @property
    def scalar_pipe(self) -> "Pipe":
        """The scalar unit that issues to this pipe."""
        return Pipe.AIV_S if self.is_vector_side else Pipe.AIC_S


_VECTOR_SIDE = frozenset({Pipe.AIV_S, Pipe.AIV_MTE2, Pipe.AIV_V, Pipe.AIV_MTE3})


class Traffic(IntEnum):
    """Where the bytes of an operation pass during a step, if they do.

    READ and WRITE pass the port of the core and the memory that all cores share; PORT passes only
    the write port, into another buffer of the cluster.
    """

    NONE = 0
    READ = 1
    WRITE = 2
    PORT = 3

    @property
    def is_shared(self) -> bool:
        """True where the step competes with other cores."""
        return self in {Traffic.READ, Traffic.WRITE}


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of an operation.

    ``busy_cycles`` occupies the pipe, ``tail_cycles`` more pass before the result can be used.
    A step with traffic takes longer where its bytes and ``startup_cycles`` before them do.
    """

    pipe: Pipe
    busy_cycles: float
    tail_cycles: float = 0.0
    traffic: Traffic = Traffic.NONE
    startup_cycles: float = 0.0
    """On the pipe before the bytes move."""
    reads: tuple[int, ...] = ()
    """Positions of the operands it reads: 0, 1, 2 for in0, in1, in2."""
    is_writer: bool = False
    """True where it writes the tile ``out``."""
    follows: bool = False
    """True where it needs the result of the step before."""
    is_crossing: bool = False
    """True where its tail holds the handshake with the other core of the cluster."""


@dataclass(frozen=True, slots=True)
class OpShape:
    """All that decides the recipe of an operation."""

    name: str
    unit: Unit
    cost_key: str
    rows: int
    cols: int
    depth: int
    elem_bytes: int
    """Of the type the unit computes in."""
    out_elem_bytes: int
    out_space: Space
    in0_space: Space
    core_type: CoreType
    is_split: bool
    """Vector work is halved over both AIV of the cluster."""


_OPERANDS = (0, 1, 2)


def build_recipe(shape: OpShape, chip: ChipSpec) -> tuple[Step, ...]:
    """The steps of an operation of that shape.

    Raises:
        NpuSimError: If the model does not know the operation, or a tile lies where it cannot.
        HardwareSpecError: If the chip has no figures for its vector class.
    """
    if shape.unit is Unit.CUBE:
        return _matmul(shape, chip)
    if shape.unit is Unit.VECTOR:
        return _vector(shape, chip)
    if shape.unit is Unit.SCALAR:
        return _scalar(shape, chip)
    build = _MOVES.get(shape.name)
    if build is None:
        msg = (
            f"op {shape.name}: no timing model for this move; "
            f"expected one of {', '.join(sorted(_MOVES))}"
        )
        raise NpuSimError(msg)
    return build(shape, chip)


def _matmul(shape: OpShape, chip: ChipSpec) -> tuple[Step, ...]:
    steps: list[Step] = []
    for part in matmul_steps(shape.rows, shape.cols, shape.depth, shape.elem_bytes, chip):
        steps.append(Step(Pipe.AIC_MTE1, part.load_cycles, reads=(0, 1)))
        steps.append(
            Step(
                Pipe.AIC_M,
                part.mmad_cycles,
                part.mmad_exposed_cycles,
                reads=(2,),
                is_writer=True,
                follows=True,
            )
        )
    return tuple(steps)


def _vector(shape: OpShape, chip: ChipSpec) -> tuple[Step, ...]:
    # A repeat holds as many elements as its widest operand allows, so a widening cast is
    # charged for its result.
    widest = max(shape.elem_bytes, shape.out_elem_bytes)
    rows = -(-shape.rows // 2) if shape.is_split else shape.rows
    cost = vector_cost(shape.cost_key, rows, shape.cols, widest, chip.vector)
    return (Step(Pipe.AIV_V, cost.busy_cycles, cost.fixed_cycles, reads=_OPERANDS, is_writer=True),)


def _scalar(shape: OpShape, chip: ChipSpec) -> tuple[Step, ...]:
    # Both cores of a MIX task run the control flow, so both read what it depends on; a write
    # happens once. The cycles of a read depend on the D-cache and are added to the step later.
    if shape.name == "scalar_write":
        pipe = Pipe.AIC_S if shape.core_type is CoreType.AIC else Pipe.AIV_S
        return (Step(pipe, 0.0, latency_cycles(chip.memory.write_latency_ns, chip)),)
    pipes = {
        CoreType.AIC: (Pipe.AIC_S,),
        CoreType.AIV: (Pipe.AIV_S,),
        CoreType.MIX: (Pipe.AIC_S, Pipe.AIV_S),
    }
    return tuple(Step(pipe, 0.0) for pipe in pipes[shape.core_type])


def _load(shape: OpShape, chip: ChipSpec) -> tuple[Step, ...]:
    pipes = {Space.L1: Pipe.AIC_MTE2, Space.UB: Pipe.AIV_MTE2}
    if shape.out_space not in pipes:
        place = shape.out_space.name
        msg = f"op {shape.name}: tile out lies in {place}; expected L1 or UB"
        raise NpuSimError(msg)
    return (_gm_read(pipes[shape.out_space], chip),)


def _gm_read(pipe: Pipe, chip: ChipSpec, *, follows: bool = False) -> Step:
    memory = chip.memory
    if pipe.is_vector_side:
        latency_ns, startup_ns = memory.aiv_read_latency_ns, memory.aiv_read_startup_ns
        interval_ns = startup_ns
    else:
        latency_ns, startup_ns = memory.aic_read_latency_ns, memory.aic_read_startup_ns
        interval_ns = memory.aic_read_interval_ns
    return Step(
        pipe,
        latency_cycles(interval_ns, chip),
        latency_cycles(latency_ns, chip),
        Traffic.READ,
        startup_cycles=latency_cycles(startup_ns, chip),
        is_writer=True,
        follows=follows,
    )


_STORE_PIPES = {
    Space.L0C: Pipe.AIC_FIX,
    Space.UB: Pipe.AIV_MTE3,
    Space.L1: Pipe.AIC_MTE3,
}


def _store(shape: OpShape, chip: ChipSpec) -> tuple[Step, ...]:
    if shape.in0_space is Space.UNRESOLVED:
        # The task stores again what it has just stored elsewhere: pl.assemble of a tensor outside
        # every scope. Which tile still holds it is not recorded; the MTE3 of its core moves it.
        pipe = Pipe.AIC_MTE3 if shape.core_type is CoreType.AIC else Pipe.AIV_MTE3
    else:
        pipe = _STORE_PIPES[shape.in0_space]
    if pipe is Pipe.AIC_FIX:
        busy_cycles = _drain_to_gm(shape, shape.out_elem_bytes, chip)
    else:
        busy_cycles = latency_cycles(chip.memory.mte3_write_interval_ns, chip)
    return (_gm_write(pipe, busy_cycles, chip),)


def _gm_write(pipe: Pipe, busy_cycles: float, chip: ChipSpec) -> Step:
    tail = latency_cycles(chip.memory.write_latency_ns, chip)
    return Step(pipe, busy_cycles, tail, Traffic.WRITE, reads=(0,))


def _drain_to_gm(shape: OpShape, elem_bytes: int, chip: ChipSpec) -> float:
    """Cycles on FIX of an accumulator on its way to global memory, ``elem_bytes`` an element."""
    row_cycles = narrow_rows_cycles(shape.rows, shape.cols * elem_bytes, chip)
    return max(drain_cycles(shape.rows, shape.cols, chip.cube), row_cycles)


def _cube_to_vector(shape: OpShape, chip: ChipSpec) -> tuple[Step, ...]:
    if chip.sync.is_cross_core_through_gm:
        drain = _drain_to_gm(shape, shape.elem_bytes, chip)
    else:
        drain = drain_cycles(shape.rows, shape.cols, chip.cube)
    return _hand_over(_gm_write(Pipe.AIC_FIX, drain, chip), Pipe.AIV_MTE2, chip)


def _vector_to_cube(shape: OpShape, chip: ChipSpec) -> tuple[Step, ...]:
    busy_cycles = latency_cycles(chip.memory.mte3_write_interval_ns, chip)
    return _hand_over(_gm_write(Pipe.AIV_MTE3, busy_cycles, chip), Pipe.AIC_MTE2, chip)


def _hand_over(write: Step, reader: Pipe, chip: ChipSpec) -> tuple[Step, ...]:
    """A tile crosses between AIC and AIV: through global memory, or straight into the buffer."""
    handshake = latency_cycles(chip.sync.handshake_ns, chip)
    if chip.sync.is_cross_core_through_gm:
        there = Step(
            write.pipe,
            write.busy_cycles,
            write.tail_cycles + handshake,
            Traffic.WRITE,
            reads=write.reads,
            is_crossing=True,
        )
        return (there, _gm_read(reader, chip, follows=True))
    return (
        Step(
            write.pipe,
            write.busy_cycles,
            handshake,
            Traffic.PORT,
            reads=write.reads,
            is_writer=True,
        ),
    )


def _acc_to_l1(shape: OpShape, chip: ChipSpec) -> tuple[Step, ...]:
    busy = drain_cycles(shape.rows, shape.cols, chip.cube)
    return (Step(Pipe.AIC_FIX, busy, reads=(0,), is_writer=True),)


_MOVES = {
    "load": _load,
    "store": _store,
    "cube_to_vector": _cube_to_vector,
    "vector_to_cube": _vector_to_cube,
    "acc_to_l1": _acc_to_l1,
}
