"""``npusim run``."""

from pathlib import Path
from typing import Annotated

import typer

from npusim.analysis import bubble_table
from npusim.api import Run, RunRequest, load_kernel, run_kernel, save_run
from npusim.api.store import check_output_directory
from npusim.cli.output import print_json, print_table, progress, talk
from npusim.dependencies import CompilerEra, DependencyMode
from npusim.errors import UsageError

EXIT_CHECK_FAILED = 1


def run(
    kernel: Annotated[str, typer.Argument(help="Name (npusim kernels) or path of a kernel file.")],
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
        bool, typer.Option("--observer/--no-observer", help="Charge the cost of the recording.")
    ] = False,
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
    chosen = _pairs("--option", options or [])
    for name, value in (("compress_ratio", compress_ratio), ("batch", batch)):
        if value is not None:
            chosen[name] = value
    newest = list(definition.variants)[-1]
    case = definition.case(variant or newest, _pairs("--set", knobs or []), chosen)
    request = RunRequest(
        chip=platform,
        deps=deps,
        era=compiler_era,
        swimlane_level=swimlane_level,
        is_observed=observer,
        is_verified=verify,
    )
    if output is not None:
        check_output_directory(output)
    with progress() as tell:
        result = run_kernel(case, request, progress=tell)
        if output is not None:
            tell(f"writing {output}")
            save_run(result, output, has_picture=picture)
    if as_json:
        print_json(result.summary())
    else:
        _print_report(result, output)
    return EXIT_CHECK_FAILED if result.report is not None and not result.report.passed else 0


def _pairs(option: str, entries: list[str]) -> dict[str, str]:
    """``NAME=VALUE`` arguments as a dictionary.

    Raises:
        UsageError: If one has no equals sign or a name comes twice.
    """
    pairs: dict[str, str] = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not equals or not name or name in pairs:
            msg = f"{option} {entry}: expected NAME=VALUE, each name once"
            raise UsageError(msg)
        pairs[name] = value
    return pairs


def _print_report(result: Run, output: Path | None) -> None:
    figures = result.summary()
    trace = result.trace.info
    print(f"{trace.kernel} {trace.variant} on {trace.chip}, dependencies: {figures['deps']}")
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
    print_table(bubble_table(result.trace))
    if output is not None:
        talk(f"wrote {output}; open {output / 'swimlane.png'} or perfetto.json")


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
