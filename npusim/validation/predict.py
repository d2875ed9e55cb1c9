"""Run what a reference point names and take its figure from the simulation.

A kernel that does not branch on values is recorded without them, so that the largest shapes take
seconds; recordings and simulations are kept, because many points look at the same one.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from npusim.api.kernels import load_kernel
from npusim.api.run import record_case
from npusim.dependencies import CompilerEra, DependencyMode, build_graph
from npusim.golden import KernelCase, TensorSpec, make_inputs
from npusim.hardware import ChipSpec, load_chip
from npusim.language import RecordOptions, record
from npusim.program import Program
from npusim.simulator import SimulationOptions, simulate
from npusim.validation.chips import with_build, with_clock
from npusim.validation.metrics import METRICS, Sample
from npusim.validation.points import Point
from npusim.validation.upstream import UpstreamFiles

if TYPE_CHECKING:
    from collections.abc import Hashable


class Predictor:
    """Predicts points one after the other.

    Args:
        checkout: A git checkout of pypto-lib, for the points that need one of its commits.
    """

    def __init__(self, checkout: Path | None = None) -> None:
        self._upstream = UpstreamFiles(checkout) if checkout is not None else None
        self._programs: dict[Hashable, Program] = {}
        self._samples: dict[Hashable, Sample] = {}

    def missing(self, point: Point) -> str:
        """Why the point cannot be predicted here; empty where it can."""
        if point.commit and self._upstream is None:
            return f"needs a checkout of pypto-lib with commit {point.commit} in NPUSIM_PYPTO_LIB"
        return ""

    def predict(self, point: Point) -> float:
        """The figure of the point as the simulator has it, in the unit of the point.

        Raises:
            NpuSimError: If the kernel cannot be built, recorded or simulated.
        """
        return METRICS[point.metric](self._sample(point), point.of)

    def busy_by_scope(self, point: Point) -> dict[str, float]:
        """Busy time in us of every scope in the simulation that the point is taken from.

        Raises:
            NpuSimError: As ``predict``.
        """
        sample = self._sample(point)
        names = dict.fromkeys(task.name for task in sample.trace.tasks)
        return {name: METRICS["busy_us"](sample, name) for name in names}

    def _sample(self, point: Point) -> Sample:
        chip = with_build(with_clock(load_chip(point.chip), point.core_mhz), point.build)
        source = (point.kernel, point.commit, point.arguments, point.edits)
        program_key = (*source, point.variant, *_items(point))
        key = (*program_key, point.chip, point.core_mhz, point.is_observed, point.era, point.build)
        if key not in self._samples:
            if program_key not in self._programs:
                self._programs[program_key] = self._record(point)
            self._samples[key] = _simulate(self._programs[program_key], chip, point)
        return self._samples[key]

    def _record(self, point: Point) -> Program:
        if point.commit:
            assert self._upstream is not None, "missing() is asked first"
            return self._upstream.record(point.commit, point.kernel, point.arguments, point.edits)
        case = load_kernel(point.kernel).case(point.variant, point.knobs, point.options)
        if point.has_values:
            return record_case(case, make_inputs(case.specs))[0]
        return _record_timed(case)


def _items(point: Point) -> tuple[Any, ...]:
    return (tuple(sorted(point.knobs.items())), tuple(sorted(point.options.items())))


def _record_timed(case: KernelCase) -> Program:
    arguments = {
        spec.name: np.zeros(tuple(spec.shape), spec.dtype)
        if isinstance(spec, TensorSpec)
        else spec.value
        for spec in case.specs
    }
    options = RecordOptions(
        kernel=case.name, variant=case.variant, parameters=case.parameters, is_timed_only=True
    )
    names = {spec.name for spec in case.outputs}
    return record(case.entry, arguments, outputs=names, options=options)


def _simulate(program: Program, chip: ChipSpec, point: Point) -> Sample:
    graph = build_graph(program, DependencyMode.TENSORMAP, CompilerEra(point.era))
    # A kernel that the host launches does not start through the runtime: what its first start
    # costs is in the launch time that such points are given.
    options = SimulationOptions(observer=point.is_observed, warm_up=bool(point.commit))
    trace = simulate(program, graph, chip, options)
    return Sample(program, chip, trace)
