"""Bad input: one line on stderr with what was wrong, what is allowed, what to do; exit 2."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import npusim.cli.run
from npusim.api import save_run
from npusim.cli.main import run_command
from tests.golden.runs import ROOT, SCALE_KERNEL, scale_run

KERNEL = "prefill_sparse_attn"
SCALE = str(SCALE_KERNEL)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored") / "run"
    save_run(scale_run(), folder, has_picture=False)
    return str(folder)


@pytest.fixture
def fails(capsys, tmp_path, monkeypatch):
    """Runs a command that must fail at once, and returns its line without the prefix."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        before = sorted(tmp_path.rglob("*"))
        assert run_command(list(arguments)) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        lines = captured.err.splitlines()
        assert len(lines) == 1
        assert sorted(tmp_path.rglob("*")) == before
        return lines[0].removeprefix("npusim: error: ")

    return run


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["run", "nope"], ["no kernel 'nope'; expected one of ", "prefill_sparse_attn"]),
        (["run", "nope.py"], ["kernel file nope.py: no such file", "expected a path or a kernel"]),
        (
            ["run", KERNEL, "--variant", "x"],
            ["no variant 'x'", "expected one of before, mid, after"],
        ),
        (["run", KERNEL, "--variant", ""], ["'' after --variant: an argument is empty"]),
        (
            ["run", KERNEL, "--variant="],
            ["'' in --variant=: an argument is empty; expected a name"],
        ),
        (["bubbles", ""], ["'' after bubbles: an argument is empty; expected a name or a value"]),
        (
            ["plot", "x", "-o", ""],
            ["'' after -o: an argument is empty; expected a name or a value"],
        ),
        (
            ["export", "x", "--format", "csv", "--output="],
            ["'' in --output=: an argument is empty"],
        ),
        (["run", KERNEL, "--set", "foo=1"], ["no knob 'foo'", "expected one of gather_token_tile"]),
        (
            ["run", KERNEL, "--set", "gather_token_tile=x"],
            ["knob gather_token_tile is 'x'", "expected an integer"],
        ),
        (
            ["run", KERNEL, "--set", "gather_token_tile"],
            ["--set gather_token_tile", "expected NAME=VALUE"],
        ),
        (
            ["run", KERNEL, "--set", "a_k_chunk=64", "--set", "a_k_chunk=128"],
            ["--set a_k_chunk=128", "each name once"],
        ),
        (
            ["run", KERNEL, "--set", "gather_token_tile=7"],
            ["gather_token_tile is 7", "expected a divisor of 128"],
        ),
        (
            ["run", KERNEL, "--set", "gather_token_tile=0"],
            ["gather_token_tile is 0", "expected a positive size"],
        ),
        (
            ["run", KERNEL, "--compress-ratio", "5"],
            ["compress_ratio is '5'", "expected one of 0, 4, 128"],
        ),
        (["run", KERNEL, "--batch", "3"], ["option batch is '3'", "expected one of 1, 2, 4"]),
        (
            ["run", KERNEL, "--option", "foo=1"],
            ["no option 'foo'", "expected one of compress_ratio"],
        ),
        (
            ["run", KERNEL, "--compress-ratio", "4", "--option", "compress_ratio=0"],
            ["compress_ratio=0", "each option once"],
        ),
        (["run", KERNEL, "-p", "a9"], ["chip 'a9'", "expected one of a2a3, a5"]),
        (["run", KERNEL, "--deps", "x"], ["'x' is not one of 'tensormap', 'exact', 'prefix'"]),
        (["run", KERNEL, "--swimlane-level", "9"], ["swimlane_level is 9", "from 0 to 4"]),
        (["run", KERNEL, "--swimlane-level", "x"], ["--swimlane-level x", "valid integer"]),
        (["run", KERNEL, "--frob"], ["no such option: --frob", "expected npusim run", "--help"]),
        (["run", KERNEL, "--variant"], ["'--variant' requires an argument", "--help"]),
        (["run"], ["missing argument 'KERNEL'", "expected npusim run", "see npusim run --help"]),
        (["run", KERNEL, "extra"], ["unexpected extra argument", "expected npusim run"]),
        (["frob"], ["no such command 'frob'", "expected one of kernels, run, compare"]),
        (["--frob"], ["no such option: --frob", "expected one of kernels, run"]),
        (["compare", "a"], ["missing argument 'B'", "see npusim compare --help"]),
        (["compare", "a", "b"], ["a: no such file or directory", "expected a run of npusim or"]),
        (["bubbles", "."], [".: neither a run nor a capture", "expected a directory with"]),
        (["bubbles", "x", "--min-us", "nan"], ["--min-us is nan", "expected a finite time"]),
        (["bubbles", "x", "--min-us", "inf"], ["--min-us is inf", "expected a finite time"]),
        (["bubbles", "x", "--min-us", "-1"], ["--min-us is -1.0", "expected a finite time"]),
        (["bubbles", "x", "--csv", "--json"], ["--csv and --json", "leave one out"]),
        (["bubbles", "x" * 5000], ["name too long", "expected"]),
        (["plot", "a", "b", "--waits"], ["--waits: given with two runs", "plot them one by one"]),
        (["chips", "a9"], ["chip 'a9'", "expected one of a2a3, a5"]),
        (["chips", "--only", "assumed"], ["--only assumed: no chip given", "a2a3"]),
        (["chips", "a2a3", "--only", "x"], ["'x' is not one of 'documented'", "--help"]),
    ],
)
def test_bad_input_is_one_line(fails, arguments, parts):
    line = fails(*arguments)
    for part in parts:
        assert part.casefold() in line.casefold()


