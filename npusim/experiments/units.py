"""What the kernels of each scope are busy with: the unit that works most of their time.

Answers what a comparison leaves open: not only which kernels take longer, but on what they spend
their time, for instance scalar accesses (pipe S) in gather and softmax.
"""

import numpy as np

from npusim.api.evidence import Evidence
from npusim.experiments.questions import chip_of
from npusim.simulator.catalog import ProfileCatalog
from npusim.simulator.recipe import Pipe
from npusim.units import cycles_to_ps


def busiest_units(evidence: Evidence) -> dict[str, str]:
    """Scope -> its busiest pipe and its share of the kernels' time: ``AIV scalar accesses 97 %``.

    Where no pipe is busy for long, latencies and dependencies inside the kernel are. Time is that
    of a kernel which shares the memory with nobody. Empty for a capture.
    """
    program = evidence.program
    if program is None:
        return {}
    chip = chip_of(evidence, None)
    catalog = ProfileCatalog(program, chip, memoise=True)
    busy: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
    total_ps: dict[str, int] = {}
    for task in program.tasks:
        for block in range(task.first_block, task.first_block + task.block_num):
            profile = catalog.profile(block)
            cycles = np.bincount(
                profile.stream.pipe, weights=profile.alone_cycles, minlength=len(Pipe)
            )
            busy[task.name] = busy.get(task.name, np.zeros(len(Pipe))) + cycles
            total_ps[task.name] = total_ps.get(task.name, 0) + profile.alone_ps
    found = {}
    for scope, sums in busy.items():
        pipe = int(sums.argmax())
        busy_ps = cycles_to_ps(float(sums[pipe]), chip.clock.core_mhz)
        if total_ps[scope]:
            found[scope] = f"{_label(Pipe(pipe))} {100 * busy_ps / total_ps[scope]:.0f} %"
    return found


def _label(pipe: Pipe) -> str:
    """``AIV_V`` as ``AIV V``; what S does here is reading and writing scalars."""
    core, _, name = pipe.name.partition("_")
    return f"{core} {'scalar accesses' if name == 'S' else name}"
