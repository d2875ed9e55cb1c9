from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.compat.options import split_arguments
from npusim.dependencies import DependencyMode
from npusim.errors import UsageError


def test_own_options_may_stand_before_and_after_the_file() -> None:
    split = split_arguments(
        ["--npusim-chip", "a5", "k.py", "-p", "a2a3", "--npusim-deps=exact", "--max-memory", "2GiB"]
    )
    assert split.rest == ("k.py", "-p", "a2a3")
    assert (split.options.chip, split.options.deps) == ("a5", DependencyMode.EXACT)
    assert split.options.max_memory_bytes == 2 * 1024**3
    assert split.options.is_simulated


def test_nothing_behind_two_dashes_is_npusims() -> None:
    split = split_arguments(["k.py", "--npusim-no-simulate", "--", "--npusim-json", "x"])
    assert split.rest == ("k.py", "--", "--npusim-json", "x")
    assert not split.options.is_simulated
    assert split.options.json_path is None


def test_json_path() -> None:
    assert split_arguments(["--npusim-json=r.json", "k.py"]).options.json_path == Path("r.json")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["k.py", "--npusim-jsn", "x"], r"^--npusim-jsn: no such option; expected one of --npusim"),
        (["k.py", "--npusim-json"], r"^--npusim-json: no value; expected one after it"),
        (["--npusim-chip", "a", "--npusim-chip", "b"], r"^--npusim-chip: given twice"),
        (["--npusim-deps", "magic"], r"^--npusim-deps magic: no such mode; expected one of tensor"),
        (["--max-memory", "lots"], r"^--max-memory lots: no size; expected a number and a unit"),
        (["--max-memory", "0GiB"], r"^--max-memory 0GiB: no size"),
    ],
)
def test_wrong_options_say_what_is_expected(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        split_arguments(arguments)


_TOKENS = st.text(alphabet="-abp=34 ", min_size=1).filter(lambda text: text != "--")


@given(st.lists(_TOKENS), st.integers(0, 20))
def test_arguments_of_the_file_pass_unchanged(tokens: list[str], place: int) -> None:
    with_own = [*tokens[:place], "--npusim-no-simulate", *tokens[place:]]
    assert split_arguments(with_own).rest == tuple(tokens)
