"""HumanEval- and MBPP-shaped files become problems, or a line is named that is wrong."""

import gzip
import json
import warnings
from pathlib import Path

import pytest

from practicum.data.code_problem import program_of
from practicum.data.fetch import locate
from practicum.errors import DataError
from practicum.evaluation.code_problems import (
    STOPS,
    read_completions,
    read_problems,
    stops_of,
)
from practicum.evaluation.code_runs import Manner

ADD = {
    "task_id": "Own/0",
    "prompt": 'def add(a, b):\n    """Their sum."""\n',
    "entry_point": "add",
    "canonical_solution": "    return a + b\n",
    "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n",
}
MBPP = {
    "task_id": 601,
    "text": "Write a function to find the longest of some words.",
    "code": "import re\r\ndef longest(words):\r\n    return max(words, key=len)\r\n",
    "test_list": ["assert longest(['a', 'bc']) == 'bc'", 'assert longest(["""x\ny"""]) == "x\\ny"'],
    "test_setup_code": "import math",
    "challenge_test_list": [],
}


def written(folder: Path, *rows: object) -> Path:
    path = folder / "own.jsonl"
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows) + "\n")
    return path


def test_a_humaneval_line_becomes_a_problem_and_its_row_again(tmp_path):
    (problem,) = read_problems(written(tmp_path, ADD))
    assert problem.row == ADD
    assert stops_of(problem) == STOPS
    exec(program_of(problem, "    return a + b"), {})
    with pytest.raises(AssertionError):
        exec(program_of(problem, "    return a - b"), {})


def test_an_mbpp_line_becomes_a_problem_whose_completion_is_the_whole_function(tmp_path):
    sanitised = {**MBPP, "task_id": 602, "prompt": MBPP["text"], "test_imports": ["import os"]}
    del sanitised["text"]
    first, second = read_problems(written(tmp_path, MBPP, "", sanitised))
    assert first.entry_point == second.entry_point == "longest"
    assert first.prompt.splitlines()[1:3] == [MBPP["text"], MBPP["test_list"][0]]
    assert first.prompt == second.prompt
    assert "import os" in second.tests
    assert "\ndef" not in stops_of(first)
    for problem in (first, second):
        assert problem.solution is not None
        exec(program_of(problem, problem.solution), {})
        with pytest.raises(AssertionError):
            exec(program_of(problem, "def longest(words): return words[0]"), {})


@pytest.mark.parametrize(
    "test",
    [
        'assert longest(["""a""", "bc"]) == "bc"',
        r"assert longest([r'\u', '']) == r'\u'",
        r"assert longest(['\d', '']) == r'\d'",
    ],
)
def test_what_a_first_test_quotes_leaves_the_program_whole(tmp_path, test):
    (problem,) = read_problems(written(tmp_path, {**MBPP, "test_list": [test]}))
    assert "longest" in problem.prompt
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(program_of(problem, MBPP["code"]), {})
        with pytest.raises(AssertionError):
            exec(program_of(problem, "def longest(words): return 0"), {})


def test_a_gzipped_file_reads_the_same(tmp_path):
    plain = written(tmp_path, ADD)
    packed = tmp_path / "own.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_problems(packed) == read_problems(plain)
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(DataError, match="own.jsonl.gz is no whole gzip file"):
        read_problems(packed)


def test_a_list_in_one_file_reads_as_lines_do(tmp_path):
    listed = tmp_path / "own.json"
    listed.write_text(json.dumps([ADD, MBPP], indent=2))
    assert read_problems(listed) == read_problems(written(tmp_path, ADD, MBPP))
    packed = tmp_path / "own.json.gz"
    packed.write_bytes(gzip.compress(listed.read_bytes()))
    assert read_problems(packed) == read_problems(listed)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "own.json: not JSON"),
        (json.dumps(ADD), "own.json is no list"),
        (json.dumps([ADD, 3]), "own.json, item 2: expected an object"),
        (json.dumps([ADD, ADD]), "own.json, item 2: task_id Own/0 occurs twice"),
        (json.dumps([{"task_id": "x"}]), "own.json, item 1: neither 'test' nor 'test_list'"),
        ("[]", "own.json has no lines"),
    ],
)
def test_a_bad_list_is_named_with_its_item(tmp_path, text, said):
    (tmp_path / "own.json").write_text(text)
    with pytest.raises(DataError, match=said):
        read_problems(tmp_path / "own.json")


