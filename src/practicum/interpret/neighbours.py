"""Word vectors: which are near which, and what arithmetic with them finds.

A word here is one token with its leading space, as words stand in running text; what is split into
several tokens has no vector of its own. Nearness is the cosine, cos(u, v) = u·v / |u||v|.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.errors import DataError
from practicum.tokenizers.tokenizer import Tokenizer


class Near(NamedTuple):
    """A token and how near it is."""

    id: int
    cosine: float


class Words:
    """The embedding of a model, read by whole words."""

    def __init__(self, table: Float[Tensor, "v d"], tokenizer: Tokenizer) -> None:
        self.table, self.tokenizer = table.detach(), tokenizer

    @cached_property
    def ids(self) -> dict[str, int]:
        """Words that are one token with a leading space: letters alone, no text twice."""
        words: dict[str, int] = {}
        for number, piece in enumerate(self.tokenizer.vocabulary()):
            text = piece.decode("utf-8", errors="replace")
            if number < len(self.table) and text[:1] == " " and text[1:].isalpha():
                words.setdefault(text[1:], number)
        return words

    def __contains__(self, word: str) -> bool:
        return word in self.ids

    def id(self, word: str) -> int:
        """The token of a word. Raises DataError where it is none by itself."""
        if word not in self.ids:
            raise DataError(f"'{word}' is not one token with a leading space in this vocabulary")
        return self.ids[word]

    def vector(self, word: str) -> Float[Tensor, " d"]:
        """E of the word."""
        return self.table[self.id(word)]

    def vectors(self, words: Iterable[str]) -> Float[Tensor, "n d"]:
        """E of each word."""
        return self.table[[self.id(word) for word in words]]

    def nearest(
        self,
        vector: Float[Tensor, " d"],
        count: int = 5,
        *,
        without: Collection[int] = (),
        among: Sequence[int] | None = None,  # None: every token that the tokenizer has
    ) -> list[Near]:
        """The `count` nearest tokens to a vector, the nearest first."""
        return nearest(self._known(), vector[None], count, without=without, among=among)[0]

    def analogy(self, a: str, b: str, c: str, count: int = 5) -> list[str]:
        """a is to b as c is to …: words nearest to E(b) − E(a) + E(c), the three excluded.

        Without the exclusion the nearest is nearly always c itself. So are the forms of the same
        words in capitals, which would say nothing.
        """
        goal = self.vector(b) - self.vector(a) + self.vector(c)
        said = {word.lower() for word in (a, b, c)}
        among = [number for word, number in self.ids.items() if word.lower() not in said]
        found = self.nearest(goal, count, among=among)
        return [self.tokenizer.decode([near.id]).strip() for near in found]

    def _known(self) -> Float[Tensor, "v d"]:
        """A vocabulary padded to a round number has vectors that stand for no token."""
        return self.table[: self.tokenizer.size]


@torch.no_grad()
def nearest(
    table: Float[Tensor, "v d"],
    vectors: Float[Tensor, "n d"],
    count: int = 5,
    *,
    without: Collection[int] = (),
    among: Sequence[int] | None = None,
) -> list[list[Near]]:
    """The `count` rows of `table` nearest to each vector by cosine, `without` some of them."""
    kept = torch.arange(len(table)) if among is None else torch.tensor(list(among))
    kept = kept[~torch.isin(kept, torch.tensor(list(without), dtype=torch.long))].to(table.device)
    cosines = _unit(vectors) @ _unit(table[kept]).T
    best = cosines.topk(min(count, len(kept)), dim=1)
    return [
        [Near(*pair) for pair in zip(kept[row].tolist(), values.tolist(), strict=True)]
        for row, values in zip(best.indices, best.values, strict=True)
    ]


def _unit(vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    return torch.nn.functional.normalize(vectors.float(), dim=1)
