"""The committed captures of the simulated kernel: how they are made.

``python -m tests.reference.regenerate`` (or ``pytest tests/reference --update-traces``) rewrites
``traces/``. Do it only in a change that means to move traces, and say there why they moved.
"""

import dataclasses
import hashlib
from importlib.metadata import version
from pathlib import Path

from npusim.analysis import bubble_table
from npusim.formats import write_summary
from npusim.trace import save_trace
from tests.golden.runs import ROOT, reference_run

TRACES = ROOT / "traces"
VARIANTS = ("before", "after")
DATA_FILES = ("bubbles.csv", "summary.json", "trace.npz")
ORIGIN_FILE = "origin.toml"


def folder_of(variant: str) -> Path:
    """Where the capture of ``variant`` is committed."""
    return TRACES / f"simulated_{variant}"


def write_capture_files(variant: str, folder: Path) -> None:
    """The data files of ``variant``: trace, summary, bubbles.

    Without the verdict: its figures depend on the rounding of the machine's BLAS, the trace does
    not.
    """
    run = dataclasses.replace(reference_run(variant), report=None)
    save_trace(run.trace, folder / "trace.npz")
    write_summary(folder / "summary.json", run.summary())
    (folder / "bubbles.csv").write_text(bubble_table(run.trace).to_csv(), encoding="utf-8")


def origin_text(variant: str, folder: Path) -> str:
    """What ``origin.toml`` says about the files in ``folder``."""
    counter_mhz = reference_run(variant).trace.info.counter_mhz
    lines = [
        'device = "none: simulated by npusim, chip a2a3"',
        f'command = "npusim run prefill_sparse_attn --variant {variant} --no-verify --no-plot"',
        f'clock = "simulated time from 0; device counter {counter_mhz} MHz"',
        'unit = "trace.npz: integer picoseconds; summary.json, bubbles.csv: microseconds"',
        'regenerate = "whoever means to move traces: python -m tests.reference.regenerate"',
        "",
        "[versions]",
        *(f'{name} = "{version(name)}"' for name in ("npusim", "numpy", "simpy")),
        "",
        "[sha256]",
    ]
    for name in DATA_FILES:
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        lines.append(f'"{name}" = "{digest}"')
    return "\n".join(lines) + "\n"


def regenerate(variant: str) -> Path:
    """Rewrite the committed capture of ``variant`` and return its folder."""
    folder = folder_of(variant)
    folder.mkdir(parents=True, exist_ok=True)
    write_capture_files(variant, folder)
    (folder / ORIGIN_FILE).write_text(origin_text(variant, folder), encoding="utf-8")
    return folder


if __name__ == "__main__":
    for name in VARIANTS:
        print(regenerate(name))  # noqa: T201
