"""Question: how long are the paths of the ecosystem's critical-path tool, and what is on them?

The figures of ``npusim.analysis.wall_path`` as tables, to set beside the report of that tool.
"""

from npusim.analysis.columns import count_column, run_name
from npusim.analysis.table import Column, Table
from npusim.analysis.wall_path import WallPath
from npusim.trace import Trace
from npusim.units import ps_to_us


def wall_table(trace: Trace, path: WallPath) -> Table:
    """The makespan and both paths: length and number of tasks."""
    rows = (
        ("makespan", path.makespan_ps, len({int(task) for task in trace.slices["task"]})),
        ("observed path", path.compute_ps + path.stall_ps, len(path.segments)),
        ("observed path, compute", path.compute_ps, len(path.segments)),
        ("observed path, stall", path.stall_ps, len(path.segments)),
        ("static path", path.static_ps, len(path.static_tasks)),
    )
    return Table(
        f"Paths over whole tasks, {run_name(trace)}",
        (Column("part"), _exact_us_column("length"), count_column("tasks")),
        tuple((part, ps_to_us(length_ps), tasks) for part, length_ps, tasks in rows),
    )


def wall_segment_table(trace: Trace, path: WallPath) -> Table:
    """The tasks on the observed path, with the stall before each, and whether it is on the other.

    Stalls and computing add up to the makespan.
    """
    on_static = set(path.static_tasks)
    rows = tuple(
        (
            trace.tasks[segment.task].task_id,
            trace.tasks[segment.task].name,
            ps_to_us(segment.start_ps),
            ps_to_us(segment.stall_ps),
            ps_to_us(segment.compute_ps),
            "yes" if segment.task in on_static else "",
        )
        for segment in path.segments
    )
    names = ("start", "stall", "compute")
    columns = (
        count_column("task_id"),
        Column("scope"),
        *(_exact_us_column(name) for name in names),
        Column("on_static"),
    )
    return Table(f"Observed path over whole tasks, {run_name(trace)}", columns, rows)


def _exact_us_column(name: str) -> Column:
    """Microseconds to a tick of the slower counter, 20 ns."""
    return Column(f"{name}_us", "us", ".2f")
