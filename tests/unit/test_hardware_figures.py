from pathlib import Path

import pytest

from npusim.errors import HardwareSpecError, UsageError
from npusim.hardware import FigureKind
from npusim.hardware.figures import read_chip_file, unit_of

HEADER = 'schema = 1\nname = "t"\ntitle = "Test"\n'
SOURCES = '[sources.guide]\ntitle = "Guide"\nversion = "1"\nurl = "https://example.org"\n'
FACT = '[clock.core_mhz]\nvalue = 1000\nkind = "documented"\nsource = "guide"\nwhere = "p. 1"\n'


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "chip.toml"
    path.write_text(text)
    return path


def test_a_complete_fact_becomes_a_figure(tmp_path: Path) -> None:
    (figure,) = read_chip_file(_write(tmp_path, HEADER + FACT + SOURCES)).figures
    assert (figure.key, figure.value, figure.unit) == ("clock.core_mhz", 1000, "MHz")
    assert figure.kind is FigureKind.DOCUMENTED
    assert (figure.source, figure.source_title, figure.where) == ("guide", "Guide", "p. 1")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema = 1", "schema = 2", r"schema is 2; expected 1"),
        ('name = "t"\n', "", r"the header: name is missing; expected a text"),
        ("value = 1000", "valu = 1000", r"clock\.core_mhz\.valu is not a known key; expected one"),
        ("value = 1000\n", "", r"clock\.core_mhz\.value is None; expected a number or a flag"),
        ("value = 1000", 'value = "x"', r"clock\.core_mhz\.value is 'x'; expected a number"),
        ('"documented"', '"guessed"', r"clock\.core_mhz\.kind is 'guessed'; expected one of docum"),
        ('source = "guide"\n', "", r"clock\.core_mhz: source is missing; expected a text"),
        ('source = "guide"', 'source = "x"', r"clock\.core_mhz\.source is 'x'; expected one of gu"),
        ('where = "p. 1"', 'where = " "', r"clock\.core_mhz: where is ' '; expected a text"),
        ('"documented"', '"derived"', r"clock\.core_mhz: from is missing; expected a text"),
        ('"documented"', '"assumed"', r"clock\.core_mhz: note is missing; expected a text"),
        ('title = "Guide"\n', "", r"sources\.guide: title is missing; expected a text"),
        ('version = "1"\n', "", r"sources\.guide has no version or date; expected one of them"),
        ('url = "https://example.org"\n', "", r"sources\.guide has no url or path; expected one"),
        ("url =", "link =", r"sources\.guide\.link is not a known key; expected one of title"),
        ("[sources.guide]", "[sources]\nx = 1\n[sources.guide]", r"sources\.x is 1; expected a ta"),
        ("[clock.core_mhz]", "[clock]\nrate = 3\n[clock.core_mhz]", r"clock\.rate is 3; expected"),
        ("schema = 1", "schema = ", r"not TOML \(.*\); expected a chip file"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = HEADER + FACT + SOURCES
    assert old in text
    path = _write(tmp_path, text.replace(old, new, 1))
    with pytest.raises(HardwareSpecError, match=rf"^\S*chip\.toml: {message}"):
        read_chip_file(path)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^\S*none\.toml: cannot be read \(No such file"):
        read_chip_file(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("key", "unit"),
    [
        ("memory.core_read_bytes_per_cycle", "B/cycle"),
        ("memory.l2_bytes_per_us", "B/us"),
        ("memory.l2_capacity_bytes", "B"),
        ("vector.classes.exp.slope_cycles_per_repeat", "cycles/repeat"),
        ("vector.classes.row_max.per_row_cycles", "cycles/row"),
        ("cube.mmad_head_cycles", "cycles"),
        ("runtime.fence_ns", "ns"),
        ("topology.cluster_count", ""),
    ],
)
def test_the_key_names_the_unit(key: str, unit: str) -> None:
    assert unit_of(key) == unit
