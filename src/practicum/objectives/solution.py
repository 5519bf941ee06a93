"""Learning to solve: −Σ log p(answer | prompt), no prompt is learned (Chen et al. 2021, §4).

    p_1 … p_n  a_1 … a_m  end        loss: −Σ log p(a_i | all before), the end included

Texts of a batch are padded to the longest. The paper pads on the left, so that answers line up;
here it is on the right, so that a prompt begins at position 0 as it will when it is asked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from practicum.data.padding import padded
from practicum.errors import DataError
from practicum.kernels.cross_entropy import IGNORED
from practicum.models.decoder import DecoderModel
from practicum.objectives.next_token import NextToken, TokenBatch
from practicum.objectives.objective import Loss
from practicum.tokenizers.tokenizer import Tokenizer


class Solved(NamedTuple):
    """One text in ids, of which those from `start` on are the answer."""

    ids: tuple[int, ...]
    start: int  # ≥ 1: something stands before the first token to be said


@dataclass(frozen=True, kw_only=True)
class Solution:
    """The tokens of answers are predicted from all before them; prompts are read alone."""

    def prepare(self, examples: Sequence[Solved], generator: torch.Generator) -> TokenBatch:
        """Shift by one and hide the targets of prompt and padding. Draws nothing.

        Raises DataError where an answer has nothing before it or nothing in it.
        """
        for ids, start in examples:
            if not 1 <= start < len(ids):
                raise DataError(
                    f"an answer begins at token {start} of {len(ids)}; expected a prompt and an "
                    "answer of at least one token each"
                )
        ids, real = padded([example.ids for example in examples])
        starts = torch.tensor([example.start for example in examples])
        answers = real & (torch.arange(ids.shape[1]) >= starts[:, None])
        targets = ids.masked_fill(~answers, IGNORED)[:, 1:].contiguous()
        return TokenBatch(ids[:, :-1].contiguous(), targets)

    def loss(self, model: DecoderModel, batch: TokenBatch) -> Loss:
        """The sum over the answers' tokens."""
        return NextToken().loss(model, batch)


def solved(asked: Iterable[tuple[str, str]], tokenizer: Tokenizer, *, context: int) -> list[Solved]:
    """(prompt, answer) texts in ids, each over with the tokenizer's end where it has one.

    Prompt and answer are encoded as one text, as they will be read; a token that begins in the
    prompt belongs to it. What has more than `context` + 1 ids is left out.

    Raises DataError where that leaves nothing.
    """
    found: list[Solved] = []
    before = [] if tokenizer.begin is None else [tokenizer.begin]
    after = [] if tokenizer.end is None else [tokenizer.end]
    for prompt, answer in asked:
        ids, offsets = tokenizer.encode_with_offsets(prompt + answer)
        seam = len(prompt.encode())
        start = len(before) + sum(begin < seam for begin, _ in offsets)
        if len(before) + len(ids) + len(after) <= context + 1:
            found.append(Solved((*before, *ids, *after), start))
    if not found:
        raise DataError(
            f"no prompt with its answer fits in {context} tokens; take a longer context"
        )
    return found
