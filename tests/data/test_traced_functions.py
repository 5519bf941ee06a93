"""A small project's own tests become programming problems."""

from pathlib import Path

import pytest

from practicum.data.code_problem import program_of
from practicum.data.traced_functions import Suite, mine, traced
from practicum.errors import DataError
from practicum.symbolic.sandbox import Limits, Sandbox

CODE = '''\
import math
import random
from functools import cache

from . import other

LIMIT = 10


def _clip(x):
    return min(x, LIMIT)


def area(radius):
    """The area of a circle, at most LIMIT."""
    return _clip(math.pi * radius**2)


def words(text, sep=" "):
    return [part for part in text.split(sep) if part]


def roll():
    return random.random()


def order():
    return list({"a", "b", "c", "d", "e", "f"})


def log(text):
    words(text)


@cache
def kept(x):
    return x + 1


def uses_other(x):
    return other.twice(x)


class Shape:
    def area(self):
        return 1.0
'''
TESTS = '''\
import unittest
from pack.shapes import *
from pack.shapes import kept, uses_other, Shape

class All(unittest.TestCase):
    def test_all(self):
        self.assertAlmostEqual(area(1), 3.14159, 4)
        self.assertEqual(area(9), 10)
        self.assertEqual(words("a  b"), ["a", "b"])
        self.assertEqual(words('a"""b\\\\c', sep="b"), ['a"""', "\\\\c"])
        self.assertEqual(words(""), [])
        import pack
        self.assertEqual(pack.half(3), 1.5)
        roll(), order(), log("x"), kept(1), uses_other(2), Shape().area()
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("def half(x):\n    return x / 2\n")
    (tmp_path / "pack" / "shapes.py").write_text(CODE)
    (tmp_path / "pack" / "other.py").write_text("def twice(x):\n    return 2 * x\n")
    (tmp_path / "test_shapes.py").write_text(TESTS)
    return tmp_path


def test_functions_with_plain_arguments_and_results_become_problems(project):
    with Sandbox(Limits(seconds=5.0)) as sandbox:
        mined = mine(Suite(project=project, runner="unittest"), sandbox)
    problems = {problem.task_id: problem for problem in mined.problems}
    assert set(problems) == {
        "pack.half", "pack.other.twice",
        "pack.shapes._clip", "pack.shapes.area", "pack.shapes.words",
    }  # fmt: skip
    area, words = problems["pack.shapes.area"], problems["pack.shapes.words"]
    assert area.prompt.startswith("import math\n\n\nLIMIT = 10\n\n\ndef _clip(x):")
    assert area.prompt.endswith('    """The area of a circle, at most LIMIT."""\n')
    assert "assert abs(candidate(1) - 3.14159" in area.tests
    assert ">>> words('', ' ')\n    []\n" in words.prompt
    exec(program_of(words, words.solution or ""), {})
    assert mined.dropped == {
        "another run gave other results": 2,
        "returns nothing": 1,
        "a generator, decorated, or with global state": 1,
        "needs what its file does not hold": 1,
    }
    assert not list(project.rglob("__pycache__"))


def test_the_runner_that_is_there_is_found(project, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # which ours take seconds for
    found = traced(Suite(project=project, arguments=("test_shapes.py",)), seed=1)
    assert ("pack/other.py", "twice", 1) in found


def test_a_suite_that_cannot_be_run_is_refused_in_a_line(project):
    with pytest.raises(DataError, match="found no tests"):
        traced(Suite(project=project / "pack", runner="unittest"), seed=1)
    with pytest.raises(DataError, match="cannot start no-such-python"):
        traced(Suite(project=project, python="no-such-python"), seed=1)
    with pytest.raises(DataError, match="no folder .*nowhere"):
        Suite(project=project / "nowhere")
    (project / "test_shapes.py").write_text("import time\ntime.sleep(60)\n")
    with pytest.raises(DataError, match="took more than 1 s"):
        traced(Suite(project=project, runner="unittest", seconds=1.0), seed=1)
    (project / "test_shapes.py").write_text("import os\nos._exit(3)\n")
    with pytest.raises(DataError, match="the test suite did not end: it said nothing"):
        traced(Suite(project=project, runner="unittest"), seed=1)


def test_failing_tests_are_noted_and_their_calls_count(project):
    from practicum.events import listening

    (project / "test_shapes.py").write_text(TESTS.replace("area(9), 10", "area(9), 11"))
    said = []
    with listening(said.append):
        found = traced(Suite(project=project, runner="unittest"), seed=1)
    assert said[0].text == "some tests failed: FAILED (failures=1)"
    assert ("pack/shapes.py", "area", 14) in found
