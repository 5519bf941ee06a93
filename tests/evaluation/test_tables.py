import json

import pytest

from practicum.errors import ConfigError, DataError
from practicum.evaluation.choice import Question
from practicum.evaluation.tables import Layout, read_questions


def _write(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_jsonl_and_csv_make_the_same_questions(tmp_path):
    rows = [
        {"prefix": "The sky is", "candidates": [" blue", " green"], "answer": " blue"},
        {"prefix": "2 + 2 =", "candidates": [" 5", " 4"], "answer": 1},
        {"prefix": "Who?", "candidates": [" I", " you"], "answer": None},
    ]
    lines = "\n\n".join(map(json.dumps, rows))
    table = (
        'prefix,candidates,answer\nThe sky is, blue| green, blue\n2 + 2 =,"["" 5"", "" 4""]",1\n'
        "Who?, I| you,\n"
    )
    expected = [
        Question(prefix="The sky is", candidates=(" blue", " green"), answer=0),
        Question(prefix="2 + 2 =", candidates=(" 5", " 4"), answer=1),
        Question(prefix="Who?", candidates=(" I", " you")),
    ]
    assert read_questions(_write(tmp_path, "a.jsonl", lines)) == expected
    assert read_questions(_write(tmp_path, "a.csv", "\ufeff" + table)) == expected


def test_a_template_makes_the_prefix_from_columns(tmp_path):
    row = {"text": "Nice film", "id": 7, "label": "bad", "end": "!"}
    layout = Layout(
        template="Review {id}: {text} {{sic}}\nIt is",
        candidates=("good", "bad"),
        answer="label",
        rest="{end}",
        before=" ",
    )
    (question,) = read_questions(_write(tmp_path, "t.jsonl", json.dumps(row)), layout)
    assert question == Question(
        prefix="Review 7: Nice film {sic}\nIt is",
        candidates=(" good", " bad"),
        rest="!",
        answer=1,
    )


def test_a_text_that_is_a_candidate_is_not_read_as_a_number(tmp_path):
    rows = [{"prefix": "1 + 0 =", "candidates": ["2", "0", "1"], "answer": a} for a in ("1", 1)]
    path = _write(tmp_path, "n.jsonl", "\n".join(map(json.dumps, rows)))
    assert [question.answer for question in read_questions(path)] == [2, 1]


GOOD = json.dumps({"prefix": "x", "candidates": ["a", "b"], "answer": 0})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "row 2: not JSON"),
        ("[1]", "row 2: expected an object with columns"),
        ('{"candidates": ["a", "b"]}', "row 2: no column 'prefix'; it has candidates"),
        ('{"prefix": "x"}', "row 2: no column 'candidates'"),
        ('{"prefix": 1e3, "candidates": 5}', "row 2: 'candidates' is 5; expected a list"),
        ('{"prefix": null, "candidates": ["a", "b"]}', "row 2: 'prefix' is None; expected text"),
        ('{"prefix": "x", "candidates": ["a", ["b"]]}', r"row 2: 'candidates' is \['b'\]"),
        ('{"prefix": "x", "candidates": "[1"}', "row 2: .*expected a JSON list"),
        ('{"prefix": "x", "candidates": ["a"]}', "row 2: .*expected at least two"),
        ('{"prefix": "x", "candidates": ["a", "b"], "answer": "c"}', "row 2: answer 'c' is none"),
        ('{"prefix": "x", "candidates": ["a", "b"], "answer": 2}', "row 2: answer 2 is none"),
        ('{"prefix": "x", "candidates": ["a", "b"], "answer": -1}', "row 2: answer -1 is none"),
        ('{"prefix": "x", "candidates": ["a", "b"], "answer": true}', "row 2: answer True is"),
    ],
)
def test_a_bad_row_is_told_in_one_line_with_its_number(tmp_path, line, message):
    path = _write(tmp_path, "t.jsonl", f"{GOOD}\n{line}\n{GOOD}")
    with pytest.raises(DataError, match=f"t.jsonl, {message}") as refusal:
        read_questions(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", "prefix,candidates,answer\nx,a|b\n", "row 1: expected 3 cells"),
        ("t.csv", "prefix,candidates,answer\nx,a|b,0,9\n", "row 1: expected 3 cells"),
        ("t.csv", 'prefix,candidates,answer\n"x,a|b,0', "after line 1: unexpected end"),
        ("t.csv", "prefix,candidates,answer\n", "t.csv has no rows"),
        ("t.jsonl", "", "t.jsonl has no rows"),
        ("t.jsonl", b"\xff\xfe\x00", "t.jsonl is not UTF-8 text"),
        ("t.xlsx", "", "neither .jsonl nor .csv"),
    ],
)
def test_a_table_that_is_none_is_told_in_one_line(tmp_path, name, text, message):
    with pytest.raises(DataError, match=message) as refusal:
        read_questions(_write(tmp_path, name, text))
    assert "\n" not in str(refusal.value)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(DataError, match="cannot read .*gone.csv: No such file"):
        read_questions(tmp_path / "gone.csv")


@pytest.mark.parametrize("template", ["{", "}", "{}", "{a!r}", "{a:>3}"])
def test_a_template_is_braces_with_names(template):
    with pytest.raises(ConfigError, match="the template"):
        Layout(template=template)
