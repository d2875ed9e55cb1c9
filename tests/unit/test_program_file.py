"""Program files: nothing is lost, and nothing broken gets in."""

import io
import json
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npusim.language as pl
from npusim.errors import FileFormatError, OutputError
from npusim.program import Program, load_program, save_program


def sample() -> Program:
    """Every kind of content: views, spills, dispatches, dummies, loops, flags, events."""

    def kernel(x: pl.Tensor, out: pl.Tensor) -> None:
        scratch = pl.create_tensor([4, 4], pl.FP32, manual_dep=True)
        for _ in pl.range(2):
            with pl.at(name_hint="make", sync_start=True) as tid:
                tile = pl.exp(pl.slice(x, [4, 4], [0, 0]))
        with pl.manual_scope():
            joined = pl.system.task_dummy(deps=[tid])
        for i in pl.spmd(4, name_hint="use", deps=[joined], no_dep_args=[scratch]):
            pl.read(x, [0, i])
            pl.assemble(scratch, pl.slice(tile, [1, 4], [i, 0]), [i, 0])
        with pl.at(name_hint="mm", optimizations=[pl.split(pl.SplitMode.UP_DOWN)]):
            pl.assemble(out, pl.neg(pl.matmul(scratch, scratch)), [0, 0])
        pl.read(out, [0, 0])

    x, out = np.ones((4, 4), np.float32), np.zeros((4, 4), np.float32)
    options = pl.RecordOptions(kernel="k", variant="v", parameters={"b": [1, None], "a": True})
    return pl.record(kernel, {"x": x, "out": out}, outputs={"out"}, options=options)


def rewrite(path: Path, name: str, data: bytes | None) -> None:
    with zipfile.ZipFile(path) as archive:
        content = {entry: archive.read(entry) for entry in archive.namelist()}
    content[name] = data if data is not None else b""
    with zipfile.ZipFile(path, "w") as archive:
        for entry, body in content.items():
            if entry != name or data is not None:
                archive.writestr(entry, body)


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def test_round_trip_loses_nothing(tmp_path: Path) -> None:
    program = sample()
    save_program(program, tmp_path / "p")
    again = load_program(tmp_path / "p")
    for item in fields(Program):
        ours, theirs = getattr(program, item.name), getattr(again, item.name)
        if isinstance(ours, np.ndarray):
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)
        else:
            assert ours == theirs


def test_saving_again_gives_equal_bytes(tmp_path: Path) -> None:
    save_program(sample(), tmp_path / "a")
    save_program(load_program(tmp_path / "a"), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_arrays_are_read_only(tmp_path: Path) -> None:
    save_program(sample(), tmp_path / "p")
    with pytest.raises(ValueError, match=r"^assignment destination is read-only$"):
        load_program(tmp_path / "p").ops["rows"] = 0


def header_with(path: Path, **changes: Any) -> bytes:
    with zipfile.ZipFile(path) as archive:
        header = json.loads(archive.read("header.json"))
    return json.dumps({**header, **changes}).encode()


def test_broken_programs(tmp_path: Path) -> None:
    path = tmp_path / "p"
    cases: list[tuple[str, Any, str]] = [
        ("ops.npy", None, r"'ops'"),
        (
            "tiles.npy",
            npy(np.zeros(2)),
            r"program k: tiles has dtype float64 and 1 axes; ",
        ),
        ("header.json", {"tensors": [{}]}, r"Object missing required field `tensor_id`"),
        ("header.json", {"kernel": 3}, r"Expected `str`, got `int` - at `\$\.kernel`"),
        ("header.json", {"tasks": [{"task_id": "x"}]}, r"Expected `int`, got `str`"),
    ]
    for name, change, match in cases:
        save_program(sample(), path)
        data = header_with(path, **change) if isinstance(change, dict) else change
        rewrite(path, name, data)
        with pytest.raises(FileFormatError, match=rf"^.*p: not a valid npusim program \({match}"):
            load_program(path)


def test_other_files_and_places(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"^.*p: no such file; expected a program that "):
        load_program(tmp_path / "p")
    save_program(sample(), tmp_path / "p")
    rewrite(tmp_path / "p", "header.json", header_with(tmp_path / "p", version=99))
    match = r"^.*p: program layout version 99; this npusim reads version 1; write the file again wi"
    with pytest.raises(FileFormatError, match=match):
        load_program(tmp_path / "p")
    with pytest.raises(OutputError, match=r"^.*none/p: cannot be written \(No such file or direct"):
        save_program(sample(), tmp_path / "none" / "p")
