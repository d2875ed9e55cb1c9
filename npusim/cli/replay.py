"""``npusim replay``."""

from pathlib import Path
from typing import Annotated

import typer

from npusim.api.chip_choice import chip_note
from npusim.api.replay import ReplayRequest, named_chip, replay_capture
from npusim.cli.arguments import OnOff, numbers
from npusim.cli.output import print_json, print_table, talk
from npusim.errors import UsageError
from npusim.simulator.options import DEFAULT_POLICY
from npusim.simulator.policies import policy_names
from npusim.trace import save_trace

_SUFFIX = ".npz"


def replay(
    capture: Annotated[
        Path,
        typer.Argument(
            metavar="CAPTURE", help="A run, a capture from a device, or a task table in CSV."
        ),
    ],
    deps_file: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV", help="Dependencies pred,succ; instead of those of the capture."
        ),
    ] = None,
    phases_file: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Scheduler phases of a task table in CSV, for --fit."),
    ] = None,
    policy: Annotated[
        str, typer.Option(metavar="NAME", help=f"Who schedules: {', '.join(policy_names())}.")
    ] = DEFAULT_POLICY,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--policy-set", metavar="NAME=VALUE", help="Set a parameter of the policy."),
    ] = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Take costs of the runtime from the capture.")
    ] = False,
    chip: Annotated[
        str | None,
        typer.Option("-p", "--platform", help="Chip; that of the capture if left out."),
    ] = None,
    observer: Annotated[
        OnOff | None,
        typer.Option(help="Charge the cost of recording; as the capture was made if left out."),
    ] = None,
    warm_up: Annotated[
        OnOff, typer.Option(help="Half the cores are late with their first kernel.")
    ] = OnOff.ON,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Trace to write, .npz; bubbles and plot read it."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Schedule the work of a capture anew: same kernels and dependencies, another runtime.

    Prints the makespan beside what was measured, lower bounds and schedules without overhead.
    """
    if output is not None and output.suffix != _SUFFIX:
        msg = f"--output {output}: expected a file name that ends in {_SUFFIX}; add it"
        raise UsageError(msg)
    result = replay_capture(
        capture,
        ReplayRequest(
            policy=policy,
            parameters=numbers("--policy-set", parameters or []),
            chip=chip,
            deps_file=deps_file,
            phases_file=phases_file,
            is_observed=None if observer is None else observer is OnOff.ON,
            has_warm_up=warm_up is OnOff.ON,
            fits=fit,
        ),
    )
    if chip is None and (note := chip_note(chip, named_chip(capture))):
        talk(note)
    if output is not None:
        save_trace(result.replayed, output)
    if as_json:
        print_json(result.to_json())
    else:
        print_table(result.makespan_table())
        print_table(result.delay_table())
        for name, value in result.fitted.items():
            print(f"taken from the capture: {name} = {value:g}")
    for missing in result.to_json()["missing_parts"]:
        talk(f"not in the capture: {missing}")
    if output is not None:
        talk(f"wrote {output}")
