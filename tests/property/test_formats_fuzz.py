"""Mutated captures: read or refused with an error of npusim, never anything else.

The small run is part of every test run; the large one, 10,000 mutations, is marked slow.
"""

import gzip
import json
import random
import resource
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.analysis import bubble_table, with_waits
from npusim.errors import NpuSimError
from npusim.formats import (
    Layout,
    read_capture,
    write_csv_pair,
    write_hicann,
    write_scope_stats,
)
from npusim.trace import save_trace
from tests.capture_builder import edit, write_layout

sys.path.append(str(Path(__file__).parents[1] / "unit"))

from test_formats_chip_run import ChipRun, chip_program
from test_formats_host_submits import by_host
from test_formats_scope_stats import watched

pytestmark = pytest.mark.property

MERGED = Path(__file__).parents[1] / "unit" / "merged_files"
MAX_RSS_KIB = 1 << 20
MAX_SECONDS = 10
"""Per mutation; a capture of this size takes a few milliseconds."""
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
                if level == 4:
                    write_scope_stats(directory, watched())
                found.append(directory)
        host = Path(folder) / "host"
        edit(write_layout(host, trace, program, Layout.D, 4), by_host)
        found.append(host)
        write_hicann(Path(folder) / "hicann", trace)
        write_csv_pair(Path(folder) / "csv", trace)
        found += [Path(folder) / "hicann", Path(folder) / "csv"]
        contents = [files_in(directory) for directory in found]
    contents += [
        {"merged_swimlane.json": gzip.decompress(path.read_bytes())}
        for path in sorted(MERGED.glob("*.gz"))
    ]
    return tuple(contents)


def files_in(directory: Path) -> dict[str, bytes]:
    """Contents by name below ``directory``."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}


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


def mutate_line(content: bytes, dice: random.Random) -> bytes:
    """``mutate_tree`` in one line of a file that has a JSON document in each."""
    lines = content.splitlines()
    number = dice.randrange(len(lines))
    lines[number] = mutate_tree(lines[number], dice)
    return b"".join(line + b"\n" for line in lines)


MUTATIONS = {".json": mutate_tree, ".jsonl": mutate_line}
"""By kind of file; any file is also mutated byte by byte."""


@contextmanager
def limited_time(seed: int) -> Iterator[None]:
    """Ends a reader that hangs."""

    def give_up(*_: object) -> None:
        pytest.fail(f"mutation {seed} is not read within {MAX_SECONDS} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, MAX_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def check(seed: int) -> None:
    with limited_time(seed):
        check_mutation(seed)


def check_mutation(seed: int) -> None:
    dice = random.Random(seed)
    files = dict(dice.choice(captures()))
    for _ in range(dice.choice([1, 1, 2])):
        name = dice.choice(sorted(files))
        mutate = MUTATIONS.get(Path(name).suffix, mutate_bytes)
        if dice.random() >= 0.75:
            mutate = mutate_bytes
        try:
            files[name] = mutate(files[name], dice)
        except (ValueError, OverflowError, RecursionError):  # of the mutation before
            continue
    if dice.random() < 0.05:
        del files[dice.choice(sorted(files))]
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
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
