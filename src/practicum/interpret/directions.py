"""Directions in the space of word vectors, and whether they mean more than any direction would.

u = E(b) − E(a) for one pair of words (cat, cats); a pair (x, y) agrees with u when u·E(y) > u·E(x).
A share of agreeing pairs says little by itself: pairs of one kind may share some other difference,
so that a random direction, too, separates most of them or most of them the wrong way round. Hence
the controls: Gaussian directions, and differences of two unrelated words. A direction means
something where its share is above their upper quantile.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from practicum.errors import ConfigError
from practicum.interpret.neighbours import Words
from practicum.seeding import stream

Pairs = Sequence[tuple[str, str]]
HIGH = 0.975  # the quantile of the controls that a direction has to be above


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A direction's share of agreeing pairs beside the controls': a nice anecdote, or structure."""

    share: float
    random: float  # the mean over Gaussian directions
    random_high: float  # and their upper quantile
    unrelated: float  # the same over differences of two unrelated words
    unrelated_high: float
    each_other: float  # the mean over the pairs' own differences as directions, on all other pairs
    each_other_least: float  # single pairs can fail

    @property
    def stands_out(self) -> bool:
        """Whether the share is above what either kind of control reaches."""
        return self.share > max(self.random_high, self.unrelated_high)


def direction(words: Words, pair: tuple[str, str]) -> Float[Tensor, " d"]:
    """From the first word of a pair to the second."""
    return words.vector(pair[1]) - words.vector(pair[0])


def along(words: Words, said: Sequence[str], u: Float[Tensor, "*n d"]) -> Float[Tensor, "*n words"]:
    """u·E(w) of every word, for one direction or many."""
    return u @ words.vectors(said).T


def agreement(words: Words, pairs: Pairs, u: Float[Tensor, "*n d"]) -> Float[Tensor, "*n"]:
    """The share of pairs whose second word lies further along u, for one direction or many."""
    steps = words.vectors([b for _, b in pairs]) - words.vectors([a for a, _ in pairs])
    return (u @ steps.T > 0).float().mean(-1)


def random_directions(width: int, count: int, *, generator: Generator) -> Float[Tensor, "count d"]:
    """Gaussian directions."""
    return torch.randn(count, width, generator=generator)


def unrelated_directions(
    words: Words, said: Sequence[str], count: int, *, generator: Generator
) -> Float[Tensor, "count d"]:
    """Differences of two different words each, drawn from `said`."""
    if len(set(said)) < 2:
        raise ConfigError(f"{len(set(said))} different words; a difference needs two")
    vectors = words.vectors(said)
    first = torch.randint(len(said), (count,), generator=generator)
    step = torch.randint(1, len(said), (count,), generator=generator)
    return vectors[(first + step) % len(said)] - vectors[first]


def each_other(words: Words, pairs: Pairs) -> Float[Tensor, " n"]:
    """For every pair the agreement of all other pairs with its direction."""
    steps = words.vectors([b for _, b in pairs]) - words.vectors([a for a, _ in pairs])
    agrees = (steps @ steps.T > 0).float()
    agrees.fill_diagonal_(0.0)
    return agrees.sum(1) / (len(pairs) - 1)


def judged(
    words: Words, pairs: Pairs, u: Float[Tensor, " d"], *, count: int = 500, seed: int = 0
) -> Judged:
    """The share of `pairs` that agree with u, beside `count` directions of each control.

    Unrelated words are drawn from the first words of the pairs.
    """
    gaussian = random_directions(words.table.shape[1], count, generator=stream(seed, "random"))
    unrelated = unrelated_directions(
        words, [first for first, _ in pairs], count, generator=stream(seed, "unrelated")
    )
    chance, other = agreement(words, pairs, gaussian), agreement(words, pairs, unrelated)
    own = each_other(words, pairs)
    return Judged(
        share=float(agreement(words, pairs, u)),
        random=float(chance.mean()),
        random_high=float(chance.quantile(HIGH)),
        unrelated=float(other.mean()),
        unrelated_high=float(other.quantile(HIGH)),
        each_other=float(own.mean()),
        each_other_least=float(own.min()),
    )


def plane(
    vectors: Float[Tensor, "n d"], axes: Float[Tensor, "k d"] | None = None, dimensions: int = 2
) -> Float[Tensor, "n k"]:
    """Coordinates in the slice that `axes` span (made orthonormal in order), or the main one.

    Without axes the slice is that of the largest variance (PCA), through the mean.
    """
    vectors = vectors.double()
    if axes is not None:
        basis, _ = torch.linalg.qr(axes.double().T)
        signs = torch.sign((basis * axes.double().T).sum(0))  # along its axis, not against it
        return (vectors @ (basis * signs)).float()
    centred = vectors - vectors.mean(0)
    _, _, main = torch.linalg.svd(centred, full_matrices=False)
    return (centred @ main[:dimensions].T).float()
