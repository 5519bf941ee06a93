"""Whether later words reach earlier ones: by changing a word, and by the gradient.

Both are asked of a model as it reads and, as the control, of the same weights reading both ways.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from practicum.interpret.edits import replaced
from practicum.interpret.kept import Keep
from practicum.interpret.trace import trace
from practicum.models.decoder import DecoderModel
from practicum.nn.state import BothWays, Past


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How much of what stands at `place` and later is seen before it."""

    change: float  # the largest change of any hidden number before `place`
    gradient: float  # the largest gradient of the logits before it to embeddings from it on


def reach(
    model: DecoderModel, ids: Int[Tensor, "1 t"], place: int, other: int, *, masked: bool = True
) -> Reach:
    """What word `other` in the place of the one at `place` (1 or later) does to what was before."""
    past: Past | None = None if masked else BothWays()
    changed = ids.clone()
    changed[:, place:] = other
    before = tuple(range(place))
    keep = Keep(what=("input", "final"), positions=before)
    one, two = (trace(model, words, keep, past=past) for words in (ids, changed))
    change = max(
        float((one.over_layers("input") - two.over_layers("input")).abs().max()),
        float((one.at("final") - two.at("final")).abs().max()),
    )
    leaf = model.embedding(ids).detach().requires_grad_()
    seen = trace(
        model,
        ids,
        Keep(what=("logits",), positions=(place - 1,)),
        edits=[replaced("token", leaf)],
        past=past,
        gradients=True,
    )
    (gradient,) = torch.autograd.grad(seen.logits.amax(), leaf)
    return Reach(change=change, gradient=float(gradient[:, place:].abs().max()))
