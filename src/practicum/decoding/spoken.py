"""What texts have said so far, token by token of the vocabulary: what penalties look at."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor


class Spoken:
    """A table for the rows of a batch, which grows with them."""

    def __init__(
        self,
        prompts: Sequence[Sequence[int]],
        vocabulary: int,
        device: torch.device,
        answers: Sequence[Sequence[int]] | None = None,
    ) -> None:
        """Ids of the prompts, and of what has been answered already."""
        seen = torch.zeros(len(prompts), vocabulary, dtype=torch.bool)
        counts = torch.zeros(len(prompts), vocabulary, dtype=torch.int32)
        for row, prompt in enumerate(prompts):
            seen[row, list(prompt)] = True
        for row, answer in enumerate(answers or ()):
            said = torch.tensor(list(answer), dtype=torch.long)
            seen[row, said] = True
            counts[row] = said.bincount(minlength=vocabulary)
        self.seen: Bool[Tensor, "b v"] = seen.to(device)  # in the prompt or in the answer
        self.counts: Int[Tensor, "b v"] = counts.to(device)  # how often in the answer

    def take(self, ids: Int[Tensor, " b"]) -> None:
        """Let each row have said one token more."""
        self.seen.scatter_(1, ids[:, None], True)
        self.counts.scatter_add_(1, ids[:, None], torch.ones_like(ids[:, None], dtype=torch.int32))

    def rows(self, index: Tensor | slice) -> "Spoken":
        """Those rows alone, in this order."""
        part = Spoken.__new__(Spoken)
        part.seen, part.counts = self.seen[index], self.counts[index]
        return part

    def along(self, drafted: Sequence[int]) -> "Spoken":
        """For the one row that there is: before each drafted token, and after the last."""
        part = Spoken.__new__(Spoken)
        part.seen = self.seen.repeat(len(drafted) + 1, 1)
        part.counts = self.counts.repeat(len(drafted) + 1, 1)
        for place, id in enumerate(drafted):
            part.seen[place + 1 :, id] = True
            part.counts[place + 1 :, id] += 1
        return part
