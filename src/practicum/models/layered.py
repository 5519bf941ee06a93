"""A network of `autograd.layers` in torch: the same forward pass, differentiated by torch.

It judges the gradients written by hand; what is trained in earnest is a `Perceptron`.
"""

from itertools import pairwise

import torch
from torch import nn

from practicum.autograd.costs import SummedSquares
from practicum.autograd.descent import Gradient, Rows, Vector
from practicum.autograd.layers import Layered
from practicum.errors import ModelError
from practicum.kernels.activations import activate


def by_autograd(network: Layered) -> Gradient:
    """∂C/∂ every parameter as a function of parameters, inputs and targets, in double precision.

    Raises ModelError for a cost other than summed squares.
    """
    if not isinstance(network.cost, SummedSquares):
        raise ModelError(f"the cost is {type(network.cost).__name__}; expected SummedSquares")

    def gradient(vector: Vector, x: Rows, y: Rows) -> Vector:
        layers = nn.ModuleList(nn.Linear(*sizes).double() for sizes in pairwise(network.widths))
        nn.utils.vector_to_parameters(torch.from_numpy(vector), layers.parameters())
        a = torch.from_numpy(x)
        for layer, activation in zip(layers, network.activations, strict=True):
            a = activate(layer(a), activation.name)
        cost = (a - torch.from_numpy(y)).square().sum(1).mean()
        found = torch.autograd.grad(cost, list(layers.parameters()))
        return torch.cat([part.flatten() for part in found]).numpy()

    return gradient
