"""``npusim chips``."""

from enum import StrEnum
from typing import Annotated

import typer

from npusim.cli.output import print_json, print_rows
from npusim.errors import UsageError
from npusim.hardware import chip_figures, list_chips, load_chip


class Kind(StrEnum):
    """How a hardware figure was obtained."""

    DOCUMENTED = "documented"
    MEASURED = "measured"
    DERIVED = "derived"
    ASSUMED = "assumed"


def chips(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Chip to show; all names if left out.")
    ] = None,
    only: Annotated[Kind | None, typer.Option(help="Only figures of this kind.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the chips, or every figure of one with its source."""
    if name is None:
        if only is not None:
            msg = f"--only {only}: no chip given; expected one of {', '.join(list_chips())} as NAME"
            raise UsageError(msg)
        rows = [(chip, load_chip(chip).title) for chip in list_chips()]
        if as_json:
            print_json([{"name": chip, "title": title} for chip, title in rows])
        else:
            print_rows("", ("chip", "device"), rows)
        return
    figures = [f for f in chip_figures(name) if only is None or str(f.kind) == only.value]
    if as_json:
        print_json(
            [
                {
                    "key": f.key,
                    "value": f.value,
                    "unit": f.unit,
                    "kind": str(f.kind),
                    "source": f.source,
                    "where": f.where,
                    "note": f.note,
                }
                for f in figures
            ]
        )
        return
    rows_of_text = [
        (f.key, str(f.value), f.unit, str(f.kind), f"{f.source}: {f.where}") for f in figures
    ]
    print_rows(
        f"{name}: {len(figures)} figures", ("key", "value", "unit", "kind", "source"), rows_of_text
    )
