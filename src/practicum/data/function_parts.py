"""A function's source in three parts, and the two orders in which a model may read them.

    signature  docstring  body          code from words     (Chen et al. 2021, §4)
    signature  body  docstring          words from code     (§5: the reverse model)

Each part is whole lines, so that parts can be put in any order and still be told apart. The parts
of functions in a file are cut by `function_source`.
"""

from dataclasses import dataclass
from typing import NamedTuple

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
