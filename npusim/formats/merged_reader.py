"""Read the Chrome trace that upstream's converter makes, for captures whose raw records are gone.

The pid table was renumbered on 2026-06-22; processes are therefore found by their names. What
a bar means changed with it::

    before   AICore View   start ====== end          receive times are lost
    since    Worker View   receive -- start ====== end, the first part in local_setup_us
    between  Worker View   setup | start ====== end  as two bars
"""

from typing import Any

from npusim.formats.capture_parts import CaptureHeader, CaptureParts
from npusim.formats.dependency_reader import read_dependencies, read_name_map
from npusim.formats.fields import Place
from npusim.formats.inspector import Inspector
from npusim.formats.layout import CHIPS_BY_COUNTER_MHZ
from npusim.formats.merged_bars import read_bars
from npusim.formats.merged_events import MergedEvents
from npusim.formats.merged_phases import read_merged_phases
from npusim.formats.observed_cores import observed_lanes
from npusim.formats.observed_graph import observed_graph, observed_names, with_observed_kernels
from npusim.formats.row_table import check_rows
from npusim.formats.tick_clock import NS_CLOCK_MHZ, TickClock, guessed_counter_mhz

LAYOUT_NAME = "merged"


def read_merged(document: dict[str, Any], place: Place, inspector: Inspector) -> CaptureParts:
    """The parts of a merged trace; ``deps.json`` and a name map beside it are used too.

    Raises:
        FileFormatError: If it is no merged trace, or contradicts itself.
    """
    events = MergedEvents.of_document(document, place)
    bars = read_bars(events, inspector)
    lanes, notes = observed_lanes(bars.core_types, ())
    rows = check_rows(bars.rows, events.place, inspector, core_count=len(lanes))
    row_funcs = [bars.funcs[position] for position in rows.position.tolist()]
    phases = read_merged_phases(events, inspector)
    names = read_name_map(place.path.parent, inspector)
    graph = read_dependencies(place.path.parent, inspector)
    if graph is not None:
        graph = with_observed_kernels(graph, rows, row_funcs, lanes)
    else:
        submitted = [phase.token for phase in phases.orchestrator]
        graph = observed_graph(
            rows, row_funcs, lanes, bars.edges, bars.dummies, submitted, place.path
        )
        notes.append("deps.json: edges are those of the arrows; their rules are unknown")
    orchestrator = events.orchestrator_name
    names = names or observed_names(bars.kernels, orchestrator, place.path)
    notes.append("merged trace: scheduler threads of the cores are unknown")
    if phases.scheduler_count:
        notes.append("merged trace: pop counts are unknown")
    counter_mhz = guessed_counter_mhz(rows)
    level = 1 + bool(bars.has_scheduler_times)
    if phases.scheduler_count:
        level = 4 if phases.orchestrator_count else 3
    header = CaptureHeader(
        LAYOUT_NAME,
        level,
        counter_mhz,
        names.orchestrator if names else orchestrator,
        chip=CHIPS_BY_COUNTER_MHZ.get(counter_mhz, "unknown"),
    )
    return CaptureParts(
        place, events.place, header, lanes, rows, phases, graph, names, TickClock(NS_CLOCK_MHZ, 0),
        notes=tuple(notes),
    )  # fmt: skip
