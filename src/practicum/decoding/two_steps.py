"""The smallest case in which the likeliest next word is not on the likeliest path.

    P(a) = 0.6   P(b) = 0.4   then after a: 0.3, 0.3, and 0.4 for the end; after b: 0.95 for the end

Word by word one says "a" and then ends, with probability 0.24; "b" and the end has 0.38. Whoever
keeps two prefixes finds it.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.decoding.beam import Beam, Hypothesis, beam_search

END, A, B, BEGIN = 0, 1, 2, 3
TABLE = (  # by last word: probabilities of END, A, B, BEGIN
    (1.0, 0.0, 0.0, 0.0),
    (0.4, 0.3, 0.3, 0.0),
    (0.95, 0.025, 0.025, 0.0),
    (0.0, 0.6, 0.4, 0.0),
)
OPTIMUM = (B, END)


class _Nothing:
    """The state of a chain: the last word says all."""

    def select(self, rows: Sequence[int]) -> None:
        pass


def best_answer(beam: Beam) -> Hypothesis:
    """What the search finds in words of two steps."""

    def step(_state: _Nothing, last: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        return torch.tensor(TABLE).log()[last]

    first = torch.tensor([BEGIN])
    return beam_search(step, _Nothing(), first, end=END, longest=[2], beam=beam)[0][0]
