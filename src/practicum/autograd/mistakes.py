"""Three ways to get backpropagation wrong, each one line away from the right equations.

They are controls: a check of gradients that lets one of them pass checks nothing. What they change
is either how a layer hears from the next one (`layers.Back`) or the slope of an activation.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Inexact

from practicum.autograd.layers import Layered


def strongest_path(
    weight: Inexact[np.ndarray, "o i"], delta: Inexact[np.ndarray, "n o"]
) -> Inexact[np.ndarray, "n i"]:
    """Of the terms of Σ_j w_jk δ_j the largest alone, as if neuron k acted through one neuron j.

    The last layer's weights are still right: behind them there is nothing to sum.
    """
    terms = delta[:, :, None] * weight
    largest = np.abs(terms).argmax(1, keepdims=True)
    return np.take_along_axis(terms, largest, 1)[:, 0]


def swapped_indices(
    weight: Inexact[np.ndarray, "o i"], delta: Inexact[np.ndarray, "n o"]
) -> Inexact[np.ndarray, "n i"]:
    """Σ_j w_kj δ_j between layers of one width, where nothing complains; elsewhere the right sum.

    Between layers of different widths the wrong sum has no value at all.
    """
    square = weight.shape[0] == weight.shape[1]
    return delta @ (weight.T if square else weight)


def without_slope(network: Layered) -> Layered:
    """The network whose f′ is 1 everywhere, though its f still bends."""
    flat = [replace(f, slope=_one) for f in network.activations]
    return replace(network, activations=tuple(flat))


def _one(
    z: Inexact[np.ndarray, "..."], a: Inexact[np.ndarray, "..."]
) -> Inexact[np.ndarray, "..."]:
    return np.ones_like(a)
