"""``npusim run``."""

from pathlib import Path
from typing import Annotated

import typer

from npusim.analysis import bubble_table
from npusim.analysis.columns import run_name
from npusim.api import (
    Fidelity,
    InsideRequest,
    Run,
    RunRequest,
    load_kernel,
    run_kernel,
    save_run,
)
from npusim.api.store import check_output_directory
from npusim.cli.arguments import OnOff, numbers, pairs
from npusim.cli.output import print_json, print_table, progress, talk
from npusim.compat.memory import parse_size
from npusim.dependencies import CompilerEra, DependencyMode
from npusim.errors import UsageError
from npusim.formats import DEFAULT_GROUP
from npusim.simulator import RingSizes
from npusim.simulator.options import DEFAULT_POLICY
from npusim.simulator.policies import list_policies
from npusim.simulator.ring_sizes import parse_sizes

EXIT_CHECK_FAILED = 1


_COMMAND = "run"
_PMU = "--pmu"


def fill_in_pmu_group(arguments: list[str]) -> list[str]:
    """``arguments`` with the default event group after a ``--pmu`` that has none.

    The device tools take the option with and without a value, which typer cannot express. Other
    commands keep their arguments.
    """
    if next((one for one in arguments if not one.startswith("-")), "") != _COMMAND:
        return arguments
    filled: list[str] = []
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        filled.append(argument)
        if argument == _PMU and not following.isdecimal():
            filled.append(str(DEFAULT_GROUP))
    return filled


