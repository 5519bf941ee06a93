"""Questions at the end of a row: −Σ log p(answer | the row up to there), one answer at each place.

Nothing is asked of the places before, and only the last ones go through the output matrix.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from practicum.data.answered import Answered
from practicum.data.loader import in_order
from practicum.errors import DataError
from practicum.models.decoder import DecoderModel
from practicum.objectives.objective import Loss, TensorBatch


@dataclass(frozen=True)
class AnsweredBatch(TensorBatch):
    """Rows of one length, and the answers at their last places."""

    ids: Int[Tensor, "b t"]
    answers: Int[Tensor, "b m"]

    @property
    def count(self) -> int:
        return self.answers.numel()

    @property
    def tokens(self) -> int:
        return self.ids.numel()


@dataclass(frozen=True, kw_only=True)
class AtEnd:
    """Every answer counts alike."""

    def prepare(self, examples: Sequence[Answered], generator: torch.Generator) -> AnsweredBatch:
        """Raises DataError where rows differ in length or in how much is asked."""
        return answered(examples)

    def loss(self, model: DecoderModel, batch: AnsweredBatch) -> Loss:
        scores = _scores(model, batch).flatten(0, 1)
        return Loss(F.cross_entropy(scores, batch.answers.flatten(), reduction="sum"), batch.count)


def answered(examples: Sequence[Answered]) -> AnsweredBatch:
    """The examples as tensors. Raises DataError as `AtEnd.prepare`."""
    shapes = {(len(example.ids), len(example.answers)) for example in examples}
    if len(shapes) != 1:
        raise DataError(f"rows and answers of lengths {sorted(shapes)} in one batch; expected one")
    ids, answers = zip(*examples, strict=True)
    return AnsweredBatch(torch.from_numpy(np.stack(ids)), torch.from_numpy(np.stack(answers)))


@torch.no_grad()
def share_right(model: DecoderModel, examples: Sequence[Answered], *, batch: int = 100) -> float:
    """The share of all answers that are the likeliest ones; `batch` rows are read at once."""
    device, right, asked = next(model.parameters()).device, 0, 0
    for rows in in_order(examples, batch):
        part = answered(rows).to(device)
        right += int((_scores(model, part).argmax(-1) == part.answers).sum())
        asked += part.count
    return right / asked


def _scores(model: DecoderModel, batch: AnsweredBatch) -> Float[Tensor, "b m v"]:
    return model.logits(model.hidden(batch.ids)[:, -batch.answers.shape[1] :])
