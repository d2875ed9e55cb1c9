"""The container: deterministic bytes, whole files or none, and nothing foreign gets in."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from npusim.archive import read_archive, write_archive
from npusim.errors import FileFormatError, NpuSimError, OutputError
from npusim.trace import (
    EDGE_DTYPE,
    PHASE_DTYPE,
    SLICE_DTYPE,
    WAIT_DTYPE,
    Lane,
    LaneKind,
    Trace,
    TraceInfo,
    TraceTask,
    load_trace,
    save_trace,
)

HEADER = {"name": "x", "numbers": [1, 2.5, None], "nested": {"b": 1, "a": 2}}
ARRAYS = {
    "small": np.arange(5, dtype=np.int32),
    "rows": np.array([(1, 2.5)], np.dtype([("a", np.int16), ("b", np.float64)])),
    "empty": np.zeros(0, np.uint8),
}
SIZE = b"(1" + b"0" * 18 + b",), }  "
"""A shape that no memory holds, in as many bytes as the one it replaces."""


def write(path: Path, **changes: Any) -> Path:
    options: dict[str, Any] = {"kind": "thing", "version": 3, "header": HEADER, "arrays": ARRAYS}
    write_archive(path, **(options | changes))
    return path


def entries(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(path: Path, changed: dict[str, bytes | None]) -> Path:
    """The same file with other entries; ``None`` leaves one out."""
    content = {**entries(path), **changed}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            if data is not None:
                archive.writestr(name, data)
    return path


def npy(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def test_round_trip(tmp_path: Path) -> None:
    header, arrays = read_archive(write(tmp_path / "f"), kind="thing", version=3)
    assert header == {"npusim": "thing", "version": 3, **HEADER}
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_equal_content_gives_equal_bytes_also_with_keys_in_another_order(tmp_path: Path) -> None:
    shuffled = {"nested": {"a": 2, "b": 1}, "numbers": [1, 2.5, None], "name": "x"}
    first, second = write(tmp_path / "a"), write(tmp_path / "b", header=shuffled)
    assert first.read_bytes() == second.read_bytes()


WRITER = """
import sys
from pathlib import Path
import numpy as np
import npusim.language as pl
from npusim.program import save_program

def kernel(x, out):
    with pl.at(name_hint="make"):
        tile = pl.exp(pl.slice(x, [4, 4], [0, 0]))
    for i in pl.spmd(4, name_hint="use"):
        pl.assemble(out, pl.slice(pl.neg(tile), [1, 4], [i, 0]), [i, 0])

