import pytest

from npusim.analysis import Column, Table

TABLE = Table(
    "Example",
    (
        Column("scope"),
        Column("busy_us", "us", ".1f"),
        Column("busy_percent", "%", ".1f"),
        Column("task_id", "", "d"),
        Column("queue_us", "us", ".1f", is_left_out_if_zero=True),
    ),
    (("qk", 12.3456, 50.0, None, 0.0), ("softmax, fused", 1.0, 4.05, 7, 0.0)),
)


def test_text_is_aligned_with_units_below_names() -> None:
    assert str(TABLE).splitlines() == [
        "Example",
        "scope           busy  busy  task_id",
        "                  us     %",
        "--------------  ----  ----  -------",
        "qk              12.3  50.0        -",
        "softmax, fused   1.0   4.0        7",
        "zero in every row: queue_us",
    ]


def test_a_column_that_may_be_left_out_stays_if_one_value_counts() -> None:
    columns = (Column("queue_us", "us", ".1f", is_left_out_if_zero=True),)
    assert str(Table("t", columns, ((0.0,), (1.0,)))).endswith("  0.0\n  1.0")


def test_csv_keeps_every_digit_and_quotes() -> None:
    assert TABLE.to_csv() == (
        "scope,busy_us,busy_percent,task_id,queue_us\n"
        "qk,12.3456,50.0,,0.0\n"
        '"softmax, fused",1.0,4.05,7,0.0\n'
    )


def test_json_is_one_dictionary_per_row() -> None:
    assert TABLE.to_json()[0] == {
        "scope": "qk",
        "busy_us": 12.3456,
        "busy_percent": 50.0,
        "task_id": None,
        "queue_us": 0.0,
    }


def test_column_returns_its_cells() -> None:
    assert TABLE.column("scope") == ("qk", "softmax, fused")


def test_unknown_column_names_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"^\"table 'Example': no column 'x'; expected one of scope"):
        TABLE.column("x")


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^table 't': row 1 has 2 cells; expected 1, one per"):
        Table("t", (Column("a"),), ((1,), (1, 2)))


def test_a_table_without_rows_still_prints_its_columns() -> None:
    assert str(Table("Nothing", (Column("lane"),), ())) == "Nothing\nlane\n\n----"


def test_columns_of_a_unit_can_be_left_out() -> None:
    table = Table(
        "t",
        (Column("scope"), Column("busy_us", "us", ".1f"), Column("busy_percent", "%", ".1f")),
        (("qk", 1.0, 50.0),),
    )
    narrow = table.without_unit("%")
    assert [column.name for column in narrow.columns] == ["scope", "busy_us"]
    assert narrow.rows == (("qk", 1.0),)
    assert narrow.title == table.title
