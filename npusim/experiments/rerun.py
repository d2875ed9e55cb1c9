"""Knobs of the kernel itself, halved and doubled: recorded again and simulated, never guessed.

A what-if splits the tasks that a run has. A knob does more: it changes the operations in a task,
its loads and its buffers, and often more scopes than one. So it is tried by recording the kernel
again, which takes seconds, and the finding says which scopes it moved.
"""

from collections.abc import Callable, Sequence

from npusim.analysis.accounting import scope_accounts
from npusim.api.evidence import Evidence
from npusim.api.kernels import load_kernel
from npusim.errors import NpuSimError, UsageError
from npusim.experiments.advice import Advice
from npusim.experiments.changes import Change
from npusim.experiments.experiment import Experiment, baseline
from npusim.experiments.findings import Finding
from npusim.experiments.questions import with_knobs
from npusim.experiments.what_if import WhatIf
from npusim.hardware import ChipSpec
from npusim.trace import Trace

ALL = "all"
"""Stands for every knob that is a whole number above 1."""


def try_knobs(
    evidence: Evidence,
    chip: ChipSpec,
    names: Sequence[str],
    tell: Callable[[str], None] | None = None,
) -> list[Advice]:
    """Half and twice the value of each knob of ``names``, each on its own.

    A value that the kernel's guards refuse is left out; one that does not record or simulate is
    listed with the reason.

    Raises:
        UsageError: If the kernel cannot be found by its name or has no such knob.
    """
    before = baseline(evidence, chip).run()
    knobs = check_knobs(evidence, names)
    found = []
    for name, value in knobs.items():
        for other in (value // 2, value * 2):
            change = Change(f"--set {name}={other}", _unchanged)
            finding = Finding(f"{name} is {value}", f"{name}={other}", change)
            try:
                made = with_knobs(evidence, {name: other}, tell)
                after = baseline(made, chip).run()
            except NpuSimError as error:
                found.append(Advice(finding, None, str(error)))
                continue
            what = f"{name} is {value}; {other} makes {_moved_scopes(before, after)}"
            result = WhatIf(change.label, before, after)
            found.append(Advice(Finding(what, f"{name}={other}", change), result))
    return found


def _unchanged(one: Experiment) -> Experiment:
    return one


def check_knobs(evidence: Evidence, names: Sequence[str]) -> dict[str, int]:
    """The knobs to try, with the values that the run was recorded with.

    Raises:
        UsageError: If the kernel cannot be found by its name or has no such knob.
    """
    load_kernel(evidence.trace.info.kernel)  # says so if there is none of that name
    values = evidence.trace.info.parameters.get("knobs", {})
    whole = {
        name: value
        for name, value in values.items()
        if isinstance(value, int) and not isinstance(value, bool) and value > 1
    }
    if ALL in names:
        return whole
    for name in names:
        if name not in whole:
            msg = (
                f"--rerun {name or repr(name)}: no such knob that is a whole number above 1; "
                f"expected {ALL} or one of {', '.join(whole) or 'none, the run names no knobs'}"
            )
            raise UsageError(msg)
    return {name: whole[name] for name in names}


def _moved_scopes(before: Trace, after: Trace) -> str:
    """Which scopes have other block counts, for instance ``qk 16 -> 32 blocks``."""
    of_a, of_b = (
        {scope: account.blocks for scope, account in scope_accounts(trace) if account.blocks}
        for trace in (before, after)
    )
    words = [
        f"{scope} {of_a.get(scope, 0)} -> {of_b.get(scope, 0)} blocks"
        for scope in dict.fromkeys([*of_a, *of_b])
        if of_a.get(scope, 0) != of_b.get(scope, 0)
    ]
    return ", ".join(words) or "no other blocks, only other work in them"
