"""What a draft is, and who makes one: some tokens that a model may write next, guessed cheaply."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.decoding.sampling import Sampling, uniforms
from practicum.seeding import stream


class Draft(NamedTuple):
    """Tokens, and the distribution that each was drawn from; None where they are mere guesses."""

    ids: tuple[int, ...]
    chances: Float[Tensor, "t v"] | None


class Drafter(Protocol):
    """Follows one text, from its prompt on."""

    def propose(self, count: int) -> Draft:
        """At most `count` tokens that may come next; it may well be none."""
        ...

    def take(self, ids: Sequence[int]) -> None:
        """Let these have been written, whatever was proposed."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Numbers:
    """What a text is drawn with, in [0, 1) and float64 on the CPU; number i is for token i alone.

    So how far a draft reached moves no draw: a token depends on the text before it and on its own
    three numbers.
    """

    choose: Float[Tensor, " t"]  # the token itself, as in plain decoding
    accept: Float[Tensor, " t"]  # whether the drafted one stays
    draft: Float[Tensor, " t"]  # the drafted one

    def since(self, start: int) -> "Numbers":
        """Those of the tokens from `start` on."""
        return Numbers(
            choose=self.choose[start:], accept=self.accept[start:], draft=self.draft[start:]
        )


def numbers(sampling: Sampling, count: int) -> Numbers:
    """The numbers of the first `count` tokens of a text."""
    others = [
        torch.rand(count, generator=stream(sampling.seed, name), dtype=torch.float64)
        for name in ("accept", "draft")
    ]
    return Numbers(choose=uniforms(sampling, count), accept=others[0], draft=others[1])
