"""What-if questions about a run directory or a capture: changes, ranking, advice."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from npusim.api.chip_choice import choose_chip
from npusim.api.evidence import Evidence
from npusim.api.kernels import load_kernel
from npusim.api.run import record_case
from npusim.errors import UsageError
from npusim.experiments.advice import AdviceList, advise
from npusim.experiments.changes import Change
from npusim.experiments.experiment import baseline
from npusim.experiments.findings import candidates
from npusim.experiments.what_if import Ranking, WhatIf, rank, what_if
from npusim.golden import make_inputs
from npusim.hardware import ChipSpec
from npusim.units import ps_to_us

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Question:
    """A run, on which chip, and with which knobs recorded anew.

    Attributes:
        evidence: The run or capture.
        chip: Chip to simulate; that of the run if None.
        knobs: Knobs of the kernel that have another value; the kernel is then recorded again.
    """

    evidence: Evidence
    chip: str | None = None
    knobs: Mapping[str, str] = field(default_factory=dict)


def chip_of(evidence: Evidence, name: str | None) -> ChipSpec:
    """The chip called ``name``, or that of the run; a2a3 for a capture that names none."""
    return choose_chip(name, evidence.trace.info.chip)


def ask(question: Question, changes: Sequence[Change], tell: Tell | None = None) -> WhatIf:
    """The run as it is beside the run with all of ``changes``.

    Raises:
        UsageError: If nothing is changed, or a change does not fit the run.
    """
    if not changes and not question.knobs:
        msg = "what-if: no change given; expected at least one; see npusim what-if --help"
        raise UsageError(msg)
    experiment = baseline(question.evidence, chip_of(question.evidence, question.chip))
    if not question.knobs:
        return what_if(experiment, changes)
    recorded = baseline(
        with_knobs(question.evidence, question.knobs, tell),
        chip_of(question.evidence, question.chip),
    )
    found = what_if(recorded, changes, experiment.run())
    label = " ".join(f"--set {name}={value}" for name, value in question.knobs.items())
    return replace(found, label=f"{label} {found.label}".strip())


def ask_ranking(question: Question, changes: Sequence[Change], tell: Tell | None = None) -> Ranking:
    """Single changes by gain: those given, or else those that suit the run."""
    experiment = baseline(question.evidence, chip_of(question.evidence, question.chip))
    wanted = changes or candidates(question.evidence, experiment.run())
    return rank(experiment, wanted, tell)


def ask_advice(question: Question, tell: Tell | None = None) -> AdviceList:
    """What to turn, with what a simulation says it gains."""
    experiment = baseline(question.evidence, chip_of(question.evidence, question.chip))
    return advise(question.evidence, experiment, tell)


def with_knobs(evidence: Evidence, knobs: Mapping[str, Any], tell: Tell | None = None) -> Evidence:
    """The run of the same kernel with other knobs: recorded again, and not simulated yet.

    Raises:
        UsageError: If the kernel is not one that can be found by its name, or has no such knob.
        GuardError: If it cannot run with these knobs.
    """
    info = evidence.trace.info
    made_with = info.parameters
    definition = load_kernel(info.kernel) if "options" in made_with else None
    if definition is None or info.variant not in definition.variants:
        msg = (
            f"{evidence.name}: does not say how {info.kernel} was built; expected a run that "
            "npusim run wrote; leave --set out"
        )
        raise UsageError(msg)
    case = definition.case(
        info.variant, {**made_with.get("changed_knobs", {}), **knobs}, made_with["options"]
    )
    if tell is not None:
        tell("recording again with " + ", ".join(f"{k}={v}" for k, v in knobs.items()))
    program, _ = record_case(case, make_inputs(case.specs))
    return replace(evidence, program=program)


def memory_bound_ps(evidence: Evidence) -> int | None:
    """How long the traffic of all kernels keeps the shared memory busy; None for a capture."""
    if evidence.program is None:
        return None
    experiment = baseline(evidence, chip_of(evidence, None))
    return round(sum(profile.server_ps for profile in experiment.profiles))


def model_note(evidence: Evidence, experiment_makespan_ps: int) -> str:
    """A sentence where the model takes another time than the run says, else an empty text."""
    recorded_ps = evidence.trace.makespan_ps
    if recorded_ps == experiment_makespan_ps:
        return ""
    what = "captured" if evidence.trace.info.source == "captured" else "written by another version"
    return (
        f"the run was {what}: {ps_to_us(recorded_ps):.1f} us; the model replays it in "
        f"{ps_to_us(experiment_makespan_ps):.1f} us; changes are measured against the replay"
    )
