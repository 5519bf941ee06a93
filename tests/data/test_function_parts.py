"""Parts of functions, in either order."""

import ast
import textwrap

import pytest

from practicum.data.corpora import corpus
from practicum.data.function_parts import FunctionParts
from practicum.data.function_source import ModuleSource
from practicum.errors import DataError

PARTS = FunctionParts(
    signature="def area(width: float) -> float:\n",
    docstring='    """The area.\n\n    In square metres.\n    """\n',
    body="    # a comment of the body's\n    return width**2\n",
)


def test_either_order_holds_the_same_lines():
    forward, back = PARTS.code_from_words, PARTS.words_from_code
    assert forward.prompt == PARTS.prompt
    assert forward.prompt + forward.answer == PARTS.source
    assert back.prompt + back.answer == PARTS.signature + PARTS.body + PARTS.docstring
    assert back.answer == PARTS.docstring
    assert sorted(PARTS.source.splitlines()) == sorted("".join(back).splitlines())


def test_both_orders_are_python_with_the_same_names():
    forward, back = (
        ast.parse("".join(pair)) for pair in (PARTS.code_from_words, PARTS.words_from_code)
    )
    assert ast.get_docstring(forward.body[0]) == "The area.\n\nIn square metres."  # type: ignore[arg-type]
    assert ast.get_docstring(back.body[0]) is None  # type: ignore[arg-type]


def test_functions_of_a_real_module_have_these_parts():
    (heapq,) = (d for d in corpus("python").documents if d.id == "heapq.py")
    documented = [f for f in ModuleSource(heapq.text).functions() if f.docstring]
    assert len(documented) > 5
    for each in documented:
        parts = FunctionParts(signature=each.head, docstring=each.docstring, body=each.body)
        assert parts.source in heapq.text
        assert isinstance(ast.parse(textwrap.dedent(parts.source)).body[0], ast.FunctionDef)


def test_parts_are_whole_lines():
    with pytest.raises(DataError, match="body of a function does not end its line"):
        FunctionParts(signature="def f():\n", docstring='    "x"\n', body="    return 1")
