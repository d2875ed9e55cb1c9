import pytest

from npusim.compat.runtime_config import check_compile_config, parse_runtime_config
from npusim.dependencies import CompilerEra
from npusim.errors import UsageError


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ({}, 0),
        ({"enable_l2_swimlane": 0}, 0),
        ({"enable_l2_swimlane": False}, 0),
        ({"enable_l2_swimlane": True}, 4),
        ({"enable_l2_swimlane": 2}, 2),
        ({"enable_chip_swimlane": 3}, 3),
        ({"runtime_profiling": True}, 4),
    ],
)
def test_swimlane_levels_of_every_spelling(given: dict[str, object], level: int) -> None:
    assert parse_runtime_config(given).swimlane_level == level


def test_the_spelling_names_the_compiler() -> None:
    spring = parse_runtime_config({"platform": "a5sim", "enable_l2_swimlane": 0})
    assert (spring.era, spring.chip, spring.is_on_board) == (CompilerEra.SPRING_2026, "a5", False)
    head = parse_runtime_config({"platform": "a2a3", "enable_chip_swimlane": 0})
    assert (head.era, head.chip, head.is_on_board) == (CompilerEra.HEAD, "a2a3", True)
    assert parse_runtime_config(None).era is CompilerEra.HEAD


def test_what_is_not_modelled_is_said() -> None:
    config = parse_runtime_config({"enable_pmu": 2, "enable_scope_stats": True})
    assert len(config.notes) == 2
    assert config.notes[0] == "PMU counters are not modelled yet; no pmu.csv is written"
    assert parse_runtime_config({"enable_pmu": 0}).notes == ()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"platfrom": "a5"}, r"^runtime_cfg: unknown platfrom; expected some of .*platform"),
        ({"platform": "a9"}, r"^runtime_cfg: platform is 'a9'; expected one of a2a3, a2a3sim, a5"),
        ({"enable_chip_swimlane": 5}, r"^runtime_cfg: enable_chip_swimlane is 5; expected True"),
        ({"enable_l2_swimlane": "on"}, r"^runtime_cfg: enable_l2_swimlane is 'on'"),
    ],
)
def test_wrong_runtime_configs(given: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_runtime_config(given)


def test_compile_config_is_checked() -> None:
    check_compile_config({"dump_passes": True, "distributed_config": None})
    check_compile_config(None)
    with pytest.raises(UsageError, match=r"^compile_cfg: unknown dump; expected some of backend_"):
        check_compile_config({"dump": 1})
