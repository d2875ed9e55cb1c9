"""The committed captures are what this version of npusim makes, byte for byte."""

import hashlib
import json
import tomllib
import zipfile

import pytest

from npusim.analysis import compare
from npusim.api import load_run_trace
from tests.reference.regenerate import (
    DATA_FILES,
    ORIGIN_FILE,
    VARIANTS,
    folder_of,
    regenerate,
    write_capture_files,
)

MAX_FOLDER_BYTES = 300_000


@pytest.fixture(scope="module", params=VARIANTS)
def variant(request):
    if request.config.getoption("--update-traces", default=False):
        regenerate(request.param)
    return request.param


def content(path):
    """The bytes of a file; of an archive those of its members, since deflate has many encoders."""
    if path.suffix != ".npz":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("name", DATA_FILES)
def test_a_committed_file_is_made_again_byte_for_byte(variant, name, tmp_path):
    write_capture_files(variant, tmp_path)
    assert content(tmp_path / name) == content(folder_of(variant) / name)


def test_the_origin_names_every_file_with_its_digest(variant):
    folder = folder_of(variant)
    origin = tomllib.loads((folder / ORIGIN_FILE).read_text(encoding="utf-8"))
    assert {path.name for path in folder.iterdir()} == {*DATA_FILES, ORIGIN_FILE}
    for name in DATA_FILES:
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert origin["sha256"][name] == digest
    assert {"device", "command", "clock", "unit", "regenerate", "versions"} <= set(origin)


def test_a_folder_is_small(variant):
    assert sum(path.stat().st_size for path in folder_of(variant).iterdir()) < MAX_FOLDER_BYTES


def test_a_committed_capture_loads_and_agrees_with_its_summary(variant):
    trace = load_run_trace(folder_of(variant))
    summary = json.loads((folder_of(variant) / "summary.json").read_text(encoding="utf-8"))
    assert trace.info.variant == summary["variant"] == variant
    assert trace.makespan_ps / 1e6 == summary["makespan_us"]


def test_the_two_captures_can_be_compared():
    before, after = (load_run_trace(folder_of(name)) for name in VARIANTS)
    assert compare(before, after).makespan_ps.delta == after.makespan_ps - before.makespan_ps
