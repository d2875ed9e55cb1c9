import json

from npusim.analysis import Column, Table
from npusim.cli.main import run_command
from npusim.plotting.validation import validation_figure


def test_a_group_prints_as_json(capsys):
    assert run_command(["validate", "--group", "cube_ops", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"]
    assert {row["group"] for row in found["points"]} == {"cube_ops"}


def test_a_group_prints_as_tables_and_a_picture(capsys, tmp_path):
    path = tmp_path / "points.svg"
    assert run_command(["validate", "--group", "vector_ops", "--plot", str(path)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Predicted against measured\n")
    assert "By group\n" in out
    assert "MIC-op-TADD" in err
    assert path.read_text().startswith("<?xml")


def test_an_unknown_group_is_a_usage_error(capsys):
    assert run_command(["validate", "--group", "none"]) == 2
    assert capsys.readouterr().err.startswith("npusim: error: no group 'none'; expected one of")


def table(*rows):
    names = ("group", "unit", "measured", "predicted", "fitted")
    return Table("", tuple(Column(name) for name in names), rows)


def test_the_picture_has_a_mark_for_every_prediction_and_hollow_ones_for_fits():
    figure = validation_figure(
        table(
            ("g", "us", 10.0, 11.0, ""),
            ("g", "us", 20.0, 19.0, "a.b"),
            ("h", "us", 20.0, None, ""),
        )
    )
    (axes,) = figure.axes
    judged, fitted = axes.collections[1:]
    assert judged.get_offsets().tolist() == [[10.0, 11.0]]
    assert fitted.get_offsets().tolist() == [[20.0, 19.0]]
    assert len(fitted.get_facecolors()) == 0
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["g [us]", "g [us], fitted"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("measured", "predicted")


def test_a_picture_of_nothing_is_empty():
    assert validation_figure(table()).axes[0].get_legend() is None
