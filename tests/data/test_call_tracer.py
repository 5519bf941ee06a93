"""What the tracer hears of calls, and how values become source."""

import ast
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.data.call_tracer import Tracer, of_tests, run_suite, source_of

PROJECT = """
class Own(int):
    pass

def plain(a, b=2, *more, named=3, **others):
    return a

def mutates(items):
    items.append(1)
    return items

def raises(x):
    if x:
        raise ValueError(x)

def hands_out(x):
    return Own(x)

def nested(n):
    def inner(k):
        return k + n
    return inner(n)

def deep(n):
    return deep(n + 1)
"""

leaves = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.binary(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False)
)  # fmt: skip
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(leaves, inner, max_size=3)
        | st.sets(leaves, max_size=3)
    ),
    max_leaves=6,
)


@given(values)
def test_source_makes_an_equal_value_of_the_same_type(value):
    text = source_of(value, depth=20)
    if text is not None:  # too long
        again = ast.literal_eval(text)
        assert again == value
        assert type(again) is type(value)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), object(), {1: object()}, range(3), [[[[[[[[1]]]]]]]], "x" * 900],
)
def test_what_is_no_short_plain_literal_has_no_source(value):
    assert source_of(value) is None


@pytest.fixture
def traced(tmp_path):
    """Records of what a function does with the project's functions."""
    (tmp_path / "own.py").write_text(PROJECT)
    names: dict = {}
    exec(compile(PROJECT, str(tmp_path / "own.py"), "exec"), names)

    def records(calls):
        tracer = Tracer(str(tmp_path))
        before = sys.getprofile()
        sys.setprofile(tracer)
        try:
            calls(names)
        finally:
            sys.setprofile(before)
        return [(r["name"], r["arguments"], r["result"]) for r in tracer.records()]

    return records


def test_arguments_are_written_as_they_could_be_given(traced):
    def calls(own):
        own["plain"](1)
        own["plain"](1, "x", *[4, 5], named=6, other=[7])

    assert traced(calls) == [
        ("plain", "1, 2, named=3", "1"),
        ("plain", "1, 'x', 4, 5, named=6, other=[7]", "1"),
    ]


def test_arguments_are_those_before_the_call_changes_them(traced):
    assert traced(lambda own: own["mutates"]([0])) == [("mutates", "[0]", "[0, 1]")]


def test_a_call_that_raises_is_no_call_that_returns_none(traced):
    def calls(own):
        own["raises"](0)
        with pytest.raises(ValueError):
            own["raises"](1)

    assert traced(calls) == [("raises", "0", "None")]


def test_what_is_no_literal_is_left_out(traced):
    def calls(own):
        own["hands_out"](1)
        own["plain"](own)
        own["plain"](1.5, b=float("nan"))
        own["nested"](2)

    assert traced(calls) == [("inner", "2", "4"), ("nested", "2", "4")]


def test_arguments_with_two_results_are_left_out(traced):
    def calls(own):
        own["again"] = iter([1, 2])
        own["nested"](1)
        exec(
            compile("def draw(): return next(again)", own["nested"].__code__.co_filename, "exec"),
            own,
        )
        own["draw"]()
        own["draw"]()

    assert "draw" not in [name for name, _, _ in traced(calls)]


def test_a_program_may_run_out_of_depth_while_it_is_traced(traced):
    def calls(own):
        with pytest.raises(RecursionError):
            own["deep"](0)

    assert traced(calls) == []


def test_files_of_tests_and_of_others_are_told_apart():
    tests = ["tests/data.py", "a/test_b.py", "b_test.py", "conftest.py", ".venv/x.py"]
    assert all(of_tests(file) for file in tests)
    assert not any(of_tests(file) for file in ["a/b.py", "attest.py", "latest/c.py"])


def test_unittest_says_how_it_went(tmp_path: Path, monkeypatch, capsys):
    (tmp_path / "test_it.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert run_suite("unittest", [], Tracer("nowhere")) == 0
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "__init__.py").touch()
    del sys.modules["test_it"]
    assert run_suite("unittest", ["discover", "-s", "empty"], Tracer("nowhere")) == 5
