import pickle
import re
from pathlib import Path

import pytest

import npusim.hardware
from npusim.errors import HardwareSpecError, UsageError
from npusim.hardware import FigureKind, chip_figures, list_chips, load_chip

CHIPS = Path(npusim.hardware.__file__).parent / "chips"
OWN = ("a2a3", "a5")


def _edited(tmp_path: Path, old: str, new: str) -> str:
    text = (CHIPS / "a2a3.toml").read_text()
    assert old in text
    path = tmp_path / "edited.toml"
    path.write_text(text.replace(old, new, 1))
    return str(path)


def _without(tmp_path: Path, prefix: str) -> str:
    """A copy of a2a3 without the facts whose key starts with ``prefix``."""
    tables = re.split(r"\n(?=\[)", (CHIPS / "a2a3.toml").read_text())
    path = tmp_path / "short.toml"
    path.write_text("\n".join(t for t in tables if not t.startswith(f"[{prefix}")))
    return str(path)


def test_our_chips_are_listed_and_load() -> None:
    assert list_chips() == list(OWN)
    assert [load_chip(name).name for name in OWN] == list(OWN)


def test_the_functional_platforms_are_the_same_chips() -> None:
    assert load_chip("a2a3sim") is load_chip("a2a3")
    assert load_chip("a5sim") is load_chip("a5")


def test_the_figures_of_the_two_generations() -> None:
    a2a3, a5 = load_chip("a2a3"), load_chip("a5")
    assert (a2a3.topology.aic_count, a2a3.topology.aiv_count) == (24, 48)
    assert (a5.topology.aic_count, a5.topology.aiv_count) == (36, 72)
    assert (a2a3.clock.core_mhz, a5.clock.core_mhz) == (1850, 1650)
    assert (a2a3.clock.counter_mhz, a5.clock.counter_mhz) == (50, 1000)
    assert (a2a3.buffer.l0c_capacity_bytes, a5.buffer.l0c_capacity_bytes) == (131072, 262144)
    assert (a2a3.cube.mmad_head_cycles, a2a3.cube.mmad_streamed_head_cycles) == (21, 12)
    assert (a5.cube.mmad_head_cycles, a5.cube.mmad_streamed_head_cycles) == (25, 14)
    assert (a2a3.sync.is_cross_core_through_gm, a5.sync.is_cross_core_through_gm) == (True, False)
    assert isinstance(a2a3.runtime.poll_per_core_ns, float)


def test_published_cycle_counts_follow_from_the_figures() -> None:
    cube = load_chip("a2a3").cube
    assert 8 * 8 * 8 + cube.mmad_head_cycles == 533  # 128 x 128 x 128 in bf16
    drain = cube.fixp_fixed_cycles + 128 * max(
        cube.fixp_row_floor_cycles, 4 * 256 / cube.fixp_bytes_per_cycle
    )
    assert round(drain) == 1275  # 128 x 256
    runtime = load_chip("a2a3").runtime
    typical_submit_ns = (
        runtime.submit_fixed_ns
        + 4 * runtime.submit_per_tensor_ns
        + 3 * runtime.submit_per_lookup_ns
        + 1.5 * (runtime.submit_per_insert_ns + runtime.submit_per_edge_ns)
    )
    assert typical_submit_ns == pytest.approx(874, rel=0.02)


@pytest.mark.parametrize("name", OWN)
def test_every_figure_states_its_confidence_or_its_replacement(name: str) -> None:
    for figure in chip_figures(name):
        if figure.kind is FigureKind.ASSUMED:
            assert re.search(r"Replace it by|Take it from|would replace", figure.note), figure.key
        else:
            assert "Confidence" in figure.note, figure.key
        assert bool(figure.derivation) == (figure.kind is FigureKind.DERIVED), figure.key


@pytest.mark.parametrize("name", OWN)
def test_every_source_is_used(name: str) -> None:
    declared = set(re.findall(r"^\[sources\.(.+)\]$", (CHIPS / f"{name}.toml").read_text(), re.M))
    assert declared == {figure.source for figure in chip_figures(name)}


def test_what_a5_takes_over_is_what_a2a3_has() -> None:
    a2a3 = {figure.key: figure.value for figure in chip_figures("a2a3")}
    taken = [figure for figure in chip_figures("a5") if figure.source == "a2a3"]
    assert taken
    for figure in taken:
        assert (figure.value, figure.where) == (a2a3[figure.key], figure.key)
        assert figure.kind is FigureKind.ASSUMED


def test_a_chip_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(load_chip("a5"))) == load_chip("a5")


def test_a_path_is_a_chip_too(tmp_path: Path) -> None:
    path = _edited(tmp_path, "value = 24\n", "value = 20\n")
    assert load_chip(path).topology.cluster_count == 20
    assert chip_figures(path)[0].value == 20


def test_an_unknown_name_lists_the_known_ones() -> None:
    message = r"^chip 'a3': unknown; expected one of a2a3, a5, a2a3sim, a5sim, or the path"
    with pytest.raises(UsageError, match=message):
        load_chip("a3")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "[memory.l2_line_bytes]",
            "[memory.l2_lines_bytes]",
            r"memory\.l2_lines_bytes is not a known key; expected one of .*memory\.l2_line_bytes",
        ),
        (
            "[vector.classes.exp.fixed_cycles]",
            "[vector.classes.expo.fixed_cycles]",
            r"vector\.classes\.expo\.fixed_cycles is not a known key; .*vector\.classes\.exp\.",
        ),
        (
            "value = 24\n",
            "value = 24.5\n",
            r"topology\.cluster_count\.value is 24\.5; expected a value of type int",
        ),
        (
            "value = 24\n",
            "value = true\n",
            r"topology\.cluster_count\.value is True; expected a value of type int",
        ),
        (
            "value = 24\n",
            "value = 0\n",
            r"TopologySpec\.cluster_count: is 0; expected a positive figure",
        ),
        ("value = 162\n", "value = inf\n", r"MemorySpec\.aic_read_interval_ns: is inf; expected"),
        ("value = 188416\n", "value = 999999\n", r"BufferSpec\.ub_usable_bytes: is 999999; expec"),
    ],
)
def test_a_wrong_figure_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(HardwareSpecError, match=rf"^\S*edited\.toml: {message}"):
        load_chip(_edited(tmp_path, old, new))


@pytest.mark.parametrize(
    ("prefix", "named"),
    [
        ("clock.core_mhz", r"clock\.core_mhz"),
        ("vector.classes.sqrt.", r"vector\.classes\.sqrt"),
    ],
)
def test_a_missing_figure_is_named(tmp_path: Path, prefix: str, named: str) -> None:
    with pytest.raises(HardwareSpecError, match=rf"^\S*short\.toml: {named} missing; expected"):
        load_chip(_without(tmp_path, prefix))
