"""A causal convolution of each channel with a few weights of its own.

    y_t = bias + Σ_j weight_j x_{t−w+1+j},    j = 0 … w − 1

The last weight meets the token itself (Gu & Dao 2023, §3.4). The w − 1 inputs `before` the first
token are all that has to be kept of the past; without them it is zeros. Where `starts` is true a
document begins, and no token from there on sees what came before.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F


def short_convolution_reference(
    x: Float[Tensor, "b t c"],
    weight: Float[Tensor, "c w"],
    bias: Float[Tensor, " c"],
    before: Float[Tensor, "b p c"],
    starts: Bool[Tensor, "b t"],
) -> Float[Tensor, "b t c"]:
    """The equation term by term. Judges `short_convolution`."""
    inputs, (b, t, _), width = torch.cat([before, x], dim=1), x.shape, weight.shape[1]
    y = bias.expand_as(x).clone()
    for row in range(b):
        for i in range(t):
            for back in range(width):
                if not starts[row, max(0, i - back + 1) : i + 1].any():
                    y[row, i] += weight[:, width - 1 - back] * inputs[row, width - 1 + i - back]
    return y


def short_convolution(
    x: Float[Tensor, "b t c"],
    weight: Float[Tensor, "c w"],
    bias: Float[Tensor, " c"],
    *,
    before: Float[Tensor, "b p c"] | None = None,
    starts: Bool[Tensor, "#b t"] | None = None,
) -> Float[Tensor, "b t c"]:
    """`short_convolution_reference`, one weight after the other for all tokens at once.

    Computed in the precision of `x`.
    """
    t, width = x.shape[1], weight.shape[1]
    weight, bias = weight.to(x.dtype), bias.to(x.dtype)
    inputs = _preceded(x, before, width)
    document = None if starts is None else F.pad(starts.cumsum(1), (width - 1, 0))
    y = bias.expand_as(x)
    for j, weight_j in enumerate(weight.unbind(1)):
        shifted = inputs[:, j : j + t]
        if document is not None:
            same = document[:, j : j + t] == document[:, width - 1 :]
            shifted = shifted * same[..., None]
        y = torch.addcmul(y, shifted, weight_j)
    return y


def inputs_to_keep(
    x: Float[Tensor, "b t c"],
    width: int,
    *,
    before: Float[Tensor, "b p c"] | None = None,
    real: Bool[Tensor, "b t"] | None = None,
) -> Float[Tensor, "b p c"]:
    """The w − 1 inputs that the tokens after these will see, whatever is not `real` left out.

    What is not real stands at the right of its row.
    """
    inputs = _preceded(x, before, width)
    if real is None:
        return inputs[:, x.shape[1] :]
    places = real.sum(1, keepdim=True) + torch.arange(width - 1, device=x.device)
    return inputs.take_along_dim(places[..., None], dim=1)


def convolution_step(
    x: Float[Tensor, "b c"],
    weight: Float[Tensor, "c w"],
    bias: Float[Tensor, " c"],
    before: Float[Tensor, "b p c"],
) -> tuple[Float[Tensor, "b c"], Float[Tensor, "b p c"]]:
    """One token: its output, and the inputs that the next one will see."""
    weight, bias = weight.to(x.dtype), bias.to(x.dtype)
    inputs = torch.cat([before, x[:, None]], dim=1)
    return (inputs * weight.T).sum(1) + bias, inputs[:, 1:]


def _preceded(
    x: Float[Tensor, "b t c"], before: Float[Tensor, "b p c"] | None, width: int
) -> Float[Tensor, "b s c"]:
    """The tokens with the w − 1 inputs before them."""
    return F.pad(x, (0, 0, width - 1, 0)) if before is None else torch.cat([before, x], dim=1)
