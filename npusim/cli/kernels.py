"""``npusim kernels``."""

from typing import Annotated

import typer

from npusim.api import find_kernels
from npusim.cli.output import print_json, print_rows


def kernels(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the kernels with their variants, options and knobs."""
    entries = find_kernels()
    if as_json:
        print_json(
            [
                {
                    "name": entry.definition.name,
                    "summary": entry.definition.summary,
                    "note": entry.definition.note,
                    "options": entry.definition.options,
                    "variants": {
                        name: entry.definition.knobs(name) for name in entry.definition.variants
                    },
                }
                for entry in entries
            ]
        )
        return
    for entry in entries:
        definition = entry.definition
        print(f"{definition.name}: {definition.summary}")
        for name, allowed in definition.options.items():
            values = ", ".join(str(value) for value in allowed)
            print(f"  --option {name}=…  {values} (default {allowed[0]})")
        if definition.note:
            print(f"  {definition.note}")
        variants = list(definition.variants)
        by_variant = [definition.knobs(name) for name in variants]
        rows = [
            (knob, *(str(knobs.get(knob, "")) for knobs in by_variant)) for knob in by_variant[0]
        ]
        print_rows("", ("knob (--set)", *variants), rows)
        print()
