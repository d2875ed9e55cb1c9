from dataclasses import replace
from pathlib import Path

import pytest
from test_formats_chip_run import JOBS, ChipRun

from npusim.formats import write_csv, write_slices_csv, write_summary


def test_a_summary_is_canonical(tmp_path: Path) -> None:
    write_summary(tmp_path / "a.json", {"b_us": 1.5, "a": {"d": [1], "c": None}})
    write_summary(tmp_path / "b.json", {"a": {"c": None, "d": [1]}, "b_us": 1.5})
    assert (tmp_path / "a.json").read_text() == '{"a":{"c":null,"d":[1]},"b_us":1.5}\n'
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_csv_quotes_and_leaves_none_empty(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", ["name", "wait_us"], [('a,"b"', 1.5), ("é", None)])
    assert (tmp_path / "t.csv").read_bytes() == 'name,wait_us\n"a,""b""",1.5\né,\n'.encode()


def test_a_short_csv_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^row 1 has 1 values; expected 2"):
        write_csv(tmp_path / "t.csv", ["a", "b"], [(1, 2), (1,)])
    assert not (tmp_path / "t.csv").exists()


def test_slices_as_csv(tmp_path: Path) -> None:
    trace = ChipRun(JOBS[:1]).build()
    slices = trace.slices[:1].copy()
    slices["finish_ps"] = -1
    write_slices_csv(tmp_path / "t.csv", replace(trace, slices=slices))
    assert (tmp_path / "t.csv").read_text() == (
        "task_id,func_id,name,block,core_id,core_type,lane,dispatch_time_us,receive_time_us,"
        "start_time_us,end_time_us,finish_time_us,stall_us\n"
        "10,0,rms_norm,0,2,aiv,AIV[0],2.305114,2.625891,2.806014,8.806014,,0.0\n"
    )
