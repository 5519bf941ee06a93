"""A dense network against its equation: three ways to its numbers, and what a weight reaches."""

import numpy as np
import torch
from jaxtyping import Float64
from torch import nn

from practicum.autograd.activations import ACTIVATIONS
from practicum.autograd.layers import forward
from practicum.interpret.dense import linear_layer, rows, trace
from practicum.interpret.perceptron import neuron_by_neuron

Examples = Float64[np.ndarray, "n i"]


def disagreement(model: nn.Module, examples: Examples) -> float:
    """The largest gap between the outputs of a network of sigmoids computed in three ways.

    In batches by the module itself, by one matrix product per layer and example (NumPy), and neuron
    by neuron in explicit sums. Give a module in double precision.
    """
    layers = trace(model, rows(examples, model))
    weights = [layer.weight.numpy() for layer in layers]
    biases = [layer.bias.numpy() for layer in layers]
    sigmoids = [ACTIVATIONS["sigmoid"]] * len(layers)
    gaps = [0.0]
    for example, batched in zip(examples, layers[-1].after.numpy(), strict=True):
        by_matrix = forward(weights, biases, sigmoids, example).a[-1]
        by_neuron = np.array(neuron_by_neuron(model, example)[-1])
        gaps += [np.abs(by_matrix - batched).max(), np.abs(by_neuron - batched).max()]
    return float(max(gaps))


def strays(model: nn.Module, examples: Examples, *, by: float = 0.1) -> int:
    """Neurons that a moved weight should reach and does not, or should not reach and does.

    In each layer one weight of neuron 0 is moved, that of its brightest input, since the weight of
    a dark one moves nothing. It must change the z of that neuron, of every neuron of the later
    layers, and of no other. Afterwards the weights are as before, bit for bit.
    """
    x, found = rows(examples, model), 0
    before = trace(model, x)
    for place, seen in enumerate(before):
        weights = linear_layer(model, place + 1).weight
        brightest = int(seen.before.abs().amax(0).argmax())
        kept = weights[0, brightest].detach().clone()
        with torch.no_grad():
            weights[0, brightest] += by
            after = trace(model, x)
            weights[0, brightest] = kept
        for number, (a, b) in enumerate(zip(before, after, strict=True)):
            moved = (a.z != b.z).any(0)
            reached = torch.full_like(moved, number > place)
            reached[0] |= number == place
            found += int((moved != reached).sum())
    return found
