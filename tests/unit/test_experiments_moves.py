"""Published moves: what a file of them may say, and a small one that is tried."""

import pytest

from npusim.api import RunRequest
from npusim.errors import FileFormatError
from npusim.experiments.moves import Move, Trial, _read, load_moves, try_moves


def test_the_reference_kernel_has_its_five_moves() -> None:
    moves = load_moves("prefill_sparse_attn")
    assert {move.published for move in moves} == {"helps", "hurts"}
    names = " ".join(move.name for move in moves)
    for word in ("merge and norm", "RoPE", "quantisation", "ATTN_TOKEN_TILE", "softmax and PV"):
        assert word in names


def test_a_trial_runs_with_and_without_the_move() -> None:
    moves = [
        Move("coarser tiles", "helps", "", [Trial("small", set={"base_k": 32})]),
        Move("finer tiles", "hurts", "", [Trial("small", undo={"base_k": 32})]),
    ]
    request = RunRequest(is_verified=False)
    told: list[str] = []
    report = try_moves("gemm", moves, request, {"size": 256}, told.append)
    assert told == ["recording small", "recording small, base_k=32"]
    one, other = report.outcomes
    assert one.result.makespan_ps.a == other.result.makespan_ps.b
    assert one.result.makespan_ps.b == other.result.makespan_ps.a
    assert one.model in {"helps", "hurts", "no difference"}
    assert len(report.to_markdown().splitlines()) == 4
    assert report.table().column("on") == ("small, set", "small, undone")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kernel = ", r"^x_moves.toml: not a file of moves \("),
        ("kernel = 'x'\nmoves = [{ name = 'a' }]", r"^x_moves.toml: not a file of moves \(Object"),
        (
            "kernel = 'x'\nmoves = [{ name = 'a', published = 'helps', why = '', "
            "trials = [{ variant = 'v' }] }]",
            r"^x_moves.toml: move 'a' on v: expected exactly one of set, undo and merge",
        ),
    ],
)
def test_a_broken_file_is_refused(tmp_path, text: str, message: str) -> None:
    path = tmp_path / "x_moves.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileFormatError, match=message):
        _read(path)
