"""A function's source in three parts, and the two orders in which a model may read them.

    signature  docstring  body          code from words     (Chen et al. 2021, §4)
    signature  body  docstring          words from code     (§5: the reverse model)

Each part is whole lines, so that parts can be put in any order and still be told apart.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from practicum.data.syntax import collector_paused
from practicum.errors import DataError


class Asked(NamedTuple):
    """What is shown and what is wanted: the loss is on `answer` alone."""

    prompt: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class FunctionParts:
    """Lines of a function, line ends included; the docstring with its quotes."""

    signature: str  # all before the docstring: decorators, `def`, up to the colon's line end
    docstring: str
    body: str

    def __post_init__(self) -> None:
        for name in ("signature", "docstring", "body"):
            if not getattr(self, name).endswith("\n"):
                raise DataError(f"the {name} of a function does not end its line: {self!r}")

    @property
    def source(self) -> str:
        """The function as it is written."""
        return self.signature + self.docstring + self.body

    @property
    def prompt(self) -> str:
        """All but the body: the problem as HumanEval asks it."""
        return self.signature + self.docstring

    @property
    def code_from_words(self) -> Asked:
        """The body is wanted."""
        return Asked(self.prompt, self.body)

    @property
    def words_from_code(self) -> Asked:
        """The docstring is wanted, after the body."""
        return Asked(self.signature + self.body, self.docstring)


def functions_of(source: str) -> Iterator[FunctionParts]:
    """The functions of a module, methods and inner ones too, that have a docstring and a body.

    Those that are a single line, or whose docstring shares a line with other code, are left out.
    Raises DataError where the module is not Python.
    """
    lines = source.splitlines(keepends=True)
    try:
        with collector_paused():
            tree = ast.parse(source)
    except (SyntaxError, ValueError) as problem:
        raise DataError(f"this is not the source of a Python module: {problem}") from problem
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node):
            parts = _parts(node, lines)
            if parts is not None:
                yield parts


def _parts(node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> FunctionParts | None:
    if len(node.body) < 2:
        return None
    words, first = node.body[0], node.body[1]
    start = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
    words_end, end = words.end_lineno, node.end_lineno
    assert words_end is not None, "the parser knows where a statement ends"
    assert end is not None, "the parser knows where a function ends"
    decorators = first.decorator_list if isinstance(first, Decorated) else []
    begins = min([first.lineno, *(mark.lineno for mark in decorators)])
    if words.lineno == node.lineno or begins <= words_end:
        return None
    if not lines[end - 1].endswith("\n"):  # the last line of a file may lack it
        lines = [*lines[: end - 1], lines[end - 1] + "\n"]
    return FunctionParts(
        signature="".join(lines[start - 1 : words.lineno - 1]),
        docstring="".join(lines[words.lineno - 1 : words_end]),
        body="".join(lines[words_end:end]),
    )


Decorated = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
