import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_formats_chip_run import JOBS, ChipRun, Job, chip_program

from npusim.errors import OutputError, TraceError, UsageError
from npusim.formats import write_capture
from npusim.trace import WAIT_DTYPE, Lane, Trace

FILES = ("chip_swimlane_records.json", "deps.json", "name_map_npusim.json")


def documents(directory: Path, **arguments) -> list[dict]:
    write_capture(directory, ChipRun().build(), chip_program(), **({"level": 4} | arguments))
    return [json.loads((directory / name).read_text()) for name in FILES]


def rebuilt(trace: Trace, **changes) -> Trace:
    return replace(trace, waits=np.empty(0, WAIT_DTYPE), **changes)


def test_levels_are_supersets(tmp_path: Path) -> None:
    records = [documents(tmp_path / str(level), level=level)[0] for level in (1, 2, 3, 4)]
    base = ["chip_swimlane_level", "l2_swimlane_level", "metadata", "aicore_tasks", "aicpu_tasks"]
    keys = [*base, "aicpu_scheduler_phases", "aicpu_orchestrator_phases"]
    for level, record in enumerate(records, start=1):
        assert list(record) == keys[: max(5, 3 + level)]
        assert record["chip_swimlane_level"] == record["l2_swimlane_level"] == level
        assert record["aicore_tasks"] == records[0]["aicore_tasks"]
    assert records[0]["aicpu_tasks"] == []
    assert len(records[1]["aicpu_tasks"]) == len(records[0]["aicore_tasks"])


def test_metadata(tmp_path: Path) -> None:
    metadata = documents(tmp_path)[0]["metadata"]
    assert metadata.pop("generator").startswith("npusim ")
    assert len(metadata.pop("row_blocks")) == 32
    assert metadata == {
        "clock_freq_hz": 50_000_000,
        "num_cores": 6,
        "core_types": ["aic", "aic", "aiv", "aiv", "aiv", "aiv"],
        "core_to_thread": [0, 1, 0, 0, 1, 1],
        "runtime": "tensormap_and_ringbuffer",
        "time_origin_ticks": 4_000_000_000,
        "chip": "a2a3",
        "kernel": "demo",
        "variant": "basic",
    }


def test_rows_keep_their_order_after_rounding_to_ticks(tmp_path: Path) -> None:
    records = documents(tmp_path)[0]
    scheduler = {(core, reg): (d, f) for core, reg, d, f in records["aicpu_tasks"]}
    previous: dict[int, tuple[int, int]] = {}
    for core, _, reg, start, end, ahead in records["aicore_tasks"]:
        dispatch, finish = scheduler.pop((core, reg))
        assert 0 < dispatch <= start - ahead <= start <= end <= finish
        last_reg, last_end = previous.get(core, (-1, 0))
        assert reg == last_reg + 1
        assert start - ahead >= last_end
        previous[core] = (reg, end)
    assert not scheduler


def test_a_gated_dispatch_is_received_when_its_producer_ends(tmp_path: Path) -> None:
    rows = documents(tmp_path)[0]["aicore_tasks"]
    producer_end = max(end for _, token, _, _, end, _ in rows if token == 17)
    received = [start - ahead for _, token, _, start, _, ahead in rows if token == 18]
    assert min(received) >= producer_end


def test_a_mix_task_has_three_kernels_and_two_names(tmp_path: Path) -> None:
    _, deps, names = documents(tmp_path)
    mix = next(task for task in deps["tasks"] if task["task_id"] == "17")
    aic, aiv0, aiv1 = mix["kernel_ids"]
    assert aiv0 == aiv1
    table = names["callable_id_to_name"]
    assert (table[str(aic)], table[str(aiv0)]) == ("out_proj_aic", "out_proj_aiv")
    assert names["orchestrator_name"] == "demo"
    assert names["level"] == 2


def test_one_function_id_with_two_names_gets_two_callables(tmp_path: Path) -> None:
    trace = ChipRun((Job("a", "aic", 1, 1.0), Job("b", "aic", 1, 1.0))).build()
    trace = rebuilt(trace, tasks=tuple(replace(task, func_id=0) for task in trace.tasks))
    write_capture(tmp_path, trace, None, level=1)
    names = json.loads((tmp_path / "name_map_npusim.json").read_text())["callable_id_to_name"]
    assert names == {"0": "a", "1": "b"}


