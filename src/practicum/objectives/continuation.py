"""Translating with a decoder alone: source, separator, target and end are one text.

    s_1 … s_n  begin  t_1 … t_m  end        loss: −Σ log p(t_i | all before), the end included

Nothing is asked of the source. Both languages share one vocabulary: target words come after the
source's, special tokens are common (the data format of Radford et al. 2019, §2.3 and 3.7).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.data.padding import padded
from practicum.data.parallel import TokenPair
from practicum.kernels.cross_entropy import IGNORED
from practicum.objectives.objective import Loss, TensorBatch


@dataclass(frozen=True)
class ContinuationBatch(TensorBatch):
    """Texts, and the word after each place of them where one is asked for (`IGNORED`: none)."""

    words: Int[Tensor, "b t"]  # ids
    wanted: Int[Tensor, "b t"]

    @property
    def count(self) -> int:
        return int((self.wanted != IGNORED).sum())

    @property
    def tokens(self) -> int:
        return self.words.numel()


@dataclass(frozen=True, kw_only=True)
class Continuation:
    """The target follows `begin`, the separator, and is over with `end`.

    `shift` is added to the target's words, so that they have ids of their own; `begin` and `end`
    are ids of the common vocabulary, and are not shifted.
    """

    begin: int
    end: int
    shift: int = 0

    def prepare(
        self, examples: Sequence[TokenPair], generator: torch.Generator
    ) -> ContinuationBatch:
        return self.batch(examples)

    def batch(self, pairs: Sequence[TokenPair]) -> ContinuationBatch:
        """The pairs as texts, padded on the right, which nobody before it sees."""
        texts, answers = [], []
        for source, target in pairs:
            said = [word + self.shift for word in target]
            texts.append((*source, self.begin, *said))
            answers.append((*[IGNORED] * len(source), *said, self.end))
        words, real = padded(texts)
        wanted, _ = padded(answers)
        return ContinuationBatch(words, wanted.masked_fill(~real, IGNORED))

    def loss(self, model: nn.Module, batch: ContinuationBatch) -> Loss:
        logits = model(batch.words).flatten(0, 1)
        wanted = batch.wanted.flatten()
        total = F.cross_entropy(logits, wanted, ignore_index=IGNORED, reduction="sum")
        return Loss(total, batch.count)


@torch.no_grad()
def exactly_continued(model: nn.Module, batch: ContinuationBatch) -> float:
    """The share of the texts whose greedy continuation is the target and then over.

    Word by word the greedy answer is the target exactly if, after every right prefix, the likeliest
    word is the right one: so one reading tells.
    """
    right = model(batch.words).argmax(-1) == batch.wanted
    return float((right | (batch.wanted == IGNORED)).all(-1).float().mean())


def sees_source(words: Int[Tensor, "b t"], begin: int) -> Bool[Tensor, "b t t"]:
    """True where a place from the separator on would look at the source."""
    after = (words == begin).cumsum(-1) > 0
    return after[:, :, None] & ~after[:, None, :]
