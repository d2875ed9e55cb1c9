"""Recordings of pypto-lib kernel files at a commit, for the points that need them.

The files of a commit are exported from the checkout's history into a temporary directory and run as
they are by ``npusim pypto`` in a process of their own, because that gives import names away.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

from npusim.errors import NpuSimError, UsageError
from npusim.program import Program, load_program

VARIABLE = "NPUSIM_PYPTO_LIB"
_TIMEOUT_S = 900


def find_checkout() -> Path | None:
    """The directory that ``NPUSIM_PYPTO_LIB`` names; None if it names nothing.

    Raises:
        UsageError: If it is not a directory.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    path = Path(name)
    if not path.is_dir():
        msg = (
            f"{VARIABLE} is {name!r}: no such directory; expected a git checkout of pypto-lib; "
            "correct it or unset it"
        )
        raise UsageError(msg)
    return path


class UpstreamFiles:
    """Kernel files of a git checkout, at any commit of its history."""

    def __init__(self, checkout: Path) -> None:
        self._checkout = checkout
        self._exported: dict[str, Path] = {}

    def record(
        self,
        commit: str,
        file: str,
        arguments: Sequence[str] = (),
        edits: Sequence[tuple[str, str]] = (),
    ) -> Program:
        """Run ``file`` of ``commit`` with ``arguments`` and return its recording.

        ``edits`` replace texts of the file for this run alone.

        Raises:
            UsageError: If the checkout does not have the commit, or the file not exactly one place
                for each edit.
            NpuSimError: If the file does not run.
        """
        path, label = self._export(commit) / file, f"{file} at {commit}"
        if not edits:
            return self._run(path, arguments, label)
        if not path.is_file():
            msg = f"{label}: no such file; expected one to edit; correct the point"
            raise UsageError(msg)
        original = path.read_bytes()
        path.write_bytes(_edited(original.decode(), edits, label).encode())
        try:
            return self._run(path, arguments, label)
        finally:
            path.write_bytes(original)

    @staticmethod
    def _run(path: Path, arguments: Sequence[str], label: str) -> Program:
        result = path.parent / "npusim.json"
        command = [sys.executable, "-m", "npusim", "pypto", path.name, "-p", "a2a3sim"]
        command += [*arguments, "--npusim-json", str(result)]
        done = subprocess.run(
            command,
            cwd=path.parent,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        if done.returncode or not result.is_file():
            last = (done.stderr or done.stdout).strip().rpartition("\n")[2]
            msg = f"{label}: npusim pypto ended with {done.returncode} ({last})"
            raise NpuSimError(msg)
        runs = json.loads(result.read_text(encoding="utf-8"))
        return load_program(Path(runs[0]["directory"]) / "program.npz")

    def _export(self, commit: str) -> Path:
        if commit not in self._exported:
            archive = ["git", "-C", str(self._checkout), "archive", commit]
            tree = subprocess.run(archive, capture_output=True, check=False)
            if tree.returncode:
                reason = " ".join(tree.stderr.decode().split())
                msg = (
                    f"{self._checkout}: no commit {commit} ({reason}); "
                    "expected a git checkout of pypto-lib with its history; fetch it"
                )
                raise UsageError(msg)
            target = tempfile.mkdtemp(prefix="npusim-pypto-lib-")
            weakref.finalize(self, shutil.rmtree, target, ignore_errors=True)
            with tarfile.open(fileobj=io.BytesIO(tree.stdout)) as files:
                files.extractall(target, filter="data")
            self._exported[commit] = Path(target)
        return self._exported[commit]


def _edited(text: str, edits: Sequence[tuple[str, str]], label: str) -> str:
    """``text`` with each first half of ``edits`` replaced by its second.

    Raises:
        UsageError: If it does not occur exactly once.
    """
    for old, new in edits:
        if text.count(old) != 1:
            msg = (
                f"{label}: {old!r} occurs {text.count(old)} times; expected once, to become "
                f"{new!r}; correct the edits of the point"
            )
            raise UsageError(msg)
        text = text.replace(old, new)
    return text
