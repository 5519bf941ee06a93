"""Reading a table, and what is taken for its task; no value of test rows leaks into the codes."""

import numpy as np
import pytest

from practicum.data.table import Table, read_table
from practicum.data.table_task import Cells, Classes, NumberCode, Quantity, WordCode, task_of
from practicum.errors import DataError, UnknownName

CSV = """age, town ,income
31,Bern,4.5
,Basel,5
44,Bern,
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(CSV, encoding="utf-8")
    return read_table(path)


def test_columns_are_numbers_or_words(table):
    assert list(table.columns) == ["age", "town", "income"]
    np.testing.assert_array_equal(table.column("age"), [31, np.nan, 44])
    assert table.column("town") == ("Bern", "Basel", "Bern")
    assert len(table) == 3
    assert table.rows(np.array([2, 0])).column("town") == ("Bern", "Bern")
    assert table.texts[1].split("\x1f") == ["nan", "Basel", "5.0"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n3\n", "row 3 has 1 cells; expected 2"),
        ("a,a\n1,2\n", "expected different names"),
        ("a,b\n", "has 1 lines"),
        ("", "has 0 lines"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, text, said):
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_table(tmp_path / "t.csv")
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path / "nothing.csv")


def test_rows_become_numbers(table):
    task = task_of(table)
    assert task.wanted == Cells()
    assert task.codes["age"] == NumberCode(37.5, 6.5, gaps=True)
    assert task.codes["town"] == WordCode(("Basel", "Bern"))
    assert task.groups == (2, 2, 2)
    assert task.inputs_of(table)[:, :4].tolist() == [[-1, 0, 0, 1], [0, 1, 1, 0], [1, 0, 0, 1]]


def test_an_unknown_word_is_none_of_the_known_ones(table):
    task = task_of(table.rows(np.array([0])))
    assert task.inputs_of(table)[:, 1].tolist() == [1, 0, 1]


def test_the_kind_of_task_is_told_by_the_target(table):
    many = Table({
        "word": ("a", "b") * 50,
        "few": np.arange(100.0) % 4,
        "halves": np.arange(100.0) % 4 / 2,
        "many": np.arange(100.0),
    })  # fmt: skip
    assert task_of(many, "word").wanted == Classes("word", ("a", "b"))
    few = task_of(many, "few")
    assert few.wanted == Classes("few", ("0", "1", "2", "3"))
    assert few.wanted_of(many)[:5].tolist() == [0, 1, 2, 3, 0]
    assert isinstance(task_of(many, "halves").wanted, Quantity)
    quantity = task_of(many, "many")
    assert quantity.wanted_of(many).mean() == pytest.approx(0, abs=1e-6)
    assert quantity.wanted_of(many).std() == pytest.approx(1)
    assert "many" not in quantity.codes


def test_a_target_has_to_be_there_and_filled(table):
    with pytest.raises(UnknownName, match="income"):
        task_of(table, "incom")
    with pytest.raises(DataError, match="'income' is empty in 1 rows"):
        task_of(table, "income")
    task = task_of(table.rows(np.array([0, 2])), "town")
    with pytest.raises(DataError, match="has 'Basel', which training had not"):
        task.wanted_of(table)