def test_blanks_at_a_prompts_end_stay_for_the_completions_of_the_file(tmp_path):
    row = {**ADD, "prompt": ADD["prompt"] + "    ", "canonical_solution": "return a + b\n"}
    problems = read_problems(written(tmp_path, row))
    assert problems[0].row == row
    sample = {"task_id": "Own/0", "completion": "return a + b"}
    ((problem, completion),) = read_completions(written(tmp_path, sample), problems)
    exec(program_of(problem, completion), {})
    assert Manner(open_end=True).prompt(problem) == ADD["prompt"].rstrip()


@pytest.mark.parametrize(
    "code",
    [
        "def check(n):\n    return n % 3 == 0",
        "def check(n):\n    return n == 0 if n < 3 else check(n - 3)",
    ],
)
def test_a_program_may_be_called_check_itself(tmp_path, code):
    asserted = ["assert check(6)", "assert check(7) == False"]
    (problem,) = read_problems(written(tmp_path, {**MBPP, "code": code, "test_list": asserted}))
    assert problem.entry_point == "check"
    exec(program_of(problem, code), {})
    for wrong in ("def check(n):\n    return True", "x = 1"):
        with pytest.raises((AssertionError, TypeError)):
            exec(program_of(problem, wrong), {})


def test_a_program_may_have_a_helper_that_is_called_check(tmp_path):
    code = """\
def longest(words):
    return check(words)


def check(words):
    return max(words, key=len)
"""
    (problem,) = read_problems(written(tmp_path, MBPP))
    exec(program_of(problem, code), {})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: expected an object"),
        ({"task_id": "x"}, "line 2: neither 'test' nor 'test_list' among task_id"),
        ({**ADD, "task_id": None}, "line 2: 'task_id' is None"),
        ({**ADD, "prompt": 3, "task_id": "x"}, "line 2: 'prompt' is 3; expected text"),
        ({**ADD, "task_id": "x", "entry_point": "a b"}, "line 2: entry_point is 'a b'"),
        ({**ADD, "task_id": "x", "test": "assert 1"}, "line 2: 'test' defines no check"),
        (ADD, "line 2: task_id Own/0 occurs twice"),
        ({**MBPP, "test_list": []}, "line 2: 'test_list' is empty"),
        ({**MBPP, "test_list": ["# later"]}, "line 2: 'test_list' is empty"),
        ({**MBPP, "test_list": "assert 1"}, "line 2: 'test_list' is 'assert 1'; expected a list"),
        ({**MBPP, "test_list": ["assert ("]}, "line 2: 'test_list' is no Python"),
        ({**MBPP, "code": "def f("}, "line 2: 'code' is no Python"),
        ({**MBPP, "test_list": ["assert other(1)"]}, "line 2: the test .* calls no function"),
    ],
)
def test_a_bad_line_is_named_with_its_number(tmp_path, line, said):
    with pytest.raises(DataError, match=f"own.jsonl, {said}"):
        read_problems(written(tmp_path, ADD, line))


def test_a_file_that_is_not_there_or_empty_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot read .*none.jsonl: No such file"):
        read_problems(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="own.jsonl has no lines"):
        read_problems(written(tmp_path, ""))


def test_completions_of_a_sample_file_find_their_problems(tmp_path):
    problems = read_problems(written(tmp_path, ADD))
    sample = {"task_id": "Own/0", "completion": "    return 3"}
    path = written(tmp_path, sample, sample)
    assert read_completions(path, problems) == [(problems[0], "    return 3")] * 2
    with pytest.raises(DataError, match="line 1: task_id Own/1 is none of the 1 problems'"):
        read_completions(written(tmp_path, {**sample, "task_id": "Own/1"}), problems)
    with pytest.raises(DataError, match="line 1: no 'completion'; it has task_id"):
        read_completions(written(tmp_path, {"task_id": "Own/0"}), problems)


@pytest.mark.skipif(locate("human-eval") is None, reason="practicum data add human-eval")
def test_humaneval_itself_reads_as_164_problems():
    place = locate("human-eval")
    assert place is not None
    problems = read_problems(place)
    assert len(problems) == 164
    assert all(stops_of(problem) == STOPS for problem in problems)
    assert all(problem.solution for problem in problems)
