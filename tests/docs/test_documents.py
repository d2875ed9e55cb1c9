"""What README.md and docs/ say can be typed is typed, and what they show is compared."""

import os
import shlex
import subprocess
import sys

import pytest

from tests.docs.blocks import Block, blocks_of, commands_of, links_of
from tests.golden.runs import ROOT, start_npusim

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PYTHON_BLOCKS = [
    pytest.param(block, id=f"{path.name}:{block.line}")
    for path in DOCUMENTS
    for block in blocks_of(path)
    if block.language == "python" and block.is_run
]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_commands_of_a_document_run_in_order(path, tmp_path):
    for block in blocks_of(path):
        if block.language != "console" or not block.is_run:
            continue
        for command in commands_of(block):
            words = shlex.split(command.line)
            if words[0] != "npusim":
                continue
            where = f"{path.name}:{block.line}: {command.line}"
            process = start_npusim(words[1:], tmp_path)
            printed, error = process.communicate(timeout=120)
            assert process.returncode == 0, f"{where}\n{error}"
            if command.shown_output.strip():
                assert printed.split() == command.shown_output.split(), where


@pytest.mark.parametrize("block", PYTHON_BLOCKS)
def test_the_python_of_a_document_runs(block, tmp_path):
    (tmp_path / "block.py").write_text(block.text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "block.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if block.shown_output is not None:
        assert done.stdout == block.shown_output


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_linked_files_exist(path):
    missing = [target for target in links_of(path) if not (path.parent / target).exists()]
    assert missing == []


def test_the_readme_runs_something():
    blocks = blocks_of(ROOT / "README.md")
    assert any(block.language == "console" and block.is_run for block in blocks)


def test_blocks_commands_and_outputs_are_told_apart(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- not run -->\n```console\n$ make\n```\n\n"
        "```console\n$ npusim chips  # all\na2a3\na5\n$ npusim \\\nkernels\n```\n"
        "```python\nprint(1)\n```\n\n```text\n1\n```\n",
        encoding="utf-8",
    )
    skipped, console, python, output = blocks_of(page)
    assert (skipped.is_run, console.is_run, console.line) == (False, True, 6)
    first, second = commands_of(console)
    assert (first.line, first.shown_output) == ("npusim chips", "a2a3\na5\n")
    assert shlex.split(second.line) == ["npusim", "kernels"]
    assert python == Block("python", "print(1)\n", 13, True, "1\n")
    assert output.language == "text"
