"""From ids to the vectors at the bottom of a stack: embedding (times a scale) plus position."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ModelError
from practicum.nn.positions import LearnedPositionsLayer, SinusoidalPositionsLayer
from practicum.nn.state import Past

PositionsLayer = LearnedPositionsLayer | SinusoidalPositionsLayer


def empty_embedding(count: int, width: int) -> nn.Embedding:
    """Vectors that have no value yet; torch would draw some, and load half of itself to do so."""
    return nn.Embedding(count, width, _weight=torch.empty(count, width))


def embedded(
    ids: Int[Tensor, "b t"],
    embedding: nn.Embedding,
    positions: PositionsLayer | None,
    past: Past,
    *,
    context: int,
    scale: float = 1.0,
    dropout: float = 0.0,
) -> Float[Tensor, "b t d"]:
    """The vector of every token where it stands, which is for `past` to say.

    Raises ModelError where a position is at or above `context` and positions are added.
    """
    x = embedding(ids)
    if scale != 1.0:
        x = x * scale
    if positions is not None:
        reach = past.reach(ids.shape[1])
        if reach > context:
            raise too_long(reach, context)
        x = x + positions(past.positions(ids.shape[1], ids.device)).to(x.dtype)
    return F.dropout(x, dropout) if dropout else x


def too_long(reach: int, context: int) -> ModelError:
    """What is said of a text that a model has no positions for."""
    return ModelError(
        f"a text of {reach} tokens does not fit this model's context of {context}; "
        "shorten it or use a model with a longer context"
    )
