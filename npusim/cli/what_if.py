"""``npusim what-if`` and ``npusim advise``."""

from pathlib import Path
from typing import Annotated

import typer

from npusim.api.chip_choice import chip_note
from npusim.api.evidence import Evidence, load_evidence
from npusim.cli.arguments import number, numbers, pairs
from npusim.cli.output import print_json, print_table, progress, talk
from npusim.dependencies import DependencyMode
from npusim.errors import UsageError
from npusim.experiments import changes
from npusim.experiments.changes import Change, check_scopes
from npusim.experiments.questions import (
    Question,
    ask,
    ask_advice,
    ask_ranking,
    chip_of,
    model_note,
)
from npusim.experiments.rerun import check_knobs, try_knobs
from npusim.experiments.what_if import Ranking, WhatIf

_RUN_HELP = "Directory that npusim run wrote, or a capture from a device."


def what_if(
    run: Annotated[Path, typer.Argument(metavar="RUN", help=_RUN_HELP)],
    dispatch_cost: Annotated[
        bool,
        typer.Option("--no-dispatch-cost", help="Scheduler threads and launches take no time."),
    ] = False,
    submit_cost: Annotated[
        bool, typer.Option("--no-submit-cost", help="The orchestrator takes no time.")
    ] = False,
    deps: Annotated[
        DependencyMode | None, typer.Option(help="Dependencies found in another way.")
    ] = None,
    cores: Annotated[
        str | None, typer.Option(metavar="aic=N,aiv=M", help="Another number of cores.")
    ] = None,
    bandwidth: Annotated[
        str | None,
        typer.Option(metavar="xF", help="F times the rate of L2 and HBM, for instance x2."),
    ] = None,
    scale: Annotated[
        list[str] | None,
        typer.Option(metavar="SCOPE=F", help="Kernels of a scope take F times as long."),
    ] = None,
    merge: Annotated[
        list[str] | None,
        typer.Option(metavar="A+B", help="Tasks of two scopes as one; A+A joins neighbours."),
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(metavar="SCOPE=N", help="Every task of a scope as N.")
    ] = None,
    early_dispatch: Annotated[
        bool, typer.Option("--early-dispatch", help="allow_early_resolve on every task.")
    ] = False,
    policy: Annotated[str | None, typer.Option(help="Another runtime, for instance ideal.")] = None,
    knobs: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KNOB=VALUE", help="Record the kernel again with a knob."),
    ] = None,
    is_ranking: Annotated[
        bool, typer.Option("--rank", help="Try single changes and rank them by gain.")
    ] = False,
    chip: Annotated[
        str | None, typer.Option("-p", "--platform", help="Chip; that of the run if left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Simulate a run again with something changed: makespan and bubbles before and after.

    Several changes apply together, or with --rank one by one; --rank alone tries those that suit
    the run.
    """
    # Whatever needs the tasks of the recording comes before tasks are merged or split.
    asked = [
        *([changes.dependencies(deps)] if deps is not None else []),
        *([_bandwidth(bandwidth)] if bandwidth is not None else []),
        *([_cores(cores)] if cores is not None else []),
        *([changes.no_dispatch_cost()] if dispatch_cost else []),
        *([changes.no_submit_cost()] if submit_cost else []),
        *([changes.early_dispatch()] if early_dispatch else []),
        *([changes.policy(policy)] if policy is not None else []),
        *(changes.scale(*one) for one in numbers("--scale", scale or []).items()),
        *(changes.split(*one) for one in _counts("--split", split or []).items()),
        *(changes.merge(*_scope_pair(one)) for one in merge or []),
    ]
    evidence = load_evidence(run)
    question = Question(evidence, chip, pairs("--set", knobs or []))
    if is_ranking and question.knobs:
        msg = "--rank and --set: both given; expected one; ask for each knob on its own"
        raise UsageError(msg)
    if not question.knobs:  # recorded again, the kernel may have other scopes
        check_scopes(asked, (task.name for task in evidence.trace.tasks))
    _say_chip(evidence, chip)
    with progress(is_quiet=as_json) as tell:
        ranking = ask_ranking(question, asked, tell) if is_ranking else None
        found = None if is_ranking else ask(question, asked, tell)
    if ranking is not None:
        if not ranking.results:  # all that was asked for
            raise UsageError("; ".join(reason for _, reason in ranking.refused))
        _print_ranking(ranking, as_json=as_json)
    elif found is not None:
        _print_result(found, evidence, as_json=as_json)


def _print_ranking(ranking: Ranking, *, as_json: bool) -> None:
    if as_json:
        print_json(ranking.to_json())
        return
    print_table(ranking.table())
    for label, reason in ranking.refused:
        talk(f"not tried: {label}: {reason.removeprefix(f'{label}: ')}")


def _print_result(found: WhatIf, evidence: Evidence, *, as_json: bool) -> None:
    if as_json:
        print_json(found.to_json())
        return
    print_table(found.table())
    if note := model_note(evidence, found.before.makespan_ps):
        talk(note)


def advise(
    run: Annotated[Path, typer.Argument(metavar="RUN", help=_RUN_HELP)],
    rerun: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KNOB", help="Also record the kernel again with half and twice a knob; or all."
        ),
    ] = None,
    chip: Annotated[
        str | None, typer.Option("-p", "--platform", help="Chip; that of the run if left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What the run shows, what to turn, and what a simulation of that turn gains."""
    evidence = load_evidence(run)
    if rerun:
        check_knobs(evidence, rerun)  # a wrong name should fail before the work, not after
    _say_chip(evidence, chip)
    with progress(is_quiet=as_json) as tell:
        found = ask_advice(Question(evidence, chip), tell)
        if rerun:
            found = found.with_more(try_knobs(evidence, chip_of(evidence, chip), rerun, tell))
    if as_json:
        print_json(found.to_json())
        return
    print_table(found.table())
    if note := model_note(evidence, found.trace.makespan_ps):
        talk(note)


def _say_chip(evidence: Evidence, chip: str | None) -> None:
    if note := chip_note(chip, evidence.trace.info.chip):
        talk(note)


def _counts(option: str, entries: list[str]) -> dict[str, int]:
    found = pairs(option, entries)
    for name, value in found.items():
        if not value.isdecimal():
            msg = f"{option} {name}={value}: {value} is no count; expected a whole number"
            raise UsageError(f"{msg}; write for instance 2")
    return {name: int(value) for name, value in found.items()}


def _scope_pair(text: str) -> tuple[str, str]:
    scopes = text.split("+")
    if len(scopes) != 2 or not all(scopes):
        msg = f"--merge {text}: expected two scopes as A+B; write their names with a plus between"
        raise UsageError(msg)
    return scopes[0], scopes[1]


def _bandwidth(text: str) -> Change:
    if not text:
        msg = "--bandwidth '': expected a factor such as x2; write one or leave the option out"
        raise UsageError(msg)
    return changes.bandwidth(number("--bandwidth x", text.removeprefix("x")))


def _cores(text: str) -> Change:
    found = _counts("--cores", text.split(",") if text else [])
    if set(found) != {"aic", "aiv"}:
        missing = [name for name in ("aic", "aiv") if name not in found]
        what = f"no {' and no '.join(missing)}" if missing else "more than aic and aiv"
        msg = (
            f"--cores {text or repr(text)}: {what}; expected aic=N,aiv=M; write for instance "
            "aic=32,aiv=64"
        )
        raise UsageError(msg)
    return changes.cores(found["aic"], found["aiv"])
