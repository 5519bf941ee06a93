"""Thirteen small changes of a string, chained: problems as hard as they are long.

Each block is one line of code and one phrase of a docstring; a function of length L applies L of
them in the order of its docstring (Chen et al. 2021, appendix C). A phrase is a verb with an object
and means one block only. To learn from there are right bodies and, at a share, bodies with a usual
mistake in one line. Held out are a third of the phrases, whose halves are known from others, and
ordered pairs of neighbouring blocks: a problem that is asked has none but these, so that none of
its phrases and no two neighbouring lines of its body were read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, permutations

import numpy as np

from practicum.data.code_problem import CodeProblem
from practicum.data.documents import is_held_out
from practicum.data.function_parts import FunctionParts
from practicum.data.string_blocks import BLOCK_OF, BLOCKS, Block
from practicum.errors import ConfigError, DataError

NAMES = ("change", "convert", "edit", "work")
OPENINGS = ("Return s after these steps:", "Do this with s:", "Take these steps:")
TEXT = """Apples grow here every summer. Who ate them? We did! Green trees, three bees; Eleven
elephants never forget! Is it late? Yes. Under old oaks people sleep, even on Sundays. Use a pen?
Please! End"""
WORDS = TEXT.split()


@dataclass(frozen=True, kw_only=True)
class ChainedFunction:
    """A function of one or more blocks, asked for in the words of its docstring."""

    name: str
    opening: str
    phrases: tuple[str, ...]  # in the order in which they are to be done
    lines: tuple[str, ...]  # of the body, one a block; some may be wrong

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What is asked for, in this order."""
        return tuple(BLOCK_OF[phrase] for phrase in self.phrases)

    @property
    def right(self) -> bool:
        """Whether every line is its block's."""
        return self.lines == tuple(block.line for block in self.blocks)

    @cached_property
    def parts(self) -> FunctionParts:
        """Signature, docstring and body."""
        asked = "".join(f"    - {phrase}\n" for phrase in self.phrases)
        return FunctionParts(
            signature=f"def {self.name}(s):\n",
            docstring=f'    """{self.opening}\n{asked}    """\n',
            body="".join(f"    {line}\n" for line in (*self.lines, "return s")),
        )

    def does(self, text: str) -> str:
        """What the docstring asks for, done to `text`."""
        for block in self.blocks:
            text = block.does(text)
        return text

    def tests(self, count: int, rng: np.random.Generator) -> str:
        """`check(candidate)`, a function that raises AssertionError at the first wrong answer."""
        texts = [sentence(rng) for _ in range(count)]
        lines = [f"    assert candidate({text!r}) == {self.does(text)!r}\n" for text in texts]
        return "def check(candidate):\n" + "".join(lines)

    def problem(self, task_id: str, tests: int, rng: np.random.Generator) -> CodeProblem:
        """The function as a problem: its body is to be written."""
        return CodeProblem(
            task_id=task_id,
            prompt=self.parts.prompt,
            entry_point=self.name,
            tests=self.tests(tests, rng),
            solution=self.parts.body,
        )


@dataclass(frozen=True, kw_only=True)
class ChainedBlocks:
    """Functions to learn from, and problems whose phrases and pairs are never among these.

    `lengths` are the shares of functions of 1, 2, … blocks; of the bodies to learn from a share
    `wrong` has a mistake in one line; `held_out` is about the share of ordered pairs that are only
    asked. No block occurs twice in a function.
    """

    lengths: tuple[float, ...] = (0.5, 0.3, 0.2)
    wrong: float = 0.3
    held_out: float = 0.3

    def __post_init__(self) -> None:
        if not self.lengths or min(self.lengths) < 0 or abs(sum(self.lengths) - 1) > 1e-9:
            raise ConfigError(f"shares of lengths are {self.lengths}; expected some that sum to 1")
        if not 0 <= self.wrong <= 1 or not 0 < self.held_out < 1:
            raise ConfigError(
                f"wrong is {self.wrong} and held_out {self.held_out}; expected shares, the latter "
                "neither 0 nor 1"
            )

    def pairs(self, *, held_out: bool) -> tuple[tuple[Block, Block], ...]:
        """Neighbours, the first before the second, of one side."""
        return tuple(
            pair
            for pair in permutations(BLOCKS, 2)
            if is_held_out(f"{pair[0].name} > {pair[1].name}", self.held_out) is held_out
        )

    def draw(self, count: int, rng: np.random.Generator) -> list[ChainedFunction]:
        """`count` functions to learn from."""
        lengths = rng.choice(len(self.lengths), size=count, p=self.lengths) + 1
        return [self._learned(int(length), rng) for length in lengths]

    def ask(self, length: int, count: int, rng: np.random.Generator) -> list[ChainedFunction]:
        """`count` different problems of `length` blocks, with right bodies: nothing was read.

        Raises DataError where there are not so many.
        """
        found: dict[tuple[str, ...], ChainedFunction] = {}
        for _ in range(50 * count):
            if len(found) == count:
                break
            function = self._function(self._chain(length, rng, held_out=True), rng, held_out=True)
            found.setdefault(function.phrases, function)
        if len(found) < count:
            raise DataError(f"found {len(found)} problems of {length} blocks; ask for fewer")
        return list(found.values())

    def _learned(self, length: int, rng: np.random.Generator) -> ChainedFunction:
        function = self._function(self._chain(length, rng, held_out=False), rng, held_out=False)
        if rng.random() >= self.wrong:
            return function
        place = int(rng.integers(length))
        lines = list(function.lines)
        lines[place] = function.blocks[place].wrong
        return ChainedFunction(
            name=function.name,
            opening=function.opening,
            phrases=function.phrases,
            lines=tuple(lines),
        )

    def _chain(self, length: int, rng: np.random.Generator, *, held_out: bool) -> list[Block]:
        """Different blocks, of which all neighbours are pairs of one side."""
        while True:
            chosen = [BLOCKS[i] for i in rng.permutation(len(BLOCKS))[:length]]
            if len(chosen) < length:
                raise DataError(f"a chain of {length} blocks; expected {len(BLOCKS)} or fewer")
            if all(pair in self._sides[held_out] for pair in pairwise(b.name for b in chosen)):
                return chosen

    @cached_property
    def _sides(self) -> tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]:
        names = [{(a.name, b.name) for a, b in self.pairs(held_out=x)} for x in (False, True)]
        return frozenset(names[0]), frozenset(names[1])

    def _function(
        self, chain: list[Block], rng: np.random.Generator, *, held_out: bool
    ) -> ChainedFunction:
        return ChainedFunction(
            name=pick(NAMES, rng),
            opening=pick(OPENINGS, rng),
            phrases=tuple(pick(b.asked if held_out else b.read, rng) for b in chain),
            lines=tuple(block.line for block in chain),
        )


def named(docstring: str) -> tuple[str, ...] | None:
    """The blocks that a docstring names, in its order; None where a line names no block."""
    asked = [line.strip()[2:] for line in docstring.splitlines() if line.strip().startswith("- ")]
    blocks = [BLOCK_OF.get(phrase) for phrase in asked]
    return tuple(b.name for b in blocks if b is not None) if all(blocks) and blocks else None


def sentence(rng: np.random.Generator) -> str:
    """Seven to twelve words, so that every block and every mistake changes it."""
    return " ".join(pick(WORDS, rng) for _ in range(int(rng.integers(7, 13))))


def pick(choices: Sequence[str], rng: np.random.Generator) -> str:
    """One of them."""
    return choices[int(rng.integers(len(choices)))]
