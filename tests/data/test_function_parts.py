"""Parts of functions, in either order."""

import ast

import pytest

from practicum.data.function_parts import FunctionParts, functions_of
from practicum.errors import DataError

MODULE = '''\
"""A module."""


@cache
def area(
    width: float,
    height: float,
) -> float:
    """The area.

    In square metres.
    """
    # a comment of the body's
    return width * height


def bare():
    return 1


def empty():
    """Only words."""


def short(): """On one line."""; return 2


class Shape:
    def inner(self):
        """Has one that is decorated."""

        @staticmethod
        def deep():
            """The deepest."""
            pass
        return deep'''


def test_functions_with_words_and_a_body_are_found_whole():
    found = list(functions_of(MODULE))
    assert [f.signature.split("def ")[1].split("(")[0] for f in found] == ["area", "inner", "deep"]
    area = found[0]
    assert area.signature == (
        "@cache\ndef area(\n    width: float,\n    height: float,\n) -> float:\n"
    )
    assert area.docstring.startswith('    """The area.')
    assert area.docstring.endswith('"""\n')
    assert area.body == "    # a comment of the body's\n    return width * height\n"
    assert area.source in MODULE
    assert "@staticmethod" in found[1].body
    assert found[1].body.endswith("return deep\n")  # the file lacks the last line end


def test_either_order_holds_the_same_lines():
    (parts, *_) = functions_of(MODULE)
    forward, back = parts.code_from_words, parts.words_from_code
    assert forward.prompt + forward.answer == parts.source
    assert back.prompt + back.answer == parts.signature + parts.body + parts.docstring
    assert back.answer == parts.docstring
    assert sorted(parts.source.splitlines()) == sorted("".join(back).splitlines())


def test_every_function_of_a_real_module_comes_back():
    import textwrap

    from practicum.data.corpora import corpus

    (heapq,) = (d for d in corpus("python").documents if d.id == "heapq.py")
    found = list(functions_of(heapq.text))
    assert len(found) > 5
    for parts in found:
        assert parts.source in heapq.text
        tree = ast.parse(textwrap.dedent(parts.source)).body[0]
        assert isinstance(tree, ast.FunctionDef)
        assert ast.get_docstring(tree)


def test_what_is_no_python_is_refused():
    with pytest.raises(DataError, match="not the source of a Python module"):
        list(functions_of("def f(:\n"))


def test_parts_are_whole_lines():
    with pytest.raises(DataError, match="body of a function does not end its line"):
        FunctionParts(signature="def f():\n", docstring='    "x"\n', body="    return 1")
