"""Functions of a module in pieces, and what each needs."""

import pytest

from practicum.data.function_source import ModuleSource

TEXT = '''\
"""A module."""
from __future__ import annotations
import math
import os.path as where
from . import near
from .near import one as two
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from x import Shape

try:
    import json
except ImportError:
    json = None

LIMIT = 3
many = 1
many += 1


def helper(x):
    return x * LIMIT


@helper
def asked(
    x: Shape,
    y=LIMIT,
) -> Shape:  # a remark
    """Doubles.

    >>> asked(1)
    2
    """
    # why
    def inner():
        return many
    return math.floor(x) + two + inner()


def bare(x):

    return json


def line(x): return x


def counts():
    yield 1
'''


@pytest.fixture
def module():
    return ModuleSource(TEXT, "pack.age")


def test_a_function_is_cut_into_head_docstring_and_body(module):
    asked = {f.name: f for f in module.functions()}["asked"]
    assert asked.head.startswith("def asked(\n    x: Shape,")
    assert asked.head.endswith(") -> Shape:  # a remark\n")
    assert asked.docstring.splitlines()[0] == '    """Doubles.'
    assert asked.text == "Doubles.\n\n>>> asked(1)\n2"
    assert asked.body.startswith("    # why\n    def inner():")
    assert asked.body.endswith("+ inner()\n")
    assert asked.indent == "    "
    assert asked.head + asked.docstring + asked.body in TEXT


def test_what_a_function_needs_is_told_without_decorators_and_lazy_annotations(module):
    asked = {f.name: f for f in module.functions()}["asked"]
    assert asked.names & module.bound == {"LIMIT", "many", "math", "two"}


def test_functions_without_a_docstring_and_those_on_one_line(module):
    found = {f.name: f for f in module.functions()}
    assert set(found) == {"helper", "asked", "bare", "counts"}
    assert found["bare"].docstring == ""
    assert found["bare"].head + found["bare"].body == "def bare(x):\n\n    return json\n"
    assert [name for name, f in found.items() if f.plain] == ["helper", "bare"]


def test_imports_are_absolute_and_those_in_branches_bind_without_a_line(module):
    assert module.imports == {
        "math": "import math",
        "where": "import os.path as where",
        "near": "from pack.age import near",
        "two": "from pack.age.near import one as two",
        "TYPE_CHECKING": "from typing import TYPE_CHECKING",
    }
    assert {"json", "Shape"} <= module.bound
    assert module.future == ["from __future__ import annotations"]
    assert "near" not in ModuleSource(TEXT).imports


def test_a_definition_has_its_source_where_it_is_the_only_one(module):
    assert module.definitions["LIMIT"] == ("LIMIT = 3\n", frozenset())
    assert module.definitions["helper"][0].startswith("def helper(x):")
    assert module.definitions["helper"][1] >= {"LIMIT"}
    assert module.definitions["asked"][0].startswith("@helper\ndef asked(")
    assert "many" not in module.definitions
    assert "many" in module.bound


def test_lines_end_where_python_says_so():
    odd = '"""a\x0cb\u2028c"""\ndef f(x):\n    """Doc."""\n    return x\n'
    (function,) = ModuleSource(odd).functions()
    assert function.head == "def f(x):\n"
    assert function.body == "    return x\n"
