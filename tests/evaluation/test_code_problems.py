"""HumanEval- and MBPP-shaped files become problems, or a line is named that is wrong."""

import gzip
import json
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


def test_a_gzipped_file_reads_the_same(tmp_path):
    plain = written(tmp_path, ADD)
    packed = tmp_path / "own.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_problems(packed) == read_problems(plain)
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(DataError, match="own.jsonl.gz is no whole gzip file"):
        read_problems(packed)


def test_blanks_at_a_prompts_end_go_to_the_solution(tmp_path):
    row = {**ADD, "prompt": ADD["prompt"] + "    ", "canonical_solution": "return a + b\n"}
    (problem,) = read_problems(written(tmp_path, row))
    assert (problem.prompt, problem.solution) == (ADD["prompt"], ADD["canonical_solution"])


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
