"""The task graph of a program, as the runtime would see it or as the regions demand it.

Owns the dependency modes: ``exact`` (region-precise read after write, the ideal), ``prefix``
(whole buffers), ``tensormap`` (the overlap rule of the orchestrator, the default). Refuses to know
time and chips: an edge says who waits for whom, never for how long.
"""

from npusim.dependencies.directions import CompilerEra, Direction, argument_directions
from npusim.dependencies.graph import (
    DependencyMode,
    TaskGraph,
    build_graph,
    graph_depth,
    task_levels,
)

__all__ = [
    "CompilerEra",
    "DependencyMode",
    "Direction",
    "TaskGraph",
    "argument_directions",
    "build_graph",
    "graph_depth",
    "task_levels",
]
