"""Question: which single bubbles are the long ones, and what lies behind each?

A bubble is the whole time in which a core waited for its next kernel::

    AIC[0]  |== 3 ==|.......................................|== 9 ==|
                    |--- dependency ---|completion|-launch--|
                    |--------------- one bubble ------------|

Its cause is the longest of its parts. The chain behind it follows what bound the kernel that ended
it, and the kernel before that, back towards the begin of the run.
"""

from collections.abc import Callable

import numpy as np

from npusim.analysis.accounting import Records
from npusim.analysis.blame import BlameLinks, Link, blame_links
from npusim.analysis.causes import CAUSES, Cause, idle_causes, number
from npusim.analysis.columns import cause_from, count_column, run_name
from npusim.analysis.moments import Ints
from npusim.analysis.table import Cell, Column, Table
from npusim.trace import Trace
from npusim.units import ps_to_us, us_to_ps

Through = Callable[[int, int], str]
"""The tensor region through which a successor waits for a predecessor, by their task indices."""

CHAIN_LENGTH = 4
"""Links of a chain that are written out; the critical path of the run is there in full."""

_COLUMNS = (
    Column("lane"),
    Column("start_us", "us", ".3f"),
    Column("length_us", "us", ".3f"),
    Column("cause"),
    Column("cause_us", "us", ".3f"),
    count_column("task_id"),
    Column("scope"),
    count_column("blamed_task_id"),
    Column("blamed_scope"),
    Column("through"),
    Column("parts"),
    Column("chain"),
    Column("cause_from"),
)
_ARROWS = {
    Link.DATA: "data of",
    Link.CORE: "core of",
    Link.ORCHESTRATOR: "submit",
    Link.FRONT: "start of the run",
}


def list_bubbles(
    trace: Trace,
    min_us: float = 1.0,
    needed_edges: Ints | None = None,
    through: Through | None = None,
) -> Table:
    """Every bubble longer than ``min_us``, longest first.

    Args:
        trace: The run or capture.
        min_us: Threshold in microseconds; bubbles of exactly this length are not listed.
        needed_edges: As in ``idle_causes``.
        through: Names the tensor region of a dependency, where the recording is at hand.

    Returns:
        A table with columns lane, start_us and length_us of the bubble; the longest of its causes
        and how much of it that is (cause, cause_us); task_id and scope of the task that then ran;
        blamed_task_id and blamed_scope of the predecessor that ended last, and the tensor region
        between the two (through); all parts in order of length; the chain behind it; cause_from.

    Raises:
        ValueError: If ``min_us`` is negative.
    """
    if min_us < 0:
        msg = f"list_bubbles: min_us is {min_us}; expected a length in us that is not negative"
        raise ValueError(msg)
    causes = idle_causes(trace, needed_edges)
    first, stop = _bubbles(causes)
    length_ps = causes["end_ps"][stop - 1] - causes["start_ps"][first]
    is_long = length_ps > us_to_ps(min_us)
    first, stop, length_ps = first[is_long], stop[is_long], length_ps[is_long]
    order = np.lexsort((causes["lane"][first], causes["start_ps"][first], -length_ps))
    links, source = blame_links(trace), cause_from(trace)
    rows = tuple(
        _cells(trace, causes[first[i] : stop[i]], links, through, source) for i in order.tolist()
    )
    return Table(f"Bubbles over {min_us:g} us, {run_name(trace)}", _COLUMNS, rows)


def bubble_lengths_ps(waits: Records) -> Ints:
    """Lengths of all bubbles that ``waits`` (lane, task, start_ps, end_ps) in any order make."""
    waits = waits[np.lexsort((waits["start_ps"], waits["lane"]))]
    first, stop = _bubbles(waits)
    lengths_ps: Ints = waits["end_ps"][stop - 1] - waits["start_ps"][first]
    return lengths_ps


def _bubbles(causes: Records) -> tuple[Ints, Ints]:
    """First row and one behind the last row of each bubble; rows by lane and start."""
    if not len(causes):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    joins = causes["lane"][1:] == causes["lane"][:-1]
    joins &= causes["task"][1:] == causes["task"][:-1]
    joins &= causes["start_ps"][1:] == causes["end_ps"][:-1]
    cuts = np.flatnonzero(~joins) + 1
    return np.append(0, cuts), np.append(cuts, len(causes))


def _cells(
    trace: Trace, parts: Records, links: BlameLinks, through: Through | None, source: str
) -> tuple[Cell, ...]:
    sums = np.zeros(len(CAUSES), np.int64)
    np.add.at(sums, parts["cause"], parts["end_ps"] - parts["start_ps"])
    ranked = sorted(np.flatnonzero(sums).tolist(), key=lambda one: -int(sums[one]))
    task = int(parts["task"][0])
    blamed = _blamed(parts, ranked[0])
    region = through(blamed, task) if through is not None and blamed >= 0 else None
    return (
        trace.lanes[parts["lane"][0]].name,
        ps_to_us(int(parts["start_ps"][0])),
        ps_to_us(int(parts["end_ps"][-1] - parts["start_ps"][0])),
        str(CAUSES[ranked[0]]),
        ps_to_us(int(sums[ranked[0]])),
        *_task_cells(trace, task),
        *_task_cells(trace, blamed),
        region,
        ", ".join(f"{CAUSES[one]} {ps_to_us(int(sums[one])):.3f}" for one in ranked),
        chain_text(trace, links, _slice_behind(links, parts)) or None,
        source,
    )


def _blamed(parts: Records, cause: int) -> int:
    """The predecessor behind the longest part, or else behind the last part that has one."""
    own = parts[(parts["blamed"] >= 0) & (parts["cause"] == cause)]
    false = number(Cause.FALSE_DEPENDENCY)
    others = parts[(parts["blamed"] >= 0) & (parts["cause"] <= false)]
    for found in (own, others):
        if len(found):
            return int(found["blamed"][-1])
    return -1


def _slice_behind(links: BlameLinks, parts: Records) -> int:
    """Row of ``links`` of the kernel that ended the bubble, or -1 at the end of a lane."""
    if parts["task"][0] < 0:
        return -1
    slices = links.slices
    low, high = np.searchsorted(slices["lane"], [parts["lane"][0], parts["lane"][0] + 1]).tolist()
    return int(low) + int(np.searchsorted(slices["start_ps"][low:high], parts["end_ps"][-1]))


def chain_text(trace: Trace, links: BlameLinks, row: int, length: int = CHAIN_LENGTH) -> str:
    """What bound the kernel of ``row``, and what bound that, latest first.

    For instance ``data of softmax 57 < data of qk 56 < data of gather 15 < submit``; a chain that
    goes on ends with ``< ...``.
    """
    words: list[str] = []
    while row >= 0 and len(words) < length:
        link, previous = Link(int(links.link[row])), int(links.previous[row])
        if previous < 0:
            words.append(_ARROWS[link])
        else:
            task = trace.tasks[links.slices["task"][previous]]
            if link is Link.ORCHESTRATOR:
                words.append(f"submit, which waited for {task.name} {task.task_id}")
            else:
                words.append(f"{_ARROWS[link]} {task.name} {task.task_id}")
        row = previous
    return " < ".join([*words, "..."] if row >= 0 else words)


def _task_cells(trace: Trace, index: int) -> tuple[Cell, Cell]:
    if index < 0:
        return None, None
    task = trace.tasks[index]
    return task.task_id, task.name
