"""The stages of one harness call.

specs → tensors → golden on clones → kernel on numpy views, in place → comparison → simulation.
Upstream's first stage compiles; it is announced here too, and checks the request.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from npusim.compat.arguments import (
    Arguments,
    Golden,
    load_arguments,
    load_tensor,
    make_arguments,
    save_tensors,
)
from npusim.compat.comparators import Comparator
from npusim.compat.entry import Entry
from npusim.compat.execution import (
    count_program,
    new_record,
    record_entry,
    simulate_recording,
)
from npusim.compat.output import make_work_directory, write_run_summary
from npusim.compat.runtime_config import (
    RuntimeConfig,
    check_compile_config,
    parse_runtime_config,
)
from npusim.compat.session import RunRecord, Session, current_session
from npusim.compat.stages import say, stage
from npusim.compat.validation import Tolerances, failure_message, judge_outputs


@dataclass
class RunResult:
    """What ``run`` and ``run_jit`` return."""

    passed: bool
    error: str | None = None
    execution_time: float | None = None
    """Seconds of the whole call on this computer."""
    work_dir: Path | None = None
    bench: Any = None
    """Always None: there is no device to benchmark."""

    def __str__(self) -> str:
        seconds = "" if self.execution_time is None else f" ({self.execution_time:.2f}s)"
        reason = f": {self.error}" if self.error else ""
        return ("PASS" if self.passed else f"FAIL{reason}") + seconds


@dataclass(frozen=True, slots=True, eq=False)
class HarnessCall:
    """What ``run`` and ``run_jit`` take after the kernel, in the order of both upstream eras."""

    specs: Sequence[Any]
    """A spec per parameter of the kernel, in order."""
    golden_fn: Golden | None = None
    """Fills the outputs of a dictionary of clones in place."""
    golden_data: str | None = None
    """Directory with ``in/NAME.pt`` and ``out/NAME.pt``, instead of ``golden_fn``."""
    compile_cfg: Mapping[str, Any] | None = None
    """Checked and otherwise left out of account: nothing is compiled."""
    runtime_cfg: Mapping[str, Any] | None = None
    """Platform, and what to write; see ``runtime_config``."""
    rtol: float = 1e-5
    """Relative tolerance of outputs without a comparator."""
    atol: float = 1e-5
    """Absolute tolerance of outputs without a comparator."""
    compare_fn: Mapping[str, Comparator] | None = None
    """Comparator by output name."""
    compile_only: bool = False
    """Check the request and stop."""
    runtime_dir: str | None = None
    """Refused: there are no compiled kernels to reuse."""
    save_data: bool = False
    """Keep inputs and golden outputs under ``data/`` of the output directory."""


def run_entry(make_entry: Callable[[], Entry], call: HarnessCall) -> RunResult:
    """Run a kernel as ``call`` asks.

    Args:
        make_entry: Finds the kernel; called in the compile stage, where upstream fails too.
        call: What to run it on, and how.

    Raises:
        NpuSimError: If the request is wrong, the kernel breaks a rule or does not fit in memory.
    """
    started = time.perf_counter()
    if call.runtime_dir is not None:
        error = f"runtime_dir is {call.runtime_dir}; npusim has no compiled kernels, leave it out"
        return RunResult(passed=False, error=error)
    session = current_session()
    with stage("compile"):
        check_compile_config(call.compile_cfg)
        config = parse_runtime_config(call.runtime_cfg)
        entry = make_entry()
        run_record = new_record(entry, config, session)
    if call.compile_only:
        session.talk("compile only: npusim compiles nothing, the kernel did not run")
        return _finish(RunResult(passed=True), started)
    session.records.append(run_record)
    try:
        _run_stages(entry, call, config, session)
    except BaseException as error:
        run_record.error = " ".join(str(error).split()) or type(error).__name__
        raise
    verdict = RunResult(
        passed=run_record.verified is not False,
        error=failure_message(run_record.outputs) or None,
        work_dir=run_record.directory,
    )
    skipped = "validation skipped: no golden_fn or golden_data"
    return _finish(verdict, started, skipped if run_record.verified is None else "")


def _run_stages(entry: Entry, call: HarnessCall, config: RuntimeConfig, session: Session) -> None:
    run_record = session.records[-1]
    for note in config.notes:
        session.talk(note)
    directory = make_work_directory(entry.directory_name)
    run_record.directory = directory
    with stage("generate inputs"):
        arguments = _arguments(call, directory)
    golden = None
    if call.golden_fn is not None or call.golden_data is not None:
        with stage("compute golden"):
            golden = _golden(call, arguments, directory)
    with stage("runtime"):
        program = record_entry(entry, arguments, config)
    run_record.figures = count_program(program)
    if golden is not None:
        with stage("validate"):
            _judge(call, arguments, golden, run_record)
    if session.options.is_simulated:
        simulate_recording(program, config, session, run_record)
    write_run_summary(directory, run_record.to_json())


def _arguments(call: HarnessCall, directory: Path) -> Arguments:
    if call.golden_data is not None:
        saved = Path(call.golden_data)
        say(f"  cache hit: {saved / 'in'}")
        return load_arguments(call.specs, saved)
    arguments = make_arguments(call.specs)
    if call.save_data:
        save_tensors(directory / "data" / "in", arguments.given())
    return arguments


def _golden(call: HarnessCall, arguments: Arguments, directory: Path) -> dict[str, Any]:
    if call.golden_data is not None:
        saved = Path(call.golden_data) / "out"
        say(f"  cache hit: {saved}")
        return {
            spec.name: load_tensor(saved / f"{spec.name}.pt", spec)
            for spec in arguments.specs
            if spec.name in arguments.output_names
        }
    assert call.golden_fn is not None, "the caller has seen one of the two"
    scratch = arguments.for_golden()
    call.golden_fn(scratch)
    golden = {name: scratch[name] for name in arguments.outputs()}
    if call.save_data:
        save_tensors(directory / "data" / "out", golden)
    return golden


def _judge(
    call: HarnessCall, arguments: Arguments, golden: dict[str, Any], run_record: RunRecord
) -> None:
    run_record.outputs = judge_outputs(
        arguments.outputs(),
        golden,
        Tolerances(call.rtol, call.atol),
        call.compare_fn or {},
        arguments.inputs(),
    )
    run_record.verified = all(output.passed for output in run_record.outputs)


def _finish(result: RunResult, started: float, note: str = "") -> RunResult:
    result.execution_time = time.perf_counter() - started
    if result.passed:
        say(f"PASS ({result.execution_time:.2f}s{', ' + note if note else ''})")
    return result
