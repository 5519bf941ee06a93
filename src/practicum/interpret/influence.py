"""Which places of the input a place of the output depends on: the gradient between the two.

A place that cannot be reached has a slope of exactly 0, whatever the weights; a place that can has
another for almost all weights. So one backward pass on random numbers tells how far a convolution
sees, and whether anything sees the future.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.seeding import stream

Function = Callable[[Tensor], Tensor]


def influence(function: Function, x: Float[Tensor, "1 t d"], place: int) -> Float[Tensor, " t"]:
    """‖∂y_place/∂x_t‖ for every t, summed over the channels of y with random signs."""
    x = x.detach().requires_grad_()
    y = function(x)[0, place]
    signs = torch.randn(y.shape, generator=stream(0, "signs"), dtype=y.dtype)
    (slopes,) = torch.autograd.grad((y * signs).sum(), x)
    return slopes[0].norm(dim=-1)


def steps_seen(function: Function, x: Float[Tensor, "1 t d"], place: int) -> tuple[int, int]:
    """How many steps back from `place`, itself included, and how many ahead of it have a say."""
    reached = influence(function, x, place).nonzero().flatten().tolist()
    if not reached:
        return 0, 0
    return max(0, place - reached[0] + 1), max(0, reached[-1] - place)


def pixels_seen(
    function: Function, x: Float[Tensor, "1 c i j"], pixel: tuple[int, int]
) -> Float[Tensor, "i j"]:
    """‖∂y_pixel/∂x‖ at every pixel of the input."""
    columns = x.shape[3]
    flat = x.flatten(2).mT
    rows = lambda x: function(x.mT.unflatten(2, (-1, columns))).flatten(2).mT
    return influence(rows, flat, pixel[0] * columns + pixel[1]).unflatten(0, (-1, columns))