def test_dependencies_name_the_tensor_behind_an_edge(tmp_path: Path) -> None:
    _, deps, _ = documents(tmp_path)
    region = {"shape": [16, 64], "start_offset": "0", "strides": [64, 1]}
    assert deps["tasks"][1] == {
        "task_id": "11",
        "scope": "auto",
        "early_dispatch": False,
        "kernel_ids": [1, -1, -1],
        "block_num": 5,
        "args": [
            {"idx": 0, "type": "INPUT", "tensor_id": "0", "dtype": "BFLOAT16"} | region,
            {"idx": 1, "type": "OUTPUT_EXISTING", "tensor_id": "1", "dtype": "BFLOAT16"} | region,
        ],
    }
    assert deps["tensors"][1] == {
        "tensor_id": "1",
        "buffer_addr": str((1 << 32) + 2048),
        "version": 0,
        "dtype": "BFLOAT16",
        "buffer_numel": "1024",
    }
    assert deps["edges"][0] == {
        "pred": "10",
        "succ": "11",
        "arg": 0,
        "source": "tensormap",
        "flags": ["wait"],
        "tensor_id": "0",
        "consumer_dtype": "BFLOAT16",
    } | {f"{side}_{key}": v for side in ("consumer", "producer") for key, v in region.items()}
    explicit = {"arg": -1, "source": "explicit", "flags": ["wait", "retain"]}
    assert deps["edges"][1] == {"pred": "11", "succ": "12"} | explicit


def test_every_dummy_has_its_marker(tmp_path: Path) -> None:
    records, deps, _ = documents(tmp_path)
    kinds = [p for stream in records["aicpu_scheduler_phases"] for p in stream]
    assert [p["task_id"] for p in kinds if p["kind"] == "dummy_task"] == [12]
    assert deps["tasks"][2]["kernel_ids"] == [-1, -1, -1]


def test_dispatch_records_alone_carry_pop_counts(tmp_path: Path) -> None:
    streams = documents(tmp_path)[0]["aicpu_scheduler_phases"]
    with_pops = {p["kind"] for stream in streams for p in stream if "pop_hit" in p}
    assert with_pops == {"dispatch"}


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        documents(tmp_path / name)
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("level", [0, 5])
def test_an_unknown_level_is_refused(tmp_path: Path, level: int) -> None:
    with pytest.raises(UsageError, match=r"^write_capture: level is .; expected one of 1, 2, 3, 4"):
        documents(tmp_path, level=level)


def test_a_level_beyond_the_trace_is_refused(tmp_path: Path) -> None:
    trace = ChipRun().build()
    bare = rebuilt(trace, phases=trace.phases[:0])
    write_capture(tmp_path, bare, None, level=2)
    with pytest.raises(UsageError, match=r"^write_capture: level is 3 but the trace has no sched"):
        write_capture(tmp_path, bare, None, level=3)
    slices = trace.slices.copy()
    slices["dispatch_ps"] = slices["finish_ps"] = -1
    untimed = rebuilt(trace, slices=slices)
    write_capture(tmp_path, untimed, None, level=1)
    with pytest.raises(UsageError, match=r"^write_capture: slice \d+ of task \d+ has no dispatch"):
        write_capture(tmp_path, untimed, None, level=2)


def test_another_name_map_in_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "name_map_old.json").write_text("{}")
    with pytest.raises(OutputError, match=r"^.*: holds name_map_old.json of another capture"):
        documents(tmp_path)
    assert not (tmp_path / "deps.json").exists()


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"^.*file: cannot be made a directory"):
        documents(tmp_path / "file")
    (tmp_path / "deps.json").mkdir()
    with pytest.raises(OutputError, match=r"^.*deps.json: cannot be written"):
        documents(tmp_path)


def test_two_cores_with_one_id_are_refused(tmp_path: Path) -> None:
    trace = ChipRun().build()
    lanes = (*trace.lanes[:5], Lane("AIV[9]", trace.lanes[5].kind, 4, 1), *trace.lanes[6:])
    with pytest.raises(
        TraceError, match=r"^trace: lanes AIV\[2\] and AIV\[9\] have core id 4; exp"
    ):
        write_capture(tmp_path, rebuilt(trace, lanes=lanes), None, level=1)


def test_an_unknown_core_type_is_refused(tmp_path: Path) -> None:
    trace = ChipRun(JOBS[:1]).build()
    tasks = (replace(trace.tasks[0], core_type="gpu"),)
    with pytest.raises(TraceError, match=r"^trace: task 10 \(rms_norm\) has core type 'gpu'"):
        write_capture(tmp_path, rebuilt(trace, tasks=tasks), None, level=1)


def test_a_slice_on_a_thread_lane_is_refused(tmp_path: Path) -> None:
    trace = ChipRun(JOBS[:1]).build()
    slices = trace.slices[:1].copy()
    slices["lane"] = 6
    with pytest.raises(TraceError, match=r"^trace: slice 0 is on lane Sched\[0\]; expected a core"):
        write_capture(tmp_path, rebuilt(trace, slices=slices), None, level=1)
