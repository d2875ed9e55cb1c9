"""The census: which files are tried, how they end, and that it can be resumed."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import npusim.compat.census
from npusim.cli.main import run_command
from npusim.compat.census import CensusRequest, census_rows, count_reasons, take_census
from npusim.compat.census_files import KernelFile, find_kernel_files
from npusim.compat.census_job import Entry, Limits, try_file
from npusim.compat.options import CompatOptions
from npusim.compat.outcome import Outcome, Reason, outcome_of_error, outcome_of_exit
from npusim.compat.torch_bridge import has_torch
from npusim.errors import FileFormatError, UsageError

FILES = Path(__file__).parent / "compat_files"
RUNNABLE = "from golden import run\nif __name__ == '__main__':\n    run()\n"


@pytest.fixture
def checkout(tmp_path):
    for name, text in {
        "models/a.py": RUNNABLE,
        "models/deep/b.py": RUNNABLE.replace("run()", "run_jit(fn=1)"),
        "models/config.py": "if __name__ == '__main__':\n    print()\n",
        "models/broken.py": "def (:\n",
        "examples/c.py": "import golden\n# __main__\ngolden.run(1)\n",
        "tests/d.py": RUNNABLE,
        "models/driver.py": RUNNABLE.replace("golden", "subprocess"),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def of_a_checkout() -> object:
    """An object whose class comes from a module that only the checkout had."""
    return type("Dims", (), {"__module__": "qwen3_config"})()


def made_up(file, *_: object) -> Entry:
    """A row without running anything: ``a`` passes, the others do not."""
    reason = Reason.PASSED if file.name.endswith("a.py") else Reason.MISMATCH
    return Entry(file.name, file.sha256, reason.value, "", [], 3, 2, 10, 1.25, None, 0.5, 2**20)


def test_self_runnable_files_are_found(checkout) -> None:
    names = [file.name for file in find_kernel_files(checkout)]
    assert names == ["models/a.py", "models/deep/b.py", "examples/c.py"]


def test_a_directory_without_kernels_is_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"no self-runnable kernel file; expected a checkout"):
        find_kernel_files(tmp_path)


def test_a_census_is_resumed_and_changed_files_are_tried_again(checkout, monkeypatch) -> None:
    tried: list[str] = []

    def note(file, *rest: object) -> Entry:
        tried.append(file.name)
        return made_up(file, *rest)

    monkeypatch.setattr(npusim.compat.census, "try_file", note)
    request = CensusRequest(checkout, jobs=2, json_path=checkout / "census.json")
    lines: list[str] = []
    entries = take_census(request, lines.append)
    assert count_reasons(entries) == {"passed": 1, "mismatch": 2}
    assert lines[0] == "3 files, 0 done already, 2 at a time"
    assert len(lines) == 4
    assert take_census(request, lines.append) == entries
    assert sorted(tried) == ["examples/c.py", "models/a.py", "models/deep/b.py"]
    (checkout / "models/a.py").write_text(RUNNABLE + "# changed\n")
    take_census(request, lines.append)
    assert tried[3:] == ["models/a.py"]
    take_census(replace(request, retries=True), lines.append)
    assert sorted(tried[4:]) == ["examples/c.py", "models/deep/b.py"]
    row = ("models/a.py", "passed", "3", "10", "1.2", "0.5", "1", "")
    assert census_rows(entries)[0] == row


def test_a_foreign_json_file_is_kept(checkout) -> None:
    path = checkout / "census.json"
    path.write_text("[]")
    with pytest.raises(FileFormatError, match=r"census.json: not a census"):
        take_census(CensusRequest(checkout, json_path=path), print)
    assert path.read_text() == "[]"


def test_the_command_prints_a_table_and_says_no(checkout, monkeypatch, capsys) -> None:
    monkeypatch.setattr(npusim.compat.census, "try_file", made_up)
    assert run_command(["pypto", "--census", str(checkout), "--jobs", "2"]) == 1
    captured = capsys.readouterr()
    assert "3 files: 1 passed, 2 mismatch" in captured.out
    assert "[3/3]" in captured.err
    assert run_command(["pypto", "--census", str(checkout), "--jobs", "none"]) == 2
    assert run_command(["pypto", "--census", str(checkout), "--speed", "9"]) == 2
    assert "expected some of --jobs, --timeout, --json, --retry" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (outcome_of_exit(0, [True, None], []), Reason.PASSED),
        (outcome_of_exit(1, [True, False], ["y is off"]), Reason.MISMATCH),
        (outcome_of_exit(2, [], []), Reason.USAGE),
        (outcome_of_exit(0, [], []), Reason.USAGE),
        (outcome_of_exit(3, [True], []), Reason.KERNEL_ERROR),
        (outcome_of_error(ModuleNotFoundError("No module named 'x'")), Reason.MISSING_MODULE),
        (outcome_of_error(MemoryError()), Reason.MEMORY),
        (outcome_of_error(RuntimeError("can't allocate memory: you tried")), Reason.MEMORY),
        (outcome_of_error(UsageError("no")), Reason.USAGE),
        (outcome_of_error(KeyError("y")), Reason.KERNEL_ERROR),
        (outcome_of_error(TypeError("cast() got an unexpected keyword argument 'z'")),
         Reason.UNSUPPORTED_OPERATION),
        (outcome_of_error(AttributeError("lower", obj=KernelFile)), Reason.KERNEL_ERROR),
        (outcome_of_error(AttributeError("user_batch", obj=of_a_checkout())), Reason.FILE_ERROR),
    ],
)  # fmt: skip
def test_reasons(outcome: Outcome, reason: Reason) -> None:
    assert outcome.reason is reason


def test_a_process_that_dies_is_a_crash_and_one_that_hangs_a_timeout(tmp_path) -> None:
    (tmp_path / "models").mkdir()
    for name, line in {
        "dies": "import os; os._exit(7)",
        "hangs": "import time; time.sleep(60)",
    }.items():
        text = RUNNABLE.replace("    run()", f"    {line}\n    run()")
        (tmp_path / "models" / f"{name}.py").write_text(text)
    if not has_torch():
        pytest.skip("kernel files need torch")
    dies, hangs = find_kernel_files(tmp_path)
    crash = try_file(dies, CompatOptions(), Limits(60.0, 1))
    assert (crash.reason, crash.message) == ("crash", "exit 7: ")
    timeout = try_file(hangs, CompatOptions(), Limits(0.5, 1))
    assert (timeout.reason, timeout.message) == ("timeout", "over 0.5 s")
    assert timeout.wall_s < 10


@pytest.mark.slow  # two processes load torch
@pytest.mark.skipif(not has_torch(), reason="kernel files need torch")
def test_a_file_that_refuses_the_simulator_runs_on_its_default_platform(tmp_path) -> None:
    (tmp_path / "models").mkdir()
    shutil.copy(FILES / "jit_modes.py", tmp_path / "models")
    (file,) = find_kernel_files(tmp_path)
    entry = try_file(file, CompatOptions(), Limits(60.0, 1))
    assert (entry.reason, entry.arguments, entry.tasks) == ("passed", [], 6)
    assert entry.peak_memory_bytes > 2**20
    assert not (tmp_path / "build_output").exists()
    assert json.loads(json.dumps(entry.makespan_us)) > 0
