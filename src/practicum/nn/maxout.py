"""Maxout: each unit is the largest of several linear functions (Goodfellow et al. 2013, eq. 1).

    t_j = max_i t̃_{pj + i},  t̃ = W x + b        p pieces to a unit, 0 ≤ i < p

The pieces of a unit are adjacent rows of W, so with two of them t_j = max(t̃_{2j−1}, t̃_{2j}) in the
counting of Bahdanau et al. 2014, A.2.2. Where pieces are equal they share the gradient.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.nn.linear import LinearLayer


@dataclass(frozen=True, kw_only=True)
class Maxout:
    """`units` outputs, each the largest of `pieces`."""

    units: int
    pieces: int = 2
    bias: bool = True

    def __post_init__(self) -> None:
        if self.units < 1 or self.pieces < 1:
            raise ConfigError(
                f"Maxout has {self.units} units of {self.pieces} pieces; both must be at least 1"
            )

    def build(self, inputs: int) -> "MaxoutLayer":
        return MaxoutLayer(inputs, self)


class MaxoutLayer(nn.Module):
    def __init__(self, inputs: int, description: Maxout) -> None:
        super().__init__()
        self.pieces = description.pieces
        rows = {"pieces": description.units * description.pieces}
        self.inner = LinearLayer(inputs, rows, bias=description.bias)

    def forward(self, x: Float[Tensor, "*b inputs"]) -> Float[Tensor, "*b units"]:
        return self.inner(x).unflatten(-1, (-1, self.pieces)).amax(-1)
