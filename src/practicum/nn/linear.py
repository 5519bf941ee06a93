"""A matrix whose outputs may be several named parts: q, k and v, or gate and up, in one product.

y = W x + b, with W of shape (outputs, inputs). The parts are consecutive rows, so a converter, an
adapter or an initial rule can speak of one of them, while the product stays one.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.kernels.prepacked import Prepacked, inferring, prepacked, read_linear


class LinearLayer(nn.Module):
    """W and b; `parts` maps each named part to its number of rows, in order."""

    def __init__(self, inputs: int, parts: Mapping[str, int], *, bias: bool) -> None:
        super().__init__()
        self.parts = dict(parts)
        outputs = sum(self.parts.values())
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None
        self.packed: Prepacked | None = None

    def rows(self, part: str) -> slice:
        """Where the rows of `part` lie."""
        start = 0
        for name, count in self.parts.items():
            if name == part:
                return slice(start, start + count)
            start += count
        raise KeyError(part)

    def prepack(self) -> None:
        """Keep a second copy of W that inference reads faster (see `kernels.prepacked`)."""
        self.packed = prepacked(self.weight)

    def forward(self, x: Float[Tensor, "*b inputs"]) -> Float[Tensor, "*b outputs"]:
        if inferring():
            return read_linear(x, self.weight, self.bias, self.packed)
        return F.linear(x, self.weight, self.bias)

    def only(self, x: Float[Tensor, "*b inputs"], *parts: str) -> Float[Tensor, "*b some"]:
        """The outputs of these consecutive parts alone."""
        rows = slice(self.rows(parts[0]).start, self.rows(parts[-1]).stop)
        bias = None if self.bias is None else self.bias[rows]
        if inferring():
            return read_linear(x, self.weight[rows], bias, None)
        return F.linear(x, self.weight[rows], bias)

    def extra_repr(self) -> str:
        parts = ", ".join(f"{name}={count}" for name, count in self.parts.items())
        return f"{self.weight.shape[1]} → {parts}, bias={self.bias is not None}"
