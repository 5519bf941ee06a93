"""The ways an adjective can take to the question, in texts of `data.adjectives`, as walls.

All are masks of queries by keys, true where a look is meant, and may stand elsewhere in every row.
"""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from practicum.data.adjectives import NOUNS

Edges = Bool[Tensor, "b t t"]


def own_adjective(ids: Int[Tensor, "b t"]) -> Edges:
    """From each noun of the text, not of the question, to the word before it: its adjective."""
    return _before(ids, 1)


def before_that(ids: Int[Tensor, "b t"]) -> Edges:
    """From the same nouns to the word before their adjective, which says nothing: the control."""
    return _before(ids, 2)


def question_to_other_words(ids: Int[Tensor, "b t"]) -> Edges:
    """From the place of the question to all that is no noun."""
    edges = torch.zeros(*ids.shape, ids.shape[1], dtype=torch.bool, device=ids.device)
    edges[:, -1] = ids >= NOUNS
    return edges


def _before(ids: Int[Tensor, "b t"], back: int) -> Edges:
    t = ids.shape[1]
    nouns = ids < NOUNS
    nouns[:, -1] = False
    place = torch.arange(t, device=ids.device)
    return nouns[:, :, None] & (place[:, None] - back == place)
