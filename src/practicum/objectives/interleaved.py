"""Next-token prediction in documents of words and signals: only words are predicted.

−Σ log p(x_t | all segments before, and the words before it in its own). Marks and pieces of signals
are read and not predicted (Gemini Team 2023, §2).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from practicum.data.padding import padded
from practicum.data.segments import Document, Signal, Written
from practicum.errors import DataError
from practicum.kernels.cross_entropy import IGNORED, linear_cross_entropy
from practicum.models.interleaved import Interleaved, InterleavedModel
from practicum.objectives.objective import Loss, TensorBatch


@dataclass(frozen=True)
class InterleavedBatch(TensorBatch):
    """Rows of ids padded on the right, the word after each place, and the rows' signals."""

    ids: Int[Tensor, "b t"]
    targets: Int[Tensor, "b t"]  # `IGNORED`: none
    signals: Float[Tensor, "m n f"] | None
    real: Bool[Tensor, "m n"] | None

    @property
    def count(self) -> int:
        return int((self.targets != IGNORED).sum())

    @property
    def tokens(self) -> int:
        return self.ids.numel()


@dataclass(frozen=True, kw_only=True)
class InterleavedText:
    """The words of documents, for a network of this description."""

    network: Interleaved

    def prepare(self, examples: Sequence[Document], generator: torch.Generator) -> InterleavedBatch:
        """The documents as tensors. Raises DataError for one that has nothing to predict."""
        return self.batch(examples)

    def batch(self, documents: Sequence[Document]) -> InterleavedBatch:
        """As `prepare`, which draws nothing."""
        network, rows, wanted, signals = self.network, [], [], []
        for document in documents:
            ids: list[int] = []
            words: list[bool] = []
            for segment in document:
                if isinstance(segment, Written):
                    ids += segment.ids
                    words += [True] * len(segment.ids)
                    continue
                made = [network.begin, *[network.place] * len(segment.pieces), network.finish]
                signals.append(segment)
                ids += made
                words += [False] * len(made)
            if not any(words[1:]):
                raise DataError("a document has no word to predict; give it two segments or words")
            rows.append(ids[:-1])
            after = zip(ids[1:], words[1:], strict=True)
            wanted.append([one if is_word else IGNORED for one, is_word in after])
        (read, real), (targets, _) = padded(rows), padded(wanted)
        return InterleavedBatch(read, targets.masked_fill(~real, IGNORED), *_stacked(signals))

    def loss(self, model: InterleavedModel, batch: InterleavedBatch) -> Loss:
        hidden = model.hidden(batch.ids, batch.signals, batch.real)
        head, description = model.decoder.head, model.decoder.description
        total = linear_cross_entropy(
            hidden.flatten(0, 1),
            model.decoder.output_weight,
            batch.targets.flatten(),
            bias=None if head is None else head.bias,
            cap=description.cap,
        )
        return Loss(total, batch.count)


@torch.no_grad()
def last_word_right(model: InterleavedModel, batch: InterleavedBatch) -> float:
    """The share of the documents whose last word is the likeliest one there."""
    places = (batch.targets != IGNORED).long().cumsum(1).argmax(1)
    rows = torch.arange(len(places), device=places.device)
    hidden = model.hidden(batch.ids, batch.signals, batch.real)[rows, places]
    return float((model.logits(hidden).argmax(-1) == batch.targets[rows, places]).float().mean())


def _stacked(signals: Sequence[Signal]) -> tuple[Tensor | None, Tensor | None]:
    """All signals with padding to the longest, and where they are real."""
    if not signals:
        return None, None
    lengths = torch.tensor([len(signal.pieces) for signal in signals])
    made = np.zeros((len(signals), int(lengths.max()), signals[0].pieces.shape[1]), np.float32)
    for row, signal in zip(made, signals, strict=True):
        row[: len(signal.pieces)] = signal.pieces
    return torch.from_numpy(made), torch.arange(made.shape[1]) < lengths[:, None]
