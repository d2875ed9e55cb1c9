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


def test_rings_are_sized_by_the_file_or_else_by_the_environment(monkeypatch) -> None:
    monkeypatch.setenv("PTO2_RING_HEAP", "1024,0,0,0")
    monkeypatch.setenv("PTO2_RING_TASK_WINDOW", "64")
    rings = parse_runtime_config({"ring_heap": (4096,) * 4}).rings
    assert (rings.slots, rings.heap_bytes, rings.dependencies) == ((64,), (4096,) * 4, (0,))
    assert parse_runtime_config(None).rings.heap_bytes == (1024, 0, 0, 0)
    with pytest.raises(UsageError, match=r"^runtime_cfg: ring_dep_pool: 'all'; expected whole"):
        parse_runtime_config({"ring_dep_pool": "all"})


def test_what_is_not_modelled_is_said() -> None:
    config = parse_runtime_config({"enable_dump_args": True, "enable_scope_stats": True})
    assert config.notes == ("dumps of task arguments are not written",)
    assert parse_runtime_config({"enable_dump_args": 0}).notes == ()


def test_scope_statistics_are_written_where_asked_for() -> None:
    assert parse_runtime_config({"enable_scope_stats": True}).has_scope_stats
    assert not parse_runtime_config({"enable_scope_stats": 0}).has_scope_stats


@pytest.mark.parametrize(
    ("given", "override", "group"),
    [(None, "4", 0), (0, "4", 0), (True, None, 2), (4, None, 4), (2, "1", 1)],
)
def test_the_pmu_group_is_a_number_that_the_environment_overrides(
    monkeypatch, given, override, group
) -> None:
    monkeypatch.delenv("SIMPLER_PMU_EVENT_TYPE", raising=False)
    if override is not None:
        monkeypatch.setenv("SIMPLER_PMU_EVENT_TYPE", override)
    assert parse_runtime_config({"enable_pmu": given}).pmu == group


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"platfrom": "a5"}, r"^runtime_cfg: unknown platfrom; expected some of .*platform"),
        ({"platform": "a9"}, r"^runtime_cfg: platform is 'a9'; expected one of a2a3, a2a3sim, a5"),
        ({"enable_chip_swimlane": 5}, r"^runtime_cfg: enable_chip_swimlane is 5; expected True"),
        ({"enable_pmu": 3}, r"^pmu: group 3; expected 0 \(none\), 1 \(arithm"),
        (
            {"enable_pmu": "all"},
            r"^runtime_cfg: PMU event group 'all'; expected a number, such as 2",
        ),
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
