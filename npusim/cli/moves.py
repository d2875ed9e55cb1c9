"""``npusim moves``."""

from typing import Annotated

import typer

from npusim.api import RunRequest
from npusim.cli.arguments import pairs
from npusim.cli.output import print_json, print_table, progress
from npusim.dependencies import DependencyMode
from npusim.experiments.moves import load_moves, try_moves
from npusim.hardware import load_chip


def moves(
    kernel: Annotated[
        str, typer.Argument(metavar="KERNEL", help="Name of a kernel with published moves.")
    ] = "prefill_sparse_attn",
    platform: Annotated[str, typer.Option("-p", "--platform", help="Chip.")] = "a2a3",
    deps: Annotated[
        DependencyMode, typer.Option(help="How dependencies are found.")
    ] = DependencyMode.TENSORMAP,
    options: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME=VALUE", help="Set an option of the kernel."),
    ] = None,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a table for a document.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Try the moves that a kernel's authors reported, each alone: does the model agree?"""
    chosen = pairs("--option", options or [])
    found = load_moves(kernel)
    load_chip(platform)  # a wrong name should fail before the work, not after
    request = RunRequest(chip=platform, deps=deps, is_observed=False, is_verified=False)
    with progress(is_quiet=as_json) as tell:
        report = try_moves(kernel, found, request, chosen, tell)
    if as_json:
        print_json(report.table().to_json())
    elif as_markdown:
        print(report.to_markdown(), end="")
    else:
        print_table(report.table())
