"""Tokens that were chosen elsewhere, with the log-probabilities that a `Sampling` asks for.

A `Chooser` draws and reports in one; where a draft or a constraint has its say in the drawing, the
report is made of the same logits by this.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.decoding.chooser import Choice
from practicum.decoding.sampling import Sampling


def choices(logits: Float[Tensor, "t v"], ids: Sequence[int], sampling: Sampling) -> list[Choice]:
    """`ids[i]`, chosen after what the unmodified `logits[i]` are of, for each i."""
    if sampling.logprobs is None:
        return [Choice(id, None, ()) for id in ids]
    everything = logits.float().log_softmax(-1)
    best = everything.topk(min(sampling.logprobs, logits.shape[-1]), dim=-1)
    places = torch.tensor(list(ids), device=logits.device)[:, None]
    own = everything.gather(1, places)[:, 0].tolist()
    rows = zip(ids, own, best.indices.tolist(), best.values.tolist(), strict=True)
    return [Choice(id, logprob, tuple(zip(*top, strict=True))) for id, logprob, *top in rows]
