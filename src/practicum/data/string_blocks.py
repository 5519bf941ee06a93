"""Thirteen small changes of a string, each one line of code (Chen et al. 2021, appendix C).

A change is asked for by a phrase, a verb with an object, which means one change only. It has a line
that is right, and one with a usual mistake.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

VOWELS = "aeiouAEIOU"
CELLS = tuple(product(range(3), repeat=2))  # (verb, object)


@dataclass(frozen=True, kw_only=True)
class Block:
    """One change of a string `s`: what it is called, its line, and what it does."""

    name: str
    verbs: tuple[str, str, str]
    objects: tuple[str, str, str]
    line: str
    wrong: str  # the line with a usual mistake
    does: Callable[[str], str]

    @property
    def phrases(self) -> tuple[str, ...]:
        """All ways to ask for it."""
        return (*self.read, *self.asked)

    @property
    def read(self) -> tuple[str, ...]:
        """Ways to learn from: two of three, each verb and each object among them."""
        return tuple(f"{self.verbs[i]} {self.objects[j]}" for i, j in CELLS if i != j)

    @property
    def asked(self) -> tuple[str, ...]:
        """Ways that are held out: each verb and each object once."""
        return tuple(f"{self.verbs[i]} {self.objects[j]}" for i, j in CELLS if i == j)


REMOVE = ("remove", "delete", "take out")
DROP = ("drop", "cut off", "leave out")
TURN = ("turn", "change", "convert")
PUT = ("put", "write", "set")
BLOCKS = (
    Block(
        name="no e",
        verbs=REMOVE,
        objects=("every letter e", "all letters e", "each e"),
        line='s = s.replace("e", "")',
        wrong='s = s.replace("e", "", 1)',
        does=lambda s: s.replace("e", ""),
    ),
    Block(
        name="exclaimed",
        verbs=TURN,
        objects=(
            "every space into an exclamation mark",
            "spaces into exclamation marks",
            "each blank into an exclamation mark",
        ),
        line='s = s.replace(" ", "!")',
        wrong='s = s.replace("!", " ")',
        does=lambda s: s.replace(" ", "!"),
    ),
    Block(
        name="lower case",
        verbs=PUT,
        objects=("everything in lower case", "all in small letters", "the string in lower case"),
        line="s = s.lower()",
        wrong="s = s.swapcase()",
        does=str.lower,
    ),
    Block(
        name="no ends",
        verbs=DROP,
        objects=(
            "the first and last two characters",
            "two characters at either end",
            "two characters of both ends",
        ),
        line="s = s[2:-2]",
        wrong="s = s[1:-1]",
        does=lambda s: s[2:-2],
    ),
    Block(
        name="no vowels",
        verbs=REMOVE,
        objects=("every vowel", "all vowels", "each of the vowels"),
        line='s = "".join(c for c in s if c not in "aeiouAEIOU")',
        wrong='s = "".join(c for c in s if c in "aeiouAEIOU")',
        does=lambda s: "".join(c for c in s if c not in VOWELS),
    ),
    Block(
        name="no thirds",
        verbs=DROP,
        objects=("every third character", "each third character", "one character in three"),
        line='s = "".join(c for i, c in enumerate(s) if i % 3 != 2)',
        wrong='s = "".join(c for i, c in enumerate(s) if i % 3 != 0)',
        does=lambda s: "".join(c for i, c in enumerate(s) if i % 3 != 2),
    ),
    Block(
        name="first half",
        verbs=DROP,
        objects=(
            "the last half of the characters",
            "the second half by characters",
            "the rear half of the string",
        ),
        line="s = s[: len(s) // 2]",
        wrong="s = s[len(s) // 2 :]",
        does=lambda s: s[: len(s) // 2],
    ),
    Block(
        name="spaced",
        verbs=TURN,
        objects=("every space into three", "spaces into triple spaces", "each blank into three"),
        line='s = s.replace(" ", "   ")',
        wrong='s = s.replace(" ", "  ")',
        does=lambda s: s.replace(" ", "   "),
    ),
    Block(
        name="words reversed",
        verbs=("reverse", "turn around", "flip"),
        objects=("the order of the words", "the word order", "the sequence of words"),
        line='s = " ".join(s.split()[::-1])',
        wrong="s = s[::-1]",
        does=lambda s: " ".join(s.split()[::-1]),
    ),
    Block(
        name="last words",
        verbs=DROP,
        objects=(
            "the first half of the words",
            "the front half by words",
            "the leading half of the words",
        ),
        line='s = " ".join(s.split()[len(s.split()) // 2 :])',
        wrong='s = " ".join(s.split()[: len(s.split()) // 2])',
        does=lambda s: " ".join(s.split()[len(s.split()) // 2 :]),
    ),
    Block(
        name="apples",
        verbs=("add", "insert", "say"),
        objects=(
            "apples after every word",
            "the word apples after each",
            "apples behind each word",
        ),
        line='s = " ".join(w + " apples" for w in s.split())',
        wrong='s = " ".join("apples " + w for w in s.split())',
        does=lambda s: " ".join(w + " apples" for w in s.split()),
    ),
    Block(
        name="every other upper",
        verbs=PUT,
        objects=(
            "every other character in upper case",
            "each second character in capitals",
            "every second letter in upper case",
        ),
        line='s = "".join(c.upper() if i % 2 else c for i, c in enumerate(s))',
        wrong='s = "".join(c if i % 2 else c.upper() for i, c in enumerate(s))',
        does=lambda s: "".join(c.upper() if i % 2 else c for i, c in enumerate(s)),
    ),
    Block(
        name="no marks",
        verbs=REMOVE,
        objects=("every !, ? and .", "all marks ! ? .", "each of the marks !?."),
        line='s = "".join(c for c in s if c not in "!?.")',
        wrong='s = "".join(c for c in s if c in "!?.")',
        does=lambda s: "".join(c for c in s if c not in "!?."),
    ),
)
BLOCK_OF = {phrase: block for block in BLOCKS for phrase in block.phrases}
