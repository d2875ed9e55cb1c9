"""Moves of an optimisation that authors reported, each tried alone: does the model agree?

A file ``KERNEL_moves.toml`` beside the kernel names the moves, what was published of each, and on
which variants to try it. A trial is two simulations, with and without the move, of recordings that
differ in nothing else; a fusion that the kernel does not have is a what-if.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from npusim.analysis.table import Cell, Column, Table
from npusim.api.kernels import kernel_directories, load_kernel
from npusim.api.run import RunRequest, record_case
from npusim.errors import FileFormatError, UsageError
from npusim.experiments.changes import merge
from npusim.experiments.experiment import Experiment, program_experiment
from npusim.experiments.what_if import WhatIf
from npusim.golden import KernelDefinition, make_inputs
from npusim.hardware import load_chip
from npusim.program import Program
from npusim.trace import Trace
from npusim.units import ps_to_us

_SUFFIX = "_moves.toml"
_BALANCE_PERCENT = 1.0
"""A change of the makespan by less than this is called no difference.

The simulator has no noise; this much separates a verdict from rounding of the order of tasks.
Measurements do have noise: the authors state 3 percent for single swimlanes (MEASUREMENTS.md)."""

Tell = Callable[[str], None]


class Trial(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One way to try a move: exactly one of ``set``, ``undo`` and ``merge``."""

    variant: str
    set: dict[str, Any] = {}
    """Knobs that the variant lacks: with the move they have these values."""
    undo: dict[str, Any] = {}
    """Knobs of a variant that has the move: without it they have these values."""
    merge: list[str] = []
    """Two scopes that the move makes one."""


