"""The next token of every row of a batch whose rows began at different times.

What a row draws depends on its own logits, its own numbers and its own constraint. Rows with the
same filters are filtered together. A row may stand in the batch several times, each time some
drafted tokens further on.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.decoding.chooser import Choice, reported
from practicum.decoding.sampling import Sampling, draw, filtered
from practicum.decoding.spoken import Spoken
from practicum.errors import ModelError, PracticumError
from practicum.serving.row import Row


class Unsound(ModelError):
    """Scores that are no numbers: what is kept of the text may be none, either."""

    def __init__(self) -> None:
        super().__init__("the model's scores are no numbers; its weights are unusable")


class Spot(NamedTuple):
    """Where a token is wanted: after what `row` has said, and after these drafted tokens."""

    row: Row
    ahead: tuple[int, ...] = ()


def choose(spots: Sequence[Spot], logits: Float[Tensor, "b v"]) -> list[Choice | PracticumError]:
    """A token for each spot, or why there is none: its constraint, or logits that are no numbers.

    Log-probabilities are those of the unmodified distribution, as in `decoding.chooser`.
    """
    allowed, problems = _constrained(spots, logits)
    groups: dict[Sampling, list[int]] = {}
    for place, (row, _) in enumerate(spots):
        groups.setdefault(row.question.sampling.filters, []).append(place)
    ids = torch.empty(len(spots), dtype=torch.long, device=logits.device)
    for sampling, places in groups.items():
        whole = len(places) == len(spots)
        index = slice(None) if whole else torch.tensor(places, device=logits.device)
        ids[index] = _drawn([spots[place] for place in places], allowed[index], sampling)
    sound = logits.sum(-1, dtype=torch.float32).isfinite().tolist()  # where all its terms are
    problems |= {place: Unsound() for place, good in enumerate(sound) if not good}
    found = enumerate(reported(logits, ids, [spot.row.question.sampling for spot in spots]))
    return [problems.get(place) or choice for place, choice in found]


def _constrained(
    spots: Sequence[Spot], logits: Float[Tensor, "b v"]
) -> tuple[Float[Tensor, "b v"], dict[int, PracticumError]]:
    """The logits with −∞ where a constraint forbids a token, and constraints that are at an end."""
    problems: dict[int, PracticumError] = {}
    held = {i: row.guard for i, (row, _) in enumerate(spots) if row.guard is not None}
    if not held:
        return logits, problems
    logits = logits.clone()
    for place, guard in held.items():
        try:
            mask = guard.mask(spots[place].ahead)
            logits[place].masked_fill_(~mask.to(logits.device), -torch.inf)
        except PracticumError as problem:
            problems[place] = problem
    return logits, problems


def _drawn(
    spots: Sequence[Spot], logits: Float[Tensor, "b v"], sampling: Sampling
) -> Int[Tensor, " b"]:
    logits = filtered(logits, sampling, _spoken(spots, logits) if sampling.penalises else None)
    if sampling.temperature == 0:
        return logits.argmax(-1)
    numbers = [row.numbers[row.said + len(ahead)] for row, ahead in spots]
    return draw(logits, torch.tensor(numbers, dtype=torch.float64))


def _spoken(spots: Sequence[Spot], logits: Float[Tensor, "b v"]) -> Spoken:
    return Spoken(
        [row.question.ids for row, _ in spots],
        logits.shape[-1],
        logits.device,
        [[*row.ids[len(row.question.ids) :], *ahead] for row, ahead in spots],
    )