x, out = np.ones((4, 4), np.float32), np.zeros((4, 4), np.float32)
options = pl.RecordOptions(kernel="k", parameters={"b": 1, "a": {"d": 2, "c": 3}})
program = pl.record(kernel, {"x": x, "out": out}, outputs={"out"}, options=options)
save_program(program, Path(sys.argv[1]))
"""


def test_two_processes_with_other_hash_seeds_write_equal_bytes(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", WRITER, str(tmp_path / seed)]
        subprocess.run(command, check=True, env=environment, timeout=60)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = write(tmp_path / "f")
    write(path, header={"name": "y"})
    assert read_archive(path, kind="thing", version=3)[0]["name"] == "y"
    with pytest.raises(TypeError):
        write(path, header={"name": object()})
    assert read_archive(path, kind="thing", version=3)[0]["name"] == "y"
    assert [item.name for item in tmp_path.iterdir()] == ["f"]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = write(tmp_path / "f")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"^.*none/f: cannot be written \(No such file or direc"):
        write(tmp_path / "none" / "f")
    blocker = tmp_path / "file"
    blocker.write_text("x")
    with pytest.raises(OutputError, match=r"^.*file/f: cannot be written \(Not a directory\); "):
        write(blocker / "f")
    directory = tmp_path / "directory"
    directory.mkdir()
    with pytest.raises(OutputError, match=r"^.*directory: cannot be written \(Is a directory\); "):
        write(directory)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["directory", "file"]


def test_a_missing_file_and_a_directory(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"^.*f: no such file; expected a thing that npusim "):
        read_archive(tmp_path / "f", kind="thing", version=3)
    with pytest.raises(FileFormatError, match=r"^.*: not a readable npusim thing \(.*directory"):
        read_archive(tmp_path, kind="thing", version=3)


def test_another_kind_or_version(tmp_path: Path) -> None:
    path = write(tmp_path / "f")
    with pytest.raises(FileFormatError, match=r"^.*f: holds 'thing'; expected a npusim program$"):
        read_archive(path, kind="program", version=3)
    match = r"^.*f: thing layout version 3; this npusim reads version 4; write the file again with"
    with pytest.raises(FileFormatError, match=match):
        read_archive(path, kind="thing", version=4)


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"header.json": None}, r"not a readable npusim thing \(.*header\.json"),
        ({"header.json": b"{"}, r"not a readable npusim thing \(Input data was truncated\)"),
        ({"header.json": b"\xff\xfe"}, r"not a readable npusim thing \("),
        ({"header.json": b"[1]"}, r"holds 'list'; expected a npusim thing$"),
        ({"header.json": b"{}"}, r"holds None; expected a npusim thing$"),
        ({"small.npy": b""}, r"not a readable npusim thing \("),
        ({"small.npy": b"garbage and more garbage"}, r"not a readable npusim thing \("),
        ({"small.npy": npy(ARRAYS["small"])[:-4]}, r"not a readable npusim thing \("),
        (
            {"small.npy": npy(ARRAYS["small"]).replace(b"'descr': '<i4'", b"'descr': (((((")},
            r"not a readable npusim thing \(",
        ),
        (
            {"small.npy": npy(ARRAYS["small"]).replace(b"(5,)", b"(9**9,)")},
            r"not a readable npusim thing \(",
        ),
        (
            {"small.npy": npy(ARRAYS["small"]).replace(b"(5,), }" + b" " * 20, SIZE)},
            r"not a readable npusim thing \(",
        ),
    ],
)
def test_corrupt_entries(tmp_path: Path, changed: Any, match: str) -> None:
    path = rewrite(write(tmp_path / "f"), changed)
    with pytest.raises(FileFormatError, match=rf"^.*f: {match}"):
        read_archive(path, kind="thing", version=3)


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    evil = npy(np.array([{"run": "me"}], object), allow_pickle=True)
    path = rewrite(write(tmp_path / "f"), {"small.npy": evil})
    match = r"^.*f: not a readable npusim thing \(Object arrays cannot be loaded when allow_pickle="
    with pytest.raises(FileFormatError, match=match):
        read_archive(path, kind="thing", version=3)


@pytest.mark.parametrize("content", [b"", b"text", json.dumps(HEADER).encode(), b"PK\x03\x04"])
def test_foreign_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"^.*f: not a readable npusim thing \(File is "):
        read_archive(path, kind="thing", version=3)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("archive") / "f").read_bytes()


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_is_a_format_error_or_harmless(
    tmp_path: Path, content: bytes, data: st.DataObject
) -> None:
    """A truncated file never loads; flipped bytes load only where they hold no content."""
    path = tmp_path / "f"
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(FileFormatError):
        read_archive(path, kind="thing", version=3)
    place, value = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 255))
    path.write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
    try:
        header, arrays = read_archive(path, kind="thing", version=3)
    except FileFormatError:
        return
    assert header["name"] == "x"
    for name in set(arrays) & set(ARRAYS):
        np.testing.assert_array_equal(arrays[name], ARRAYS[name])


def small_trace() -> Trace:
    slices = np.zeros(1, SLICE_DTYPE)
    slices[0] = (0, 0, 0, 1, 10, 20, 30, 90, 100, 7)
    info = TraceInfo("k", "v", "a2a3", "simulated", 50, 4, parameters={"tile": 4})
    task = TraceTask(3, 1, "scope", "aiv", 1, submit_start_ps=1, has_early_dispatch=True)
    lane = Lane("AIV[0]", LaneKind.AIV, core_id=24, thread=0)
    empty = [np.zeros(0, dtype) for dtype in (WAIT_DTYPE, PHASE_DTYPE, EDGE_DTYPE)]
    return Trace(info, (lane,), (task,), slices, *empty)


def test_trace_files_round_trip_with_equal_bytes(tmp_path: Path) -> None:
    trace = small_trace()
    save_trace(trace, tmp_path / "a")
    again = load_trace(tmp_path / "a")
    assert (again.info, again.lanes, again.tasks) == (trace.info, trace.lanes, trace.tasks)
    for name in ("slices", "waits", "phases", "edges"):
        np.testing.assert_array_equal(getattr(again, name), getattr(trace, name))
    save_trace(again, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_trace_files_that_break_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "t"
    save_trace(small_trace(), path)
    good = entries(path)
    header = json.loads(good["header.json"])
    broken = np.load(io.BytesIO(good["slices.npy"]))
    broken["lane"] = 9
    cases: list[tuple[dict[str, bytes | None], str]] = [
        (
            {"slices.npy": npy(broken)},
            r"trace: slices\[0\]\.lane is 9; expected an index from ",
        ),
        ({"waits.npy": None}, "'waits'"),
        ({"edges.npy": npy(np.zeros(3))}, "trace: edges has dtype float64; expected one axis of"),
        (
            {"header.json": json.dumps({**header, "lanes": [{"name": 3}]}).encode()},
            r"Expected `str`, got `int` - at `\$\.lanes\[0\]\.name`",
        ),
    ]
    for changed, match in cases:
        rewrite(path, {**good, **changed})
        with pytest.raises(FileFormatError, match=rf"^.*t: not a valid npusim trace \({match}"):
            load_trace(path)
    with pytest.raises(NpuSimError, match=r"^.*t: holds 'thing'; expected a npusim trace$"):
        load_trace(write(path))