def run(
    kernel: Annotated[
        str,
        typer.Argument(metavar="KERNEL", help="Name (npusim kernels) or path of a kernel file."),
    ],
    variant: Annotated[
        str | None, typer.Option(help="Variant of the kernel; the newest if left out.")
    ] = None,
    knobs: Annotated[
        list[str] | None, typer.Option("--set", metavar="KNOB=VALUE", help="Change a knob.")
    ] = None,
    platform: Annotated[
        str, typer.Option("-p", "--platform", help="Chip: a2a3, a5 (a2a3sim, a5sim mean the same).")
    ] = "a2a3",
    compress_ratio: Annotated[
        str | None, typer.Option(help="Short for --option compress_ratio=….")
    ] = None,
    batch: Annotated[str | None, typer.Option(help="Short for --option batch=….")] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME=VALUE", help="Set an option of the kernel."),
    ] = None,
    deps: Annotated[
        DependencyMode, typer.Option(help="How dependencies are found.")
    ] = DependencyMode.TENSORMAP,
    compiler_era: Annotated[
        CompilerEra, typer.Option(help="Which compiler's direction rule tensormap follows.")
    ] = CompilerEra.HEAD,
    swimlane_level: Annotated[
        int, typer.Option(help="What dfx_outputs holds: 0 nothing … 4 everything.")
    ] = 4,
    observer: Annotated[
        OnOff,
        typer.Option(help="Charge what recording the swimlane and counters costs on a device."),
    ] = OnOff.ON,
    policy: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Who schedules: "
            + ", ".join(one.name for one in list_policies() if not one.is_replay_only)
            + ".",
        ),
    ] = DEFAULT_POLICY,
    policy_parameters: Annotated[
        list[str] | None,
        typer.Option("--policy-set", metavar="NAME=VALUE", help="Set a parameter of the policy."),
    ] = None,
    early_dispatch: Annotated[
        OnOff, typer.Option(help="Stage consumers of tasks with allow_early_resolve.")
    ] = OnOff.ON,
    warm_up: Annotated[
        OnOff, typer.Option(help="Half the cores are late with their first kernel.")
    ] = OnOff.ON,
    seed: Annotated[int, typer.Option(help="Decides which cores those are.")] = 0,
    ring_slots: Annotated[
        str | None, typer.Option(metavar="N[,N…]", help="Task slots of all rings, or of each.")
    ] = None,
    ring_heap: Annotated[
        str | None,
        typer.Option(metavar="SIZE[,…]", help="Output heap of all rings, or of each: 2GiB."),
    ] = None,
    ring_dependencies: Annotated[
        str | None,
        typer.Option(metavar="N[,N…]", help="Dependency entries of all rings, or of each."),
    ] = None,
    scope_stats: Annotated[
        bool,
        typer.Option("--scope-stats", help="Write scope_stats.jsonl: how full the rings were."),
    ] = False,
    fidelity: Annotated[
        Fidelity, typer.Option(help="Show kernels, or also the pipes inside some cores.")
    ] = Fidelity.TASK,
    pipe_cores: Annotated[
        str | None,
        typer.Option(
            metavar="CORES", help="Which: AIC[0],AIV[3] or all; the first cluster if left out."
        ),
    ] = None,
    pmu: Annotated[
        int,
        typer.Option(
            metavar="[GROUP]",
            help="Write pmu.csv: 1 arithmetic, 2 pipe utilisation (if left out), 4 memory.",
        ),
    ] = 0,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Check the outputs against the golden.")
    ] = True,
    picture: Annotated[bool, typer.Option("--plot/--no-plot", help="Draw swimlane.png.")] = True,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Directory for the files of the run.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Run a kernel: verify its outputs, simulate the chip, write the swimlane.

    Exit 1 if the outputs are wrong; the files are written all the same.
    """
    definition = load_kernel(kernel)
    chosen = pairs("--option", options or [])
    for name, value in (("compress_ratio", compress_ratio), ("batch", batch)):
        if value is None:
            continue
        if name in chosen:
            msg = (
                f"--option {name}={chosen[name]}: also given as --{name.replace('_', '-')} {value}"
            )
            raise UsageError(f"{msg}; expected each option once; leave one out")
        chosen[name] = value
    chosen_variant = list(definition.variants)[-1] if variant is None else variant
    case = definition.case(chosen_variant, pairs("--set", knobs or []), chosen)
    request = RunRequest(
        chip=platform,
        deps=deps,
        era=compiler_era,
        swimlane_level=swimlane_level,
        is_observed=observer is OnOff.ON,
        is_verified=verify,
        inside=InsideRequest(fidelity, pipe_cores, pmu),
        policy=policy,
        policy_parameters=numbers("--policy-set", policy_parameters or []),
        has_early_dispatch=early_dispatch is OnOff.ON,
        has_warm_up=warm_up is OnOff.ON,
        seed=seed,
        rings=RingSizes(
            _sizes("--ring-slots", ring_slots),
            _heap_sizes("--ring-heap", ring_heap),
            _sizes("--ring-dependencies", ring_dependencies),
        ),
        has_scope_stats=scope_stats,
    )
    _check_files(output, pmu=pmu, scope_stats=scope_stats)
    with progress() as tell:
        result = run_kernel(case, request, progress=tell)
        if output is not None:
            tell(f"writing {output}")
            save_run(result, output, has_picture=picture)
    if as_json:
        print_json(result.summary())
    else:
        _print_report(result)
    if output is not None:
        best = output / ("swimlane.png" if picture else "perfetto.json")
        talk(f"wrote {output}; open {best}")
    return EXIT_CHECK_FAILED if result.report is not None and not result.report.passed else 0


def _check_files(output: Path | None, *, pmu: int, scope_stats: bool) -> None:
    """Make sure, before the work, that there is a place for the files that were asked for."""
    if output is not None:
        check_output_directory(output)
        return
    for option, is_given, file in (
        (_PMU, pmu != 0, "pmu.csv"),
        ("--scope-stats", scope_stats, "scope_stats.jsonl"),
    ):
        if is_given:
            msg = f"{option} needs -o: it writes {file}; expected a directory; add -o DIR"
            raise UsageError(msg)


def _sizes(option: str, text: str | None) -> tuple[int, ...]:
    if text is not None and not text.strip():
        msg = f"{option} {text!r}: is empty; expected a number, or one per ring; leave it out"
        raise UsageError(msg)
    return parse_sizes(option, text)


def _heap_sizes(option: str, text: str | None) -> tuple[int, ...]:
    """As ``_sizes``, also with units: ``2GiB`` or ``512MiB,0,0,0``; 0 keeps that of the chip."""
    if text is None or all(one.strip().isdecimal() for one in text.split(",")):
        return _sizes(option, text)
    parts = [one.strip() for one in text.split(",")]
    return tuple(0 if one == "0" else parse_size(one, option) for one in parts)


def _print_report(result: Run) -> None:
    figures = result.summary()
    print(f"{run_name(result.trace)}, dependencies: {figures['deps']}")
    print(f"verified:  {_verdict(result)}")
    print(f"tasks:     {figures['tasks']} in {figures['nodes']} submits, {figures['edges']} edges")
    print(f"makespan:  {figures['makespan_us']:.2f} us")
    for core_type, busy_us in figures["busy_us"].items():
        share = figures["utilisation_percent"][core_type]
        print(
            f"busy {core_type}:  {busy_us:.1f} us on {figures['lanes'][core_type]} cores, "
            f"{share:.1f} %"
        )
    print()
    print_table(bubble_table(result.trace).without_unit("%"))


def _verdict(result: Run) -> str:
    if result.report is None:
        return "not checked"
    parts = []
    for out in result.report.outputs:
        words = "passed" if out.golden.passed else "FAILED"
        parts.append(f"{out.name} {words}, {out.golden.message}")
        if out.faithful is not None:
            parts.append(f"rel-L2 {out.faithful.rel_l2:.2e} to the kernel-faithful golden")
    return "; ".join(parts)
