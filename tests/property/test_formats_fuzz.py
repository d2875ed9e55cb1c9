"""Mutated captures: read or refused with an error of npusim, never anything else.

The small run is part of every test run; the large one, 10,000 mutations, is marked slow.
"""

import gzip
import json
import random
import resource
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.analysis import bubble_table, with_waits
from npusim.errors import NpuSimError
from npusim.formats import Layout, read_capture, write_csv_pair, write_hicann
from npusim.trace import save_trace
from tests.capture_builder import write_layout

sys.path.append(str(Path(__file__).parents[1] / "unit"))

from test_formats_chip_run import ChipRun, chip_program

pytestmark = pytest.mark.property

MERGED = Path(__file__).parents[1] / "unit" / "merged_files"
MAX_RSS_KIB = 1 << 20
NASTY: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 3, 0.5, 1e308, -1e308, 1 << 31, 1 << 32, 1 << 62, 1 << 63,
    1 << 80, 10**400, "", "x", "0", "-1", "\ud800", "ä" * 40, [], {}, [0], [[]], [[], []],
    {"a": 1}, [None] * 3, "9" * 30,
)  # fmt: skip
BYTES = (
    b"",
    b"\x00",
    b"\xff\xfe",
    b"NaN",
    b"Infinity",
    b"1e999",
    b"[" * 3000,
    b'{"a":1,"a":2}',
    b"-",
)


@cache
def captures() -> tuple[dict[str, bytes], ...]:
    """One capture of every kind, as file contents by name."""
    trace, program = ChipRun().build(), chip_program()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for layout in Layout:
            for level in (2, 4):
                directory = Path(folder) / f"{layout}{level}"
                write_layout(directory, trace, program, layout, level)
                found.append(directory)
        write_hicann(Path(folder) / "hicann", trace)
        write_csv_pair(Path(folder) / "csv", trace)
        found += [Path(folder) / "hicann", Path(folder) / "csv"]
        contents = [{p.name: p.read_bytes() for p in sorted(d.iterdir())} for d in found]
    contents += [
        {"merged_swimlane.json": gzip.decompress(path.read_bytes())}
        for path in sorted(MERGED.glob("*.gz"))
    ]
    return tuple(contents)


def mutate_bytes(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content) + 1)
    length = dice.choice([0, 1, 2, 8, 200])
    kind = dice.randrange(4)
    if kind == 0:
        return content[:at]
    if kind == 1:
        return content[:at] + dice.choice(BYTES) + content[at + length :]
    if kind == 2:
        return content[:at] + content[max(0, at - length) :]
    digit = str(dice.randrange(10)).encode()
    return content[:at] + digit + content[at + 1 :]


def mutate_tree(content: bytes, dice: random.Random) -> bytes:
    """Replaces, removes, doubles or swaps a few values somewhere in a JSON document."""
    document = json.loads(content)
    for _ in range(dice.choice([1, 1, 1, 2, 5])):
        value, path = document, 0
        while isinstance(value, dict | list) and value and path < 9:
            parent = value
            keys = list(parent) if isinstance(parent, dict) else range(len(parent))
            key = dice.choice(list(keys))
            value, path = parent[key], path + 1
            if dice.random() < 0.15:
                break
        if not path:
            break
        kind = dice.randrange(6)
        if kind == 0:
            del parent[key]
        elif kind == 1 and isinstance(parent, list):
            parent.insert(dice.randrange(len(parent) + 1), value)
        elif kind == 2 and isinstance(parent, list):
            dice.shuffle(parent)
        elif kind == 3 and isinstance(value, int | float):
            parent[key] = value + dice.choice([-1, 1, -(10**6), 10**6, 10**15, 0.25])
        else:
            parent[key] = dice.choice(NASTY)
    return json.dumps(document).encode()


def check(seed: int) -> None:
    dice = random.Random(seed)
    files = dict(dice.choice(captures()))
    for _ in range(dice.choice([1, 1, 2])):
        name = dice.choice(sorted(files))
        is_tree = name.endswith(".json") and dice.random() < 0.75
        try:
            files[name] = (mutate_tree if is_tree else mutate_bytes)(files[name], dice)
        except (ValueError, OverflowError, RecursionError):  # of the mutation before
            continue
    if dice.random() < 0.05:
        del files[dice.choice(sorted(files))]
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        for is_repairing in (False, True):
            with suppress(NpuSimError):
                trace = with_waits(read_capture(Path(folder), is_repairing=is_repairing))
                assert bubble_table(trace).rows
                save_trace(trace, Path(folder) / "trace.npz")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 60))
def test_mutated_captures_are_read_or_refused(seed: int) -> None:
    check(seed)


@pytest.mark.slow
def test_ten_thousand_mutations_raise_nothing_else_and_stay_small() -> None:
    for seed in range(10_000):
        check(seed)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < MAX_RSS_KIB
