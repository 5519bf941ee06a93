"""Layers of gated recurrent units, one on the other: a body that stands where a stack does.

The units are torch's own (nn.GRU), whose loop over time runs outside Python: equal to a
`gated_unit.CudnnGatedUnit` in each layer, and an order faster. Whole rows only.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from practicum.errors import ConfigError, ModelError
from practicum.nn.state import Past, Whole


@dataclass(frozen=True, kw_only=True)
class GatedStack:
    """`depth` layers of `width` units, which read vectors of that width."""

    width: int
    depth: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.depth < 1:
            raise ConfigError(
                f"a stack of {self.depth} layers of {self.width} units; both must be at least 1"
            )

    def build(self) -> "GatedStackLayer":
        return GatedStackLayer(self)


class GatedStackLayer(nn.Module):
    def __init__(self, description: GatedStack) -> None:
        super().__init__()
        width, depth = description.width, description.depth
        self.units = nn.GRU(width, width, depth, batch_first=True)

    def forward(self, x: Float[Tensor, "b t d"], past: Past) -> Float[Tensor, "b t d"]:
        """The last layer's states; padding on the right does not reach what came before."""
        if not isinstance(past, Whole):
            raise ModelError(
                f"a stack of gated units reads whole rows forwards, not {type(past).__name__}"
            )
        return self.units(x)[0]