@pytest.mark.parametrize(
    ("output", "part"),
    [
        ("file", "file: is a file; expected a directory"),
        ("file/deep/run", "cannot be written (Not a directory); choose a directory"),
        ("mine", "mine: holds thesis.tex, which is not part of a run"),
        (".", ".: holds "),
        ("", "'' after -o: an argument is empty"),
        ("x" * 300, "cannot be written (File name too long)"),
        pytest.param(
            "/proc/npusim/run",
            "/proc/npusim/run: cannot be written (",
            marks=pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs Linux"),
        ),
    ],
)
@pytest.mark.parametrize("command", ["run", "compare"])
def test_an_output_that_cannot_be_written_is_found_before_the_work(
    fails, tmp_path, stored, command, output, part
):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("mine")
    inputs = [KERNEL] if command == "run" else [stored, stored]
    what = "comparison" if command == "compare" else "run"
    assert part.replace("a run", f"a {what}") in fails(command, *inputs, "-o", output)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "part"),
    [
        (
            "picture.gif",
            "unknown picture format '.gif'; expected a name ending in .png, .svg, .pdf",
        ),
        ("picture", "unknown picture format ''; expected a name ending in .png"),
        ("no/such/folder/picture.png", "No such file or directory; name a writable directory"),
        ("folder.png", "folder.png: is a directory; expected a file for the picture; name one in"),
        ("file.png/picture.png", "Not a directory; name a writable directory"),
    ],
)
def test_a_picture_that_cannot_be_written_is_found_before_the_work(
    fails, stored, tmp_path, monkeypatch, name, part
):
    def work(*_, **__):
        raise AssertionError

    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file.png").touch()
    monkeypatch.setattr("npusim.cli.plot.load_run_trace", work)
    assert part in fails("plot", stored, "-o", name)
    monkeypatch.setattr("npusim.cli.validate.run_validation", work)
    assert part in fails("validate", "--group", "gemm", "--plot", name)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("page.txt", "unknown report format '.txt'; expected a name ending in .html"),
        ("folder.html", "folder.html: is a directory; expected a file for the report"),
        ("no/page.html", "cannot write the report, No such file or directory"),
    ],
)
def test_a_report_that_cannot_be_written_is_found_before_the_work(fails, tmp_path, name, part):
    (tmp_path / "folder.html").mkdir()
    assert part in fails("report", "no/run", "-o", name)


def test_a_broken_kernel_file(fails, tmp_path):
    (tmp_path / "broken.py").write_text("KERNEL = 1\n")
    assert "broken.py: defines no KERNEL; expected KERNEL =" in fails("run", "broken.py")