class Move(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One move, what its authors say, and how to try it."""

    name: str
    published: str
    """``helps`` or ``hurts``."""
    why: str
    trials: list[Trial]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    kernel: str
    moves: list[Move]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trial and the runs without and with the move."""

    move: Move
    trial: Trial
    result: WhatIf

    @property
    def model(self) -> str:
        """``helps``, ``hurts`` or ``no difference``."""
        percent = self.result.makespan_ps.percent or 0.0
        if abs(percent) < _BALANCE_PERCENT:
            return "no difference"
        return "helps" if percent < 0 else "hurts"


@dataclass(frozen=True, slots=True)
class MoveReport:
    """All trials of all moves of a kernel."""

    kernel: str
    outcomes: tuple[Outcome, ...] = field(default=())

    def table(self) -> Table:
        """One row per trial: makespan, bubbles, what was published, whether the model agrees."""
        columns = (
            Column("move"),
            Column("on"),
            Column("without_us", "us", ".1f"),
            Column("with_us", "us", ".1f"),
            Column("gain_us", "us", "+.1f"),
            Column("gain_percent", "%", "+.1f"),
            Column("busy_us", "us", "+.0f"),
            Column("dependency_us", "us", "+.0f"),
            Column("idle_us", "us", "+.0f"),
            Column("published"),
            Column("model"),
            Column("agrees"),
        )
        return Table(
            f"Moves of {self.kernel}, each alone; lane time of all cores",
            columns,
            tuple(_cells(one) for one in self.outcomes),
        )

    def to_markdown(self) -> str:
        """The table for a document."""
        table = self.table()
        heads = [
            column.heading + (f" ({column.unit})" if column.unit else "")
            for column in table.columns
        ]
        rows = [
            [column.text(cell) for column, cell in zip(table.columns, row, strict=True)]
            for row in table.rows
        ]
        lines = [heads, ["---"] * len(heads), *rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cells(one: Outcome) -> tuple[Cell, ...]:
    makespan, times = one.result.makespan_ps, one.result.lane_time()
    idle = sum(pair.delta for name, pair in times.items() if name != "busy")
    return (
        one.move.name,
        f"{one.trial.variant}, {_how(one.trial)}",
        ps_to_us(makespan.a),
        ps_to_us(makespan.b),
        ps_to_us(one.result.gain_ps),
        None if makespan.percent is None else -makespan.percent,
        ps_to_us(times["busy"].delta),
        ps_to_us(times["dependency"].delta),
        ps_to_us(idle),
        one.move.published,
        one.model,
        "yes" if one.model == one.move.published else "no",
    )


def _how(trial: Trial) -> str:
    if trial.merge:
        return "merged"
    return "undone" if trial.undo else "set"


def load_moves(kernel: str) -> list[Move]:
    """The moves of the kernel of that name.

    Raises:
        UsageError: If no file of moves came with it.
        FileFormatError: If the file breaks the schema.
    """
    for directory in kernel_directories():
        path = directory / f"{kernel}{_SUFFIX}"
        if path.is_file():
            return _read(path)
    msg = (
        f"moves: no {kernel}{_SUFFIX} beside the kernel; expected a kernel with published moves, "
        "for instance prefill_sparse_attn; name that one"
    )
    raise UsageError(msg)


def _read(path: Path) -> list[Move]:
    try:
        found = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        msg = f"{path.name}: not a file of moves ({error}); correct it"
        raise FileFormatError(msg) from error
    for move in found.moves:
        for trial in move.trials:
            if sum(map(bool, (trial.set, trial.undo, trial.merge))) != 1:
                msg = (
                    f"{path.name}: move {move.name!r} on {trial.variant}: expected exactly one of "
                    "set, undo and merge; correct it"
                )
                raise FileFormatError(msg)
    return found.moves


def try_moves(
    kernel: str,
    moves: list[Move],
    request: RunRequest,
    options: Mapping[str, Any] | None = None,
    tell: Tell | None = None,
) -> MoveReport:
    """Simulate every trial of ``moves``.

    Args:
        kernel: Name of the kernel.
        moves: What to try.
        request: Chip, dependency mode, observers.
        options: Options of the kernel, as ``batch`` or ``compress_ratio``.
        tell: Told which recording begins.

    Raises:
        NpuSimError: If a case does not record or simulate.
    """
    bench = _Bench(load_kernel(kernel), request, dict(options or {}), tell or (lambda _: None))
    found = [
        Outcome(move, trial, bench.try_one(move, trial)) for move in moves for trial in move.trials
    ]
    return MoveReport(kernel, tuple(found))


class _Bench:
    """Records each case once."""

    def __init__(
        self, definition: KernelDefinition, request: RunRequest, options: dict[str, Any], tell: Tell
    ) -> None:
        self._definition = definition
        self._request = request
        self._options = options
        self._tell = tell
        self._runs: dict[str, tuple[Experiment, Trace]] = {}

    def try_one(self, move: Move, trial: Trial) -> WhatIf:
        """Without and with the move."""
        experiment, plain = self._run(trial.variant, {})
        if trial.merge:
            return WhatIf(move.name, plain, merge(*trial.merge).apply(experiment).run())
        _, other = self._run(trial.variant, trial.set or trial.undo)
        before, after = (plain, other) if trial.set else (other, plain)
        return WhatIf(move.name, before, after)

    def _run(self, variant: str, knobs: dict[str, Any]) -> tuple[Experiment, Trace]:
        key = f"{variant} {sorted(knobs.items())}"
        if key not in self._runs:
            words = [variant, *(f"{name}={value}" for name, value in sorted(knobs.items()))]
            self._tell(f"recording {', '.join(words)}")
            experiment = self._experiment(self._record(variant, knobs))
            self._runs[key] = (experiment, experiment.run())
        return self._runs[key]

    def _record(self, variant: str, knobs: dict[str, Any]) -> Program:
        case = self._definition.case(variant, knobs, self._options)
        return record_case(case, make_inputs(case.specs))[0]

    def _experiment(self, program: Program) -> Experiment:
        request = self._request
        chip, options = load_chip(request.chip), request.simulation_options()
        return program_experiment(program, chip, options, request.era)
