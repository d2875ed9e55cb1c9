"""One replay, and what it is measured by: the capture, the bounds and the schedules beside it."""

from dataclasses import dataclass, field
from typing import Any

from npusim.analysis.bounds import Bounds, lower_bounds
from npusim.analysis.hand_over import hand_over_table
from npusim.analysis.schedules import ListRule, list_schedule, zero_gap
from npusim.analysis.table import Cell, Column, Table
from npusim.errors import TraceError
from npusim.hardware.spec import ChipSpec
from npusim.replay.graph import graph_of_work
from npusim.replay.work import replay_work
from npusim.simulator import SimulationOptions
from npusim.simulator.runtime import simulate_runtime
from npusim.trace import Trace
from npusim.units import ps_to_us


@dataclass(frozen=True, slots=True)
class Replay:
    """A capture and the same work scheduled anew.

    Attributes:
        measured: The capture.
        replayed: What the policy made of it.
        bounds: Lower bounds of the work on the chip of the replay.
        zero_gap_ps: Makespan with the gaps of the capture closed, or None where the capture's
            order contradicts its dependencies.
        list_ready_ps: Makespan of the greedy schedule by ready time.
        list_path_ps: Makespan of the greedy schedule by longest chain.
        policy: Name of the policy.
        policy_parameters: Those that were given; the others had their defaults.
        fitted: Figures that were taken from the capture, by name.
    """

    measured: Trace
    replayed: Trace
    bounds: Bounds
    zero_gap_ps: int | None
    list_ready_ps: int
    list_path_ps: int
    policy: str
    policy_parameters: dict[str, float]
    fitted: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Replayed makespan over measured; 0 for a capture without kernels."""
        measured_ps = self.measured.makespan_ps
        return self.replayed.makespan_ps / measured_ps if measured_ps else 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values; times in microseconds, ``missing_parts`` what the capture lacked."""
        kept_ps = self.zero_gap_ps
        return {
            "kernel": self.measured.info.kernel,
            "chip": self.replayed.info.chip,
            "policy": self.policy,
            "policy_parameters": self.policy_parameters,
            "fitted": self.fitted,
            "makespan_us": ps_to_us(self.replayed.makespan_ps),
            "measured_us": ps_to_us(self.measured.makespan_ps),
            "ratio": self.ratio,
            "tasks": len(self.replayed.tasks),
            "blocks": sum(task.block_num for task in self.replayed.tasks if not task.is_dummy),
            "edges": len(self.replayed.edges),
            "work_bound_us": ps_to_us(self.bounds.work_ps),
            "critical_path_us": ps_to_us(self.bounds.critical_path_ps),
            "zero_gap_us": None if kept_ps is None else ps_to_us(kept_ps),
            "list_ready_us": ps_to_us(self.list_ready_ps),
            "list_path_us": ps_to_us(self.list_path_ps),
            "measured_delays": hand_over_table(self.measured).to_json(),
            "replayed_delays": hand_over_table(self.replayed).to_json(),
            "missing_parts": list(self.measured.info.parameters.get("missing_parts", [])),
        }

    @property
    def _origin(self) -> str:
        """What the figures of the given run are; a simulated run was not measured."""
        return "simulated" if self.measured.info.source == "simulated" else "measured"

    def makespan_table(self) -> Table:
        """The makespan of the capture, of the replay and of every baseline, and their ratio."""
        rows: list[tuple[str, int | None]] = [
            (self._origin, self.measured.makespan_ps),
            (f"replay, {self.policy}", self.replayed.makespan_ps),
            ("zero_gap", self.zero_gap_ps),
            ("list_ready", self.list_ready_ps),
            ("list_path", self.list_path_ps),
            ("work bound", self.bounds.work_ps),
            ("critical path", self.bounds.critical_path_ps),
        ]
        measured_ps = self.measured.makespan_ps
        columns = (
            Column("makespan_of"),
            Column("makespan_us", "us", ".2f"),
            Column("of_measured", "", ".3f"),
        )
        cells: list[tuple[Cell, ...]] = []
        for name, value_ps in rows:
            share = value_ps / measured_ps if value_ps is not None and measured_ps else None
            cells.append((name, None if value_ps is None else ps_to_us(value_ps), share))
        title = f"Replay of {self.measured.info.kernel} on {self.replayed.info.chip}"
        return Table(title, columns, tuple(cells))

    def delay_table(self) -> Table:
        """The delays of the runtime, measured and replayed, one under the other."""
        parts = [(self._origin, hand_over_table(self.measured))]
        parts.append(("replay", hand_over_table(self.replayed)))
        rows = tuple((name, *row) for name, table in parts for row in table.rows)
        columns = (Column("run"), *parts[0][1].columns)
        return Table("Delays of the runtime", columns, rows)


def replay(trace: Trace, chip: ChipSpec, options: SimulationOptions) -> Replay:
    """Schedule the work of ``trace`` anew.

    Args:
        trace: A run or a capture; durations and dependencies are taken from it.
        chip: The chip to run it on.
        options: ``policy`` and its parameters, and the other choices of a simulation.

    Raises:
        TraceError: If the dependencies run in a circle, or the chip has too few cores.
        UsageError: If there is no such policy, or it has no such parameter.
    """
    work = replay_work(trace, chip)
    replayed = simulate_runtime(work, chip, options)
    graph = graph_of_work(work, chip)
    try:
        kept_ps = zero_gap(graph).makespan_ps
    except TraceError:  # a capture may do this; only the policy of that name must refuse it
        kept_ps = None
    return Replay(
        measured=trace,
        replayed=replayed,
        bounds=lower_bounds(graph),
        zero_gap_ps=kept_ps,
        list_ready_ps=list_schedule(graph, ListRule.READY).makespan_ps,
        list_path_ps=list_schedule(graph, ListRule.PATH).makespan_ps,
        policy=options.policy,
        policy_parameters=dict(options.policy_parameters),
    )
