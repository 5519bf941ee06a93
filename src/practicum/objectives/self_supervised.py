"""Learning without labels: a rule hides something of an example, the model has to say what it was.

A rule takes unlabelled examples, arrays of numbers or of ids, and gives inputs with what is wanted
of each. It does not know whether a row is a picture, a line of a table or a text: what is wanted is
scored by squares where it is real numbers, by cross-entropy where it is classes or ids. The rules:
`inpainting`, `masked`, `denoising`, `recognition`. Two views of one example have a loss of their
own (`contrastive`), and so has the next token of a text (`next_token`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Bool, Num
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import DataError
from practicum.objectives.objective import Loss, TensorBatch

Example = Num[np.ndarray, "..."]


@dataclass(frozen=True)
class Puzzle(TensorBatch):
    """Inputs, and what is wanted of each: values like the input's, or a class for the whole.

    Only where `scored` is true does an answer count (None: everywhere).
    """

    x: Num[Tensor, "b ..."]
    wanted: Num[Tensor, "b ..."]
    scored: Bool[Tensor, "b ..."] | None = None

    @property
    def count(self) -> int:
        return self.wanted.numel() if self.scored is None else int(self.scored.sum())

    @property
    def tokens(self) -> int:
        return self.x.numel()


class Rule(Protocol):
    """How unlabelled examples become inputs with something wanted of them."""

    def __call__(self, examples: Num[Tensor, "b ..."], generator: torch.Generator) -> Puzzle: ...


@dataclass(frozen=True, kw_only=True)
class SelfSupervised:
    """Σ (f(x) − wanted)² for real numbers, −Σ log softmax(f(x))_wanted for classes and ids.

    For the latter the model gives a score for each class along a last axis of its own.
    """

    rule: Rule

    def prepare(self, examples: Sequence[Example], generator: torch.Generator) -> Puzzle:
        """Raises DataError where examples differ in shape."""
        return self.rule(stacked(examples), generator)

    def loss(self, model: nn.Module, batch: Puzzle) -> Loss:
        answers, wanted = model(batch.x), batch.wanted
        if wanted.is_floating_point():
            parts = (answers - wanted).square()
        else:
            rows = F.cross_entropy(answers.flatten(0, -2), wanted.flatten(), reduction="none")
            parts = rows.view(wanted.shape)
        total = parts.sum() if batch.scored is None else parts[batch.scored].sum()
        return Loss(total, batch.count)


def stacked(examples: Sequence[Example]) -> Num[Tensor, "b ..."]:
    """The examples of a batch as one tensor. Raises DataError where they differ in shape."""
    try:
        return torch.from_numpy(np.stack(list(examples)))
    except ValueError as problem:
        raise DataError(f"examples of one batch differ in shape ({problem})") from problem
