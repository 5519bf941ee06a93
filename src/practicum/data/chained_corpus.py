"""Chained functions as a corpus: modules to read, functions to learn from, problems to solve.

What is drawn depends on the seed and on what it is for, so that more of one leaves the others as
they are.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from practicum.data.chained_blocks import ChainedBlocks, ChainedFunction
from practicum.data.code_problem import CodeProblem
from practicum.data.curated_functions import passing
from practicum.data.documents import Document
from practicum.data.program_verdicts import Runs
from practicum.errors import ConfigError
from practicum.seeding import derive


class Posed(NamedTuple):
    """A function that is asked for, and the problem to write it."""

    function: ChainedFunction
    problem: CodeProblem

    @property
    def length(self) -> int:
        """How many blocks it chains."""
        return len(self.function.phrases)


@dataclass(frozen=True, kw_only=True)
class ChainedCorpus:
    """How long chains are and how many, in each of the three uses."""

    read: ChainedBlocks = ChainedBlocks()  # what is asked is held out from it
    learned: ChainedBlocks = ChainedBlocks()
    drawn: int  # functions, of which those are learned from that pass their tests
    lengths: tuple[int, ...]  # of what is asked
    asked: int  # problems of each length
    tests: int  # of each function

    def __post_init__(self) -> None:
        if min(self.drawn, self.asked, self.tests, *self.lengths, len(self.lengths)) < 1:
            raise ConfigError(
                f"{self.drawn} functions to learn from, {self.asked} problems of lengths "
                f"{self.lengths} and {self.tests} tests of each; expected one or more of all"
            )

    def modules(self, count: int, *, seed: int) -> list[Document]:
        """Modules of one function each, some of them wrong, as code of the world is."""
        return [
            Document(id=f"module {i}", text=each.parts.source, source="practicum", licence="MIT")
            for i, each in enumerate(self.read.draw(count, _rng(seed, "modules")))
        ]

    def curated(self, sandbox: Runs, *, seed: int) -> list[ChainedFunction]:
        """Those of the functions to learn from that pass their tests in the sandbox."""
        functions = self.learned.draw(self.drawn, _rng(seed, "curated"))
        return passing(functions, sandbox, tests=self.tests, seed=seed)

    def posed(self, *, seed: int) -> list[Posed]:
        """Problems of each length in turn, of phrases and neighbours that no module has.

        Raises DataError where there are not so many.
        """
        functions = [
            function
            for length in self.lengths
            for function in self.read.ask(length, self.asked, _rng(seed, "asked", length))
        ]
        return [
            Posed(one, one.problem(f"chain/{i}", self.tests, _rng(seed, "tests", i)))
            for i, one in enumerate(functions)
        ]


def _rng(seed: int, *names: str | int) -> np.random.Generator:
    return np.random.default_rng(derive(seed, *names))
