"""Cost of the scalar unit: its reads and writes of global memory."""

from npusim.cost.transfer import latency_cycles
from npusim.hardware.spec import ChipSpec


def scalar_read_cycles(misses: int, next_lines: int, hits: int, chip: ChipSpec) -> float:
    """Cycles the S pipe is blocked while it reads elements of global memory.

    Shapes: ``misses + next_lines + hits`` elements, one by one.
    Model: ``misses * miss + next_lines * next_line + hits * hit``; the scalar unit waits for every
        miss in turn.
    Source: hardware figures scalar.{gm_read_miss_ns, gm_read_next_line_ns, gm_read_hit_cycles}.
    Valid for: an in-order scalar unit; contention does not slow it.

    Args:
        misses: D-cache lines touched for the first time in this block, except
        next_lines: those that follow a line touched before.
        hits: Elements read from lines already there.
        chip: The chip.

    Returns:
        Cycles of the core clock.
    """
    miss_cycles = latency_cycles(chip.scalar.gm_read_miss_ns, chip)
    next_cycles = latency_cycles(chip.scalar.gm_read_next_line_ns, chip)
    hit_cycles = chip.scalar.gm_read_hit_cycles
    return misses * miss_cycles + next_lines * next_cycles + hits * hit_cycles


def scalar_write_cycles(count: int, chip: ChipSpec) -> float:
    """Cycles the S pipe is busy with writing ``count`` elements; they are posted.

    Shapes: ``count`` elements, one by one.
    Model: ``count * hit``: a write lands in the D-cache like a read that hits, and travels on
        while the scalar unit continues.
    Source: hardware figure scalar.gm_read_hit_cycles; no figure for writes is published.
    Valid for: a D-cache that does not fetch a line to write to it (assumed).

    Args:
        count: Elements.
        chip: The chip.

    Returns:
        Cycles of the core clock.
    """
    return count * chip.scalar.gm_read_hit_cycles