def test_a_truncated_trace(fails, tmp_path, stored):
    for name in ("summary.json", "program.npz", "trace.npz"):
        content = (Path(stored) / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
    for command in (["bubbles", "."], ["plot", ".", "-o", "x.png"], ["compare", ".", stored]):
        assert "trace.npz: not a readable npusim trace" in fails(*command)


def test_a_foreign_capture(fails, tmp_path):
    (tmp_path / "chip_swimlane_records.json").write_text('{"hello": 1}')
    assert "not a swimlane records file; expected one of the keys" in fails("bubbles", ".")


def test_an_error_in_a_kernel_is_one_line_that_says_where(capsys, monkeypatch):
    def broken(_name):
        error = IndexError("index 9 is out of bounds")
        error.add_note("npusim: in kernel.py:8; scope load, task 3; loops row=9")
        raise error

    monkeypatch.setattr(npusim.cli.run, "load_kernel", broken)
    assert run_command(["run", "scale"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("npusim: error: unexpected IndexError: index 9 is out of bounds; this")
    assert line.endswith("; in kernel.py:8; scope load, task 3; loops row=9")


def test_a_defect_is_one_line_and_not_exit_1(capsys, monkeypatch):
    def defect(_name):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(npusim.cli.run, "load_kernel", defect)
    assert run_command(["run", "scale"]) == 2
    message = "npusim: error: unexpected ZeroDivisionError: division by zero; this is a defect of"
    assert capsys.readouterr().err.startswith(message)


def test_an_interrupt_is_one_line(capsys, monkeypatch):
    def interrupt(_name):
        raise KeyboardInterrupt

    monkeypatch.setattr(npusim.cli.run, "load_kernel", interrupt)
    assert run_command(["run", "scale"]) == 130
    assert capsys.readouterr().err == "npusim: interrupted\n"


@pytest.mark.parametrize(
    "arguments", [["--traceback", "run", "nope"], ["run", "nope", "--traceback"]]
)
def test_the_traceback_is_shown_on_request(capsys, arguments):
    assert run_command(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("Traceback (most recent call last):")
    assert error.splitlines()[-1].startswith("npusim: error: no kernel 'nope'")


def test_a_reader_that_leaves_early_is_no_failure():
    read_end, write_end = os.pipe()
    os.close(read_end)
    program = [sys.executable, "-m", "npusim", "chips", "a2a3", "--json"]
    done = subprocess.run(
        program, cwd=ROOT, stdout=write_end, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("--policy", "magic"),
            "policy 'magic': unknown; expected one of tensormap_and_ringbuffer",
        ),
        (
            ("--policy", "ideal", "--policy-set", "pitch_ns=1"),
            "policy ideal: unknown parameter 'pitch_ns'; expected no parameters",
        ),
        (
            ("--policy", "serial_dispatcher", "--policy-set", "pitch_ns=fast"),
            "--policy-set pitch_ns=fast: expected a finite number; write for instance 2 or 0.5",
        ),
    ],
)
def test_a_wrong_policy(fails, arguments, line):
    assert fails("run", KERNEL, *arguments).startswith(line)


@pytest.mark.parametrize("policy", ["zero_gap", "list_ready", "list_path"])
def test_a_policy_for_replays_is_refused_before_the_work(fails, policy):
    line = fails("run", KERNEL, "--policy", policy)  # one line: nothing began
    assert line.startswith(f"policy {policy}: only npusim replay has it")
    assert line.endswith(f"then npusim replay RUN --policy {policy}")


def test_ctrl_c_while_the_commands_are_imported_is_one_line():
    # Where numpy would be loaded, somebody presses Ctrl-C.
    code = (
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'numpy':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from npusim.cli import main\n"
        "sys.argv = ['npusim', 'chips']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (130, "npusim: interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pmu"], "--pmu needs -o: it writes pmu.csv; expected a directory; add -o DIR"),
        (["--scope-stats"], "--scope-stats needs -o: it writes scope_stats.jsonl; expected a"),
        (["--ring-dependencies", ""], "'' after --ring-dependencies: an argument is empty; exp"),
        (["--ring-slots", " "], "--ring-slots ' ': is empty; expected a number, or one per ring"),
        (
            ["--set", "depth=-1"],
            "add of rows 64, cols 64, depth -1; expected positive rows and cols, a positive depth",
        ),
        (["--set", "op=matmul"], "matmul of rows 64, cols 64, depth 0; expected positive rows"),
    ],
)
def test_options_without_effect_are_refused_before_the_work(arguments, message, capsys) -> None:
    assert run_command(["run", "vector_micro", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


def test_a_heap_that_is_too_small_is_found_before_the_verification(capsys) -> None:
    """The size that the message names is enough, with a unit too; one that is none is refused."""
    kernel = ["flash_attention", "--variant", "small", "--option", "seq=256"]
    command = ["run", *kernel, "--no-plot", "--ring-heap"]
    assert run_command([*command, "1"]) == 2
    err = capsys.readouterr().err
    assert "verifying" not in err
    found = re.search(r"--ring-heap (\d+) or more", err)
    assert found
    assert run_command([*command, found[1]]) == 0
    assert run_command([*command, f"{-(-int(found[1]) // 1024)}KiB,0,0,0"]) == 0
    capsys.readouterr()
    assert run_command([*command, "2 bananas"]) == 2
    assert "--ring-heap 2 bananas: no size; expected a number and a unit" in capsys.readouterr().err
