"""One question about one place of a row: −log p(answer | the network's scores there).

Any network that gives scores at every place will do: a reader with a readout, or a decoder whose
scores are those of the next word.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import DataError
from practicum.objectives.objective import Loss, TensorBatch


class Asked(Protocol):
    """A row of ids, the place where something is asked, and the number of the right answer."""

    @property
    def ids(self) -> Sequence[int]: ...
    @property
    def place(self) -> int: ...
    @property
    def answer(self) -> int: ...


@dataclass(frozen=True)
class PlaceBatch(TensorBatch):
    """Rows of one length, and for each the place and the answer."""

    words: Int[Tensor, "b t"]  # ids
    places: Int[Tensor, " b"]
    wanted: Int[Tensor, " b"]

    @property
    def count(self) -> int:
        return len(self.wanted)

    @property
    def tokens(self) -> int:
        return self.words.numel()


@dataclass(frozen=True, kw_only=True)
class AtPlace:
    """The answer at one place of each row; nothing is asked of the others."""

    def prepare(self, examples: Sequence[Asked], generator: torch.Generator) -> PlaceBatch:
        """Raises DataError where rows differ in length or a place lies outside its row."""
        return place_batch(examples)

    def loss(self, model: nn.Module, batch: PlaceBatch) -> Loss:
        total = F.cross_entropy(scores_there(model, batch), batch.wanted, reduction="sum")
        return Loss(total, batch.count)


def place_batch(examples: Sequence[Asked]) -> PlaceBatch:
    """The examples as tensors. Raises DataError as `AtPlace.prepare`."""
    lengths = {len(example.ids) for example in examples}
    if len(lengths) != 1:
        raise DataError(f"rows of lengths {sorted(lengths)} in one batch; expected one length")
    for example in examples:
        if not 0 <= example.place < len(example.ids):
            raise DataError(
                f"something is asked at place {example.place} of a row of {len(example.ids)}"
            )
    ids, places, wanted = zip(*((e.ids, e.place, e.answer) for e in examples), strict=True)
    return PlaceBatch(torch.tensor(ids), torch.tensor(places), torch.tensor(wanted))


def scores_there(model: nn.Module, batch: PlaceBatch) -> Float[Tensor, "b o"]:
    """What the network says at the place of each row."""
    scores = model(batch.words)
    return scores[torch.arange(len(scores), device=scores.device), batch.places]


@torch.no_grad()
def accuracy_there(model: nn.Module, batch: PlaceBatch) -> float:
    """The share of the rows whose likeliest answer is the right one."""
    return float((scores_there(model, batch).argmax(-1) == batch.wanted).float().mean())
