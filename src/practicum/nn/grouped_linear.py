"""A matrix for each of several groups of rows, stacked in one parameter: yᵢ = W_g(i) xᵢ, no bias.

W has the shape (groups, outputs, inputs). As in `LinearLayer` the outputs may be several named
parts, consecutive rows of each group's matrix.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from practicum.kernels.grouped_linear import grouped_linear


class GroupedLinearLayer(nn.Module):
    """W of `groups` groups; `parts` maps each named part to its number of rows, in order."""

    def __init__(self, groups: int, inputs: int, parts: Mapping[str, int]) -> None:
        super().__init__()
        self.parts = dict(parts)
        self.weight = nn.Parameter(torch.empty(groups, sum(self.parts.values()), inputs))

    def forward(
        self, x: Float[Tensor, "n inputs"], counts: Int[Tensor, " e"]
    ) -> Float[Tensor, "n outputs"]:
        """Rows sorted by group, `counts` of each."""
        return grouped_linear(x, self.weight, counts)

    def extra_repr(self) -> str:
        groups, _, inputs = self.weight.shape
        parts = ", ".join(f"{name}={count}" for name, count in self.parts.items())
        return f"{groups} × ({inputs} → {parts})"
