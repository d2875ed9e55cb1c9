"""The figures of a simulation that a device can measure too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from npusim.errors import UsageError
from npusim.hardware import ChipSpec
from npusim.program import Program
from npusim.simulator.catalog import ProfileCatalog
from npusim.simulator.pipe_timeline import BlockTimeline, PassInputs
from npusim.simulator.recipe import Pipe
from npusim.trace import Trace
from npusim.trace.model import Records
from npusim.units import ns_to_ps, ps_to_us

FloatArray = npt.NDArray[np.float64]
_IN_FLIGHT = (Pipe.AIC_MTE2, Pipe.AIV_MTE2)


@dataclass(frozen=True, eq=False)
class Sample:
    """One simulation, and what was simulated."""

    program: Program
    chip: ChipSpec
    trace: Trace

    @cached_property
    def catalog(self) -> ProfileCatalog:
        """Profiles of the blocks, which the trace does not hold."""
        return ProfileCatalog(self.program, self.chip, memoise=True)

    @property
    def span_ps(self) -> int:
        """First start to last end of the kernels."""
        slices = self.trace.slices
        return int(slices["end_ps"].max() - slices["start_ps"].min())


def makespan_us(sample: Sample, of: str) -> float:
    """First start to last end."""
    del of
    return ps_to_us(sample.span_ps)


def kernel_time_us(sample: Sample, of: str) -> float:
    """What a profiler of the host reports for a kernel that it launched: span and launch."""
    return makespan_us(sample, of) + sample.chip.runtime.standalone_launch_ns / 1000


def busy_us(sample: Sample, of: str) -> float:
    """Sum of the durations of all kernels of the scopes that ``of`` means."""
    meant = _slices(sample.trace, of)
    return ps_to_us(int((meant["end_ps"] - meant["start_ps"]).sum()))


def mean_us(sample: Sample, of: str) -> float:
    """Mean duration of the kernels of the scopes that ``of`` means."""
    return busy_us(sample, of) / len(_slices(sample.trace, of))


def window_us(sample: Sample, of: str) -> float:
    """First start to last end of the scopes that ``of`` means."""
    meant = _slices(sample.trace, of)
    return ps_to_us(int(meant["end_ps"].max() - meant["start_ps"].min()))


def _slices(trace: Trace, of: str) -> Records:
    """Kernels of the scope called ``of``; of all whose name contains it where there is none.

    Raises:
        UsageError: If no name contains it.
    """
    names = [task.name for task in trace.tasks]
    is_meant = [name == of for name in names] if of in names else [of in name for name in names]
    found: Records = trace.slices[np.asarray(is_meant, bool)[trace.slices["task"]]]
    if not len(found):
        known = ", ".join(sorted(set(names)))
        msg = f"no scope {of!r} in {trace.info.kernel}; expected one of {known}"
        raise UsageError(msg)
    return found


def load_span_us(sample: Sample, of: str) -> float:
    """Start of the first block to the data of its last load."""
    del of
    inputs, moments = _first_block(sample)
    is_load = np.isin(inputs.pipe, [int(pipe) for pipe in _IN_FLIGHT])
    ready_cycles = (moments.end + np.asarray(inputs.tail_cycles))[is_load].max()
    return float(ready_cycles) / sample.chip.clock.core_mhz


def op_cycles(sample: Sample, of: str) -> float:
    """Cycles of the first operation called ``of``: on its pipe, and until its result for V and M.

    A load counts with its time on MTE2 alone, as a counter of that pipe does.
    """
    inputs, _ = _first_block(sample)
    kinds = sample.program.block_ops(0)["kind"]
    wanted = np.flatnonzero(kinds == sample.program.kind_index(of))
    if not len(wanted):
        msg = f"op_cycles: no operation {of!r} in {sample.program.kernel}; correct the point"
        raise UsageError(msg)
    mine = np.flatnonzero(inputs.op == wanted[0])
    main = {int(Pipe.AIC_M), int(Pipe.AIV_V)}
    on_unit = [one for one in mine if int(inputs.pipe[one]) in main]
    steps = on_unit or list(mine)
    tail = inputs.tail_cycles[steps[-1]] if on_unit else 0.0
    return float(inputs.alone_cycles[steps].sum() + tail)


def pipe_percent(sample: Sample, of: str) -> float:
    """Share of the kernel's time, launch included, for which the first core keeps pipe ``of`` busy.

    MTE2 is busy from the start of a load to its data, as its counter on a device sees it.
    """
    pipe = Pipe[of]
    inputs, moments = _first_block(sample)
    mine = inputs.pipe == int(pipe)
    end = moments.end[mine]
    if pipe in _IN_FLIGHT:
        end = end + np.asarray(inputs.tail_cycles)[mine]
    busy_cycles = _union(moments.start[mine], end)
    launch_ps = ns_to_ps(sample.chip.runtime.standalone_launch_ns)
    total_us = ps_to_us(sample.span_ps + launch_ps)
    return 100 * busy_cycles / sample.chip.clock.core_mhz / total_us


def _first_block(sample: Sample) -> tuple[PassInputs, "Moments"]:
    """Instructions of block 0 and their moments, under the sharing that it met."""
    profile = sample.catalog.profile(0)
    inputs = PassInputs.of(profile, sample.chip)
    timeline = BlockTimeline(inputs, sample.catalog.ladder, sample.chip.clock.core_mhz)
    row = sample.trace.slices[np.argmin(sample.trace.slices["task"])]
    times = timeline.cycles(int(row["end_ps"] - row["start_ps"]))
    return inputs, Moments(times.start, times.end)


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Cycles since the start of a block, one per instruction."""

    start: FloatArray
    end: FloatArray


def _union(start: FloatArray, end: FloatArray) -> float:
    """Length of the union of intervals that begin in order."""
    latest = np.maximum.accumulate(end)
    before = np.concatenate(([0.0], latest[:-1]))
    return float(np.maximum(latest - np.maximum(start, before), 0.0).sum())


METRICS: Mapping[str, Callable[[Sample, str], float]] = MappingProxyType(
    {
        "makespan_us": makespan_us,
        "kernel_time_us": kernel_time_us,
        "busy_us": busy_us,
        "mean_us": mean_us,
        "window_us": window_us,
        "load_span_us": load_span_us,
        "op_cycles": op_cycles,
        "pipe_percent": pipe_percent,
    }
)
"""By the name in points.toml."""
