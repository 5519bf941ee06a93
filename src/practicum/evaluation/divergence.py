"""How far a changed model is from what it was: KL divergence and agreement, token by token.

KL(P ‖ P′) = Σ_v P(v) log(P(v) / P′(v)) in nats, of the distributions of the next token after every
position of some texts, P of the model as it was; and how often the likeliest token is the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.decoding.model import PIECE, CausalModel, device_of, reading
from practicum.errors import DataError, ModelError


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """Over `tokens` positions."""

    tokens: int
    kl: float  # nats, the mean
    largest: float  # KL of the position where it is largest
    same: float  # share of positions with the same likeliest token


def divergence(
    before: CausalModel, after: CausalModel, texts: Sequence[Sequence[int]]
) -> Divergence:
    """Of `after` from `before`, each of `texts` read as one row.

    Raises DataError without a token; ModelError where a text is longer than the context, or the
    models score different vocabularies.
    """
    kls: list[Tensor] = []
    same = 0
    for ids in texts:
        if len(ids) > before.description.context:
            raise ModelError(
                f"a text of {len(ids)} tokens is longer than the context of "
                f"{before.description.context}; cut it"
            )
        size = max(1, PIECE // before.description.vocab)
        hidden, other = (_hidden(model, ids) for model in (before, after))
        for piece, twin in zip(hidden.split(size), other.split(size), strict=True):
            logs, others = (_logs(*pair) for pair in ((before, piece), (after, twin)))
            if logs.shape != others.shape:
                raise ModelError(
                    f"{logs.shape[-1]} and {others.shape[-1]} tokens are scored; "
                    "only models of one vocabulary can be compared"
                )
            kls.append((logs.exp() * (logs - others)).sum(-1))
            same += int((logs.argmax(-1) == others.argmax(-1)).sum())
    if not kls:
        raise DataError("no token to compare at; give a text")
    each = torch.cat(kls)
    return Divergence(
        tokens=len(each),
        kl=each.mean().item(),
        largest=each.max().item(),
        same=same / len(each),
    )


def _hidden(model: CausalModel, ids: Sequence[int]) -> Float[Tensor, "t d"]:
    with reading(model):
        return model.hidden(torch.tensor([list(ids)], dtype=torch.long, device=device_of(model)))[0]


def _logs(model: CausalModel, hidden: Float[Tensor, "t d"]) -> Float[Tensor, "t v"]:
    with reading(model):
        return model.logits(hidden[None])[0].float().log_softmax(-1)
